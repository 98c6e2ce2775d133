"""No card is charged for more than its buyer agreed to pay by themselves."""

from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent
from orders import services
from orders.models import Order, OrderHistory
from orders.services import Actor, FreeLine, LineChange, ProductLine
from orders.services.deposits import TERMS_VERSION
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
CARD = {"method": "card", "token": "tok_success"}
CASH = {"method": "cash"}
LOAN = {"vehicle_price": "1000000.00", "down_payment": "200000.00", "term_months": 36, "auto_accept": False}
TRADE_IN = {"amount": "400000.00", "vin": ""}
MANAGER = Actor(uuid7(), frozenset({"manager"}))


def charged():
    asked = OutboxEvent.objects.using("orders").filter(type="checkout.payment_requested").order_by("n")
    return [row.data["amount"] for row in asked]


def valued(order, amount):
    services.steer_checkout(
        order_id=order.id,
        action="accept",
        leg="trade_in",
        reason="seen",
        amount=Decimal(amount),
        actor=MANAGER,
        now=timezone.now(),
    )


def change(order, actor, wish):
    services.change_lines(order_id=order.id, wishes=[wish], actor=actor, now=timezone.now())


def waits_for_its_buyer(order):
    shown = Api("client", user_id=order.customer_id).get(f"/orders/{order.id}").json()
    noted = OrderHistory.objects.filter(order=order, event="payment.agreement_needed").exists()
    return noted and shown["saga"]["state"] == "waiting" and shown["funding"][-1]["kind"] == "balance"


def test_a_smaller_loan_accepted_is_agreed_to_with_its_own_part():
    order = make.order(payment=CARD, financing=LOAN)
    receive(answers.reserved(order))
    receive(answers.loan_approved(order, "600000.00", is_accepted=False))
    receive(answers.loan_accepted(order, "600000.00"))
    assert charged() == ["400000.00"]


def test_a_loan_that_turns_out_smaller_charges_nobody():
    order = make.order(payment=CARD, financing=LOAN)
    receive(answers.reserved(order))
    receive(answers.loan_approved(order, "600000.00"))
    assert (charged(), waits_for_its_buyer(order)) == ([], True)


def test_a_car_valued_lower_than_was_asked_charges_nobody():
    order = make.order(payment=CARD, trade_in=TRADE_IN)
    receive(answers.reserved(order))
    valued(order, "300000.00")
    assert (charged(), waits_for_its_buyer(order)) == ([], True)
    (told,) = OutboxEvent.objects.using("orders").filter(type="order.payment_agreement_needed")
    assert (told.data["customer_id"], told.data["amount"]) == (str(order.customer_id), "700000.00")
    receive(answers.paid(order, amount="700000.00", by_saga=False))
    assert Order.objects.get(pk=order.pk).status == "paid"


def test_a_car_valued_as_asked_is_agreed_to():
    order = make.order(payment=CARD, trade_in=TRADE_IN)
    receive(answers.reserved(order))
    valued(order, "400000.00")
    assert charged() == ["600000.00"]


@pytest.mark.parametrize(
    ("payment", "amounts"), [(CASH, ["700000.00"]), (CARD | {"amount": "600000.00"}, ["600000.00"])]
)
def test_what_was_named_and_what_is_brought_is_asked_for(payment, amounts):
    order = make.order(payment=payment, trade_in=TRADE_IN)
    receive(answers.reserved(order))
    valued(order, "300000.00")
    assert charged() == amounts


def test_a_deposit_counts_into_what_was_agreed_to():
    order = make.order(payment=CARD, deposit=CARD | {"amount": "50000.00", "terms": TERMS_VERSION}, trade_in=TRADE_IN)
    receive(answers.reserved(order))
    valued(order, "400000.00")
    receive(answers.paid(order, amount="50000.00"))
    assert charged() == ["50000.00", "550000.00"]


def test_a_line_that_a_manager_adds_is_not_charged_unasked():
    order = make.order(payment=CARD, trade_in=TRADE_IN)
    receive(answers.reserved(order))
    change(order, MANAGER, FreeLine("Mats", Decimal("5000.00"), 1))
    valued(order, "400000.00")
    assert (charged(), waits_for_its_buyer(order)) == ([], True)


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_line_that_the_buyer_adds_is_agreed_to_unless_it_cannot_be_had(is_refused):
    product = make.product(price="500000.00", available=3)
    order = make.order(lines=[ProductLine(product, 1)], payment=CARD, trade_in=TRADE_IN)
    receive(answers.reserved(order))
    buyer = Actor(order.customer_id, frozenset({"client"}))
    change(order, buyer, LineChange(order.lines.get().id, 2))
    receive(answers.rejected(order) if is_refused else answers.reserved(order))
    if is_refused:
        receive(answers.reserved(order))
        change(order, MANAGER, FreeLine("Mats", Decimal("5000.00"), 1))
    valued(order, "400000.00")
    assert charged() == ([] if is_refused else ["600000.00"])
