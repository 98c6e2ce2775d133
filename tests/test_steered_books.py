"""Steering a checkout through all apps: whatever a manager does with a leg, the books agree afterwards."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

import catalog.tests.make
import financing.tests.make
from catalog.models import Product, Reservation
from config.databases import APPS
from core.ids import uuid7
from financing.models import Application, Loan
from insurance.models import Policy
from insurance.public import estimate
from insurance.tests.make import OSAGO
from messaging.testing import drain_outbox
from orders import events
from orders.models import CheckoutLeg, Order
from orders.services import Actor, ProductLine, move_order, place_order, react, steer_checkout
from payments.commands import Means
from payments.models import Refund
from payments.services import approve_refund, capture_payment, create_payment, reject_refund

pytestmark = pytest.mark.django_db(databases=[*APPS])
ADMIN = Actor(uuid7(), frozenset({"admin"}))


@pytest.fixture(autouse=True)
def one_person_is_enough(settings):
    """Let one person's word do: tests/value say who must agree; here every step is one person's."""
    settings.CASH_FOUR_EYES_ABOVE = settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


@pytest.fixture
def product():
    made = catalog.tests.make.product(stock=1, price=Decimal("2000000.00"))
    drain_outbox()
    return made


def order(product, **options):
    buyer = uuid7()
    made = place_order(
        customer_id=buyer,
        actor=Actor(buyer, frozenset({"client"})),
        lines=[ProductLine(product.id, 1)],
        now=timezone.now(),
        financing=financing.tests.make.ASKED,
        **options,
    )
    return Order.objects.get(pk=made.id)


def pay(found, amount):
    payment = create_payment(
        order_id=found.id, means=Means("cash"), amount=amount, actor_id=ADMIN.id, is_staff=True, now=timezone.now()
    )
    capture_payment(payment_id=payment.id, actor_id=ADMIN.id, now=timezone.now())


def return_cash():
    """A manager hands back what was paid in cash."""
    for refund in Refund.objects.all():
        approve_refund(refund_id=refund.id, actor_id=uuid7(), now=timezone.now())
    drain_outbox()


def steer(found, action, leg):
    steer_checkout(order_id=found.id, action=action, leg=leg, reason="agreed", actor=ADMIN, now=timezone.now())


def reload(found):
    return Order.objects.select_related("checkout").get(pk=found.id)


def assert_clean_books():
    out = StringIO()
    call_command("check_books", "--wait", "0", stdout=out)


def test_a_refused_loan_is_decided_anew_and_the_car_is_held_once(product):
    found = order(product)
    drain_outbox("catalog", "orders")
    drain_outbox("orders", "financing")
    assert reload(found).checkout.failure["code"] == "loan_rejected"
    financing.tests.make.programme()
    steer(found, "retry", "loan")
    drain_outbox()
    assert (reload(found).status, reload(found).checkout.state) == ("awaiting_payment", "waiting")
    assert sorted(Reservation.objects.values_list("status", flat=True)) == ["held", "released"]
    assert Product.objects.get(pk=product.id).available == 0
    pay(found, reload(found).amount_due - reload(found).loan_amount)
    drain_outbox()
    assert reload(found).status == "paid"
    assert Loan.objects.count() == 1
    assert_clean_books()


def test_policies_skipped_while_the_insurer_is_away_are_never_issued(product):
    financing.tests.make.programme()
    found = order(product, insurance=[OSAGO], policies=[("OSAGO", estimate(OSAGO))])
    drain_outbox()
    pay(found, reload(found).amount_due - reload(found).loan_amount)
    drain_outbox("payments", "orders")
    steer(found, "skip", "policies")
    drain_outbox()
    assert reload(found).status == "paid"
    assert not Policy.objects.filter(status="active").exists()
    assert_clean_books()


def test_a_payout_skipped_because_the_money_came_otherwise_is_never_made(product):
    financing.tests.make.programme()
    found = order(product)
    drain_outbox()
    pay(found, reload(found).amount_due - reload(found).loan_amount)
    drain_outbox("payments", "orders")
    leg = CheckoutLeg.objects.get(checkout_id=found.id, kind="disbursement")
    late = events.LegTimedOut(order_id=found.id, attempt_id=leg.attempt_id, leg="disbursement")
    react(event=late, now=timezone.now())
    assert reload(found).checkout.state == "parked"
    pay(found, reload(found).amount_due)
    drain_outbox("payments", "orders")
    steer(found, "skip", "disbursement")
    drain_outbox()
    assert reload(found).status == "paid"
    assert not Loan.objects.filter(cancelled_at=None).exists()
    assert Application.objects.count() == 1
    assert_clean_books()


@pytest.mark.parametrize("leg", ["stock", "loan", "disbursement"])
def test_asking_twice_does_nothing_twice(product, leg):
    financing.tests.make.programme()
    found = order(product)
    if leg != "stock":
        drain_outbox("catalog", "orders")
    if leg == "disbursement":
        drain_outbox("financing", "orders", "payments")
        pay(found, reload(found).amount_due - reload(found).loan_amount)
        drain_outbox("payments", "orders")
    steer(found, "retry", leg)
    steer(found, "retry", leg)
    drain_outbox()
    if leg != "disbursement":
        pay(found, reload(found).amount_due - reload(found).loan_amount)
        drain_outbox()
    assert reload(found).status == "paid"
    assert (Reservation.objects.count(), Application.objects.count(), Loan.objects.count()) == (1, 1, 1)
    assert_clean_books()


def test_cancelling_a_parked_checkout_gives_everything_back(product):
    financing.tests.make.programme()
    found = order(product)
    drain_outbox()
    pay(found, reload(found).amount_due - reload(found).loan_amount)
    drain_outbox("payments", "orders")
    leg = CheckoutLeg.objects.get(checkout_id=found.id, kind="disbursement")
    late = events.LegTimedOut(order_id=found.id, attempt_id=leg.attempt_id, leg="disbursement")
    react(event=late, now=timezone.now())
    steer(found, "cancel", "disbursement")
    drain_outbox()
    return_cash()
    assert Product.objects.get(pk=product.id).available == 1
    assert (reload(found).status, reload(found).checkout.state) == ("cancelled", "compensated")
    assert not Loan.objects.filter(cancelled_at=None).exists()
    assert_clean_books()


def test_cancelling_a_paid_order_takes_the_loan_back_too(product):
    financing.tests.make.programme()
    found = order(product)
    drain_outbox()
    pay(found, reload(found).amount_due - reload(found).loan_amount)
    drain_outbox()
    assert reload(found).status == "paid"
    steer(found, "cancel", "stock")
    drain_outbox()
    return_cash()
    assert (reload(found).status, reload(found).amount_paid) == ("refunded", Decimal(0))
    assert Product.objects.get(pk=product.id).available == 1
    assert_clean_books()


def test_cash_that_somebody_will_not_hand_back_is_a_managers_at_once(product):
    financing.tests.make.programme()
    found = order(product)
    drain_outbox()
    pay(found, reload(found).amount_due - reload(found).loan_amount)
    drain_outbox()
    move_order(order_id=found.id, status="cancelled", actor=ADMIN, reason="no car", now=timezone.now())
    drain_outbox()
    reject_refund(refund_id=Refund.objects.get().id, actor_id=uuid7(), now=timezone.now())
    drain_outbox()
    assert reload(found).checkout.state == "parked"
    assert reload(found).checkout.failure["parked"]["cause"] == "refund_stopped"
    steer(found, "retry", "payment")
    drain_outbox()
    waiting = Refund.objects.get(status="requested")
    approve_refund(refund_id=waiting.id, actor_id=uuid7(), now=timezone.now())
    drain_outbox()
    assert reload(found).checkout.state == "compensated"
    assert_clean_books()
