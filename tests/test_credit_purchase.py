"""A car bought on credit, from the application to the last rouble of the loan, through every app it passes."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone

import catalog.tests.make
import financing.tests.make
from config.databases import APPS
from core.ids import uuid7
from core.testing import Api
from financing.public import loan_disagreements
from messaging.testing import drain_outbox, published
from payments.tests.conftest import serving

pytestmark = pytest.mark.django_db(databases=[*APPS])
PRICE = Decimal("2000000.00")
CARD = {"method": "card", "token": "tok_success"}
ASKED = {
    "vehicle_price": "2000000.00", "down_payment": "500000.00", "term_months": 36, "financing_type": "car_loan",
    "employment_status": "employed", "monthly_income": "200000.00", "birth_date": "1985-05-20",
}  # fmt: skip


@pytest.fixture
def card_processor(tmp_path, settings):
    """The sandbox provider, for the length of a test."""
    with serving(tmp_path) as twin:
        settings.SANDBOX_URL = twin.url
        yield


@pytest.fixture
def buyer():
    return uuid7()


def client(buyer):
    """A fresh token: days pass in these tests."""
    return Api("client", user_id=buyer)


def place(buyer, **asked):
    product = catalog.tests.make.product(stock=1, price=PRICE)
    drain_outbox()
    order = client(buyer).post(
        "/orders",
        {
            "items": [{"product_id": str(product.id), "quantity": 1}],
            "financing": ASKED | asked,
            "payment": CARD,
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
    time_machine.shift(timedelta(days=(_date(first["due_date"]) - timezone.localdate()).days))
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
