"""Taking money: the row and the intention to call the provider commit together; the call comes after."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import DomainError, InvalidInput
from core.secrecy.cards import refuse_card_numbers
from gateway.access.switches import require_on
from messaging.delivery.calls import request_call
from payments.commands import BY_HAND, Means
from payments.errors import (
    CurrencyMismatch,
    MethodUnknown,
    OrderClosed,
    OrderNotReady,
    OrderUnknown,
    Overpayment,
    PaymentInFlight,
)
from payments.models import (
    IN_FLIGHT,
    MANUAL,
    OrderAccount,
    OrderCopy,
    Payment,
    PaymentMethod,
    Status,
)
from payments.rules.keys import charge_key
from payments.rules.switches import BY_METHOD
from payments.services.facts import publish_created, publish_end_again, publish_failed
from payments.services.order_accounts import is_closed, lock_order_account


def create_payment(
    *,
    order_id: UUID,
    means: Means,
    actor_id: UUID,
    is_staff: bool,
    now: datetime,
    amount: Decimal | None = None,
    currency: str = "",
    description: str = "",
    is_hold: bool = False,
) -> Payment:
    """Start a payment of one's own order (staff: of anybody's), of all that is due unless `amount` says less.

    A manager who names an amount may also take what a loan has promised and not paid: the money came otherwise.
    With `is_hold` the money is only authorised, and captured or called off later.

    Raises OrderNotReady, OrderUnknown, OrderClosed, Overpayment, PaymentInFlight, CurrencyMismatch, MethodUnknown,
    CardNumberRefused, SwitchedOff.
    """
    refuse_card_numbers([means.token, description])
    with transaction("payments"):
        account = lock_order_account(order_id)
        order = OrderCopy.objects.filter(pk=order_id).first()
        if order is None:
            raise OrderNotReady
        if order.customer_id != actor_id and not is_staff:
            raise OrderUnknown
        due = order.amount_due if amount is None else amount
        wanted = _Wanted(order_id, order.customer_id, due, currency or order.currency, means, is_hold)
        most = order.amount_due if amount is None or not is_staff else order.amount_due + order.promised
        stored = wanted.check(account, order, most, owner_id=actor_id)
        payment = wanted.build(now)
        payment.created_by, payment.description = actor_id, description
        begin(payment, means, stored)
    return payment


def request_payment(
    *,
    order_id: UUID,
    attempt_id: UUID,
    customer_id: UUID,
    amount: Decimal,
    currency: str,
    means: Means,
    now: datetime,
) -> Payment:
    """Start the payment that a checkout asked for, once per attempt; asked again, it is answered again.

    What would be refused over HTTP is recorded here as a payment that failed, so that the checkout gets its answer.
    """
    with transaction("payments"):
        account = lock_order_account(order_id)
        known = Payment.objects.filter(attempt_id=attempt_id).first()
        if known is not None:
            publish_end_again(known)
            return known
        wanted = _Wanted(order_id, customer_id, amount, currency, means)
        payment = wanted.build(now)
        payment.attempt_id = attempt_id
        try:
            refuse_card_numbers([means.token])
            order = OrderCopy.objects.filter(pk=order_id).first()
            stored = wanted.check(account, order, order.unpaid if order else None, owner_id=customer_id)
        except DomainError as refusal:
            record_refused(payment, refusal)
        else:
            begin(payment, means, stored)
    return payment


@dataclass(frozen=True)
class _Wanted:
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    means: Means
    is_hold: bool = False

    @property
    def provider(self) -> str:
        return get_provider(self.means.method)

    def check(
        self, account: OrderAccount, order: OrderCopy | None, due: Decimal | None, *, owner_id: UUID
    ) -> PaymentMethod | None:
        """Return the stored method that is used, if one is. Raise what stands in the way.

        An order not heard of yet is taken at the checkout's word, and so is what its loan leaves to be paid.
        """
        if is_closed(account, order):
            raise OrderClosed
        refuse_switched_off(self.means.method)
        if self.is_hold and self.provider == MANUAL:
            raise InvalidInput("capture", "invalid", _("Cash and transfers cannot be authorised beforehand."))
        stored = stored_method(self.means, owner_id)
        if order is not None and due is not None:
            if self.currency != order.currency:
                raise CurrencyMismatch
            if self.amount > due or self.amount <= 0:
                raise Overpayment(amount_due=str(max(Decimal(0), due)))
        if Payment.objects.filter(order_id=self.order_id, provider=self.provider, status__in=IN_FLIGHT).exists():
            raise PaymentInFlight
        return stored

    def build(self, now: datetime) -> Payment:
        return Payment(
            order_id=self.order_id,
            customer_id=self.customer_id,
            method=self.means.method,
            provider=self.provider,
            is_hold=self.is_hold,
            amount=self.amount,
            currency=self.currency,
            created_at=now,
            updated_at=now,
        )


def get_provider(method: str) -> str:
    """Return who takes money paid this way: the configured provider, or a manager."""
    return MANUAL if method in BY_HAND else settings.PAYMENT_PROVIDER


def refuse_switched_off(method: str) -> None:
    """Let no payment begin by a way that is switched off for now. Raises SwitchedOff."""
    if method in BY_METHOD:
        require_on(BY_METHOD[method])


def stored_method(means: Means, owner_id: UUID) -> PaymentMethod | None:
    """The stored method that is meant, if one is. Raises MethodUnknown, InvalidInput."""
    if means.payment_method_id is None:
        return None
    stored = PaymentMethod.objects.filter(pk=means.payment_method_id, customer_id=owner_id).first()
    if stored is None:
        raise MethodUnknown
    if stored.method != means.method:
        raise InvalidInput("method", "invalid", _("The stored payment method is of another kind."))
    return stored


def begin(payment: Payment, means: Means, stored: PaymentMethod | None) -> None:
    """Record the payment, say so, and ask the provider to charge it once this has committed."""
    payment.payment_method = stored
    payment.save(force_insert=True)
    publish_created(payment)
    if payment.provider != MANUAL:
        request_call(
            key=charge_key(payment.id),
            operation="payments.charge",
            provider=payment.provider,
            request=_build_request(payment, stored.token if stored else means.token),
        )


def record_refused(payment: Payment, refusal: DomainError) -> None:
    """Record what would have been refused over HTTP as a payment that came to nothing, and say so."""
    is_late = isinstance(refusal, OrderClosed)
    payment.status = Status.CANCELLED if is_late else Status.FAILED
    payment.failure_code = "cancelled" if is_late else refusal.code
    payment.failure_detail = refusal.detail[:255]
    payment.save(force_insert=True)
    publish_created(payment)
    publish_failed(payment)


def _build_request(payment: Payment, token: str) -> dict[str, Any]:
    return {
        "payment_id": str(payment.id),
        "order_id": str(payment.order_id or ""),
        "amount": str(payment.amount),
        "currency": payment.currency,
        "method": payment.method,
        "token": token,
        "capture": not payment.is_hold,
        "description": payment.description or str(_("Payment")),
        "return_url": f"{settings.PUBLIC_URL.rstrip('/')}/paid/{payment.id}/",
        "created_at": payment.created_at.isoformat(),
    }
