"""The account of an order: the lock that all its money moves under, and the answer that it is empty."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Sum

from core.money import DEFAULT_CURRENCY, ZERO
from messaging.outbox import publish
from payments.errors import MoneySecured
from payments.events import OrderSettled
from payments.models import (
    CLOSED_ORDER,
    IN_FLIGHT,
    TAKEN,
    EntryKind,
    OrderAccount,
    OrderCopy,
    Payment,
    Refund,
    RefundStatus,
)
from payments.services.ledger import About, level_allowance


def lock_order_account(order_id: UUID) -> OrderAccount:
    """Lock the order's account, made on first use. Always locked before payments and refunds, so nothing deadlocks."""
    accounts = OrderAccount.objects.select_for_update().filter(pk=order_id)
    found = accounts.first()
    if found is None:
        OrderAccount.objects.bulk_create([OrderAccount(order_id=order_id)], ignore_conflicts=True)
        found = accounts.get()
    return found


def lock_payment(payment_id: UUID) -> tuple[OrderAccount, Payment]:
    """Lock the account a payment's money moves under, then the payment. Raises Payment.DoesNotExist."""
    order_id, subject_id = Payment.objects.values_list("order_id", "subject_id").get(pk=payment_id)
    account = lock_order_account(order_id or subject_id or payment_id)
    return account, Payment.objects.select_for_update().get(pk=payment_id)


def is_closed(account: OrderAccount, order: OrderCopy | None) -> bool:
    """Tell whether the order takes no more money."""
    return account.closed_at is not None or (order is not None and order.status in CLOSED_ORDER)


def held(order_id: UUID) -> Decimal:
    """Sum up what is here of an order's money and not set aside to go back."""
    left = Sum(F("amount") - F("refunded_amount") - F("refund_pending"), default=ZERO)
    held: Decimal = Payment.objects.filter(order_id=order_id, status__in=TAKEN).aggregate(sum=left)["sum"]
    return held


def asked_back(order_id: UUID) -> Decimal:
    """Sum up the refunds of an order that wait for a second person: they may not take what is secured."""
    waiting = Refund.objects.filter(order_id=order_id, status=RefundStatus.REQUESTED)
    asked: Decimal = waiting.aggregate(sum=Sum("amount", default=ZERO))["sum"]
    return asked


def refuse_secured(account: OrderAccount, amount: Decimal, *, reserved: Decimal = ZERO) -> None:
    """Let nobody give back earnest money by hand; so much of the amount is `reserved` already. Raises MoneySecured."""
    stays = account.secured_amount + account.kept_amount
    if account.secured_amount and held(account.order_id) + reserved - amount < stays:
        raise MoneySecured(secured=str(account.secured_amount))


def settle_if_empty(account: OrderAccount, now: datetime) -> None:
    """Tell the checkout that no more of a closed order's money is held than has to be, and none under way; once."""
    if account.attempt_id is None or account.settled_at is not None:
        return
    payments = Payment.objects.filter(order_id=account.order_id)
    taken = payments.filter(status__in=TAKEN).aggregate(sum=Sum(F("amount") - F("refunded_amount"), default=ZERO))
    if taken["sum"] > account.kept_amount + account.secured_amount or payments.filter(status__in=IN_FLIGHT).exists():
        return
    account.settled_at = now
    account.save()
    refunded = payments.aggregate(total=Sum("refunded_amount"))["total"] or ZERO
    currency = payments.values_list("currency", flat=True).first() or _currency(account.order_id)
    order_id, attempt_id = account.order_id, account.attempt_id
    publish(OrderSettled(order_id=order_id, attempt_id=attempt_id, refunded=refunded, currency=currency))
    customer_id = payments.values_list("customer_id", flat=True).first()
    about = About(EntryKind.ALLOWANCE, order_id, currency, order_id=order_id, customer_id=customer_id)
    level_allowance(about, now)


def _currency(order_id: UUID) -> str:
    known = OrderCopy.objects.filter(pk=order_id).values_list("currency", flat=True).first()
    return known or DEFAULT_CURRENCY
