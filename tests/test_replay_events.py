"""Replaying, watching and comparing: read copies are rebuilt from the log, and what is wrong with them is shown."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from catalog.tests import make as catalog
from clients.models import Activity
from config.databases import APPS
from messaging.delivery import replay
from messaging.models import FeedHead, InboxCursor, InboxEvent
from messaging.subscriptions import subscriptions
from messaging.testing import drain_outbox
from messaging.transport import cursors
from messaging.upkeep.copies import copy_checks, diff
from orders.models import ProductCopy
from orders.services import Actor, ProductLine, move_order, place_order
from payments.models import OrderCopy

pytestmark = pytest.mark.django_db(databases=[*APPS])
COPY = "orders.copy_products"


def run(command, *arguments, fails=False):
    out = StringIO()
    if not fails:
        call_command(command, *arguments, stdout=out, stderr=StringIO())
    else:
        with pytest.raises(SystemExit) as end:
            call_command(command, *arguments, stdout=out, stderr=StringIO())
        assert end.value.code == 1
    return out.getvalue()


@pytest.fixture
def product():
    found = catalog.product()
    drain_outbox()
    return found


@pytest.fixture
def order(product):
    manager = Actor(product.id, frozenset({"manager"}))
    made = place_order(customer_id=product.id, actor=manager, lines=[ProductLine(product.id, 1)], now=timezone.now())
    drain_outbox()
    move_order(order_id=made.id, status="cancelled", actor=manager, now=timezone.now())
    drain_outbox()
    return made


def position(handler=COPY, source="catalog"):
    return InboxCursor.objects.using("orders").get(handler=handler, source=source).position


# Replaying --------------------------------------------------------------------------------------------------------
def test_a_copy_that_went_wrong_is_rebuilt_from_the_log(product):
    ProductCopy.objects.update(name="something else", price=Decimal(1))
    assert "replayed" in run("replay_events", "--handler", COPY)
    copied = ProductCopy.objects.get()
    assert (copied.name, copied.price) == (product.name, product.price)


def test_a_copy_that_was_lost_is_rebuilt(product):
    ProductCopy.objects.all().delete()
    run("replay_events", "--handler", COPY, "--source", "catalog")
    assert ProductCopy.objects.get().product_id == product.id
    assert position() == FeedHead.objects.using("catalog").get().position


def test_it_ends_where_it_was_however_often(product, order):
    before = list(ProductCopy.objects.values()), list(OrderCopy.objects.values()), list(Activity.objects.values())
    replayable = [name for name, item in subscriptions().items() if item.is_replayable]
    assert {"orders.copy_products", "orders.copy_stock_levels", "payments.copy_orders"} < set(replayable)
    for name in [*replayable, *replayable]:
        run("replay_events", "--handler", name)
    after = list(ProductCopy.objects.values()), list(OrderCopy.objects.values()), list(Activity.objects.values())
    assert after == before


def test_only_what_lies_beyond_the_position_is_heard_again(product):
    catalog.product()
    drain_outbox()
    done = InboxEvent.objects.using("orders").filter(handler=COPY)
    old = set(done.values_list("rn", flat=True))
    item, _ = replay.find(COPY)
    assert replay.rewind(item, "catalog", first=position()) == 1
    assert done.count() == len(old) - 1
    drain_outbox()
    assert done.count() == len(old)
    assert len(old & set(done.values_list("rn", flat=True))) == len(old) - 1


def test_what_was_discarded_by_hand_stays_so(product):
    InboxEvent.objects.using("orders").filter(handler=COPY).update(status=3)
    ProductCopy.objects.all().delete()
    run("replay_events", "--handler", COPY)
    assert not ProductCopy.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--handler", "orders.checkout"),
        ("--handler", "orders.no_such"),
        ("--handler", COPY, "--source", "payments"),
        ("--handler", COPY, "--from", "0"),
    ],
)
def test_what_must_not_be_replayed_is_refused(product, arguments):
    before = list(InboxCursor.objects.using("orders").values()), list(InboxEvent.objects.using("orders").values())
    with pytest.raises(CommandError):
        call_command("replay_events", *arguments)
    after = list(InboxCursor.objects.using("orders").values()), list(InboxEvent.objects.using("orders").values())
    assert after == before


def test_a_replay_that_fails_says_so(product, monkeypatch):
    monkeypatch.setattr("orders.services.copy_products", lambda events: 1 / 0)
    assert "1 deliveries wait" in run("replay_events", "--handler", COPY, fails=True)


# Lag, pausing, resuming -------------------------------------------------------------------------------------------
def get_lag(handler):
    return next(item for item in cursors.lags(["orders"]) if (item.handler, item.source) == (handler, "catalog"))


def test_lag_counts_what_was_not_copied_and_what_waits(product):
    assert (get_lag(COPY).events, get_lag(COPY).seconds) == (0, 0)
    catalog.product()
    lag = get_lag(COPY)
    assert lag.events == 1
    assert 0 < lag.seconds < 60
    shown = json.loads(run("events", "lag", "--json"))
    assert next(item for item in shown if item["handler"] == COPY)["events"] == 1
    assert COPY in run("events", "lag")


def test_a_paused_handler_hears_nothing_until_resumed(product):
    assert run("events", "pause", "--handler", COPY, "--reason", "moving house") == "paused: 1\n"
    second = catalog.product()
    drain_outbox()
    assert not ProductCopy.objects.filter(pk=second.id).exists()
    assert (get_lag(COPY).is_paused, get_lag(COPY).pause_reason, get_lag(COPY).events) == (True, "moving house", 1)
    assert run("events", "resume", "--handler", COPY, "--source", "catalog") == "resumed: 1\n"
    drain_outbox()
    assert ProductCopy.objects.filter(pk=second.id).exists()


def test_resuming_takes_a_restored_source_as_it_is(product):
    FeedHead.objects.using("catalog").update(epoch=product.id)
    catalog.product()
    drain_outbox()
    assert get_lag(COPY).is_paused
    run("events", "resume", "--handler", COPY, "--from", "1")
    drain_outbox()
    assert ProductCopy.objects.count() == 2
    assert not get_lag(COPY).is_paused


@pytest.mark.parametrize("handler", ["orders.no_such", "orders.checkout"])
def test_a_pair_that_does_not_exist_is_refused(handler):
    with pytest.raises(CommandError):
        call_command("events", "resume", "--handler", handler, "--source", "accounts")


# Comparing --------------------------------------------------------------------------------------------------------
def test_true_copies_have_no_differences(product, order):
    assert {"orders.ProductCopy", "payments.OrderCopy"} <= set(copy_checks())
    out = json.loads(run("events", "diff", "--wait", "0", "--json"))
    assert out == {"clean": True, "differences": {name: [] for name in sorted(copy_checks())}}


def test_every_kind_of_difference_is_listed_by_id(product, order):
    others = [catalog.product() for _ in range(2)]
    drain_outbox()
    ProductCopy.objects.filter(pk=product.id).update(price=Decimal(1))
    ProductCopy.objects.filter(pk=others[0].id).delete()
    ProductCopy.objects.create(
        product_id=order.id, sku="x", name="x", kind="vehicle", price=1, currency="RUB", available=1
    )
    OrderCopy.objects.update(status="paid")
    out = run("events", "diff", "--wait", "0", fails=True)
    assert all(str(one) in out for one in (product.id, others[0].id, order.id))
    assert str(others[1].id) not in out
    assert "replay_events --handler orders.copy_products" in out
    found = json.loads(run("events", "diff", "payments.OrderCopy", "--wait", "0", "--json", fails=True))
    (item,) = found["differences"]["payments.OrderCopy"]
    assert (item["id"], item["source"]["status"], item["copied"]["status"]) == (str(order.id), "cancelled", "paid")


def test_a_difference_that_news_under_way_settles_is_none(product):
    second = catalog.product()
    check = copy_checks()["orders.ProductCopy"]
    assert [item.id for item in diff(check)] == [second.id]
    drain_outbox()
    assert diff(check, patience=0.01) == []


def test_an_unknown_copy_is_refused():
    with pytest.raises(CommandError):
        call_command("events", "diff", "orders.NoSuch")
