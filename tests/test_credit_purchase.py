"""A car bought on credit, from the application to the last rouble of the loan, through every app it passes."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.models import Sum
from django.utils import timezone

import catalog.tests.make
import financing.tests.make
from config.books import order_disagreements, refund_disagreements
from config.databases import APPS
from core.clock import dealer_day
from core.ids import uuid7
from core.testing import Api
from financing.models import Loan, LoanPayment, LoanRefund
from financing.public import loan_disagreements
from financing.services import BY_ACCOUNT, pay_loan
from messaging.testing import drain_outbox, published
from orders.services import Actor, move_order
from payments.models import LedgerLine
from payments.public import ledger_disagreements
from payments.tests.conftest import serving

pytestmark = pytest.mark.django_db(databases=[*APPS])
MANAGER = Actor(uuid7(), frozenset({"manager"}))
PRICE = Decimal("2000000.00")
CARD = {"method": "card", "token": "tok_success"}
ASKED = {
    "vehicle_price": "2000000.00", "down_payment": "500000.00", "term_months": 36, "financing_type": "car_loan",
    "employment_status": "employed", "monthly_income": "200000.00", "birth_date": "1985-05-20",
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_person_is_enough(settings):
    """Let one person's word do: tests/value say who must agree; here every step is one person's."""
    settings.CASH_FOUR_EYES_ABOVE = settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


@pytest.fixture
def card_processor(tmp_path, settings):
    """The sandbox provider, for the length of a test."""
    with serving(tmp_path) as sandbox:
        settings.SANDBOX_URL = sandbox.url
        yield


@pytest.fixture
def buyer():
    return uuid7()


def client(buyer):
    """A fresh token: days pass in these tests."""
    return Api("client", user_id=buyer)


def place(buyer, *, is_on_credit=True, **asked):
    product = catalog.tests.make.product(stock=1, price=PRICE)
    drain_outbox()
    order = client(buyer).post(
        "/orders",
        {
            "items": [{"product_id": str(product.id), "quantity": 1}],
            **({"financing": ASKED | asked, "payment": CARD} if is_on_credit else {}),
        },
    )
    assert order.status_code == 201, order.json()
    drain_outbox()
    return order.json()["id"]


def shown(buyer, path):
    answer = client(buyer).get(path)
    assert answer.status_code == 200, answer.json()
    return answer.json()


@pytest.mark.usefixtures("card_processor")
def test_from_the_application_to_the_closed_loan(buyer, time_machine):
    time_machine.move_to(timezone.now())
    financing.tests.make.programme()
    order_id = place(buyer, auto_accept=False)
    (application,) = shown(buyer, "/financing/applications")["results"]
    assert (application["status"], application["reasons"]) == ("approved", [])
    assert shown(buyer, f"/orders/{order_id}")["status"] == "awaiting_payment"

    accepted = client(buyer).post(f"/financing/applications/{application['id']}/accept")
    assert accepted.status_code == 200
    drain_outbox()
    order = shown(buyer, f"/orders/{order_id}")
    assert (order["status"], order["amount_due"]) == ("paid", "0.00")
    assert shown(buyer, f"/financing/applications/{application['id']}")["status"] == "disbursed"

    (loan,) = shown(buyer, "/financing/loans")["results"]
    assert (loan["status"], loan["balance"], loan["order_id"]) == ("active", "1500000.00", order_id)
    first = shown(buyer, f"/financing/loans/{loan['id']}/schedule")["schedule"][0]
    time_machine.shift(timedelta(days=(_date(first["due_date"]) - dealer_day(timezone.now())).days))
    paid = client(buyer).post(f"/financing/loans/{loan['id']}/payments", {"amount": first["payment"], **CARD})
    assert (paid.status_code, paid.json()["status"]) == (201, "pending")
    drain_outbox()
    loan = shown(buyer, f"/financing/loans/{loan['id']}")
    assert loan["balance"] == first["balance"]
    assert shown(buyer, f"/financing/loans/{loan['id']}/schedule")["schedule"][0]["is_paid"] is True

    time_machine.shift(timedelta(days=10))
    call_command("accrue_loans", verbosity=0)
    part = {"amount": "500000.00", "strategy": "reduce_term", **CARD}
    preview = client(buyer).post(f"/financing/loans/{loan['id']}/early-repayment", part | {"preview": True}).json()
    client(buyer).post(f"/financing/loans/{loan['id']}/early-repayment", part)
    drain_outbox()
    loan = shown(buyer, f"/financing/loans/{loan['id']}")
    assert (loan["balance"], loan["schedule_version"]) == (preview["balance"], 2)

    payoff = Decimal(shown(buyer, f"/financing/loans/{loan['id']}/payoff")["total"])
    rest = {"amount": str(payoff + 100), **CARD}
    client(buyer).post(f"/financing/loans/{loan['id']}/early-repayment", rest)
    drain_outbox()
    loan = shown(buyer, f"/financing/loans/{loan['id']}")
    assert (loan["status"], loan["balance"]) == ("closed", "0.00")
    last = shown(buyer, f"/financing/loans/{loan['id']}/payments")["results"][0]
    assert (last["amount"], last["surplus"]) == (str(payoff + 100), "100.00")
    assert published("financing") == [
        "financing.submitted", "financing.approved", "financing.accepted", "financing.disbursed",
        "loan.payment_requested", "loan.payment_received", "loan.payment_requested", "loan.payment_received",
        "loan.payment_requested", "loan.surplus_refund_requested", "loan.closed", "loan.payment_received",
    ]  # fmt: skip
    assert list(loan_disagreements()) == []


UNSEEN = {
    "incomplete": {"monthly_income": None},
    "no_programme": {"financing_type": "leasing"},
}


@pytest.mark.parametrize("code", UNSEEN)
def test_what_cannot_be_decided_is_refused_with_its_reason(buyer, code):
    financing.tests.make.programme()
    asked = ASKED | {"order_id": place(buyer, is_on_credit=False)} | UNSEEN[code]
    answer = client(buyer).post("/financing/applications", asked)
    assert answer.status_code == {"incomplete": 400, "no_programme": 409}[code]
    assert answer.json()["code"] == {"incomplete": "validation_error", "no_programme": "no_programme"}[code]
    assert shown(buyer, "/financing/applications")["results"] == []


def test_a_manager_who_refuses_a_checkout_gives_the_car_back(buyer):
    financing.tests.make.programme()
    order_id = place(buyer, monthly_income="90000.00")
    (application,) = shown(buyer, "/financing/applications")["results"]
    assert (application["status"], application["reasons"]) == ("under_review", ["dti"])
    manager = Api("manager")
    sentence = {"reason": "The income is not confirmed."}
    assert manager.post(f"/financing/applications/{application['id']}/reject", sentence).status_code == 200
    drain_outbox()
    order = shown(buyer, f"/orders/{order_id}")
    assert (order["status"], order["saga"]["failure"]["detail"]) == ("cancelled", sentence["reason"])
    assert order["saga"]["failure"]["reasons"] == ["dti"]
    product = shown(buyer, f"/products/{order['items'][0]['product_id']}")
    assert product["available"] == 1


@pytest.mark.usefixtures("card_processor")
@pytest.mark.parametrize("is_paid_first", [True, False])
def test_a_loan_found_for_an_order_that_waits_pays_its_part(buyer, is_paid_first):
    financing.tests.make.programme()
    order_id = place(buyer, is_on_credit=False)
    pay = {"order_id": order_id, "amount": "500000.00", **CARD}
    applied = client(buyer).post("/financing/applications", ASKED | {"order_id": order_id}).json()
    assert applied["status"] == "approved"
    if is_paid_first:
        assert client(buyer).post("/payments", pay).status_code == 201
        drain_outbox()
    assert client(buyer).post(f"/financing/applications/{applied['id']}/accept").status_code == 200
    drain_outbox()
    if not is_paid_first:
        order = shown(buyer, f"/orders/{order_id}")
        assert (order["status"], order["financing_application_id"]) == ("awaiting_payment", applied["id"])
        assert client(buyer).post("/payments", pay).status_code == 201
        drain_outbox()
    order = shown(buyer, f"/orders/{order_id}")
    assert (order["status"], order["amount_paid"], order["amount_due"]) == ("paid", "2000000.00", "0.00")
    (loan,) = shown(buyer, "/financing/loans")["results"]
    assert (loan["status"], loan["principal"], loan["order_id"]) == ("active", "1500000.00", order_id)
    assert list(order_disagreements()) == []

    assert Api("manager").post(f"/orders/{order_id}/cancel", {"reason": "changed their mind"}).status_code == 200
    drain_outbox()
    assert shown(buyer, f"/orders/{order_id}")["status"] == "refunded"
    assert shown(buyer, f"/financing/loans/{loan['id']}")["status"] == "cancelled"
    assert list(order_disagreements()) == []
    assert list(loan_disagreements()) == []


@pytest.mark.usefixtures("card_processor")
@pytest.mark.parametrize("by", ["card", "account"])
@pytest.mark.parametrize("amount", ["1500000.00", "400000.00"], ids=["all", "part"])
def test_an_order_undone_after_its_loan_was_repaid_gives_everybody_their_own(buyer, by, amount):
    """Of 2 000 000 the bank lent 1 500 000; what the buyer gave back of that is the buyer's, the rest the bank's."""
    financing.tests.make.programme()
    order_id = place(buyer)
    (loan,) = shown(buyer, "/financing/loans")["results"]
    means = CARD if by == "card" else {"method": "account"}
    repaid = client(buyer).post(f"/financing/loans/{loan['id']}/early-repayment", {"amount": amount, **means})
    assert repaid.status_code == 200, repaid.json()
    drain_outbox()
    if by == "account":
        financing.tests.make.debited(LoanPayment.objects.get(), timezone.now())
        drain_outbox()
    before = cash()
    move_order(order_id=order_id, status="cancelled", actor=MANAGER, reason="undone", now=timezone.now())
    drain_outbox()
    assert shown(buyer, f"/orders/{order_id}")["status"] == "refunded"
    assert shown(buyer, f"/financing/loans/{loan['id']}")["status"] == "cancelled"
    assert before - cash() == 500_000 + Decimal(amount)
    held = {account: total for account, total in sums().items() if total and not account.startswith("provider:")}
    assert held == ({} if by == "card" else {f"lender:{loan['bank']}": Decimal(amount)})
    (refund,) = LoanRefund.objects.all()
    assert (refund.amount, refund.status) == (Decimal(amount), "paid")
    for check in (order_disagreements, loan_disagreements, refund_disagreements, ledger_disagreements):
        assert list(check()) == []


def sums():
    """Return what every account of the books holds."""
    lines = LedgerLine.objects.order_by().values_list("account_id")
    return dict(lines.annotate(total=Sum("amount")))


def cash():
    """Return what lies with the card processor."""
    return sum((total for account, total in sums().items() if account.startswith("provider:")), Decimal(0))


@pytest.mark.usefixtures("card_processor")
def test_a_refund_that_payments_do_not_know_is_named(buyer):
    financing.tests.make.programme()
    place(buyer)
    loan = Loan.objects.get()
    paid = pay_loan(loan_id=loan.id, amount=Decimal(1000), means=BY_ACCOUNT, actor_id=buyer, now=timezone.now())
    financing.tests.make.debited(paid, timezone.now())
    LoanRefund.objects.create(loan=loan, payment=paid, amount=1000, currency="RUB", reason="of nothing")
    assert [found.kind for found in refund_disagreements()] == ["loan_refund_unknown"]


@pytest.mark.usefixtures("card_processor")
def test_a_loan_found_too_late_is_given_back(buyer):
    financing.tests.make.programme()
    order_id = place(buyer, is_on_credit=False)
    applied = client(buyer).post("/financing/applications", ASKED | {"order_id": order_id}).json()
    paid = client(buyer).post("/payments", {"order_id": order_id, "amount": "1000000.00", **CARD})
    assert paid.status_code == 201
    drain_outbox()
    assert client(buyer).post(f"/financing/applications/{applied['id']}/accept").status_code == 200
    drain_outbox()
    assert shown(buyer, f"/financing/applications/{applied['id']}")["status"] == "withdrawn"
    order = shown(buyer, f"/orders/{order_id}")
    assert (order["status"], order["amount_due"]) == ("awaiting_payment", "1000000.00")
    assert list(loan_disagreements()) == []


@pytest.mark.usefixtures("card_processor")
def test_a_loan_returned_in_its_cooling_off_days_leaves_the_order_paid(buyer, time_machine):
    time_machine.move_to(timezone.now())
    financing.tests.make.programme()
    order_id = place(buyer)
    (loan,) = shown(buyer, "/financing/loans")["results"]
    time_machine.shift(timedelta(days=5))
    answer = client(buyer).post(f"/financing/loans/{loan['id']}/return", CARD)
    assert answer.status_code == 200, answer.json()
    drain_outbox()
    assert shown(buyer, f"/financing/loans/{loan['id']}")["status"] == "closed"
    assert shown(buyer, f"/orders/{order_id}")["status"] == "paid"
    assert published("financing")[-2:] == ["loan.closed", "loan.payment_received"]
    assert list(order_disagreements()) == []
    assert list(loan_disagreements()) == []


@pytest.mark.usefixtures("card_processor")
def test_an_application_withdrawn_in_the_middle_of_a_checkout_gives_the_car_back(buyer):
    financing.tests.make.programme()
    order_id = place(buyer, auto_accept=False)
    (application,) = shown(buyer, "/financing/applications")["results"]
    assert client(buyer).post(f"/financing/applications/{application['id']}/withdraw").status_code == 200
    drain_outbox()
    order = shown(buyer, f"/orders/{order_id}")
    assert (order["status"], order["saga"]["failure"]["code"]) == ("cancelled", "loan_withdrawn")
    product = shown(buyer, f"/products/{order['items'][0]['product_id']}")
    assert product["available"] == 1


def test_an_offer_that_expires_in_the_middle_of_a_checkout_gives_the_car_back(buyer):
    financing.tests.make.programme()
    order_id = place(buyer, auto_accept=False)
    (application,) = shown(buyer, "/financing/applications")["results"]
    with connections["financing"].cursor() as cursor:
        cursor.execute("UPDATE messaging_timer SET due_at = statement_timestamp() WHERE fired_at IS NULL")
    drain_outbox()
    assert shown(buyer, f"/financing/applications/{application['id']}")["status"] == "expired"
    order = shown(buyer, f"/orders/{order_id}")
    assert (order["status"], order["saga"]["failure"]["code"]) == ("cancelled", "loan_withdrawn")


def _date(text):
    return timezone.datetime.fromisoformat(text).date()


REFUSALS = {
    "age": ({"birth_date": "2010-01-01"}, {}),
    "term": ({"term_months": 120}, {}),
    "amount": ({}, {"max_amount": Decimal(1_000_000)}),
    "down_payment": ({}, {"min_down_payment_percent": Decimal(30)}),
    "ltv": ({}, {"max_ltv_percent": Decimal(70)}),
    "vehicle_age": ({"vehicle_year": 2005}, {}),
    "employment": ({"employment_status": "unemployed"}, {}),
    "income": ({"monthly_income": "60000.00"}, {}),
    "income_zero": ({"monthly_income": "0", "employment_status": "unemployed"}, {}),
    "dti": ({"monthly_income": "60000.00"}, {}),
    "psk_cap": ({}, {"max_psk_percent": Decimal(10)}),
    "residual": ({}, {"schedule": "balloon", "residual_percent": Decimal(45)}),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_names_its_reason_and_gives_the_car_back(buyer, code):
    asked, programme = REFUSALS[code]
    financing.tests.make.programme(**programme)
    order_id = place(buyer, **asked)
    order = shown(buyer, f"/orders/{order_id}")
    assert (order["status"], order["saga"]["failure"]["code"]) == ("cancelled", "loan_rejected")
    (application,) = shown(buyer, "/financing/applications")["results"]
    assert application["status"] == "rejected"
    assert code in application["reasons"]
    assert code in order["saga"]["failure"]["reasons"]
    checked = {check["code"]: check["outcome"] for check in application["decision"]["checks"]}
    assert checked[code] == "reject"
    assert application["decision"]["programme_version"] == 1
    product = shown(buyer, f"/products/{order['items'][0]['product_id']}")
    assert product["available"] == 1
    assert shown(buyer, "/financing/loans")["results"] == []
