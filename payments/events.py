"""Facts that payments publishes about money that moved, or did not."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from core.approvals import ApprovalNews
from core.events import Event, event


@event("payment.created", aggregate="payment", key="payment_id")
class PaymentCreated(Event):
    """A payment was recorded; nothing has moved yet."""

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    method: str
    attempt_id: UUID | None = None


@event("payment.completed", aggregate="payment", key="payment_id")
class PaymentCompleted(Event):
    """Money arrived. `attempt_id` is set when the checkout saga asked for it."""

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    method: str
    attempt_id: UUID | None = None


@event("payment.failed", aggregate="payment", key="payment_id")
class PaymentFailed(Event):
    """The provider refused for good; `code` is stable (`declined`, `insufficient_funds`, `cancelled` …)."""

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    code: str
    detail: str
    attempt_id: UUID | None = None


@event("payment.refunded", aggregate="payment", key="payment_id")
class PaymentRefunded(Event):
    """Money went back; `refunded_total` is the sum of all refunds of this payment so far.

    `cause`: `by_hand` (a manager gave it back), `by_rule` (another app or the checkout asked), `provider` (made at its
    screen), `dispute` (lost). `refund_pending` is what other refunds of this payment still reserve.
    """

    payment_id: UUID
    refund_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    refunded_total: Decimal
    currency: str
    reason: str
    attempt_id: UUID | None = None
    cause: str = ""
    refund_pending: Decimal = Decimal(0)


@event("payment.refund_pending", aggregate="payment", key="payment_id", internal=True)
class PaymentRefundPending(Event):
    """A refund of an order's payment was asked for, or ended without money going back.

    `refund_pending` is what all refunds that have not ended reserve of the payment.
    """

    payment_id: UUID
    order_id: UUID
    refund_pending: Decimal
    currency: str


@event("payment.refund_failed", aggregate="payment", key="payment_id", internal=True)
class PaymentRefundFailed(Event):
    """A refund that had succeeded failed after all: its amount is with us again; `refunded_total` is without it."""

    payment_id: UUID
    refund_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    refunded_total: Decimal
    currency: str
    code: str = ""
    detail: str = ""


@event("payment.webhook_received", aggregate="payment_webhook", key="webhook_id", internal=True)
class WebhookReceived(Event):
    """A provider's message was checked and kept, and waits to be applied; `subject` is the charge it is about."""

    webhook_id: UUID
    subject: str


@event("payment.order_settled", aggregate="order_payments", key="order_id", internal=True)
class OrderSettled(Event):
    """Answer to checkout.refund_requested: nothing of this order's money is held any more."""

    order_id: UUID
    attempt_id: UUID
    refunded: Decimal
    currency: str


@event("payment.charge_settled", aggregate="charge_request", key="request_id", internal=True)
class ChargeSettled(Event):
    """Answer to loan.payment_requested and insurance.premium_requested: the money arrived (`is_paid`) or did not.

    `subject_id` is the loan or policy. A refusal may be followed by `is_paid`, when a bank that had refused took the
    money after all: the later answer is the true one. `code` and `detail` say why nothing was taken.
    """

    request_id: UUID
    payment_id: UUID
    purpose: str
    subject_id: UUID
    customer_id: UUID
    is_paid: bool
    amount: Decimal
    currency: str
    code: str = ""
    detail: str = ""


@event("payment.payout_settled", aggregate="payout_request", key="request_id", internal=True)
class PayoutSettled(Event):
    """Answer to claim.payout_requested, deposit.payout_requested, trade_in.payout_requested,
    insurance.refund_requested and loan.surplus_refund_requested.

    `is_paid`: the money has left us. Without it the payout failed; a manager may try it again, and a second answer
    follows. `subject_id` is the claim, policy, loan or order.
    """

    request_id: UUID
    purpose: str
    subject_id: UUID
    customer_id: UUID
    is_paid: bool
    amount: Decimal
    currency: str
    code: str = ""
    detail: str = ""


@event("payment.forfeit_settled", aggregate="forfeit_request", key="request_id", internal=True)
class ForfeitSettled(Event):
    """Answer to deposit.forfeit_requested: `amount` of the order's money is ours now, no more than was still there."""

    request_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str


@event("payments.approval_changed", aggregate="approval", key="approval_id", internal=True)
class PaymentApprovalChanged(ApprovalNews):
    """An action of this app began to wait for a second person, or its waiting ended."""


class RegimeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tax regime from its first day: general, simplified, simplified_5 or simplified_7."""

    since: date
    regime: str


@event("legal_entity.changed", aggregate="legal_entity", key="entity_id")
class LegalEntityChanged(Event):
    """A legal entity of the dealer was added, changed or retired; carries the whole state."""

    entity_id: UUID
    code: str
    name: str
    address: str
    inn: str
    regimes: list[RegimeRow]
    is_default: bool
    version_number: int
    kpp: str = ""
    ogrn: str = ""
    director: str = ""
    accountant: str = ""
    bank_name: str = ""
    bik: str = ""
    account: str = ""
    correspondent_account: str = ""
    is_deleted: bool = False
