"""Answer as catalog when orders asks: each wish delivered twice has one effect."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from catalog.commands import ExtendHold, HoldStock, ReleaseStock, WantedLine
from catalog.models import Product, Reservation
from catalog.tests import make
from core.db import transaction
from core.events import Command
from core.ids import uuid7
from messaging.models import DeliveryStatus, InboxEvent
from messaging.outbox import publish, send
from messaging.testing import drain_outbox, published
from orders.events import OrderPaid

pytestmark = pytest.mark.django_db(databases=["catalog", "orders"])
HANDLER = "catalog.serve_checkout"


def say(*facts):
    with transaction("orders"):
        for fact in facts:
            send(fact) if isinstance(fact, Command) else publish(fact)
    drain_outbox("orders", "catalog")


def deliver_again():
    """Do what a relay that lost its memory would do."""
    InboxEvent.objects.using("catalog").filter(handler=HANDLER).update(status=DeliveryStatus.PENDING)
    drain_outbox("catalog")


def asked(product, attempt, order, quantity=1):
    return HoldStock(
        order_id=order,
        attempt_id=attempt,
        lines=[WantedLine(product_id=product.pk, quantity=quantity)],
        expires_at=timezone.now() + timedelta(minutes=30),
    )


def paid(attempt, order):
    return OrderPaid(
        order_id=order,
        number="2026-1",
        customer_id=uuid7(),
        total_amount=Decimal("1.00"),
        currency="RUB",
        attempt_id=attempt,
    )


@pytest.fixture
def ids():
    return uuid7(), uuid7()


def stock(product):
    return Product.objects.values_list("on_hand", "reserved").get(pk=product.pk)


def test_a_request_holds_once(ids):
    product = make.product(stock=5)
    say(asked(product, *ids, quantity=2))
    deliver_again()
    assert stock(product) == (5, 2)
    assert Reservation.objects.count() == 1


def test_a_release_gives_back_once(ids):
    product = make.product(stock=5)
    attempt, order = ids
    release = ReleaseStock(order_id=order, attempt_id=attempt, reason="payment_failed")
    say(asked(product, attempt, order), release)
    deliver_again()
    assert stock(product) == (5, 0)
    assert published("catalog")[1:3] == ["stock.reserved", "stock.released"]


def test_a_paid_order_leaves_once(ids):
    product = make.product(stock=5)
    say(asked(product, *ids), paid(*ids))
    deliver_again()
    assert stock(product) == (4, 0)
    assert published("catalog").count("stock.sold") == 1


def test_an_extension_is_kept(ids):
    product = make.product(stock=5)
    attempt, order = ids
    until = timezone.now() + timedelta(hours=5)
    say(
        asked(product, attempt, order),
        ExtendHold(order_id=order, attempt_id=attempt, expires_at=until),
    )
    deliver_again()
    assert Reservation.objects.get().expires_at == until


def test_paid_without_a_request_is_tried_again_and_does_not_stop_a_later_wish(ids):
    product = make.product(stock=5)
    say(paid(*ids))
    failed = InboxEvent.objects.using("catalog").get(handler=HANDLER)
    assert (failed.status, failed.attempts) == (DeliveryStatus.PENDING, 1)
    assert "ReservationUnknown" in failed.last_error
    assert stock(product) == (5, 0)
