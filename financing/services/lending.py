"""Paying a loan out at the checkout's request, and undoing what an attempt of a checkout did."""

from datetime import datetime
from uuid import UUID

from core.db import transaction
from financing.calculations import LoanQuote, calculate
from financing.clock import local_date
from financing.errors import ApplicationNotFound, OrderNotReady
from financing.events import ApplicationWithdrawn, LoanClosed, LoanDisbursed
from financing.models import Application, ApplicationStatus, ClosedAttempt, Loan, LoanScheduleRow
from financing.services.orders import lock_order, withdrawn
from messaging.outbox import publish

UNKNOWN_CUSTOMER = UUID(int=0)


def disburse_loan(*, order_id: UUID, attempt_id: UUID, now: datetime) -> None:
    """Pay the accepted loan of an attempt into its order, once; an attempt that was undone meanwhile gets nothing.

    Raises OrderNotReady, ApplicationNotFound, WrongTransition when it was never accepted.
    """
    with transaction("financing"):
        lock_order(order_id)
        application = Application.objects.select_for_update().filter(attempt_id=attempt_id).first()
        if ClosedAttempt.objects.filter(pk=attempt_id).exists():
            return
        if application is None:
            raise ApplicationNotFound
        if application.status == ApplicationStatus.DISBURSED:
            return
        application.move(ApplicationStatus.DISBURSED, now)
        application.save()
        loan = _lend(application, now)
        publish(
            LoanDisbursed(
                application_id=application.id,
                loan_id=loan.id,
                order_id=loan.order_id,
                customer_id=loan.customer_id,
                amount=loan.principal,
                currency=loan.currency,
                attempt_id=attempt_id,
            )
        )


def _lend(application: Application, now: datetime) -> Loan:
    """The loan and its rows, dated from today; the payment is the one that was offered."""
    today = local_date(now)
    quote = calculate(application.terms(application.approved_amount, application.annual_rate), today=today)
    loan = Loan.objects.create(
        application=application,
        order_id=application.order_id,
        customer_id=application.customer_id,
        principal=quote.amount_financed,
        balance=quote.amount_financed,
        annual_rate=application.annual_rate,
        term_months=application.term_months,
        schedule=application.schedule,
        monthly_payment=quote.monthly_payment,
        total_interest=quote.total_interest,
        psk=quote.psk,
        currency=application.currency,
        disbursed_date=today,
        last_due_date=max(row.due_date for row in quote.schedule if row.due_date),
        created_at=now,
        updated_at=now,
    )
    _write_schedule(loan, quote)
    return loan


def _write_schedule(loan: Loan, quote: LoanQuote) -> None:
    LoanScheduleRow.objects.bulk_create(LoanScheduleRow(loan=loan, **row._asdict()) for row in quote.schedule)


def cancel_attempt(*, order_id: UUID, attempt_id: UUID, reason: str, now: datetime) -> None:
    """Withdraw an attempt's application, or cancel its loan if it was paid out, and always answer.

    An attempt never heard of is remembered, so that its request is refused should it arrive late.
    """
    with transaction("financing"):
        customer_id = _lock_customer(order_id)
        ClosedAttempt.objects.get_or_create(attempt_id=attempt_id, defaults={"order_id": order_id, "closed_at": now})
        application = Application.objects.select_for_update().filter(attempt_id=attempt_id).first()
        if application is None:
            answer = ApplicationWithdrawn(
                application_id=attempt_id,
                order_id=order_id,
                customer_id=customer_id,
                reason=reason,
                attempt_id=attempt_id,
            )
        else:
            _undo(application, now)
            answer = withdrawn(application, reason)
        publish(answer)


def _lock_customer(order_id: UUID) -> UUID:
    try:
        return lock_order(order_id).customer_id
    except OrderNotReady:
        return UNKNOWN_CUSTOMER


def _undo(application: Application, now: datetime) -> None:
    if application.is_open:
        application.move(ApplicationStatus.WITHDRAWN, now)
        application.save()
        return
    loan = Loan.objects.select_for_update().filter(application=application, cancelled_at=None).first()
    if loan is not None:
        loan.cancel(now)
        loan.save()
        publish(LoanClosed(loan_id=loan.id, customer_id=loan.customer_id))
