"""Many prices at once: previewed, applied where nothing changed, explained in the history."""

import threading
from decimal import Decimal

import pytest
from django.db import connections
from django.utils import timezone

from catalog import services
from catalog.errors import NothingToChange, RevisionClosed, TooManyProducts
from catalog.models import PriceChange, PriceRevision, PriceStep, Product, ProductSearch
from catalog.services.revisions import PriceRule
from catalog.tests import make
from core.errors import InvalidInput, NotFound
from core.ids import uuid7
from messaging.testing import capture_events, published

pytestmark = pytest.mark.django_db(databases=["catalog"])
NOW = timezone.now()


def rule(value, kind=PriceStep.PERCENT, step=1):
    return PriceRule(kind, Decimal(value), Decimal(step))


def preview(products, given, currency="RUB"):
    return services.preview_prices(
        products=products, rule=given, currency=currency, reason="autumn sale", actor="m1", now=NOW
    )


def apply(revision):
    return services.apply_prices(revision_id=revision.pk, actor="m2", now=NOW)


def outcomes(revision):
    return list(revision.lines.order_by("id").values_list("outcome", flat=True))


def prices():
    return sorted(Product.objects.values_list("price", flat=True))


@pytest.mark.parametrize(
    ("price", "given", "new"),
    [
        ("1000000", rule("-5"), "950000"),
        ("1234567", rule("-5", step=1000), "1173000"),
        ("1234567.89", rule("10", step="0.01"), "1358024.68"),
        ("999", rule("0.05"), "999"),
        ("1050", rule("0", step=100), "1100"),
        ("1000", rule("-250", PriceStep.AMOUNT), "750"),
        ("1000", rule("1", PriceStep.AMOUNT, step=500), "1000"),
        ("1000", rule("-1000", PriceStep.AMOUNT), "0"),
    ],
)
def test_a_rule_rounds_half_up_to_its_step(price, given, new):
    assert given.apply(Decimal(price)) == Decimal(new)


def test_a_preview_changes_nothing_and_applying_it_leaves_history():
    first, second = make.product(price=Decimal(1000000)), make.product(price=Decimal(2000000))
    with capture_events("catalog") as events:
        revision = preview([first.pk, second.pk], rule("-5"))
    assert (events, prices()) == ([], [1000000, 2000000])
    assert list(revision.lines.order_by("id").values_list("old_price", "new_price")) == [
        (1000000, 950000),
        (2000000, 1900000),
    ]
    with capture_events("catalog") as events:
        done = apply(revision)
    assert events == ["product.updated"] * 2
    assert (done.status, done.closed_by, outcomes(done)) == ("applied", "m2", ["set", "set"])
    assert prices() == [950000, 1900000]
    history = set(PriceChange.objects.values_list("old_price", "new_price", "actor", "reason"))
    assert history == {(1000000, 950000, "m2", "autumn sale"), (2000000, 1900000, "m2", "autumn sale")}
    first.refresh_from_db()
    assert first.version == 2
    with capture_events("catalog") as events:
        assert apply(revision).status == "applied"
    assert (events, PriceChange.objects.count()) == ([], 2)


def test_what_changed_since_the_preview_is_left_alone_and_named():
    kept, edited, deleted, swapped = [make.product(price=Decimal(1000)) for _ in range(4)]
    revision = preview([one.pk for one in (kept, edited, deleted, swapped)], rule("10"))
    services.update_product(product_id=edited.pk, price=Decimal(1500), actor="x", now=NOW)
    services.update_product(product_id=swapped.pk, currency="USD", actor="x", now=NOW)
    services.delete_product(product_id=deleted.pk, now=NOW)
    assert outcomes(apply(revision)) == ["set", "changed", "gone", "changed"]
    assert set(Product.objects.filter(pk__in=[edited.pk, deleted.pk]).values_list("price", flat=True)) == {1000, 1500}
    assert PriceChange.objects.filter(product=kept).get().new_price == 1100
    assert not PriceChange.objects.filter(product=deleted).exists()


def test_a_filter_chooses_and_other_currencies_and_unchanged_prices_stay_out():
    bmw = make.product(make="BMW", price=Decimal(1000))
    make.product(make="Audi", price=Decimal(1000))
    make.product(make="BMW", price=Decimal(1000), currency="USD")
    make.product(make="BMW", price=Decimal(1))
    revision = preview(ProductSearch(make="bmw"), rule("1"))
    assert list(revision.lines.values_list("product_id", "new_price")) == [(bmw.pk, 1010)]


def test_what_must_not_be_is_refused_and_writes_nothing(monkeypatch):
    one = make.product(price=Decimal(1000))
    make.product(price=Decimal(5000))
    with pytest.raises(InvalidInput):
        preview(ProductSearch(), rule("-1000", PriceStep.AMOUNT))
    with pytest.raises(InvalidInput):
        preview(ProductSearch(), rule("-100"))
    with pytest.raises(InvalidInput):
        preview(ProductSearch(), rule("99999999999999", PriceStep.AMOUNT))
    with pytest.raises(NothingToChange):
        preview([one.pk], rule("0"))
    with pytest.raises(NothingToChange):
        preview([uuid7()], rule("5"))
    monkeypatch.setattr("catalog.services.revisions.MOST", 1)
    with pytest.raises(TooManyProducts):
        preview(ProductSearch(), rule("5"))
    assert not PriceRevision.objects.exists()


def test_a_discarded_preview_is_never_applied():
    revision = preview([make.product().pk], rule("5"))
    for _ in range(2):
        services.discard_prices(revision_id=revision.pk, actor="m", now=NOW)
    with pytest.raises(RevisionClosed):
        apply(revision)
    assert not PriceChange.objects.exists()
    applied = apply(preview([make.product().pk], rule("5")))
    with pytest.raises(RevisionClosed):
        services.discard_prices(revision_id=applied.pk, actor="m", now=NOW)
    with pytest.raises(NotFound):
        services.apply_prices(revision_id=uuid7(), actor="m", now=NOW)


def test_one_that_was_cut_short_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr("catalog.services.revisions.CHUNK", 2)
    revision = preview([make.product(price=Decimal(1000)).pk for _ in range(5)], rule("10"))
    write, calls = services.revisions._apply_some, []

    def dies(*args):
        calls.append(args)
        if len(calls) == 2:
            raise ConnectionError
        write(*args)

    monkeypatch.setattr("catalog.services.revisions._apply_some", dies)
    with pytest.raises(ConnectionError):
        apply(revision)
    assert sorted(prices()) == [1000] * 3 + [1100] * 2
    assert apply(revision).status == "applied"
    assert prices() == [1100] * 5
    assert PriceChange.objects.count() == 5


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_two_managers_who_click_at_once_change_each_price_once(monkeypatch):
    monkeypatch.setattr("catalog.services.revisions.CHUNK", 3)
    revision = preview([make.product(price=Decimal(1000)).pk for _ in range(20)], rule("10"))
    before = published("catalog").count("product.updated")
    start, failures = threading.Barrier(4), []

    def work():
        try:
            start.wait(10)
            apply(revision)
        except Exception as error:
            failures.append(error)
        finally:
            connections["catalog"].close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert prices() == [1100] * 20
    assert PriceChange.objects.count() == 20
    assert published("catalog").count("product.updated") - before == 20
