"""Goods taxed in their own way or by their category, and by which rule of the law they bear no VAT."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from django.core.management import call_command
from django.utils import timezone

from catalog.events import CategoryChanged, ProductUpdated
from core.clock import dealer_day
from core.ids import uuid7
from core.money.vat import NoTaxRule
from messaging.models import OutboxEvent
from orders import services
from orders.events import OrderCreated, record_order
from orders.models import CategoryTaxCopy, LineKind, OrderLine, ProductCopy
from orders.public import vat_disagreements
from orders.queries.promotions import price_goods
from orders.services import Actor, FreeLine, LineChange, ProductLine
from orders.tests import make
from orders.tests.test_taxes import seller

pytestmark = pytest.mark.django_db(databases=["orders"])
JANUARY = datetime(2026, 1, 15, 12, tzinfo=UTC)
MANAGER = Actor(uuid7(), frozenset({"manager"}))
INSPECTION = "подп. 17.2 п. 2 ст. 149 НК РФ"


def category(taxed_as, ground="", *, category_id=None, version=1, **more):
    told = CategoryChanged(
        category_id=category_id or uuid7(), name="Works", taxed_as=taxed_as, taxed_ground=ground,
        version_number=version, **more,
    )  # fmt: skip
    services.copy_category_taxes(events=[told])
    return told.category_id


def goods(price="1100.00", *, version=2, **told):
    product_id = told.pop("product_id", None) or make.product(price=price, kind="accessory", available=9)
    facts = {"product_id": product_id, "sku": str(product_id), "name": "Goods", "kind": "accessory"}
    stock = {"currency": "RUB", "available": 9, "stock_version": version, "version_number": version}
    services.copy_products(events=[ProductUpdated(price=Decimal(price), **facts, **stock, **told)])
    return product_id


def buy(*products, **options):
    return make.order(lines=[ProductLine(product, 1) for product in products], now=JANUARY, **options)


def taxes(order):
    rows = order.lines.values_list("vat_kind", "vat_ground", "vat_rate", "vat_amount", "untaxed_by")
    return [
        (kind, ground, None if rate is None else int(rate), str(vat), words) for kind, ground, rate, vat, words in rows
    ]


def test_goods_are_taxed_as_they_say_or_as_their_category_does():
    seller()
    works, books = category("exempt", "inspection"), category("reduced")
    order = buy(
        goods(category_id=works, vat_kind=""),
        goods(category_id=works, vat_kind="standard"),
        goods(category_id=books, vat_kind=""),
        goods(category_id=books, vat_kind="exempt", vat_ground="warranty"),
        goods(category_id=uuid7(), vat_kind=""),
        goods(vat_kind="zero"),
    )
    assert taxes(order) == [
        ("exempt", "inspection", None, "0.00", INSPECTION),
        ("standard", "", 22, "198.36", ""),
        ("reduced", "", 10, "100.00", ""),
        ("exempt", "warranty", None, "0.00", "подп. 13 п. 2 ст. 149 НК РФ"),
        ("standard", "", 22, "198.36", ""),
        ("zero", "", 0, "0.00", ""),
    ]
    assert order.vat_total == Decimal("496.72")
    assert list(vat_disagreements()) == []


def test_receipts_are_told_the_kind_that_the_category_says():
    seller()
    buy(goods(category_id=category("reduced"), vat_kind=""), goods(vat_kind="exempt", vat_ground="warranty"))
    [placed] = OutboxEvent.objects.using("orders").filter(type="order.created")
    told = record_order(msgspec.convert(placed.data, OrderCreated, strict=False))
    assert [item.vat_kind for item in told.receipt] == ["reduced", "exempt"]


def test_a_policy_names_its_ground():
    seller(("2025-01-01", "simplified"))
    order = make.order(policies=[("OSAGO", Decimal("12000.00"))], now=JANUARY)
    words = dict(order.lines.values_list("kind", "untaxed_by"))
    assert words == {LineKind.PRODUCT: "п. 1 ст. 145 НК РФ", LineKind.POLICY: "подп. 7 п. 3 ст. 149 НК РФ"}


def test_what_the_seller_is_free_of_ends_with_the_regime():
    seller(("2025-01-01", "simplified"), ("2026-02-01", "general"))
    order = buy(goods(vat_kind="exempt", vat_ground="warranty"), goods())
    assert [row[4] for row in taxes(order)] == ["п. 1 ст. 145 НК РФ"] * 2
    services.change_lines(
        order_id=order.id, wishes=[FreeLine("Work", Decimal(100), 1)], actor=MANAGER,
        now=datetime(2026, 2, 1, 12, tzinfo=UTC),
    )  # fmt: skip
    assert [row[4] for row in taxes(order)] == ["подп. 13 п. 2 ст. 149 НК РФ", "", ""]


def test_goods_that_were_exempt_before_grounds_were_kept_are_sold_as_before():
    seller()
    assert taxes(buy(goods(vat_kind="exempt"))) == [("exempt", "", None, "0.00", "")]


def test_a_ground_without_a_row_is_refused_and_nothing_is_sold():
    seller()
    product = goods(vat_kind="exempt", vat_ground="gone")
    with pytest.raises(NoTaxRule):
        buy(product)
    assert not OrderLine.objects.exists()


def test_older_news_and_older_releases_change_nothing():
    works = category("reduced", version=5)
    category("exempt", "warranty", category_id=works, version=4)
    category(None, category_id=works, version=0)
    assert CategoryTaxCopy.objects.values_list("taxed_as", "taxed_ground").get() == ("reduced", "")
    category("reduced", category_id=works, version=6, is_deleted=True)
    assert CategoryTaxCopy.objects.values_list("taxed_as", "version").get() == ("", 6)
    product = goods(vat_kind="exempt", vat_ground="warranty")
    goods(product_id=product, version=3, vat_kind="exempt")
    assert ProductCopy.objects.get(pk=product).vat_ground == "warranty"


def test_prices_by_campaigns_know_the_tax_of_the_category():
    """At 22 % the discount would sink the goods below their cost; at the category's 10 % it does not."""
    seller()
    make.promotion(percent=Decimal(10))
    product = make.product(price="1100.00", kind="accessory", cost="850.00")
    works = category("reduced")
    today = dealer_day(timezone.now())
    price = lambda: price_goods([(product, 1)], ProductCopy.objects.in_bulk(), day=today)[0].unit_price  # noqa: E731
    assert price() == Decimal("1100.00")
    ProductCopy.objects.filter(pk=product).update(category_id=works)
    assert price() == Decimal("990.00")


def test_a_change_taken_back_keeps_the_ground():
    seller()
    order = buy(goods(vat_kind="exempt", vat_ground="warranty"), goods())
    before = taxes(order)
    first = order.lines.first()
    assert first is not None
    services.change_lines(order_id=order.id, wishes=[LineChange(first.id, 0)], actor=MANAGER, now=JANUARY)
    assert len(taxes(order)) == 1
    leg = order.checkout.legs.get(kind="stock")
    assert leg.request["revert"][0]["vat_ground"] == "warranty"
    assert before[0][1] == "warranty"


def test_categories_that_no_event_told_are_filled_in(monkeypatch, capsys):
    works = category("reduced")
    product = make.product(price="1100.00")
    ProductCopy.objects.filter(pk=product).update(make=None, category_id=None)
    monkeypatch.setattr("orders.services.promoting.product_grounds", lambda ids: dict.fromkeys(ids, ("", works)))
    seller()
    assert buy(product).vat_total == Decimal("198.36")
    call_command("fill_products")
    assert "1 products" in capsys.readouterr().out
    ProductCopy.objects.filter(pk=product).update(available=5)
    assert buy(product).vat_total == Decimal("100.00")
    call_command("fill_products")
    assert "0 products" in capsys.readouterr().out


def test_which_goods_are_marked_is_copied_and_older_releases_change_nothing():
    tyres = category("", marked_as="tyres", version=5)
    category("", category_id=tyres, version=6)
    assert CategoryTaxCopy.objects.values_list("marked_as", "version").get() == ("tyres", 6)
    product = goods(vat_kind="", marking="fluids")
    goods(product_id=product, version=3, vat_kind="")
    assert ProductCopy.objects.get(pk=product).marking == "fluids"
    goods(product_id=product, version=4, vat_kind="", marking="")
    category("", category_id=tyres, version=7, is_deleted=True)
    assert ProductCopy.objects.get(pk=product).marking == ""
    assert CategoryTaxCopy.objects.values_list("marked_as", "version").get() == ("", 7)
