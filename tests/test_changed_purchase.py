"""Orders that change on their way, through all apps: dropped policies, swapped holds, cash, a sum of many parts."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

import catalog.tests.make
import financing.tests.make
from catalog.models import Product, Reservation
from catalog.services import adjust_stock
from config import books
from config.databases import APPS
from core.ids import uuid7
from insurance.models import Policy
from insurance.public import estimate
from insurance.tests.make import OSAGO
from messaging.testing import drain_outbox
from orders import events
from orders.models import CheckoutLeg, Order
from orders.services import Actor, LineChange, ProductLine, change_lines, place_order, react, steer_checkout
from orders.services.deposits import TERMS_VERSION
from orders.services.holds import GRACE
from payments.models import Payment
from payments.tests.conftest import running_sandbox, sandbox

__all__ = ["running_sandbox", "sandbox"]

pytestmark = pytest.mark.django_db(databases=[*APPS])
ADMIN = Actor(uuid7(), frozenset({"admin"}))
PRICE = Decimal("2000000.00")
CARD = {"method": "card", "token": "tok_success"}


def product(stock=1):
    made = catalog.tests.make.product(stock=stock, price=PRICE)
    drain_outbox()
    return made


def order(of, quantity=1, **options):
    options.setdefault("actor", ADMIN)
    return place_order(
        customer_id=uuid7(), lines=[ProductLine(of.id, quantity)], now=timezone.now(), **options
    )  # fmt: skip


def reload(found):
    return Order.objects.get(pk=found.id)


def assert_clean_books():
    """The provider's book is the run's, so it knows charges of other tests too."""
    found = {name: [item for item in check() if item.kind != "charge_unknown"] for name, check in books.CHECKS.items()}
    assert {name: items for name, items in found.items() if items} == {}


def test_a_skipped_policy_is_not_paid_for_and_its_premium_comes_back():
    premium = estimate(OSAGO)
    found = order(product(), payment=CARD, insurance=[OSAGO], policies=[("OSAGO", premium)])
    for _ in range(4):
        drain_outbox("catalog", "orders", "payments")
    assert (reload(found).amount_paid, reload(found).status) == (PRICE + premium, "awaiting_payment")
    steer_checkout(
        order_id=found.id, action="skip", leg="policies", reason="not now", actor=ADMIN, now=timezone.now()
    )  # fmt: skip
    drain_outbox()
    done, payment = reload(found), Payment.objects.get()
    assert (done.status, done.total_amount, done.amount_paid) == ("paid", PRICE, PRICE)
    assert (payment.amount, payment.refunded_amount) == (PRICE + premium, premium)
    assert [part["leg"] for part in done.funding if part["leg"] == "excess"] == []
    assert not Policy.objects.filter(status="active").exists()
    assert_clean_books()


def test_changed_lines_swap_the_hold_and_a_refused_change_keeps_it():
    sold = product(stock=5)
    found = order(sold, 2)
    drain_outbox()
    (line,) = found.lines.all()

    def change(quantity):
        wishes = [LineChange(line.id, quantity)]
        change_lines(order_id=found.id, wishes=wishes, actor=ADMIN, now=timezone.now())

    for quantity in (4, 3):
        change(quantity)
        drain_outbox()
        assert Product.objects.get(pk=sold.id).available == 5 - quantity
        (held,) = Reservation.objects.filter(status="held")
        assert [item.quantity for item in held.lines.all()] == [quantity]
    adjust_stock(product_id=sold.id, delta=-1, reason="damaged", actor="test", now=timezone.now())
    change(5)
    drain_outbox()
    kept = reload(found)
    assert (kept.total_quantity, kept.total_amount, kept.status) == (3, 3 * PRICE, "awaiting_payment")
    assert Reservation.objects.get(status="held").pk == held.pk
    assert Product.objects.get(pk=sold.id).available == 1
    assert_clean_books()


@pytest.mark.parametrize("method", ["cash", "bank_transfer"])
def test_what_is_to_be_paid_by_hand_is_held_longer_and_lapses_in_the_end(method, settings):
    sold = product()
    found = order(sold, payment={"method": method})
    drain_outbox()
    until = Reservation.objects.get().expires_at
    assert until == reload(found).reservation_expires_at + GRACE, "the order decides first"
    assert until - timezone.now() > timedelta(hours=settings.OFFLINE_HOLD_HOURS) - timedelta(minutes=5)
    attempt = CheckoutLeg.objects.get(checkout_id=found.id, kind="stock").attempt_id
    lapse = events.ReservationLapsed(order_id=found.id, attempt_id=attempt)
    react(event=lapse, now=timezone.now() + timedelta(hours=1))
    assert reload(found).status == "awaiting_payment"
    react(event=lapse, now=until + timedelta(seconds=1))
    drain_outbox()
    assert (reload(found).status, reload(found).amount_paid) == ("cancelled", 0)
    assert Product.objects.get(pk=sold.id).available == 1
    assert Payment.objects.get().status not in ("succeeded", "pending", "processing")
    assert_clean_books()


def test_a_car_in_exchange_a_deposit_a_loan_and_a_card_come_to_the_total():
    financing.tests.make.programme()
    found = order(
        product(),
        trade_in={"amount": "200000.00"},
        deposit=CARD | {"amount": "100000.00", "terms": TERMS_VERSION},
        payment=CARD,
        financing=financing.tests.make.ASKED,
    )
    planned = {part["leg"]: Decimal(part["amount"]) for part in reload(found).funding}
    assert sum(planned.values()) == PRICE
    drain_outbox()
    done = reload(found)
    parts = {part["leg"]: (Decimal(part["amount"]), part["state"]) for part in done.funding}
    assert parts == {
        "trade_in": (Decimal(200_000), "paid"),
        "loan": (Decimal(1_500_000), "paid"),
        "deposit": (Decimal(100_000), "paid"),
        "payment": (Decimal(200_000), "paid"),
    }
    assert (done.status, done.amount_paid, done.amount_due) == ("paid", PRICE - 200_000, 0)
    assert sorted(Payment.objects.filter(method="card").values_list("amount", flat=True)) == [100_000, 200_000]
    assert_clean_books()
