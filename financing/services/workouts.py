"""Deal with loans that do not go as agreed: new terms, payments that bounced, giving up."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput, WrongTransition
from core.money import ZERO
from financing.approvals import RESTRUCTURE, WRITE_OFF
from financing.errors import LoanNotFound, LoanNotRunning, ScheduleChangedSince, SurplusReturned
from financing.events import LoanClosed, LoanPaymentReversed, LoanRestructured
from financing.models import (
    Account,
    EntryKind,
    Loan,
    LoanPayment,
    LoanPaymentStatus,
    LoanVersion,
    ScheduleType,
    VersionKind,
    WorkCalendarYear,
)
from financing.queries.early import compute_cost
from financing.queries.history import History
from financing.queries.redating import place_payments
from financing.rules.calculations import Debt, Part, Row, Schedule
from financing.services.repaying import next_number, write_rows
from financing.services.standing import adopt, lock_loan, post, refresh, totals
from gateway import approvals
from messaging.outbox import publish

PERCENT = Decimal(100)


def restructure_loan(
    *,
    loan_id: UUID,
    term_months: int,
    manager_id: UUID,
    reason: str,
    now: datetime,
    annual_rate: Decimal | None = None,
    waive_penalty: bool = False,
) -> Loan:
    """Repay what is left by a new schedule of `term_months`, at another rate (% a year) if need be.

    Unpaid interest joins the first new instalment and never the debt; penalties stay owed unless waived. The day of
    the month is kept. Raises LoanNotFound, LoanNotRunning, InvalidInput, FourEyes and Waits (something is forgiven).
    """
    with transaction("financing"):
        loan = lock_loan(loan_id)
        if not loan.is_running:
            raise LoanNotRunning(state=loan.status)
        history, today = History(loan), dealer_day(now)
        version, rows = _new_terms(history, today, term_months, annual_rate)
        version.waived_penalty = history.standing(today).owed[Part.PENALTY] if waive_penalty else ZERO
        forgone = _interest_forgone(history, today, term_months, annual_rate, rows)
        terms = {
            "term_months": term_months, "annual_rate": annual_rate, "waive_penalty": waive_penalty, "reason": reason
        }  # fmt: skip
        request = _ask(loan, version.waived_penalty + forgone, manager_id, reason, terms)
        approvals.admit(RESTRUCTURE, request, now=now)
        version.reason, version.made_by, version.created_at = reason, manager_id, now
        version.save(force_insert=True)
        write_rows(version, rows)
        history = History(loan)
        adopt(loan, history)
        refresh(loan, history, now, EntryKind.RESTRUCTURING)
        _publish_restructured(loan, term_months)
    return loan


def _publish_restructured(loan: Loan, term_months: int) -> None:
    publish(
        LoanRestructured(
            loan_id=loan.id,
            customer_id=loan.customer_id,
            term_months=term_months,
            monthly_payment=loan.monthly_payment,
            currency=loan.currency,
        )
    )


def restructure_agreed(
    *,
    subject_id: UUID,
    maker_id: UUID,
    approver_id: UUID,
    now: datetime,
    term_months: int,
    annual_rate: Decimal | None,
    waive_penalty: bool,
    reason: str,
) -> None:
    """Give a loan the terms that one manager asked for and another agreed to. Raises as `restructure_loan`."""
    restructure_loan(
        loan_id=subject_id,
        term_months=term_months,
        annual_rate=annual_rate,
        waive_penalty=waive_penalty,
        manager_id=maker_id,
        reason=reason,
        now=now,
    )


def _ask(loan: Loan, amount: Decimal, manager_id: UUID, reason: str, args: dict[str, Any]) -> approvals.Ask:
    """Build the question to a second person about a loan of which something is forgiven."""
    return approvals.Ask(
        subject_id=loan.id,
        amount=amount,
        currency=loan.currency,
        maker_id=manager_id,
        beneficiary_id=loan.customer_id,
        reason=reason,
        args=args,
    )


def _interest_forgone(
    history: History, today: date, term_months: int, annual_rate: Decimal | None, rows: list[Row]
) -> Decimal:
    """Return what a lower rate costs the lender over the term, roubles; nothing when the rate stays or rises."""
    if annual_rate is None or annual_rate >= history.version.annual_rate:
        return ZERO
    _version, as_agreed = _new_terms(history, today, term_months, None)
    return max(ZERO, sum((row.interest for row in as_agreed), ZERO) - sum((row.interest for row in rows), ZERO))


def _new_terms(
    history: History, today: date, term_months: int, annual_rate: Decimal | None
) -> tuple[LoanVersion, list[Row]]:
    loan, standing = history.loan, history.standing(today)
    if not standing.balance:
        raise InvalidInput("term_months", "nothing_left", _("No principal is left to repay."))
    old = history.debt(today, standing.balance)
    rate = history.version.annual_rate if annual_rate is None else annual_rate
    carried = old.interest_to(today) + standing.owed[Part.OVERDUE_INTEREST] + standing.owed[Part.INTEREST]
    passed = history.last_number(today)
    schedule = _reduced(loan, standing.balance, rate, today, carried, range(passed + 1, passed + term_months + 1))
    rows = [row._replace(number=row.number + passed) for row in schedule.rows]
    is_differentiated = loan.schedule == ScheduleType.DIFFERENTIATED
    version = LoanVersion(
        loan=loan,
        number=next_number(loan),
        kind=VersionKind.RESTRUCTURING,
        from_date=today,
        period_start=today,
        annual_rate=rate,
        principal=standing.balance,
        payment=rows[0].principal if is_differentiated else schedule.payment,
        monthly_payment=schedule.payment,
        psk=compute_cost(standing.balance, today, rows, near=rate),
        carried_interest=carried,
    )
    return version, rows


def _reduced(
    loan: Loan, balance: Decimal, rate: Decimal, today: date, carried: Decimal, numbers: Sequence[int]
) -> Schedule:
    """Build the payments of these numbers, due on the days agreed at the payout from the first that comes."""
    rules = loan.rules
    return Debt(
        balance=balance,
        annual_rate=rate / PERCENT,
        since=today,
        due_dates=rules.due_dates_after(loan.disbursed_date, today, len(numbers), WorkCalendarYear.read),
        payment=ZERO,
        accrued_interest=carried,
        balloon=min(loan.balloon, balance),
        equal_principal=loan.schedule == ScheduleType.DIFFERENTIATED,
        fees=rules.fees_of_rows(loan.before_fees, numbers, max(numbers[-1], loan.term_months)),
        pays_interest=rules.is_dated,
        payment_rounding=rules.conventions.payment_rounding,
        interest_rounding=rules.conventions.interest_rounding,
        day_count=rules.day_count,
    ).reduced_schedule()


def reverse_payment(
    *, loan_id: UUID, payment_id: UUID, manager_id: UUID | None, reason: str, now: datetime
) -> LoanPayment:
    """Count a payment that bounced as if it had never come; a schedule that it made is taken back with it.

    Raises LoanNotFound, WrongTransition, ScheduleChangedSince, SurplusReturned.
    """
    with transaction("financing"):
        loan = lock_loan(loan_id)
        payment = LoanPayment.objects.select_for_update().filter(pk=payment_id, loan=loan).first()
        if payment is None:
            raise LoanNotFound
        take_back(loan, payment, manager_id=manager_id, reason=reason, now=now)
    return payment


def take_back(loan: Loan, payment: LoanPayment, *, manager_id: UUID | None, reason: str, now: datetime) -> None:
    """The same under the loan's lock; a refusal has changed nothing. Raises as `reverse_payment`."""
    _check_reversible(loan, payment)
    payment.move(LoanPaymentStatus.REVERSED)
    payment.reversed_at, payment.reversed_by, payment.reason = now, manager_id, reason
    payment.recalled_at = None
    payment.save()
    if payment.schedule is not None:
        _cancel_schedule(loan, payment.schedule, now)
    history = History(loan)
    adopt(loan, history)
    refresh(loan, history, now, EntryKind.REVERSAL, payment)
    publish(
        LoanPaymentReversed(
            loan_id=loan.id,
            customer_id=loan.customer_id,
            request_id=payment.id,
            amount=payment.amount,
            currency=payment.currency,
            reason=reason,
            balance=loan.balance,
        )
    )


def _cancel_schedule(loan: Loan, schedule: LoanVersion, now: datetime) -> None:
    """Take a schedule back with those that only moved its payments; the days that borrowers were told of stay."""
    stood_on = loan.versions.filter(kind=VersionKind.REDATING, number__gt=schedule.number, cancelled_at=None)
    numbers = list(stood_on.values_list("number", flat=True))
    told = loan.rows.filter(version__in=numbers).order_by("version", "number")
    days = dict(told.values_list("number", "due_date"))
    stood_on.update(cancelled_at=now)
    schedule.cancelled_at = now
    schedule.save()
    plan = place_payments(History(loan), schedule.from_date, days) if days else None
    if plan:
        plan.version.created_at = now
        plan.version.save(force_insert=True)
        write_rows(plan.version, plan.rows)


def _check_reversible(loan: Loan, payment: LoanPayment) -> None:
    if not (loan.is_running or loan.closed_at):
        raise WrongTransition(loan.status, [])
    if payment.status != LoanPaymentStatus.RECEIVED or payment.received_at is None:
        raise WrongTransition(payment.status, [])
    if payment.surplus:
        raise SurplusReturned
    later = loan.versions.filter(cancelled_at=None, created_at__gte=payment.received_at, number__gt=1)
    if later.exclude(made_of=payment).exclude(kind=VersionKind.REDATING).exists():
        raise ScheduleChangedSince


def write_off_loan(*, loan_id: UUID, manager_id: UUID, reason: str, now: datetime) -> Loan:
    """Give up an overdue loan: the principal still owed becomes the bank's loss.

    Raises LoanNotFound, WrongTransition, FourEyes, Waits.
    """
    with transaction("financing"):
        loan, today = lock_loan(loan_id), dealer_day(now)
        history = History(loan)
        held = totals(loan, history, history.standing(today))
        loan.write_off(now)
        request = _ask(loan, abs(held[Account.PRINCIPAL.value]), manager_id, reason, {"reason": reason})
        approvals.admit(WRITE_OFF, request, now=now)
        loan.save()
        held[Account.LOSS.value] = held.pop(Account.PRINCIPAL.value)
        post(loan, held, EntryKind.WRITE_OFF, today, now, reason=reason, made_by=manager_id)
        publish(LoanClosed(loan_id=loan.id, customer_id=loan.customer_id, order_id=loan.order_id, reason="written_off"))
    return loan


def write_off_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, reason: str) -> None:
    """Give up a loan as one manager asked and another agreed. Raises LoanNotFound, WrongTransition."""
    write_off_loan(loan_id=subject_id, manager_id=maker_id, reason=reason, now=now)
