"""A decree that moves days off: signed loans follow it once somebody says so, for payments that are not yet due."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.clock import dealer_day
from core.errors import InvalidInput
from core.ids import uuid7
from financing import queries, services
from financing.models import Loan, LoanScheduleRow, LoanVersion, Programme, WorkCalendarYear
from financing.public import loan_disagreements
from financing.queries.calendar_files import YearFact
from financing.queries.history import History
from financing.rules.calculations import Strategy
from financing.rules.holidays import Ground
from financing.tests import make
from financing.tests.test_desk import browser, get_path, press
from messaging.testing import capture_events
from payments.commands import Means

pytestmark = pytest.mark.django_db(databases=["accounts", "financing"])

SIGNED, NOW = datetime(2026, 1, 15, 9, tzinfo=UTC), datetime(2027, 2, 20, 9, tzinfo=UTC)
TODAY = date(2027, 2, 20)
NEW_DAY_OFF, NEW_WORKING_DAY = date(2027, 4, 15), date(2027, 5, 15)
OWN = {"day_count": "actual/365", "due_shift": "following"}
MOVES = [(date(2027, 4, 15), date(2027, 4, 16)), (date(2027, 5, 17), date(2027, 5, 15))]


def lent(**rules):
    Programme.objects.update(valid_to=date(2020, 1, 2))
    make.programme(**(OWN | rules))
    of, attempt = make.order(total="1500000.00"), uuid7()
    asked = make.ASKED | {"vehicle_price": "1500000.00", "down_payment": "500000.00"}
    services.request_loan(
        order_id=of.order_id, attempt_id=attempt, customer_id=of.customer_id, application=asked, auto_accept=True,
        now=SIGNED,
    )  # fmt: skip
    services.disburse_loan(order_id=of.order_id, attempt_id=attempt, now=SIGNED)
    return Loan.objects.get(order_id=of.order_id)


def enter(off=(NEW_DAY_OFF,), working=(NEW_WORKING_DAY,), source="Decree of 2027"):
    fact = YearFact(2027, frozenset(off), frozenset(working), source)
    services.write_calendar(years={2027: fact}, now=NOW)


def follow(now=NOW):
    services.follow_calendar(year=2027, actor_id=uuid7(), now=now)
    return redate(now)


def redate(now=NOW):
    steps = list(services.redate_loans(now=now))
    return (steps[-1].changed, steps[-1].payments) if steps else (0, 0)


def rows(loan, version):
    return list(LoanScheduleRow.objects.filter(loan=loan, version=version).order_by("number"))


def pay_all_due(loan, now):
    """Everything that fell due by a day, each payment on its own."""
    for row in [row for row in rows(loan, 1) if row.due_date <= dealer_day(now)]:
        moment = datetime(row.due_date.year, row.due_date.month, row.due_date.day, 9, tzinfo=UTC)
        receive(loan, row.payment, moment)


def receive(loan, amount, now):
    payment = services.pay_loan(loan_id=loan.id, amount=amount, means=Means("card"), actor_id=uuid7(), now=now)
    services.settle_payment(loan_id=loan.id, payment_id=payment.id, is_paid=True, now=now)
    return payment


def standing(loan, day=TODAY):
    return History(Loan.objects.get(pk=loan.pk)).standing(day)


def test_signed_loans_keep_their_days_until_they_are_let_follow():
    loan = lent()
    enter()
    assert redate() == (0, 0)
    shown = queries.preview_redating(2027, now=NOW)
    assert (shown.seen, shown.loans, shown.payments, shown.earlier, shown.is_whole) == (1, 1, 2, 1, True)
    assert (shown.shown[0].loan_id, shown.shown[0].old_due_date, shown.shown[0].due_date) == (loan.id, *MOVES[0])
    assert LoanVersion.objects.filter(loan=loan).count() == 1


def test_coming_payments_move_and_interest_runs_to_the_new_day():
    loan = lent()
    enter()
    pay_all_due(loan, NOW)
    before, was = rows(loan, 1), standing(loan)
    expected = queries.preview_redating(2027, now=NOW).interest_change
    with capture_events("financing") as told:
        assert follow() == (1, 2)
    assert told == ["loan.redated"]
    after, version = rows(loan, 2), LoanVersion.objects.get(loan=loan, number=2)
    assert rows(loan, 1) == before
    assert (version.kind, version.from_date) == ("redating", date(2027, 2, 15))
    assert [(row.number, row.fees) for row in after] == [(row.number, row.fees) for row in before if row.number > 13]
    moved = [(a.due_date, b.due_date) for a, b in zip(before[13:], after, strict=True) if a.due_date != b.due_date]
    assert moved == MOVES
    assert {row.payment for row in after[:-1]} == {before[0].payment}
    assert sum(row.principal for row in after) == was.balance
    balance, since = was.balance, date(2027, 2, 15)
    for row in after:
        days = (row.due_date - since).days
        assert row.interest == (balance * loan.annual_rate * days / 36500).quantize(Decimal("0.01"))
        balance, since = row.balance, row.due_date
    change = sum(row.interest for row in after) - sum(row.interest for row in before[13:])
    assert change == expected != 0
    assert standing(loan) == was
    loan.refresh_from_db()
    assert (loan.schedule_version, loan.next_due_date) == (2, date(2027, 3, 15))
    assert list(loan_disagreements()) == []
    with capture_events("financing") as told:
        assert redate() == (0, 0)
    assert told == []


def test_what_is_late_stays_late_and_costs_the_same():
    loan = lent()
    enter()
    was = standing(loan)
    assert was.days_past_due > 300
    follow()
    assert standing(loan) == was
    later = date(2027, 12, 31)
    assert standing(loan, later).balance == loan.principal


def test_a_payment_due_today_stays():
    loan = lent()
    enter()
    assert follow(datetime(2027, 4, 15, 9, tzinfo=UTC)) == (1, 1)
    assert rows(loan, 2)[0].due_date == NEW_WORKING_DAY


@pytest.mark.parametrize(("day", "moved"), [(11, (1, 1)), (12, (0, 0))])
def test_a_payment_of_the_next_days_is_not_called_in_earlier(day, moved):
    lent()
    enter()
    assert follow(datetime(2027, 5, day, 9, tzinfo=UTC)) == moved


def test_only_years_that_are_followed_and_loans_that_avoid_days_off_move():
    lent(due_shift="none")
    loan = lent()
    enter()
    services.write_calendar(
        years={2028: YearFact(2028, frozenset({date(2028, 6, 15)}), frozenset(), "Decree of 2028")}, now=NOW
    )
    assert follow() == (1, 2)
    assert date(2028, 6, 15) in {row.due_date for row in rows(loan, 2)}
    services.follow_calendar(year=2028, actor_id=None, now=NOW)
    assert redate() == (1, 1)
    assert date(2028, 6, 16) in {row.due_date for row in rows(loan, 3)}


def test_a_corrected_decree_is_followed_anew():
    loan = lent()
    enter()
    follow()
    enter(off=(), working=(NEW_WORKING_DAY,), source="Decree of 2027, corrected")
    assert redate() == (0, 0)
    assert follow() == (1, 1)
    assert date(2027, 4, 15) in {row.due_date for row in rows(loan, 3)}


def test_a_year_without_a_decree_is_not_followed():
    with pytest.raises(InvalidInput):
        services.follow_calendar(year=2027, actor_id=None, now=NOW)
    with pytest.raises(CommandError):
        call_command("redate_loans", "2027", "--apply", stdout=StringIO())


def test_a_payment_that_bounces_later_is_still_taken_back():
    loan = lent()
    enter()
    pay_all_due(loan, NOW)
    last = receive(loan, Decimal(1000), NOW)
    follow()
    services.reverse_payment(loan_id=loan.id, payment_id=last.id, manager_id=None, reason="Bounced.", now=NOW)
    assert LoanVersion.objects.get(loan=loan, number=2).cancelled_at is None


def repaid_early(loan, strategy=Strategy.REDUCE_TERM):
    paid, _plan = services.repay_loan_early(
        loan_id=loan.id, amount=Decimal(100_000), day=TODAY, strategy=strategy, means=Means("card"), actor_id=uuid7(),
        now=NOW,
    )  # fmt: skip
    services.settle_payment(loan_id=loan.id, payment_id=paid.id, is_paid=True, now=NOW)
    return paid


def bounce(loan, payment, now):
    services.reverse_payment(loan_id=loan.id, payment_id=payment.id, manager_id=None, reason="Bounced.", now=now)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_an_early_repayment_that_bounces_leaves_the_days_that_were_told(strategy):
    loan = lent()
    enter()
    pay_all_due(loan, NOW)
    paid = repaid_early(loan, strategy)
    was = standing(loan)
    assert follow() == (1, 2)
    assert standing(loan) == was
    assert sum(row.principal for row in rows(loan, 3)) == was.balance
    bounce(loan, paid, NOW)
    kept = LoanVersion.objects.filter(loan=loan, cancelled_at=None).order_by("number")
    assert [version.kind for version in kept] == ["payout", "redating"]
    assert sum(row.principal for row in rows(loan, 4)) == standing(loan).balance
    assert {MOVES[0][1], MOVES[1][1]} <= {row.due_date for row in rows(loan, 4)}
    assert redate() == (0, 0)
    assert list(loan_disagreements()) == []


def test_what_was_paid_on_a_moved_day_is_not_late_when_an_earlier_repayment_bounces():
    loan = lent()
    enter()
    pay_all_due(loan, NOW)
    paid = repaid_early(loan)
    follow()
    for row in rows(loan, 3)[:2]:
        receive(loan, row.payment, datetime(row.due_date.year, row.due_date.month, row.due_date.day, 9, tzinfo=UTC))
    later = datetime(2027, 4, 20, 9, tzinfo=UTC)
    bounce(loan, paid, later)
    found = standing(loan, dealer_day(later))
    assert (found.days_past_due, found.due, found.penalty_paid) == (0, 0, 0)


def test_what_credit_holidays_put_off_stays_with_the_last_payment():
    loan = lent()
    pay_all_due(loan, NOW)
    services.grant_moratorium(
        loan_id=loan.id, months=1, ground=Ground.AGREED, evidence="Papers.", manager_id=None, now=NOW
    )
    before, old = rows(loan, 2), LoanVersion.objects.get(loan=loan, number=2)
    enter()
    assert follow() == (1, 2)
    after, version = rows(loan, 3), LoanVersion.objects.get(loan=loan, number=3)
    assert (version.from_date, version.carried_interest) == (old.from_date, old.carried_interest)
    assert version.deferred_interest == old.deferred_interest > 0
    assert [row.number for row in after] == [row.number for row in before]
    assert {row.payment for row in after[:-1]} == {before[0].payment}
    assert abs(after[-1].payment - before[-1].payment) < 1000
    assert sum(row.principal for row in after) == old.principal
    days = (after[0].due_date - date(2027, 3, 20)).days
    assert after[0].interest == (old.principal * loan.annual_rate * days / 36500).quantize(Decimal("0.01"))
    on_due = services.preview_payoff(loan_id=loan.id, day=after[1].due_date, now=NOW)
    assert on_due.interest == version.deferred_interest


def test_the_statements_do_not_grow_with_the_loans():
    def count():
        with CaptureQueriesContext(connections["financing"]) as statements:
            queries.preview_redating(2027, now=NOW)
        return len(statements)

    lent()
    enter()
    one = count()
    for _ in range(3):
        lent()
    assert count() == one


def test_the_desk_looks_first_and_then_lets_loans_follow():
    lent()
    enter()
    row = WorkCalendarYear.objects.get(year=2027)
    with time_machine.travel(NOW, tick=False):
        manager = browser("manager")
        shown = manager.get(get_path(row, "moved-payments"))
        assert (shown.context["preview"].loans, shown.context["preview"].payments) == (1, 2)
        assert "16 April 2027" in shown.content.decode() or "April 16, 2027" in shown.content.decode()
        for caller in (browser("client"), Client()):
            assert caller.get(get_path(row, "moved-payments")).status_code in (302, 403)
            press(caller, row, "follow")
        row.refresh_from_db()
        assert row.followed_at is None
        press(manager, row, "follow")
    row.refresh_from_db()
    assert (row.followed_at, row.followed_by) == (NOW, manager.user_id)
    assert not LoanVersion.objects.filter(kind="redating").exists()
    assert redate() == (1, 2)


def test_the_command_shows_and_then_applies():
    loan = lent()
    enter()
    out = StringIO()
    with time_machine.travel(NOW, tick=False):
        call_command("redate_loans", "2027", stdout=out)
    assert "1 of 1 loans would change: 2 payments move, 1 of them to an earlier day" in out.getvalue()
    assert LoanVersion.objects.filter(loan=loan).count() == 1
    with time_machine.travel(NOW, tick=False):
        call_command("redate_loans", "2027", "--apply", verbosity=0, stdout=out)
    assert "1 loans looked at, 1 changed, 2 payments moved" in out.getvalue()
    assert WorkCalendarYear.objects.get(year=2027).followed_at is not None
