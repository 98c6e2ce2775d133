"""Settle debits: by the bank's answer over its connection, or by a person's evidence and a second person's word."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import DomainError, InvalidInput, WrongTransition
from financing.approvals import DEBIT
from financing.errors import DebitToldByBank, LoanNotFound
from financing.models import Loan, LoanPayment, LoanPaymentMethod, LoanPaymentStatus, PaymentKind
from financing.queries.history import History
from financing.rules.clock import silent_since
from financing.rules.keys import get_debit_key
from financing.services.mandates import get_first_day
from financing.services.repaying import receive, record_refusal
from financing.services.standing import lock_loan
from financing.services.workouts import take_back
from gateway import approvals
from gateway.approvals import Ask

_OPEN = (LoanPaymentStatus.PENDING, LoanPaymentStatus.FAILED)


def receive_debit_answer(*, payment_id: UUID, answer: Mapping[str, Any], now: datetime) -> None:
    """Take a bank's answer, `{status: settled|refused|reversed, reference?, date?, code?, detail?}`; twice is once.

    Money outranks a refusal, ours or the bank's; a debit that the bank took back is owed again.
    """
    with transaction("financing"):
        loan, payment = _lock(None, payment_id)
        status = answer.get("status")
        if status == "settled" and payment.status in _OPEN:
            payment.reference = str(answer.get("reference") or get_debit_key(payment.id))[:60]
            _count_from(loan, payment, _parse_day(answer), now)
            receive(loan, payment, now)
        elif status in ("refused", "reversed"):
            code, detail = str(answer.get("code") or status), str(answer.get("detail", ""))
            if payment.status == LoanPaymentStatus.RECEIVED:
                _take_back(loan, payment, detail or code, now)
            elif payment.status == LoanPaymentStatus.PENDING:
                record_refusal(loan, payment, code, detail)


def _lock(loan_id: UUID | None, payment_id: UUID) -> tuple[Loan, LoanPayment]:
    """A debit under the lock of its loan. Raises LoanNotFound."""
    of_loan = LoanPayment.objects.filter(pk=payment_id, method=LoanPaymentMethod.ACCOUNT)
    known = of_loan.values_list("loan_id", flat=True).first()
    if known is None or loan_id not in (None, known):
        raise LoanNotFound
    return lock_loan(known), LoanPayment.objects.select_for_update().get(pk=payment_id)


def _parse_day(answer: Mapping[str, Any]) -> date | None:
    try:
        return date.fromisoformat(str(answer.get("date")))
    except ValueError:
        return None


def _count_from(loan: Loan, payment: LoanPayment, day: date | None, now: datetime) -> None:
    """A late answer costs the borrower no penalty: the bank's day counts. A return counts from its own day."""
    today = dealer_day(now)
    if payment.kind != PaymentKind.RETURN:
        first = get_first_day(loan, History(loan), payment)
        payment.value_date = min(max(day or today, first), today)


def _take_back(loan: Loan, payment: LoanPayment, reason: str, now: datetime) -> None:
    """Count a debit no more that the bank took back; where later schedules stand on it, a person unwinds them."""
    try:
        take_back(loan, payment, manager_id=None, reason=reason, now=now)
    except DomainError:
        payment.recalled_at = payment.recalled_at or now
        payment.save()


def confirm_debit(
    *, loan_id: UUID, payment_id: UUID, reference: str, day: date, evidence: str, manager_id: UUID, now: datetime
) -> LoanPayment:
    """Count a debit by the bank's paper (`reference` is its number there), once a second person agrees.

    Only where the bank has no connection, or has been silent on it for too long. Raises LoanNotFound,
    DebitToldByBank, WrongTransition, InvalidInput, FourEyes, Waits.
    """
    with transaction("financing"):
        loan, payment = _lock(loan_id, payment_id)
        _admit_person(payment, _OPEN, now)
        _check_paper(payment, reference, day, now)
        request = Ask(
            subject_id=payment.id,
            amount=payment.amount,
            currency=payment.currency,
            maker_id=manager_id,
            beneficiary_id=loan.customer_id,
            evidence=evidence,
            args={"reference": reference, "day": day},
        )
        approvals.admit(DEBIT, request, now=now)
        payment.reference, payment.answered_by = reference, manager_id
        _count_from(loan, payment, day, now)
        receive(loan, payment, now)
    return payment


def debit_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, reference: str, day: date
) -> None:
    """Count a debit that one manager showed and another one agreed to. Raises as `confirm_debit`."""
    loan_id = LoanPayment.objects.values_list("loan_id", flat=True).get(pk=subject_id)
    confirm_debit(
        loan_id=loan_id,
        payment_id=subject_id,
        reference=reference,
        day=day,
        evidence="",
        manager_id=maker_id,
        now=now,
    )


def refuse_debit(*, loan_id: UUID, payment_id: UUID, manager_id: UUID, reason: str, now: datetime) -> LoanPayment:
    """Note by the bank's word that nothing was debited; money that comes all the same is counted.

    Raises LoanNotFound, DebitToldByBank, WrongTransition.
    """
    with transaction("financing"):
        loan, payment = _lock(loan_id, payment_id)
        _admit_person(payment, (LoanPaymentStatus.PENDING,), now)
        payment.answered_by = manager_id
        record_refusal(loan, payment, "refused_by_bank", reason)
    return payment


def _admit_person(payment: LoanPayment, statuses: tuple[str, ...], now: datetime) -> None:
    if payment.status not in statuses:
        raise WrongTransition(payment.status, [])
    if payment.connection and (payment.asked_at or payment.created_at) > silent_since(now):
        raise DebitToldByBank


def _check_paper(payment: LoanPayment, reference: str, day: date, now: datetime) -> None:
    if not reference.strip():
        raise InvalidInput("reference", "required", _("Name the bank's number of the debit."))
    if not payment.value_date <= day <= dealer_day(now):
        detail = _("The date must lie between the day the debit was asked for and today.")
        raise InvalidInput("date", "out_of_range", detail)
