"""Draw how a loan stands from its schedules and its money by their dates, and write it beside it with its book."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Sum

from core.clock import dealer_day
from core.db import transaction
from core.money import ZERO
from financing.errors import LoanNotFound
from financing.events import LoanClosed, LoanOverdue, LoanStageChanged
from financing.models import (
    Account,
    EntryKind,
    Loan,
    LoanEntry,
    LoanLine,
    LoanPayment,
    LoanRefund,
    LoanStage,
    LoanStageChange,
    LoanStatus,
    PaymentKind,
    RefundStatus,
)
from financing.queries.history import History
from financing.rules.calculations import Part
from financing.rules.calculations.servicing import Standing
from messaging.outbox import publish, send
from payments.commands import GiveBackLoanSurplus


def lock_loan(loan_id: UUID, customer_id: UUID | None = None) -> Loan:
    """Lock a loan; `customer_id` None sees everybody's. Raises LoanNotFound."""
    visible = Loan.objects.select_for_update().filter(pk=loan_id)
    if customer_id is not None:
        visible = visible.filter(customer_id=customer_id)
    loan = visible.first()
    if loan is None:
        raise LoanNotFound
    return loan


def adopt(loan: Loan, history: History) -> None:
    """Make the newest schedule the loan's."""
    version, rows = history.version, history.rows
    loan.schedule_version, loan.annual_rate, loan.psk = version.number, version.annual_rate, version.psk
    loan.monthly_payment = version.monthly_payment
    loan.last_due_date = max((row.due_date for row in rows), default=version.from_date)
    carried = sum((item.repaid_interest for item in history.versions), ZERO)
    loan.total_interest = sum((row.interest for row in rows), ZERO) + carried


def refresh(
    loan: Loan, history: History, now: datetime, kind: EntryKind, payment: LoanPayment | None = None
) -> Standing:
    """Draw the loan as it stands today, post what moved, and tell what became of it. The caller holds its lock."""
    today = dealer_day(now)
    standing = history.standing(today)
    if standing.is_repaid and standing.deposit:
        _return_surplus(loan, history, standing.deposit, now)
        standing = history.standing(today)
    draw(loan, history, standing, now)
    loan.touch(now)
    loan.save()
    post(loan, totals(loan, history, standing), kind, today, now, payment)
    return standing


def draw(loan: Loan, history: History, standing: Standing, now: datetime) -> None:
    """Copy a standing onto the loan and publish its change of state."""
    unpaid = (row for row in history.rows if row.due_date > standing.day or row.due_date in standing.open_dues)
    later = next(unpaid, None)
    loan.balance, loan.deposit = standing.balance, standing.deposit
    loan.overdue_amount, loan.penalty_amount = standing.overdue, standing.owed[Part.PENALTY]
    loan.overdue_since, loan.days_past_due = standing.oldest_due, standing.days_past_due
    loan.next_due_date, loan.next_payment = (later.due_date, later.payment) if later else (None, ZERO)
    loan.accrued_on = standing.day
    if standing.is_repaid:
        loan.next_due_date, loan.next_payment = None, ZERO
    _leave_stage(loan, standing, now)
    _move(loan, history, standing, now)


def _leave_stage(loan: Loan, standing: Standing, now: datetime) -> None:
    """End credit holidays when their time is over, and collection once nothing is late any more."""
    is_over = loan.stage == LoanStage.MORATORIUM and loan.stage_until is not None and loan.stage_until < standing.day
    is_paid = loan.stage == LoanStage.COLLECTION and not standing.days_past_due
    if is_over or is_paid or (loan.stage and standing.is_repaid):
        change_stage(loan, LoanStage.NONE, standing.day, now)


def change_stage(loan: Loan, stage: LoanStage, day: date, now: datetime, **why: Any) -> None:
    """Step a locked loan to a stage and tell; `why` is the `ground`, `reason`, `made_by` and `until` of its record.

    Raises WrongTransition.
    """
    until = why.get("until")
    loan.enter(stage, until)
    LoanStageChange.objects.create(loan=loan, stage=stage, from_date=day, created_at=now, **why)
    publish(LoanStageChanged(loan_id=loan.id, customer_id=loan.customer_id, stage=stage.value, until=until))


def _move(loan: Loan, history: History, standing: Standing, now: datetime) -> None:
    target = LoanStatus.OVERDUE if standing.days_past_due else LoanStatus.ACTIVE
    if standing.is_repaid:
        target = LoanStatus.CLOSED
    if target != loan.status:
        loan.move(target, now)
        if target == LoanStatus.CLOSED:
            is_returned = any(payment.kind == PaymentKind.RETURN for payment in history.payments[-1:])
            reason = "returned" if is_returned else "repaid"
            publish(LoanClosed(loan_id=loan.id, customer_id=loan.customer_id, order_id=loan.order_id, reason=reason))
    if standing.oldest_due is not None and standing.oldest_due != loan.told_overdue:
        publish(
            LoanOverdue(
                loan_id=loan.id,
                customer_id=loan.customer_id,
                due_date=standing.oldest_due,
                overdue_amount=standing.overdue,
                currency=loan.currency,
            )
        )
    loan.told_overdue = standing.oldest_due


def _return_surplus(loan: Loan, history: History, surplus: Decimal, now: datetime) -> None:
    """Give back what is left of the newest payments once nothing is owed."""
    for payment in reversed(history.payments):
        part = min(surplus, payment.amount - payment.surplus)
        if part > 0:
            payment.surplus += part
            payment.save(update_fields=["surplus"])
            request_refund(loan, payment, part, "paid above the payoff", is_at_bank=True)
            surplus -= part


def request_refund(loan: Loan, payment: LoanPayment, amount: Decimal, reason: str, *, is_at_bank: bool) -> None:
    """Ask payments to give money back; the answer is `settle_refund`.

    `is_at_bank`: it lies with the bank, which debited it or counted it.
    """
    refund = LoanRefund.objects.create(
        loan=loan, payment=payment, amount=amount, currency=loan.currency, reason=reason[:120]
    )
    send(
        GiveBackLoanSurplus(
            request_id=refund.id,
            loan_id=loan.id,
            customer_id=loan.customer_id,
            amount=amount,
            currency=loan.currency,
            reason=reason,
            bank=loan.bank,
            is_at_bank=is_at_bank,
        )
    )


def settle_refund(*, refund_id: UUID, is_paid: bool, code: str, detail: str, now: datetime) -> None:
    """Note that a refund left us, or failed; what has left stays so, and requests not ours are passed over."""
    with transaction("financing"):
        refund = LoanRefund.objects.select_for_update().filter(pk=refund_id).first()
        if refund is None or refund.status == RefundStatus.PAID:
            return
        refund.status = RefundStatus.PAID if is_paid else RefundStatus.FAILED
        refund.failure_code, refund.failure_detail = ("", "") if is_paid else (code[:60], detail)
        refund.settled_at = now
        refund.save()


def totals(loan: Loan, history: History, standing: Standing) -> dict[str, Decimal]:
    """Return what every account of the loan's book must hold, roubles; together zero."""
    received = sum((item.amount - item.surplus for item in history.payments), ZERO)
    return {
        Account.CASH.value: received - loan.paid_out,
        Account.PRINCIPAL.value: standing.balance,
        Account.DEPOSIT.value: -standing.deposit,
        Account.INTEREST.value: -standing.interest_paid,
        Account.PENALTY.value: -standing.penalty_paid,
        Account.OTHER.value: loan.paid_out - loan.principal - standing.other_paid,
    }


def post(
    loan: Loan,
    wanted: Mapping[str, Decimal],
    kind: EntryKind,
    day: date,
    now: datetime,
    payment: LoanPayment | None = None,
    **why: Any,
) -> None:
    """Add the entry that brings the loan's book to what it must hold; nothing where it holds it already.

    `why` is the `reason` that somebody gave for it, and who: `made_by`.
    """
    lines = LoanLine.objects.filter(entry__loan=loan).order_by()
    held = dict(lines.values_list("account").annotate(total=Sum("amount")))
    moved = {name: wanted.get(name, ZERO) - held.get(name, ZERO) for name in {*wanted, *held}}
    write_entry(loan, moved, kind, day, now, payment, **why)


def write_entry(
    loan: Loan,
    moved: Mapping[str, Decimal],
    kind: EntryKind,
    day: date,
    now: datetime,
    payment: LoanPayment | None,
    **why: Any,
) -> None:
    """Write one entry of a loan's book; the amounts sum to zero."""
    amounts: Iterable[tuple[str, Decimal]] = [(name, amount) for name, amount in sorted(moved.items()) if amount]
    if amounts:
        entry = LoanEntry.objects.create(loan=loan, kind=kind, payment=payment, day=day, created_at=now, **why)
        LoanLine.objects.bulk_create(
            LoanLine(entry=entry, account=account, amount=amount) for account, amount in amounts
        )
