"""Try what people, clocks and crashes do to loans: together, twice, at the last minute, at both ends of the amounts."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from core.clock import dealer_day
from core.db import transaction
from core.errors import DomainError, InvalidInput
from core.ids import uuid7
from financing import services
from financing.models import Application, BankOffer, Loan, LoanEntry, LoanPayment, OrderState
from financing.public import loan_disagreements
from financing.rules.calculations import Strategy, add_months
from financing.services import BY_ACCOUNT
from financing.tests import make
from messaging.testing import capture_events, published

pytestmark = pytest.mark.django_db(databases=["financing", "catalog"])
ACCOUNT = BY_ACCOUNT
LEAP_DAY = datetime(2028, 2, 29, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _books_agree():
    yield
    assert list(loan_disagreements()) == []


def together(*acts: Callable[[], Any]) -> list[str]:
    """Run all at once, each on connections of its own; what came of each, an error by its code."""
    gate = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> str:
        gate.wait()
        try:
            act()
        except DomainError as error:
            return error.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


def lent(*, price="2000000.00", down="500000.00", now=None, term_months=36, **programme):
    make.programme(**({"min_amount": Decimal("0.01"), "max_amount": Decimal("99999999999")} | programme))
    order, now = make.order(total=price), now or timezone.now()
    application = make.requested(
        order, vehicle_price=price, down_payment=down, monthly_income="99999999.00", term_months=term_months
    )
    services.disburse_loan(order_id=order.order_id, attempt_id=application.attempt_id, now=now)
    return Loan.objects.get()


def early(loan, amount, now, strategy=Strategy.REDUCE_TERM):
    payment, plan = services.repay_loan_early(
        loan_id=loan.id, amount=Decimal(amount), day=dealer_day(now), strategy=strategy, means=ACCOUNT,
        actor_id=uuid7(), now=now,
    )  # fmt: skip
    return make.debited(payment, now), plan


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


# Together -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True, databases=["financing", "catalog"])
def test_of_two_offers_taken_at_once_one_is_taken():
    make.programme(bank="Own")
    order = make.order()
    first, second = make.application(of=order), make.application(of=order)
    takes = [
        lambda one=one: services.accept_offer(application_id=one.pk, customer_id=order.customer_id, now=timezone.now())
        for one in (first, second)
    ]
    assert together(*takes) == ["already_financed", "done"]
    statuses = sorted(Application.objects.values_list("status", flat=True))
    assert (statuses, BankOffer.objects.filter(status="taken").count()) == (["accepted", "approved"], 1)
    assert published("financing").count("financing.accepted") == 1


@pytest.mark.django_db(transaction=True, databases=["financing", "catalog"])
def test_a_payout_asked_for_by_many_is_made_once():
    make.programme()
    order = make.order()
    attempt = make.requested(order).attempt_id
    payout = {"order_id": order.order_id, "attempt_id": attempt, "now": timezone.now()}
    assert together(*[lambda: services.disburse_loan(**payout)] * 6) == ["done"] * 6
    loan = Loan.objects.get()
    assert (LoanEntry.objects.count(), loan.rows.count()) == (1, 36)
    assert published("financing").count("financing.disbursed") == 1


@pytest.mark.django_db(transaction=True, databases=["financing", "catalog"])
def test_a_payout_and_its_undoing_at_once_leave_no_debt():
    make.programme()
    for _ in range(4):
        order = make.order()
        attempt = {"order_id": order.order_id, "attempt_id": make.requested(order).attempt_id, "now": timezone.now()}
        together(
            lambda attempt=attempt: services.disburse_loan(**attempt),
            lambda attempt=attempt: services.cancel_attempt(**attempt, reason="cancelled"),
        )
    assert not Loan.objects.exclude(status="cancelled").exists()
    assert not Application.objects.filter(status="accepted").exists()


@pytest.mark.django_db(transaction=True, databases=["financing", "catalog"])
def test_payoffs_at_once_close_a_loan_and_take_no_more_than_is_owed():
    loan = lent()
    now = timezone.now()
    outcomes = together(*[lambda: early(loan, loan.principal, now)] * 3)
    loan.refresh_from_db()
    assert (outcomes.count("done"), loan.status, loan.balance) == (1, "closed", 0)
    assert set(outcomes) <= {"done", "loan_not_running", "validation_error"}
    assert LoanPayment.objects.count() == 1


# The last minute ----------------------------------------------------------------------------------------------------
def test_the_cooling_off_ends_at_midnight_in_moscow():
    loan = lent(now=datetime(2026, 3, 2, 9, tzinfo=UTC), cooling_off_days=14)
    assert loan.cooling_off_until == date(2026, 3, 16)
    last, late = datetime(2026, 3, 16, 20, 59, 59, tzinfo=UTC), datetime(2026, 3, 16, 21, 0, tzinfo=UTC)
    assert services.preview_return(loan_id=loan.id, now=last).total > loan.principal
    with pytest.raises(DomainError) as over:
        services.return_loan(loan_id=loan.id, means=ACCOUNT, actor_id=uuid7(), now=late)
    assert (over.value.code, LoanPayment.objects.count()) == ("cooling_off_over", 0)
    make.debited(services.return_loan(loan_id=loan.id, means=ACCOUNT, actor_id=uuid7(), now=last), late)
    loan.refresh_from_db()
    assert (loan.status, loan.balance) == ("closed", 0)


def test_a_loan_paid_out_at_night_in_moscow_is_of_that_day():
    loan = lent(now=datetime(2026, 3, 1, 21, 30, tzinfo=UTC))
    assert (loan.disbursed_date, loan.next_due_date) == (date(2026, 3, 2), date(2026, 4, 2))


def test_an_early_repayment_on_the_day_of_an_instalment_pays_that_first():
    lent_on = date(2026, 1, 15)
    loan = lent(now=at(lent_on))
    first = loan.rows.order_by("due_date").first()
    now = at(add_months(lent_on, 1))
    _payment, plan = early(loan, first.payment + 100_000, now)
    assert (plan.due, plan.interest, plan.principal) == (first.payment, 0, 100_000)
    loan.refresh_from_db()
    assert (loan.balance, loan.status, loan.days_past_due) == (first.balance - 100_000, "active", 0)
    assert loan.next_due_date == add_months(lent_on, 2)
    rows = loan.rows.filter(version=loan.schedule_version)
    assert sum((row.principal for row in rows), Decimal(0)) == loan.balance


# The ends -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("principal", "months"), [("0.01", 1), ("0.36", 36), ("99999999.99", 36)])
def test_a_loan_of_any_amount_is_repaid_to_the_kopeck(principal, months):
    terms = {"price": f"{Decimal(principal) * 2:.2f}", "down": principal, "term_months": months}
    loan = lent(now=at(date(2026, 1, 31)), min_term_months=1, max_ltv_percent=Decimal(100), **terms)
    rows = list(loan.rows.order_by("due_date"))
    assert (loan.principal, sum((row.principal for row in rows), Decimal(0))) == (Decimal(principal),) * 2
    assert (rows[-1].balance, min(row.payment for row in rows) >= 0) == (0, True)
    for row in rows:
        now = at(row.due_date)
        if row.payment:
            paid = services.pay_loan(loan_id=loan.id, amount=row.payment, means=ACCOUNT, actor_id=uuid7(), now=now)
            make.debited(paid, now)
    list(services.accrue_loans(now=at(rows[-1].due_date)))
    loan.refresh_from_db()
    assert (loan.status, loan.balance) == ("closed", 0)


def test_a_kopeck_cannot_be_divided_into_instalments():
    make.programme(min_amount=Decimal("0.01"))
    order = make.order(total="0.02")
    with capture_events("financing") as told:
        assert make.requested(order, vehicle_price="0.02", down_payment="0.01") is None
    assert told == ["financing.rejected"]
    with pytest.raises(InvalidInput):
        make.application(of=order, vehicle_price="0.02", down_payment="0.01")


def test_a_loan_of_the_29th_of_february_is_due_on_the_last_day_of_shorter_months():
    loan = lent(now=LEAP_DAY, term_months=48)
    days = [row.due_date for row in loan.rows.order_by("due_date")]
    assert days[0] == date(2028, 3, 29)
    assert [day for day in days if day.month == 2] == [
        date(2029, 2, 28), date(2030, 2, 28), date(2031, 2, 28), date(2032, 2, 29),
    ]  # fmt: skip
    assert {day.day for day in days if day.month != 2} == {29}
    now = at(date(2029, 2, 28))
    list(services.accrue_loans(now=now))
    loan.refresh_from_db()
    missed = 11
    assert loan.days_past_due == (dealer_day(now) - days[0]).days
    owed = sum((row.payment for row in loan.rows.order_by("due_date")[: missed + 1]), Decimal(0))
    assert loan.overdue_amount + loan.rows.order_by("due_date")[missed].payment == owed
    _payment, plan = early(loan, 1_000_000, now)
    assert [row.due_date for row in plan.rows][:2] == [date(2029, 3, 29), date(2029, 4, 29)]


# The daily look, killed ---------------------------------------------------------------------------------------------
_LOOK = """
import json, os, signal, sys
from datetime import datetime

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
from django.conf import settings

settings.DATABASES["financing"].update(json.loads(sys.argv[1]))
import django

django.setup()
from financing.services import accruing

seen, look_at = [], accruing._look_at


def die_at_the_eighth(loan, *args):
    seen.append(loan)
    if len(seen) == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    return look_at(loan, *args)


accruing.CHUNK, accruing._look_at = 5, die_at_the_eighth
list(accruing.accrue_loans(now=datetime.fromisoformat(sys.argv[2])))
"""


@pytest.mark.django_db(transaction=True, databases=["financing", "catalog"])
def test_a_daily_look_killed_halfway_is_finished_by_the_next_and_says_nothing_twice():
    make.programme()
    for _ in range(12):
        order = make.order()
        attempt = make.requested(order).attempt_id
        services.disburse_loan(order_id=order.order_id, attempt_id=attempt, now=at(date(2026, 1, 15)))
    day = at(date(2026, 2, 20))
    place = {
        name: connections["financing"].settings_dict[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")
    }
    killed = subprocess.run(
        [sys.executable, "-c", _LOOK, json.dumps(place), day.isoformat()], cwd=Path(__file__).parents[2], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    with transaction("financing"):
        list(Loan.objects.select_for_update())  # its locks go with its connection
    assert Loan.objects.filter(status="overdue").count() == 5
    list(services.accrue_loans(now=day))
    drawn = list(Loan.objects.order_by("pk").values())
    with capture_events("financing") as told:
        list(services.accrue_loans(now=day))
    assert (told, list(Loan.objects.order_by("pk").values())) == ([], drawn)
    assert published("financing").count("loan.overdue") == 12
    assert {loan["days_past_due"] for loan in drawn} == {5}


# An order that ends -------------------------------------------------------------------------------------------------
def _in_state(state):
    """An application in each state it can be in when its order is cancelled, and what it becomes."""
    make.programme(connection="vega" if state == "scoring" else "")
    order = make.order()
    if state == "accepted":
        return order, make.requested(order)
    if state == "disbursed":
        application = make.requested(order)
        services.disburse_loan(order_id=order.order_id, attempt_id=application.attempt_id, now=timezone.now())
        return order, application
    changes = {"under_review": make.DTI_REVIEW, "rejected": make.REFUSED}.get(state, {})
    return order, make.application(of=order, **changes)


@pytest.mark.parametrize(
    ("state", "left"),
    [
        ("scoring", "withdrawn"),
        ("under_review", "withdrawn"),
        ("rejected", "rejected"),
        ("approved", "withdrawn"),
        ("accepted", "withdrawn"),
        ("disbursed", "disbursed"),
    ],
)
def test_an_order_cancelled_in_any_state_leaves_no_loan_and_no_promise(state, left):
    order, application = _in_state(state)
    application.refresh_from_db()
    assert application.status == state
    for _ in range(2):
        if application.attempt_id:
            services.cancel_attempt(
                order_id=order.order_id, attempt_id=application.attempt_id, reason="cancelled", now=timezone.now()
            )
        services.close_order(order_id=order.order_id, state=OrderState.CANCELLED, now=timezone.now())
    application.refresh_from_db()
    assert application.status == left
    assert not Loan.objects.exclude(status="cancelled", balance=0).exists()
    assert not BankOffer.objects.filter(
        status__in=["asked", "offered", "taken"], application__status="scoring"
    ).exists()
    for act in (
        lambda: services.accept_offer(application_id=application.pk, customer_id=order.customer_id, now=timezone.now()),
        lambda: make.application(of=order),
        lambda: services.approve_application(application_id=application.pk, manager_id=uuid7(), now=timezone.now()),
    ):
        with pytest.raises(DomainError):
            act()
