"""Suspend a loan's payments, and hand a late one to collection and back."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput, WrongTransition
from financing.approvals import MORATORIUM
from financing.errors import HolidaysNotDue, LoanNotRunning
from financing.models import (
    EntryKind,
    FinancingType,
    Loan,
    LoanStage,
    LoanVersion,
    ScheduleType,
    VersionKind,
    WorkCalendarYear,
)
from financing.queries.early import compute_cost
from financing.queries.history import History
from financing.rules.calculations import Debt, Part, Row, Schedule, add_months, interest_factor
from financing.rules.calculations.servicing import Standing
from financing.rules.holidays import MOST_MONTHS, Ground, find_limit
from financing.services.repaying import next_number, write_rows
from financing.services.standing import adopt, change_stage, lock_loan, refresh
from gateway import approvals

PERCENT = Decimal(100)


def grant_moratorium(
    *, loan_id: UUID, months: int, ground: Ground, evidence: str, manager_id: UUID, now: datetime
) -> Loan:
    """Suspend the payments of a loan for 1 to 6 months from today; a second person agrees (353-FZ art. 6.1-2).

    Payments, also those that are late, come back in the same size after it; interest runs at the rate of the contract
    and is due with the last one, and no penalty grows. Raises LoanNotFound, LoanNotRunning, InvalidInput,
    HolidaysNotDue, WrongTransition, FourEyes, Waits.
    """
    with transaction("financing"):
        loan, today = lock_loan(loan_id), dealer_day(now)
        if not loan.is_running:
            raise LoanNotRunning(state=loan.status)
        if not 1 <= months <= MOST_MONTHS:
            raise InvalidInput("months", "out_of_range", _("One to six months."))
        _require_due(loan, ground, today)
        until = add_months(today, months)
        version, rows = _suspended(History(loan), today, until)
        change_stage(
            loan, LoanStage.MORATORIUM, today, now, ground=ground.value, reason=evidence, made_by=manager_id,
            until=until,
        )  # fmt: skip
        args = {"months": months, "ground": ground.value, "evidence": evidence}
        approvals.admit(MORATORIUM, _ask(loan, version.deferred_interest, manager_id, evidence, args), now=now)
        version.reason, version.made_by, version.created_at = evidence, manager_id, now
        version.save(force_insert=True)
        write_rows(version, rows)
        history = History(loan)
        adopt(loan, history)
        refresh(loan, history, now, EntryKind.RESTRUCTURING)
    return loan


def moratorium_agreed(
    *,
    subject_id: UUID,
    maker_id: UUID,
    approver_id: UUID,
    now: datetime,
    months: int,
    ground: str,
    evidence: str,
) -> None:
    """Suspend the payments as one manager asked and another agreed. Raises as `grant_moratorium`."""
    grant_moratorium(
        loan_id=subject_id, months=months, ground=Ground(ground), evidence=evidence, manager_id=maker_id, now=now
    )


def _ask(loan: Loan, amount: Decimal, manager_id: UUID, reason: str, args: dict[str, Any]) -> approvals.Ask:
    return approvals.Ask(
        subject_id=loan.id,
        amount=amount,
        currency=loan.currency,
        maker_id=manager_id,
        beneficiary_id=loan.customer_id,
        reason=reason,
        args=args,
    )


def _require_due(loan: Loan, ground: Ground, today: date) -> None:
    """The law's grounds hold once each, for car loans up to an amount of a dated row. Raises HolidaysNotDue."""
    if ground is Ground.AGREED:
        return
    limit = find_limit(today)
    if limit is None or loan.application.financing_type == FinancingType.LEASING:
        raise HolidaysNotDue(why="no_row")
    if loan.principal > limit.amount:
        raise HolidaysNotDue(why="amount", limit=str(limit.amount), source=limit.source)
    if loan.stages.filter(stage=LoanStage.MORATORIUM, ground=ground.value).exists():
        raise HolidaysNotDue(why="used")


def _suspended(history: History, today: date, until: date) -> tuple[LoanVersion, list[Row]]:
    """Build the payments that follow credit holidays: those that were left and those that are open."""
    loan, standing, rules = history.loan, history.standing(today), history.loan.rules
    if not standing.balance:
        raise InvalidInput("months", "nothing_left", _("No principal is left to repay."))
    old, rate = history.debt(today, standing.balance), history.version.annual_rate / PERCENT
    carried = old.interest_to(today) + standing.owed[Part.OVERDUE_INTEREST] + standing.owed[Part.INTEREST]
    resting = rules.conventions.interest_rounding(
        standing.balance * interest_factor(rate, today, until, rules.day_count)
    )
    passed, plan = history.last_number(today), _resumed(history, standing, until)
    deferred = carried + resting
    rows = [row._replace(number=row.number + passed) for row in plan.rows]
    rows[-1] = rows[-1]._replace(payment=rows[-1].payment + deferred, interest=rows[-1].interest + deferred)
    version = LoanVersion(
        loan=loan,
        number=next_number(loan),
        kind=VersionKind.MORATORIUM,
        from_date=today,
        period_start=today,
        annual_rate=history.version.annual_rate,
        principal=standing.balance,
        payment=history.version.payment,
        monthly_payment=history.version.monthly_payment,
        psk=compute_cost(standing.balance, today, rows, near=history.version.annual_rate),
        carried_interest=carried,
        deferred_interest=deferred,
    )
    return version, rows


def _resumed(history: History, standing: Standing, until: date) -> Schedule:
    """Draw the payments from the end of credit holidays on, as large as before and as many as were left or open."""
    loan, rules = history.loan, history.loan.rules
    count = max(len(history.later_rows(standing.day)) + len(standing.open_dues), 1)
    passed = history.last_number(standing.day)
    numbers = range(passed + 1, passed + count + 1)
    return Debt(
        balance=standing.balance,
        annual_rate=history.version.annual_rate / PERCENT,
        since=until,
        due_dates=rules.due_dates_after(loan.disbursed_date, until, count, WorkCalendarYear.read),
        payment=history.version.payment,
        balloon=min(loan.balloon, standing.balance),
        equal_principal=loan.schedule == ScheduleType.DIFFERENTIATED,
        fees=rules.fees_of_rows(loan.before_fees, numbers, max(numbers[-1], loan.term_months)),
        pays_interest=True,
        payment_rounding=rules.conventions.payment_rounding,
        interest_rounding=rules.conventions.interest_rounding,
        day_count=rules.day_count,
    ).kept_schedule()


def start_collection(*, loan_id: UUID, manager_id: UUID, reason: str, now: datetime) -> Loan:
    """Hand an overdue loan to those who collect debts. Raises LoanNotFound, WrongTransition."""
    return _step(loan_id, LoanStage.COLLECTION, manager_id, reason, now)


def end_collection(*, loan_id: UUID, manager_id: UUID, reason: str, now: datetime) -> Loan:
    """Take a loan back from collection; one paid up leaves by itself. Raises LoanNotFound, WrongTransition."""
    return _step(loan_id, LoanStage.NONE, manager_id, reason, now)


def _step(loan_id: UUID, stage: LoanStage, manager_id: UUID, reason: str, now: datetime) -> Loan:
    with transaction("financing"):
        loan = lock_loan(loan_id)
        if stage is LoanStage.NONE and loan.stage == LoanStage.MORATORIUM:
            raise WrongTransition(loan.stage, [])
        change_stage(loan, stage, dealer_day(now), now, reason=reason, made_by=manager_id)
        loan.touch(now)
        loan.save()
    return loan
