"""Mandates: the lending bank is told to debit the borrower's account; nothing of the loan moves until it answers."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from core.money import ZERO
from financing.models import Loan, LoanPayment, LoanPaymentMethod, LoanPaymentStatus
from financing.queries.early import quote_payoff
from financing.queries.history import History
from financing.rules.keys import get_debit_key
from messaging.delivery.calls import request_call

BATCH = 1_000
_COMING = (LoanPaymentStatus.SCHEDULED, LoanPaymentStatus.PENDING)


def room_for_debit(history: History, today: date, day: date, *, besides: UUID | None = None) -> Decimal:
    """The most that may still be debited for a day, roubles: its payoff, less what the bank is told to debit already.

    `besides` is a debit that does not stand in its own way. Raises InvalidInput.
    """
    others = (item for item in history.loan.payments.all() if item.id != besides)
    coming = sum((item.amount for item in others if _is_coming(item)), ZERO)
    return max(quote_payoff(history, today, day).total - coming, ZERO)


def _is_coming(payment: LoanPayment) -> bool:
    return payment.is_debit and payment.status in _COMING


def refuse_above_payoff(history: History, today: date, day: date, amount: Decimal) -> None:
    """Let no more be debited than closes the loan: what is too much lies with the bank. Raises InvalidInput."""
    most = room_for_debit(history, today, day)
    if amount > most:
        detail = _("This is more than closes the loan on that day, with what the bank is told to debit already.")
        raise InvalidInput("amount", "max_value", detail)


def give_mandate(payment: LoanPayment, now: datetime) -> None:
    """Tell the bank to debit the account, after commit; a bank without a connection is a person's to ask."""
    payment.asked_at = now
    payment.connection = payment.loan.application.programme.connection
    payment.save()
    if payment.connection:
        request_call(
            key=get_debit_key(payment.id),
            operation="financing.debit_account",
            provider=payment.connection,
            request={"payment_id": str(payment.id), "bank": payment.connection},
        )


def look_after_debits(*, now: datetime) -> int:
    """Have the banks asked once a day whether the debits of the last days still stand; return how many are asked for.

    A bank may take a debit back (the owner of the account objects); it does not call us, so it is asked.
    """
    since = now - timedelta(days=settings.DEBIT_RECALL_DAYS)
    young = LoanPayment.objects.filter(
        method=LoanPaymentMethod.ACCOUNT, status=LoanPaymentStatus.RECEIVED, received_at__gte=since, recalled_at=None
    ).exclude(connection="")
    rows = list(young.order_by("received_at").values_list("pk", "connection")[:BATCH])
    with transaction("financing"):
        for payment_id, bank in rows:
            request_call(
                key=f"{get_debit_key(payment_id)}:stands:{dealer_day(now)}",
                operation="financing.review_debit",
                provider=bank,
                request={"payment_id": str(payment_id), "bank": bank},
            )
    return len(rows)


def get_first_day(loan: Loan, history: History, payment: LoanPayment) -> date:
    """The earliest day a debit may count from: not before it was asked for, nor before a schedule made since."""
    return max(payment.value_date, history.version.from_date, loan.disbursed_date)
