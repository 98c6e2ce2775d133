"""A loan given back in its cooling-off days (353-FZ art. 11): interest for the days of use, nothing else."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from financing import services
from financing.models import Loan, LoanPayment
from financing.public import loan_disagreements
from financing.tests import make
from messaging.models import OutboxEvent
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["financing"])
PATH = "/financing/loans"
DAY = "2026-03-02"
CARD = {"method": "card", "token": "tok_success"}


@pytest.fixture
def loan(time_machine):
    time_machine.move_to(f"{DAY} 09:00:00Z")
    make.programme()
    order, attempt = make.order(), uuid7()
    make.requested(order, attempt_id=attempt)
    services.disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
    return Loan.objects.get()


def after(time_machine, days):
    time_machine.move_to(f"{DAY} 09:00:00Z")
    time_machine.shift(timedelta(days=days))


def get_owner(loan):
    return Api("client", user_id=loan.customer_id)


def give_back(loan, **body):
    return get_owner(loan).post(f"{PATH}/{loan.id}/return", body)


def debited(loan):
    """The bank has answered about the debit that closes the loan."""
    return make.debited(LoanPayment.objects.get(loan=loan, status="pending"), timezone.now())


def closing_reason():
    return OutboxEvent.objects.using("financing").filter(type="loan.closed").last().data["reason"]


def get_last_entry(loan):
    entry = loan.entries.order_by("id").last()
    return entry.kind, {line.account: line.amount for line in entry.lines.all()}


def test_on_the_day_of_the_payout_nothing_is_owed_but_the_principal(loan):
    assert get_owner(loan).get(f"{PATH}/{loan.id}").json()["cooling_off_until"] == "2026-03-16"
    with capture_events("financing") as told:
        answer = give_back(loan)
        shown = answer.json()
        assert answer.status_code == 200, shown
        loan.refresh_from_db()
        assert (shown["payment"]["status"], loan.status) == ("pending", "active")
        debited(loan)
    assert (shown["interest"], shown["total"], shown["payment"]["kind"]) == ("0.00", "1500000.00", "return")
    assert told == ["loan.closed", "loan.payment_received"]
    assert closing_reason() == "returned"
    loan.refresh_from_db()
    assert (loan.status, loan.balance) == ("closed", 0)
    assert get_last_entry(loan) == ("return", {"cash": Decimal(1_500_000), "principal": Decimal(-1_500_000)})
    assert list(loan_disagreements()) == []


def test_later_the_days_of_use_are_paid_for(loan, time_machine):
    after(time_machine, 14)
    preview = give_back(loan, preview=True).json()
    interest = Decimal("1500000") * 15 / 1200 * 14 / 31
    assert (preview["payment"], Decimal(preview["interest"])) == (None, round(interest, 2))
    assert not LoanPayment.objects.exists()
    shown = give_back(loan).json()
    assert shown["total"] == preview["total"]
    debited(loan)
    loan.refresh_from_db()
    assert (loan.status, loan.application.status) == ("closed", "disbursed")
    kind, lines = get_last_entry(loan)
    assert (kind, lines["interest"], sum(lines.values())) == ("return", -round(interest, 2), 0)
    assert list(loan_disagreements()) == []
    assert give_back(loan).json()["code"] == "loan_not_running"


def test_after_that_it_is_an_early_repayment(loan, time_machine):
    after(time_machine, 15)
    with capture_events("financing") as told:
        answer = give_back(loan)
    assert (answer.status_code, answer.json()["code"], answer.json()["until"]) == (
        409,
        "cooling_off_over",
        "2026-03-16",
    )
    loan.refresh_from_db()
    assert (told, loan.status, LoanPayment.objects.count()) == ([], "active", 0)


def test_a_card_that_answers_the_next_day_owes_no_more(loan, time_machine):
    after(time_machine, 14)
    shown = give_back(loan, **CARD).json()
    assert shown["payment"]["status"] == "pending"
    after(time_machine, 15)
    payment_id = shown["payment"]["id"]
    for _ in range(2):
        services.settle_payment(loan_id=loan.id, payment_id=payment_id, is_paid=True, now=timezone.now())
    loan.refresh_from_db()
    assert (loan.status, loan.balance, closing_reason()) == ("closed", 0, "returned")
    assert list(loan_disagreements()) == []


def test_a_declined_card_returns_nothing(loan):
    payment_id = give_back(loan, **CARD).json()["payment"]["id"]
    services.settle_payment(
        loan_id=loan.id, payment_id=payment_id, is_paid=False, code="card_declined", now=timezone.now()
    )
    loan.refresh_from_db()
    assert (loan.status, loan.balance) == ("active", Decimal(1_500_000))
    assert give_back(loan).json()["payment"]["status"] == "pending"
    assert debited(loan).status == "received"


def test_a_return_that_bounces_is_owed_again(loan):
    payment_id = give_back(loan).json()["payment"]["id"]
    debited(loan)
    services.reverse_payment(
        loan_id=loan.id, payment_id=payment_id, manager_id=uuid7(), reason="bounced", now=timezone.now()
    )
    loan.refresh_from_db()
    assert (loan.status, loan.balance) == ("active", Decimal(1_500_000))
    assert list(loan_disagreements()) == []


def test_a_programme_may_give_more_days_or_none():
    for days in (30, 0):
        programme = make.programme(cooling_off_days=days, base_rate=Decimal(days + 1))
        order, attempt = make.order(), uuid7()
        make.requested(order, attempt_id=attempt, programme_id=str(programme.id))
        services.disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
        loan = Loan.objects.get(order_id=order.order_id)
        assert loan.cooling_off_until == loan.disbursed_date + timedelta(days=days)


def test_an_old_loan_without_such_days_is_not_returned(loan):
    Loan.objects.update(cooling_off_until=None)
    assert give_back(loan).json()["code"] == "cooling_off_over"


@pytest.mark.parametrize("method", ["cash", "gold"])
def test_money_that_does_not_move_today_will_not_do(loan, method):
    answer = give_back(loan, method=method)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "method")
    assert not LoanPayment.objects.exists()


def test_a_card_that_nobody_named_is_asked_for_on_the_banks_own_page(loan):
    with capture_events("financing") as told:
        answer = give_back(loan, method="card")
    assert (answer.status_code, answer.json()["payment"]["status"]) == (200, "pending")
    assert told == ["loan.payment_requested"]
    asked = OutboxEvent.objects.using("financing").get(type="loan.payment_requested")
    assert (asked.data["method"], asked.data["token"], asked.data["payment_method_id"]) == ("card", "", None)


def test_it_is_given_back_by_its_borrower_or_for_them(loan):
    path = f"{PATH}/{loan.id}/return"
    assert Api().post(path).status_code == 401
    assert Api("client").post(path).status_code == 404
    assert Api("manager").post(f"{PATH}/{uuid7()}/return").status_code == 404
    assert not LoanPayment.objects.exists()
    first = get_owner(loan).post(path, {}, Idempotency_Key="k")
    again = get_owner(loan).post(path, {}, Idempotency_Key="k")
    assert first.json() == again.json()
    assert LoanPayment.objects.count() == 1
