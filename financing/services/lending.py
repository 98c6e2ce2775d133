"""Paying a loan out at the checkout's request, and undoing what an attempt of a checkout did."""

from datetime import date, datetime, timedelta
from uuid import UUID

from core.clock import dealer_day
from core.db import transaction
from core.money import ZERO
from financing.errors import ApplicationNotFound, OrderNotReady
from financing.events import ApplicationWithdrawn, LoanClosed, LoanDisbursed
from financing.models import (
    Account,
    Application,
    ApplicationStatus,
    ClosedAttempt,
    EntryKind,
    Loan,
    LoanStatus,
    LoanVersion,
    VersionKind,
)
from financing.queries.history import History
from financing.rules.calculations import LoanQuote, LoanTerms, Row, calculate
from financing.rules.calculations.terms import AT_DISBURSEMENT
from financing.services.orders import lock_order, withdrawn
from financing.services.repaying import write_rows
from financing.services.standing import post, request_refund, write_entry
from financing.services.telling import give_up_offers
from messaging.outbox import publish

UNKNOWN_CUSTOMER = UUID(int=0)
_OVER = (LoanStatus.CANCELLED, LoanStatus.WRITTEN_OFF)


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
                amount=loan.paid_out,
                currency=loan.currency,
                attempt_id=attempt_id,
                bank=loan.bank,
            )
        )


def _lend(application: Application, now: datetime) -> Loan:
    """The loan and its rows, dated from today; the payment is the one that was offered."""
    today, programme = dealer_day(now), application.programme
    terms = application.terms(application.approved_amount, application.annual_rate, today)
    quote = calculate(terms, today=today)
    rows = [*_paid_at_payout(quote, terms, today), *quote.schedule]
    loan = Loan.objects.create(
        application=application,
        order_id=application.order_id,
        customer_id=application.customer_id,
        bank=programme.bank,
        penalty_daily_percent=programme.penalty_daily_percent,
        is_interest_on_overdue=programme.is_interest_on_overdue,
        allocation_order=programme.allocation_order,
        balloon=application.balloon,
        bank_rules=application.bank_rules,
        next_due_date=rows[0].due_date,
        next_payment=rows[0].payment,
        accrued_on=today,
        principal=quote.amount_financed,
        financed_fee=application.financed_fee,
        withheld_fee=quote.withheld,
        balance=quote.amount_financed,
        annual_rate=application.annual_rate,
        term_months=application.term_months,
        schedule=application.schedule,
        monthly_payment=quote.monthly_payment,
        total_interest=quote.total_interest,
        psk=quote.psk,
        currency=application.currency,
        disbursed_date=today,
        cooling_off_until=today + timedelta(days=programme.cooling_off_days),
        last_due_date=max(row.due_date for row in quote.schedule if row.due_date),
        created_at=now,
        updated_at=now,
    )
    version = _first_version(loan, quote)
    write_rows(version, rows)
    _book(loan, today, now)
    return loan


def _book(loan: Loan, today: date, now: datetime) -> None:
    """Open the loan's book: what the order got, and the fees that the loan itself paid as earned."""
    moved = {
        Account.CASH.value: -loan.paid_out,
        Account.PRINCIPAL.value: loan.principal,
        Account.OTHER.value: loan.paid_out - loan.principal,
    }
    write_entry(loan, moved, EntryKind.PAYOUT, today, now, None)


def _paid_at_payout(quote: LoanQuote, terms: LoanTerms, today: date) -> list[Row]:
    """The borrower's own payment of fees that are due at the payout; what the loan pays is in its principal."""
    own = (fee for fee in terms.fees if fee.when == AT_DISBURSEMENT and not (fee.financed or fee.withheld))
    fee = sum((fee.amount for fee in own), ZERO)
    return [Row(0, today, fee, ZERO, ZERO, fee, quote.amount_financed)] if fee else []


def _first_version(loan: Loan, quote: LoanQuote) -> LoanVersion:
    return LoanVersion.objects.create(
        loan=loan,
        number=1,
        kind=VersionKind.PAYOUT,
        from_date=loan.disbursed_date,
        period_start=loan.disbursed_date,
        annual_rate=loan.annual_rate,
        principal=loan.principal,
        payment=quote.regular,
        monthly_payment=loan.monthly_payment,
        psk=loan.psk,
        created_at=loan.created_at,
    )


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
        give_up_offers(application)
        return
    loan = Loan.objects.select_for_update().filter(application=application).exclude(status__in=_OVER).first()
    if loan is not None:
        _cancel(loan, now)
        give_up_offers(application)


def _cancel(loan: Loan, now: datetime) -> None:
    """Undo a loan: the bank gets back what is still owed to it, and the borrower all that was paid on the loan.

    What the borrower paid lies with the bank, by card as by debit: of the loan that goes back to it we keep as much.
    """
    for payment in History(loan).payments:
        if payment.amount > payment.surplus:
            request_refund(loan, payment, payment.amount - payment.surplus, "the purchase was undone", is_at_bank=True)
    loan.cancel(now)
    loan.save()
    post(loan, {}, EntryKind.CANCELLATION, dealer_day(now), now)
    publish(LoanClosed(loan_id=loan.id, customer_id=loan.customer_id, order_id=loan.order_id, reason="cancelled"))
