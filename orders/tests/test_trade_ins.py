"""Cars taken in exchange, as orders sees them: asked of others once, owed to their buyer, paid by two."""

from decimal import Decimal

import pytest
from django.utils import timezone

from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent
from orders import services
from orders.errors import SteeringRefused
from orders.models import Order, OrderHistory, TradeIn
from orders.queries.trade_ins import trade_in_disagreements
from orders.services import Actor, ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive
from payments.events import PayoutSettled

pytestmark = pytest.mark.django_db(databases=["orders"])
MANAGER = Actor(uuid7(), frozenset({"manager"}))
PRICE, WORTH = Decimal("1000000.00"), Decimal("400000.00")
VIN = "XTAGFK330JY144213"


@pytest.fixture(autouse=True)
def one_is_enough(settings):
    settings.REFUND_FOUR_EYES_ABOVE = settings.TRADE_IN_FOUR_EYES_ABOVE = 100_000_000


def sent(name):
    return [row.data for row in OutboxEvent.objects.using("orders").filter(type=name).order_by("n")]


def causes():
    return [data["cause"] for data in sent("checkout.attention_needed")]


def handed_over(worth=WORTH):
    order = make.order(trade_in={"amount": str(worth), "vin": VIN, "make": "Lada", "description": "a dent"})
    receive(answers.reserved(order))
    services.steer_checkout(
        order_id=order.id, action="accept", leg="trade_in", reason="seen", actor=MANAGER, now=timezone.now()
    )
    if worth < PRICE:
        receive(answers.paid(order, amount=str(PRICE - worth), by_saga=False))
    for step in ("in_progress", "ready", "completed"):
        services.move_order(order_id=order.id, status=step, actor=MANAGER, now=timezone.now())
    return Order.objects.get(pk=order.pk)


def test_its_value_is_not_agreed_to_by_lines_that_may_be_taken_back():
    order = make.order(trade_in={"amount": str(PRICE * 2), "vin": VIN})
    receive(answers.reserved(order))
    more = [ProductLine(make.product(price="500000.00", kind="accessory"), 1)]
    services.change_lines(order_id=order.id, wishes=more, actor=MANAGER, now=timezone.now())
    asked = {"order_id": order.id, "action": "accept", "leg": "trade_in", "reason": "seen", "actor": MANAGER}
    with pytest.raises(SteeringRefused):
        services.steer_checkout(**asked, now=timezone.now())
    receive(answers.reserved(order))
    services.steer_checkout(**asked, now=timezone.now())
    assert Order.objects.get(pk=order.pk).trade_in_credit == PRICE + 500_000


def undone(order):
    found = services.ask_return(order_id=order.id, reason="too loud", actor=MANAGER, now=timezone.now())
    services.inspect_return(return_id=found.id, result="as new", actor=MANAGER, now=timezone.now())
    services.accept_return(return_id=found.id, actor=MANAGER, now=timezone.now())
    receive(answers.settled(order))
    receive(answers.released(order))
    order.refresh_from_db()
    return order


def settle(order):
    services.steer_checkout(
        order_id=order.id, action="settle", leg="trade_in", reason="as agreed", actor=MANAGER, now=timezone.now()
    )
    order.refresh_from_db()


def may_settle(order):
    legs = Api("manager").get(f"/orders/{order.id}/checkout").json()["legs"]
    return "settle" in next(one["allowed"] for one in legs if one["leg"] == "trade_in")


def test_the_handover_asks_for_the_car_and_its_row_once():
    order = handed_over()
    (asked,), (booked,) = sent("trade_in.received"), sent("trade_in.taken")
    assert (asked["cost"], asked["vin"], asked["make"], asked["number"]) == (str(WORTH), VIN, "Lada", order.number)
    assert "description" not in asked, "what its owner wrote of it stays with the order"
    assert (booked["amount"], booked["surplus"]) == (str(WORTH), "0.00")
    assert sent("order.completed")[0]["traded_in"] == VIN
    assert (TradeIn.objects.get().state, order.trade_in_owed, may_settle(order)) == ("taken", 0, False)
    assert list(trade_in_disagreements()) == []


def test_a_manager_hears_what_the_car_in_stock_lacks():
    order, car = handed_over(), uuid7()
    for _ in range(2):
        receive(answers.entered(order, car, missing=["mileage"]))
    assert TradeIn.objects.get().product_id == car
    assert causes().count("trade_in_entered") == 1
    assert sent("checkout.attention_needed")[-1]["detail"] == "TRADE-IN-1, mileage"


def test_an_order_without_a_car_takes_none_in():
    order = make.order()
    receive(answers.reserved(order))
    receive(answers.paid(order, by_saga=False))
    for step in ("in_progress", "ready", "completed"):
        services.move_order(order_id=order.id, status=step, actor=MANAGER, now=timezone.now())
    assert (sent("trade_in.received"), TradeIn.objects.count()) == ([], 0)


def test_the_car_of_a_returned_order_is_asked_back_and_fetched():
    order = undone(handed_over())
    assert (order.status, order.trade_in_credit, order.trade_in_owed) == ("returned", 0, WORTH)
    assert (len(sent("trade_in.asked_back")), TradeIn.objects.get().state) == (1, "leaving")
    assert not may_settle(order), "nobody knows yet whether it can go"
    for _ in range(2):
        receive(answers.left(order))
    assert sent("trade_in.undone") == [{"order_id": str(order.id), "is_kept": False}]
    assert (causes().count("trade_in_left"), may_settle(order)) == (1, True)
    settle(order)
    assert (order.trade_in_owed, sent("trade_in.payout_requested")) == (0, [])


def test_the_price_of_a_car_that_stays_is_paid():
    order = undone(handed_over())
    for _ in range(2):
        receive(answers.kept(order))
    assert sent("trade_in.undone") == [{"order_id": str(order.id), "is_kept": True}]
    assert causes().count("trade_in_kept") == 1
    settle(order)
    (asked,) = sent("trade_in.payout_requested")
    assert (asked["amount"], asked["customer_id"]) == (str(WORTH), str(order.customer_id))
    assert (order.trade_in_owed, TradeIn.objects.get().paid_amount, may_settle(order)) == (0, WORTH, False)


@pytest.mark.parametrize(("is_paid", "event"), [(True, "trade_in.paid"), (False, "trade_in.unpaid")])
def test_what_became_of_the_money_is_in_the_timeline(is_paid, event):
    order = handed_over()
    told = {"request_id": uuid7(), "subject_id": order.id, "customer_id": order.customer_id, "amount": WORTH}
    told |= {"purpose": "trade_in", "currency": "RUB", "is_paid": is_paid, "code": "", "detail": "no account"}
    services.record_price(event=PayoutSettled(**told), now=timezone.now())
    assert OrderHistory.objects.filter(order=order, event=event).exists()
    assert ("trade_in_unpaid" in causes()) is not is_paid
    before = OrderHistory.objects.count()
    services.record_price(event=PayoutSettled(**(told | {"purpose": "claim"})), now=timezone.now())
    assert OrderHistory.objects.count() == before


def test_what_is_above_the_price_is_owed_from_the_handover_on():
    order = handed_over(PRICE + WORTH)
    assert (order.amount_paid, order.trade_in_credit, order.trade_in_owed) == (0, PRICE, WORTH)
    assert (sent("trade_in.taken")[0]["surplus"], sent("trade_in.received")[0]["cost"]) == (
        str(WORTH), str(PRICE + WORTH),
    )  # fmt: skip
    assert "trade_in_surplus" in causes()
    services.ask_return(order_id=order.id, reason="too loud", actor=MANAGER, now=timezone.now())
    assert not may_settle(order), "whoever gives the car back is paid no difference meanwhile"


def test_once_the_surplus_was_paid_the_car_stays():
    order = handed_over(PRICE + WORTH)
    settle(order)
    order = undone(order)
    assert (TradeIn.objects.get().state, order.trade_in_owed, sent("trade_in.asked_back")) == ("kept", PRICE, [])


def test_nothing_is_paid_out_beside_a_loan():
    loan = {"vehicle_price": str(PRICE), "down_payment": "200000.00", "term_months": 36}
    body = {"trade_in": {"amount": "300000.00"}, "financing": loan}
    with pytest.raises(InvalidInput):
        make.order(**body)


def test_a_car_that_stands_in_our_stock_is_taken_from_nobody():
    with pytest.raises(InvalidInput):
        make.order(lines=[ProductLine(make.product(vin=VIN), 1)], trade_in={"amount": "1.00", "vin": VIN.lower()})
    assert not Order.objects.exists()
