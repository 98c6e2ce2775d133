"""More money than the order costs goes back by itself, each rouble once."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from core.ids import uuid7
from messaging.models import OutboxEvent
from messaging.testing import capture_events
from orders import services
from orders.models import Order, OrderHistory, OrderPayment
from orders.services import Actor, LineChange, ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])


@pytest.fixture
def order():
    """Held, and waiting for its 300."""
    found = make.order(lines=[ProductLine(make.product(price="100.00", available=5), 3)])
    receive(answers.reserved(found))
    return Order.objects.get(pk=found.pk)


def asked(published):
    """Collect what the block asked back: `published` are its events by type."""
    count = published.count("checkout.excess_refund_requested")
    rows = OutboxEvent.objects.using("orders").filter(type="checkout.excess_refund_requested").order_by("-n")[:count]
    return [(UUID(row.data["payment_id"]), Decimal(row.data["amount"])) for row in reversed(rows)]


def cheaper(order):
    """The buyer takes one less, before orders has heard that a payment of all was begun."""
    (line,) = order.lines.all()
    services.change_lines(
        order_id=order.id,
        wishes=[LineChange(line.id, 2)],
        actor=Actor(order.customer_id, frozenset({"client"})),
        now=timezone.now(),
    )


def test_a_payment_that_was_under_way_is_given_back_as_far_as_it_is_too_much(order):
    cheaper(order)
    payment = uuid7()
    with capture_events("orders") as published:
        receive(answers.paid(order, amount="300.00", payment_id=payment, by_saga=False))
    assert asked(published) == [], "the catalogue may yet refuse the change, and the total go back"
    with capture_events("orders") as published:
        receive(answers.reserved(order))
    assert asked(published) == [(payment, Decimal("100.00"))]
    order.refresh_from_db()
    assert (order.status, order.amount_paid) == ("paid", Decimal("300.00"))
    assert order.funding[-1] | {"leg": "excess", "amount": "-100.00"} == order.funding[-1]
    with capture_events("orders") as published:
        receive(answers.refunded(order, payment, "100.00"))
    order.refresh_from_db()
    assert (asked(published), order.amount_paid) == ([], Decimal("200.00"))
    assert [part["leg"] for part in order.funding] == ["paid"]


def test_an_order_paid_twice_gets_the_second_payment_back_once(order):
    first, second, third = sorted(uuid7() for _ in range(3))
    receive(answers.paid(order, amount="300.00", payment_id=first, by_saga=False))
    with capture_events("orders") as published:
        receive(answers.paid(order, amount="300.00", payment_id=second, by_saga=False))
        receive(answers.paid(order, amount="300.00", payment_id=second, by_saga=False))
        receive(answers.paid(order, amount="50.00", payment_id=third, by_saga=False))
    assert asked(published) == [(second, Decimal("300.00")), (third, Decimal("50.00"))]
    told = OrderHistory.objects.filter(order=order, event="payment.excess_asked_back").order_by("id")
    assert [(row.reason, row.data["amount"]) for row in told] == [("overpaid", "300.00"), ("overpaid", "50.00")]
    with capture_events("orders") as published:
        receive(answers.refunded(order, second, "300.00"))
        receive(answers.refunded(order, third, "50.00"))
    assert asked(published) == []
    assert dict(OrderPayment.objects.values_list("payment_id", "refunded"))[first] == 0
    assert Order.objects.get(pk=order.pk).amount_paid == Decimal("300.00")


def test_an_order_being_called_off_gets_all_back_and_nothing_besides(order):
    services.move_order(
        order_id=order.id, status="cancelled", actor=Actor(uuid7(), frozenset({"manager"})), now=timezone.now()
    )
    with capture_events("orders") as published:
        receive(answers.paid(order, amount="400.00", payment_id=uuid7(), by_saga=False))
    assert asked(published) == []
