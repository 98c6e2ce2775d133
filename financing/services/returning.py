"""Giving a loan back in its cooling-off days: the principal and interest for the days it was used, and nothing else."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from financing.errors import CoolingOffOver
from financing.models import Loan, LoanPayment, PaymentKind
from financing.queries.early import PayoffQuote, quote_payoff
from financing.queries.history import History
from financing.rules.calculations import Strategy
from financing.services.repaying import record_payment, running_loan, take_payment
from payments.commands import BY_HAND, Means


def return_loan(
    *, loan_id: UUID, means: Means, actor_id: UUID, now: datetime, customer_id: UUID | None = None
) -> LoanPayment:
    """Close a loan in its cooling-off days by its payoff of today (353-FZ art. 11); its order stays paid for.

    On the day of the payout no interest is owed; a debit that the bank answers later counts from today. Raises
    LoanNotFound, LoanNotRunning, CoolingOffOver, InvalidInput.
    """
    with transaction("financing"):
        loan, quote = _quote(loan_id, customer_id, now)
        if means.method in BY_HAND:  # it could be brought when the days are over
            raise InvalidInput("method", "not_at_once", _("Pay by card, SBP or from the account at the bank."))
        payment = record_payment(loan, PaymentKind.RETURN, quote.total, means, actor_id, now)
        payment.strategy = Strategy.REDUCE_PAYMENT.value
        take_payment(loan, payment, means, now)
    return payment


def preview_return(*, loan_id: UUID, now: datetime, customer_id: UUID | None = None) -> PayoffQuote:
    """Return what returning the loan today would take. Raises as `return_loan`."""
    with transaction("financing"):
        return _quote(loan_id, customer_id, now)[1]


def _quote(loan_id: UUID, customer_id: UUID | None, now: datetime) -> tuple[Loan, PayoffQuote]:
    loan, today = running_loan(loan_id, customer_id), dealer_day(now)
    if not loan.is_cooling_off_on(today):
        raise CoolingOffOver(until=str(loan.cooling_off_until or ""))
    return loan, quote_payoff(History(loan), today, today, by_law=True)
