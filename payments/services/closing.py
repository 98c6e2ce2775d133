"""Closing an order's account: what is under way is called off, what was taken goes back, and the checkout is told."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from core.db import transaction
from payments.models import IN_FLIGHT, TAKEN, OrderAccount, Payment
from payments.services.charges import withdraw
from payments.services.order_accounts import lock_order_account, settle_if_empty
from payments.services.partners import reverse_sale
from payments.services.refunds import refund_by_system


def close_order_account(*, order_id: UUID, attempt_id: UUID | None, reason: str, now: datetime) -> OrderAccount:
    """Take no money for an order ever again, and call off what is under way; what goes back is told later."""
    with transaction("payments"):
        account = lock_order_account(order_id)
        _shut(account, attempt_id, reason, now)
        account.save()
        for payment in _payments(account).filter(status__in=IN_FLIGHT).order_by("pk"):
            withdraw(account, payment, now)
    return account


def close_order(
    *,
    order_id: UUID,
    attempt_id: UUID | None,
    reason: str,
    now: datetime,
    keep: Decimal | None = None,
    secured: Decimal | None = None,
) -> OrderAccount:
    """Return all money of an order but `keep` roubles, which are the insurers', and `secured`, which is earnest money.

    No money is taken for it ever again. A payment that is under way is waited for: should it succeed after all, it is
    refunded then. `attempt_id` is the checkout attempt that is told when nothing else is held any more; without one
    nobody is. Asked again, it answers again; with less to keep or to secure, the difference goes back.
    """
    with transaction("payments"):
        account = lock_order_account(order_id)
        _shut(account, attempt_id, reason, now)
        account.kept_amount = account.kept_amount if keep is None else keep
        account.secured_amount = account.secured_amount if secured is None else secured
        account.save()
        reverse_sale(order_id, now)
        kept = account.kept_amount + account.secured_amount
        for payment in _payments(account).filter(status__in=(*IN_FLIGHT, *TAKEN)).order_by("pk"):
            if payment.is_in_flight:
                withdraw(account, payment, now)
                continue
            stays = min(kept, payment.refundable)
            kept -= stays
            if payment.refundable > stays:
                refund_by_system(payment, account.reason, now, amount=payment.refundable - stays)
        settle_if_empty(account, now)
    return account


def _payments(account: OrderAccount) -> "QuerySet[Payment]":
    return Payment.objects.select_for_update().filter(order_id=account.order_id)


def _shut(account: OrderAccount, attempt_id: UUID | None, reason: str, now: datetime) -> None:
    if attempt_id is not None:
        account.attempt_id, account.settled_at = attempt_id, None
    if account.closed_at is None:
        account.closed_at, account.reason = now, reason[:255]
