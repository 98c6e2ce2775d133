"""A car and its policies bought by one loan: ordered as calculated, in force, and undone to the kopeck."""

from decimal import Decimal

import pytest
from django.utils import timezone

import catalog.tests.make
import financing.tests.make
from config import books
from config.databases import APPS
from core.ids import uuid7
from core.testing import Api
from financing.models import Application, Loan
from insurance.models import MoneyRequest, Policy
from insurance.tests.make import KASKO, OSAGO
from messaging.testing import drain_outbox
from orders.models import Order
from orders.services import Actor, LoanWish, move_order, order_deal, quote_deal
from payments.models import LedgerLine, Payment, Payout
from payments.services import approve_refund
from payments.tests.conftest import running_sandbox, sandbox

__all__ = ["running_sandbox", "sandbox"]

pytestmark = pytest.mark.django_db(databases=[*APPS])
MANAGER = Actor(uuid7(), frozenset({"manager"}))
PRICE, DOWN = Decimal("2000000.00"), Decimal("400000.00")
CARD = {"method": "card", "token": "tok_success"}
BORROWER = {"employment_status": "employed", "monthly_income": "300000.00", "birth_date": "1985-05-20"}


@pytest.fixture(autouse=True)
def one_person_is_enough(settings):
    """Let one person's word do: tests/value say who must agree; here every step is one person's."""
    settings.CASH_FOUR_EYES_ABOVE = settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


@pytest.fixture
def car():
    made = catalog.tests.make.product(stock=1, price=PRICE)
    drain_outbox()
    return made


def bought(car, *, down=DOWN, policies=(OSAGO, KASKO), **applicant):
    """The deal that was calculated, ordered by its buyer."""
    buyer, now = uuid7(), timezone.now()
    wish = LoanWish(term_months=36, down_payment=down, is_insurance_financed=True)
    deal = quote_deal(items=[(car.id, 1)], customer_id=buyer, loan=wish, insurance=list(policies), now=now)
    placed = order_deal(
        deal_id=deal.id, actor=Actor(buyer, frozenset({"client"})), payment=CARD if down else None,
        applicant=BORROWER | applicant, now=now,
    )  # fmt: skip
    drain_outbox()
    return deal, Order.objects.get(pk=placed.id)


def assert_clean_books():
    """The provider's book is the run's, so it knows charges of other tests too."""
    found = {name: [item for item in check() if item.kind != "charge_unknown"] for name, check in books.CHECKS.items()}
    assert {name: items for name, items in found.items() if items} == {}


def balances():
    found = {}
    for line in LedgerLine.objects.all():
        found[line.account_id] = found.get(line.account_id, Decimal(0)) + line.amount
    return {code: amount for code, amount in found.items() if amount}


def cancel(order):
    move_order(order_id=order.id, status="cancelled", actor=MANAGER, reason="changed my mind", now=timezone.now())
    drain_outbox()
    for refund in Payment.objects.get().refunds.filter(status="requested"):
        approve_refund(refund_id=refund.id, actor_id=uuid7(), now=timezone.now())
    drain_outbox()
    order.refresh_from_db()


@pytest.mark.usefixtures("sandbox")
def test_one_loan_pays_for_the_car_and_its_policies_and_all_of_it_comes_back(car):
    financing.tests.make.programme()
    deal, order = bought(car)
    premiums = {item["insurance_type"]: Decimal(item["premium"]) for item in deal.insurance}
    application, loan = Application.objects.get(), Loan.objects.get()
    assert (order.status, order.total_amount) == ("paid", PRICE + sum(premiums.values()))
    assert (order.amount_due, order.total_amount - loan.principal) == (0, DOWN)
    assert (application.financed_premium, application.psk_premium) == (sum(premiums.values()), premiums["kasko"])
    assert (loan.principal, loan.monthly_payment, loan.psk) == (
        Decimal(deal.result["amount_financed"]), deal.monthly_payment, deal.psk,
    )  # fmt: skip
    assert loan.psk > loan.annual_rate
    assert sum((row.principal for row in loan.rows.all()), Decimal(0)) == loan.principal
    assert {policy.status for policy in Policy.objects.all()} == {"active"}
    assert Payment.objects.get().amount == DOWN
    assert_clean_books()

    cancel(order)
    loan.refresh_from_db()
    assert (order.status, order.amount_paid) == ("refunded", 0)
    assert (loan.status, loan.balance) == ("cancelled", 0)
    for policy in Policy.objects.all():
        assert (policy.status, policy.refund_amount) == ("cancelled", policy.premium)
    assert (Payment.objects.get().refunded_amount, Payout.objects.count()) == (DOWN, 0)
    assert not MoneyRequest.objects.exists()
    assert balances() == {}
    assert_clean_books()


@pytest.mark.usefixtures("sandbox")
def test_a_policy_that_ends_by_itself_goes_back_to_the_buyer_though_a_loan_paid_it(car):
    financing.tests.make.programme()
    _deal, order = bought(car)
    kasko = Policy.objects.get(insurance_type="kasko")
    Api("client", user_id=order.customer_id).post(f"/insurance/policies/{kasko.id}/cancel")
    drain_outbox()
    kasko.refresh_from_db()
    request = MoneyRequest.objects.get()
    assert (kasko.status, request.amount) == ("cancelled", kasko.refund_amount)
    assert (request.state, request.code, request.detail) == ("done", "", "")
    assert_clean_books()


@pytest.mark.usefixtures("sandbox")
def test_a_refused_loan_takes_its_policies_and_the_car_back(car):
    financing.tests.make.programme()
    _deal, order = bought(car, monthly_income="60000.00")
    assert (order.status, Payment.objects.count(), Loan.objects.count()) == ("cancelled", 0, 0)
    assert not Policy.objects.filter(status="active").exists()
    assert_clean_books()


@pytest.mark.usefixtures("sandbox")
def test_premiums_are_the_orders_own_whatever_the_buyer_says_of_them(car):
    financing.tests.make.programme()
    buyer = Api("client")
    asked = BORROWER | {
        "vehicle_price": str(PRICE), "down_payment": str(DOWN), "term_months": 36, "financing_type": "car_loan",
        "financed_premium": "350000.00", "psk_premium": "0.00",
    }  # fmt: skip
    lines = [{"product_id": str(car.id), "quantity": 1}]
    forged = buyer.post("/orders", {"items": lines, "financing": asked, "payment": CARD, "insurance": [OSAGO]})
    assert forged.status_code == 201, forged.json()
    drain_outbox()
    application = Application.objects.get()
    assert (application.financed_premium, application.approved_amount) == (0, PRICE - DOWN)


@pytest.mark.usefixtures("sandbox")
def test_an_order_by_the_api_lends_its_premiums_when_asked_to(car):
    financing.tests.make.programme()
    buyer = Api("client")
    asked = BORROWER | {
        "vehicle_price": str(PRICE), "down_payment": str(DOWN), "term_months": 36, "financing_type": "car_loan",
        "insurance_financed": True,
    }  # fmt: skip
    lines = [{"product_id": str(car.id), "quantity": 1}]
    placed = buyer.post("/orders", {"items": lines, "financing": asked, "payment": CARD, "insurance": [OSAGO]})
    drain_outbox()
    order, policy = Order.objects.get(pk=placed.json()["id"]), Policy.objects.get()
    assert (order.status, Payment.objects.get().amount) == ("paid", DOWN)
    loan = Loan.objects.get()
    assert loan.principal == PRICE - DOWN + policy.premium
    assert loan.psk == loan.annual_rate, "what the law demands stands outside the full cost"
