"""A hold is a scarce right: one account cannot keep the shop from everybody else."""

import threading
from decimal import Decimal

import pytest
from django.db import connections
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from orders.errors import TooManyHolds
from orders.models import Order
from orders.services import Actor, LineChange, ProductLine, change_lines
from orders.tests import make
from orders.tests.answers import paid, receive, reserved

pytestmark = pytest.mark.django_db(databases=["orders"])
BUYER = uuid7()
CLIENT = Actor(BUYER, frozenset({"client"}))
MANAGER = Actor(uuid7(), frozenset({"manager"}))


@pytest.fixture(autouse=True)
def two_cars(settings):
    settings.HOLDS_WITHOUT_DEPOSIT = 2


def hold(*quantities, actor=CLIENT, kind="vehicle"):
    """An order of the buyer, for so many of each of as many products."""
    lines = [ProductLine(make.product(available=50, kind=kind), quantity) for quantity in quantities]
    return make.order(customer_id=BUYER, actor=actor, lines=lines, now=timezone.now())


def test_a_third_car_needs_a_deposit():
    hold(1)
    hold(1)
    with pytest.raises(TooManyHolds) as refusal:
        hold(1)
    assert refusal.value.extra == {"limit": 2, "held": 2}
    assert Order.objects.count() == 2


def test_cars_are_counted_not_orders():
    with pytest.raises(TooManyHolds):
        hold(2, 1)
    with pytest.raises(TooManyHolds):
        hold(14)
    hold(1, 1)


def test_goods_of_which_there_are_many_are_not_counted():
    hold(40, kind="accessory")
    hold(1)
    hold(1)
    hold(8, kind="accessory")


def test_what_something_is_paid_for_no_longer_counts():
    first = hold(1)
    hold(1)
    Order.objects.filter(pk=first.pk).update(amount_paid=Decimal("1.00"))
    hold(1)


def test_what_was_given_up_no_longer_counts():
    first = hold(1)
    hold(1)
    Order.objects.filter(pk=first.pk).update(status="cancelled")
    hold(1)


def test_earlier_purchases_allow_more_up_to_twice():
    for _ in range(5):
        done = hold(1)
        Order.objects.filter(pk=done.pk).update(status="completed")
    for _ in range(4):
        hold(1)
    with pytest.raises(TooManyHolds):
        hold(1)


def test_more_lines_are_no_way_around_it():
    order = hold(1)
    hold(1)
    line = order.lines.get()
    receive(reserved(order))
    with pytest.raises(TooManyHolds):
        change_lines(order_id=order.id, wishes=[LineChange(line.id, 2)], actor=CLIENT, now=timezone.now())
    more = ProductLine(make.product(available=9, kind="vehicle"), 1)
    with pytest.raises(TooManyHolds):
        change_lines(order_id=order.id, wishes=[more], actor=CLIENT, now=timezone.now())


def test_a_manager_keeps_cars_for_others_and_not_for_themselves():
    hold(14, actor=MANAGER)
    with pytest.raises(TooManyHolds):
        make.order(
            customer_id=MANAGER.id,
            actor=MANAGER,
            lines=[ProductLine(make.product(available=50, kind="vehicle"), 3)],
            now=timezone.now(),
        )


def test_it_is_told_over_http():
    api = Api("client", user_id=BUYER)
    body = {"items": [{"product_id": str(make.product(available=50, kind="vehicle")), "quantity": 14}]}
    answer = api.post("/orders", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_holds")
    assert (answer.json()["limit"], answer.json()["held"]) == (2, 0)


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_fourteen_orders_at_once_hold_two_cars():
    products = [make.product(available=50, kind="vehicle") for _ in range(14)]
    start, refused = threading.Barrier(14), []

    def order(product):
        try:
            start.wait()
            make.order(customer_id=BUYER, actor=CLIENT, lines=[ProductLine(product, 1)], now=timezone.now())
        except TooManyHolds:
            refused.append(product)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=order, args=(product,)) for product in products]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (Order.objects.count(), len(refused)) == (2, 12)


def test_a_paid_order_holds_nothing_any_more():
    order = hold(2)
    receive(reserved(order))
    receive(paid(order))
    hold(2)
