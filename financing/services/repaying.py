"""Money from borrowers: instalments taken through payments, and early repayment with a new schedule."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from core.money import ZERO
from financing.errors import LoanNotFound, LoanNotRunning, PaymentNotNeeded
from financing.events import LoanPaymentReceived, LoanPaymentRefused
from financing.models import (
    EntryKind,
    Loan,
    LoanPayment,
    LoanPaymentMethod,
    LoanPaymentStatus,
    LoanScheduleRow,
    LoanVersion,
    PaymentKind,
)
from financing.queries.early import EarlyPlan, PayoffQuote, plan_early, quote_payoff
from financing.queries.history import History
from financing.rules.calculations import Row, Strategy
from financing.rules.calculations.servicing import Standing
from financing.services.mandates import give_mandate, refuse_above_payoff, room_for_debit
from financing.services.standing import adopt, lock_loan, refresh, request_refund
from messaging.outbox import publish, send
from payments.commands import Means, ReceiptItem, TakeLoanPayment

BY_ACCOUNT = Means(LoanPaymentMethod.ACCOUNT)
"""The lending bank debits the borrower's own account with it."""


def pay_loan(
    *,
    loan_id: UUID,
    amount: Decimal,
    means: Means,
    actor_id: UUID,
    now: datetime,
    customer_id: UUID | None = None,
) -> LoanPayment:
    """Pay roubles towards what is due; what is not due yet waits for its date. `customer_id` None is a manager.

    Raises LoanNotFound, LoanNotRunning, PaymentNotNeeded, InvalidInput (a debit above the payoff).
    """
    with transaction("financing"):
        loan = running_loan(loan_id, customer_id)
        history = History(loan)
        most = _most_to_pay(loan, history, dealer_day(now))
        if amount > most:
            raise PaymentNotNeeded(most=str(most))
        payment = record_payment(loan, PaymentKind.INSTALMENT, amount, means, actor_id, now)
        take_payment(loan, payment, means, now)
    return payment


def running_loan(loan_id: UUID, customer_id: UUID | None) -> Loan:
    """Lock a loan that is being repaid. Raises LoanNotFound, LoanNotRunning."""
    loan = lock_loan(loan_id, customer_id)
    if not loan.is_running:
        raise LoanNotRunning(state=loan.status)
    return loan


def _most_to_pay(loan: Loan, history: History, today: date) -> Decimal:
    """All that is due and all that will be, less what waits or is on its way."""
    standing = history.standing(today)
    later = sum((row.payment for row in history.later_rows(today)), ZERO)
    coming = sum((item.amount for item in loan.payments.all() if item.status == LoanPaymentStatus.PENDING), ZERO)
    return max(standing.due + later - standing.deposit - coming, ZERO)


def record_payment(
    loan: Loan, kind: PaymentKind, amount: Decimal, means: Means, actor_id: UUID, now: datetime
) -> LoanPayment:
    """A payment that is about to be made, not written yet."""
    return LoanPayment(
        loan=loan,
        kind=kind,
        method=means.method,
        status=LoanPaymentStatus.PENDING,
        amount=amount,
        currency=loan.currency,
        value_date=dealer_day(now),
        created_by=actor_id,
        created_at=now,
    )


def take_payment(loan: Loan, payment: LoanPayment, means: Means, now: datetime) -> None:
    """The bank is told to debit the borrower's account, other money is asked of payments; it counts when it is here.

    Raises InvalidInput (a debit above the payoff).
    """
    if payment.is_debit:
        refuse_above_payoff(History(loan), dealer_day(now), payment.value_date, payment.amount)
        payment.save(force_insert=True)
        give_mandate(payment, now)
        return
    payment.save(force_insert=True)
    send(
        TakeLoanPayment(
            request_id=payment.id,
            loan_id=loan.id,
            customer_id=loan.customer_id,
            amount=payment.amount,
            currency=payment.currency,
            **asdict(means),
            description=f"Loan {loan.id}",
            bank=loan.bank,
            receipt=[_name_on_receipt(loan, payment)],
        )
    )


def _name_on_receipt(loan: Loan, payment: LoanPayment) -> ReceiptItem:
    name = f"{payment.get_kind_display()} {loan.id}"
    return ReceiptItem(name=name, amount=payment.amount, unit_price=payment.amount, subject="payment")


def settle_payment(
    *, loan_id: UUID, payment_id: UUID, is_paid: bool, now: datetime, code: str = "", detail: str = ""
) -> None:
    """Hear what became of a payment asked for; the same answer twice changes nothing, and money outranks a refusal.

    A loan given back owes interest to the day it was given back, other money counts from today. Publishes
    LoanPaymentRefused, or what `receive` does. Raises LoanNotFound.
    """
    with transaction("financing"):
        loan = lock_loan(loan_id)
        payment = LoanPayment.objects.select_for_update().filter(pk=payment_id, loan=loan).first()
        if payment is None:
            raise LoanNotFound
        if payment.status not in (LoanPaymentStatus.PENDING, LoanPaymentStatus.FAILED):
            return
        if is_paid:
            if payment.kind != PaymentKind.RETURN:
                payment.value_date = dealer_day(now)
            receive(loan, payment, now)
        elif payment.status == LoanPaymentStatus.PENDING:
            record_refusal(loan, payment, code, detail)


def record_refusal(loan: Loan, payment: LoanPayment, code: str, detail: str) -> None:
    """Note that a payment of a locked loan did not come, however it was made. Publishes LoanPaymentRefused."""
    payment.move(LoanPaymentStatus.FAILED)
    payment.failure_code, payment.failure_detail = code[:60], detail[:255]
    payment.save()
    publish(
        LoanPaymentRefused(
            loan_id=loan.id,
            customer_id=loan.customer_id,
            request_id=payment.id,
            amount=payment.amount,
            currency=payment.currency,
            code=payment.failure_code,
        )
    )


def receive(loan: Loan, payment: LoanPayment, now: datetime) -> None:
    """Count money that is here; for a loan that ended meanwhile it goes straight back."""
    if not loan.is_running:
        payment.receive(now)
        payment.surplus = payment.amount
        payment.save()
        request_refund(loan, payment, payment.amount, "the loan had ended", is_at_bank=payment.is_debit)
        return
    history = History(loan)
    before = history.standing(payment.value_date)
    if payment.kind != PaymentKind.INSTALMENT:
        payment.schedule = _renew(loan, history, payment, now)
    payment.receive(now)
    payment.save()
    history = History(loan)
    adopt(loan, history)
    kind = _ENTRIES[payment.kind] if payment.schedule else EntryKind.PAYMENT
    after = refresh(loan, history, now, kind, payment)
    payment.refresh_from_db(fields=["surplus"])
    payment.spent = _spent(before, after)
    payment.save()
    _announce(loan, payment)


_ENTRIES = {PaymentKind.EARLY.value: EntryKind.EARLY, PaymentKind.RETURN.value: EntryKind.RETURN}


def _renew(loan: Loan, history: History, payment: LoanPayment, now: datetime) -> LoanVersion | None:
    """The schedule an early repayment leads to; None where by now it covers no more than what is due."""
    day = payment.value_date
    try:
        is_return = payment.kind == PaymentKind.RETURN
        plan = plan_early(history, day, day, payment.amount, Strategy(payment.strategy), by_law=is_return)
    except InvalidInput:
        return None
    version = LoanVersion.objects.create(
        loan=loan,
        number=next_number(loan),
        kind=plan.kind,
        from_date=day,
        period_start=plan.period_start,
        annual_rate=history.version.annual_rate,
        principal=plan.balance,
        payment=plan.payment,
        monthly_payment=plan.monthly_payment,
        psk=plan.psk,
        carried_interest=plan.carried_interest,
        repaid_principal=plan.principal,
        repaid_interest=plan.interest,
        made_by=payment.created_by,
        created_at=now,
    )
    write_rows(version, plan.rows)
    return version


def next_number(loan: Loan) -> int:
    """The number of a loan's next schedule; one taken back keeps its number."""
    return max(item.number for item in loan.versions.all()) + 1


def write_rows(version: LoanVersion, rows: Iterable[Row]) -> None:
    """Write the instalments of a schedule."""
    LoanScheduleRow.objects.bulk_create(
        LoanScheduleRow(loan_id=version.loan_id, version=version.number, **row._asdict()) for row in rows
    )


def _spent(before: Standing, after: Standing) -> dict[str, str]:
    """Return what a payment did, by part, roubles."""
    sums = {
        "principal": before.balance - after.balance,
        "interest": after.interest_paid - before.interest_paid,
        "penalty": after.penalty_paid - before.penalty_paid,
        "other": after.other_paid - before.other_paid,
        "deposit": after.deposit - before.deposit,
    }
    return {name: str(amount) for name, amount in sums.items() if amount}


def _announce(loan: Loan, payment: LoanPayment) -> None:
    publish(
        LoanPaymentReceived(
            loan_id=loan.id,
            customer_id=loan.customer_id,
            amount=payment.amount,
            currency=loan.currency,
            balance=loan.balance,
            request_id=None if payment.method == LoanPaymentMethod.ACCOUNT else payment.id,
            bank=loan.bank,
        )
    )


def preview_early(
    *, loan_id: UUID, amount: Decimal, day: date, strategy: Strategy, now: datetime, customer_id: UUID | None = None
) -> EarlyPlan:
    """Work out an early repayment; nothing is written. Raises LoanNotFound, LoanNotRunning, InvalidInput."""
    with transaction("financing"):
        return plan_early(History(running_loan(loan_id, customer_id)), dealer_day(now), day, amount, strategy)


def preview_payoff(*, loan_id: UUID, day: date, now: datetime, customer_id: UUID | None = None) -> PayoffQuote:
    """Return what closes the loan on a day. Raises LoanNotFound, LoanNotRunning, InvalidInput."""
    with transaction("financing"):
        return quote_payoff(History(running_loan(loan_id, customer_id)), dealer_day(now), day)


def repay_loan_early(
    *,
    loan_id: UUID,
    amount: Decimal,
    day: date,
    strategy: Strategy,
    means: Means,
    actor_id: UUID,
    now: datetime,
    customer_id: UUID | None = None,
) -> tuple[LoanPayment, EarlyPlan]:
    """Repay roubles before their time, today or on a coming day; over the payoff the loan closes and the rest returns.

    The bank is told to debit the account on the day, never more than the payoff; other money is taken now, so only
    today's date will do.
    Raises LoanNotFound, LoanNotRunning, InvalidInput.
    """
    with transaction("financing"):
        loan, today = running_loan(loan_id, customer_id), dealer_day(now)
        plan = plan_early(History(loan), today, day, amount, strategy)
        payment = record_payment(loan, PaymentKind.EARLY, amount, means, actor_id, now)
        payment.strategy, payment.value_date = strategy.value, day
        if day == today:
            take_payment(loan, payment, means, now)
        elif payment.is_debit:
            refuse_above_payoff(History(loan), today, day, amount)
            payment.status = LoanPaymentStatus.SCHEDULED
            payment.save(force_insert=True)
        else:
            raise InvalidInput("date", "out_of_range", _("Only the account at the bank can be debited later."))
    return payment, plan


def carry_out(*, payment_id: UUID, now: datetime) -> None:
    """Tell the bank to debit an early repayment ordered for a day that has come, once; no more than closes the loan."""
    loan_id = LoanPayment.objects.values_list("loan_id", flat=True).get(pk=payment_id)
    with transaction("financing"):
        loan = lock_loan(loan_id)
        payment = LoanPayment.objects.select_for_update().get(pk=payment_id)
        if payment.status != LoanPaymentStatus.SCHEDULED or payment.value_date > dealer_day(now):
            return
        today = dealer_day(now)
        most = room_for_debit(History(loan), today, today, besides=payment.id) if loan.is_running else ZERO
        if not most:
            payment.move(LoanPaymentStatus.FAILED)
            payment.failure_code = "nothing_left" if loan.is_running else "loan_not_running"
            payment.save()
            return
        payment.move(LoanPaymentStatus.PENDING)
        payment.amount, payment.value_date = min(payment.amount, most), today
        give_mandate(payment, now)


def due_orders(now: datetime) -> list[UUID]:
    """Early repayments whose day has come, oldest first."""
    due = LoanPayment.objects.filter(status=LoanPaymentStatus.SCHEDULED, value_date__lte=dealer_day(now))
    return list(due.order_by("value_date", "pk").values_list("pk", flat=True))
