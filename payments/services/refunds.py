"""Refunds: never more than was taken, two people above a limit, retried when the provider refuses."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.db import Expected, require_version, transaction
from core.money import ZERO
from gateway import approvals
from messaging.delivery.calls import request_call
from messaging.people.departures import refuse_leavers
from payments.approvals import CALLED_OFF, EXCESS, PROVIDER_SAYS, REFUND, SENT_AGAIN
from payments.errors import RefundElsewhere, RefundExceedsPayment, UseReturn, WrongPaymentState, WrongRefundState
from payments.models import (
    HANDED_OVER,
    MANUAL,
    OrderAccount,
    OrderCopy,
    Payment,
    Purpose,
    Refund,
    RefundSource,
    RefundStatus,
    Status,
)
from payments.rules.keys import charge_key
from payments.services.facts import publish_refund_failed, publish_refund_pending, publish_refunded
from payments.services.ledger import post_refund, post_refund_due, post_refund_failed, post_refund_returned
from payments.services.order_accounts import lock_payment, refuse_secured, settle_if_empty


@dataclass(frozen=True)
class RefundReport:
    """Report of the provider on a refund: `succeeded`, `failed` or `submitted` (nobody knows yet)."""

    status: str
    provider_ref: str = ""
    failure_code: str = ""
    failure_detail: str = ""


def request_refund(
    *,
    payment_id: UUID,
    amount: Decimal | None,
    reason: str,
    actor_id: UUID,
    now: datetime,
    expected_version: Expected = None,
) -> Refund:
    """Ask for money back, all that is left by default; what one person may give back alone is sent at once.

    The rest waits as `requested` for a second person, by what this person has given back today by any payment.
    Raises WrongPaymentState, RefundExceedsPayment, RefundElsewhere (it paid for no order), UseReturn (the goods were
    handed over), MoneySecured (it is earnest money), FourEyes (it is their own money), AccountClosing, StaleVersion.
    """
    with transaction("payments"):
        asked = Payment.objects.get(pk=payment_id)
        refuse_leavers("payments", asked.customer_id)
        if asked.purpose != Purpose.ORDER:  # nobody would tell its owner: cover, seat or paid loan would stay
            raise RefundElsewhere(purpose=asked.purpose)
        _refuse_after_handover(asked)
        account, payment, refund = _ask_back(payment_id, amount, reason, actor_id, now, expected_version)
        if approvals.hold_back(REFUND, _request(payment, refund, actor_id), now=now) is None:
            refund.approved_by = actor_id
            _approve(payment, refund, now)
        _save(payment, refund)
        if payment.refund_pending:
            publish_refund_pending(payment)
        settle_if_empty(account, now)
    return refund


def _refuse_after_handover(payment: Payment) -> None:
    """Refuse after a handover: what was sold is undone as a whole, the car and the money together."""
    if OrderCopy.objects.filter(order_id=payment.order_account_id, status__in=HANDED_OVER).exists():
        raise UseReturn


def refund_excess(*, payment_id: UUID, amount: Decimal, reason: str, now: datetime) -> Refund:
    """Give back what is paid above the worth of an order; cash waits for a person to hand it back.

    Raises WrongPaymentState, RefundExceedsPayment.
    """
    with transaction("payments"):
        account, payment, refund = _ask_back(payment_id, amount, reason, None, now)
        approvals.let(EXCESS)
        _send_or_wait(payment, refund, now)
        settle_if_empty(account, now)
    return refund


def _ask_back(
    payment_id: UUID,
    amount: Decimal | None,
    reason: str,
    actor_id: UUID | None,
    now: datetime,
    expected_version: Expected = None,
) -> tuple[OrderAccount, Payment, Refund]:
    account, payment = lock_payment(payment_id)
    require_version(payment.version, expected_version)
    if not payment.is_taken or payment.status == Status.DISPUTED:
        raise WrongPaymentState(state=payment.status)
    wanted = payment.refundable if amount is None else amount
    if wanted <= 0:
        raise RefundExceedsPayment(refundable=str(payment.refundable))
    refuse_secured(account, wanted)
    return account, payment, _open(payment, wanted, reason, actor_id, now)


def _request(payment: Payment, refund: Refund, actor_id: UUID | None) -> approvals.Ask:
    """Build the question to a second person; whoever took the cash in never says alone that it went out again."""
    return approvals.Ask(
        subject_id=refund.id,
        amount=refund.amount,
        currency=refund.currency,
        maker_id=actor_id,
        beneficiary_id=refund.customer_id,
        also_barred=(payment.confirmed_by,),
        so_far=payment.refunded_amount + payment.refund_pending - refund.amount,
        number=get_order_number(payment),
        reason=refund.reason,
    )


def _send_or_wait(payment: Payment, refund: Refund, now: datetime) -> None:
    """Send a refund that the system asked for; cash waits for the person who hands it back."""
    if payment.provider == MANUAL:
        approvals.hold_back(REFUND, _request(payment, refund, None), now=now, is_certain=True)
    else:
        _approve(payment, refund, now)
    _save(payment, refund)


def refund_by_system(
    payment: Payment,
    reason: str,
    now: datetime,
    *,
    amount: Decimal | None = None,
    request_id: UUID | None = None,
    subject_id: UUID | None = None,
) -> Refund | None:
    """Return whatever is left of a locked payment, or `amount` of it, because what it paid for fell through.

    Cash is handed back by a person: such a refund waits until a manager approves it.
    """
    if payment.refundable <= ZERO or payment.status == Status.DISPUTED:
        return None
    refund = _open(payment, payment.refundable if amount is None else amount, reason, None, now)
    refund.request_id, refund.subject_id = request_id, subject_id
    approvals.let(CALLED_OFF)
    _send_or_wait(payment, refund, now)
    return refund


def approve_refund(*, refund_id: UUID, actor_id: UUID, now: datetime) -> Refund:
    """Let a refund go out; cash and transfers count as handed back. Raises WrongRefundState, FourEyes."""
    with transaction("payments"):
        _require_request(refund_id, now)
        approvals.approve_waiting(REFUND, refund_id, person_id=actor_id, now=now)
        return Refund.objects.get(pk=refund_id)


def release_refund(*, subject_id: UUID, maker_id: UUID | None, approver_id: UUID, now: datetime) -> None:
    """Send a refund that a second person has agreed to. Raises WrongRefundState, UseReturn, MoneySecured."""
    with transaction("payments"):
        account, payment, refund = _lock(subject_id)
        if refund.requested_by is not None:
            _refuse_after_handover(payment)
            refuse_secured(account, refund.amount, reserved=refund.amount)
        approvals.admit(REFUND, _request(payment, refund, maker_id), now=now)
        refund.approved_by = approver_id
        _approve(payment, refund, now)
        _save(payment, refund)
        settle_if_empty(account, now)


def reject_refund(*, refund_id: UUID, actor_id: UUID, now: datetime, reason: str = "") -> Refund:
    """Turn a refund down; its amount is free again. Raises WrongRefundState, FourEyes."""
    with transaction("payments"):
        _require_request(refund_id, now)
        approvals.withdraw(REFUND, refund_id, person_id=actor_id, now=now, reason=reason)
        return Refund.objects.get(pk=refund_id)


def drop_refund(*, subject_id: UUID, person_id: UUID | None, reason: str, now: datetime) -> None:
    """Free the amount of a refund that was turned down, or that nobody answered. Raises WrongRefundState."""
    with transaction("payments"):
        _, payment, refund = _lock(subject_id)
        refund.move(RefundStatus.REJECTED, now)
        refund.approved_by = person_id
        payment.free_refund(refund.amount, now)
        _save(payment, refund)
        publish_refund_failed(payment, refund, had_succeeded=False)


def _require_request(refund_id: UUID, now: datetime) -> None:
    """A refund that waits has its request; one that waited before there were any gets it now."""
    refund = Refund.objects.select_related("payment").get(pk=refund_id)
    if refund.status != RefundStatus.REQUESTED:
        raise WrongRefundState(state=refund.status)
    if not approvals.waits_for("payments", refund_id):
        request = _request(refund.payment, refund, refund.requested_by)
        approvals.hold_back(REFUND, request, now=now, is_certain=True)


def retry_refund(*, refund_id: UUID, now: datetime) -> Refund:
    """Try a failed refund again under a new key. Raises WrongRefundState, RefundExceedsPayment, MoneySecured."""
    with transaction("payments"):
        account, payment, refund = _lock(refund_id)
        if refund.status != RefundStatus.FAILED or refund.source != RefundSource.OURS:
            raise WrongRefundState(state=refund.status)
        refuse_secured(account, refund.amount)
        payment.reserve_refund(refund.amount, now)
        refund.attempt += 1
        refund.past_refs, refund.provider_ref = [*refund.past_refs, refund.provider_ref], ""
        refund.failure_code = refund.failure_detail = ""
        approvals.let(SENT_AGAIN)
        _approve(payment, refund, now)
        _save(payment, refund)
        if payment.refund_pending:
            publish_refund_pending(payment)
    return refund


def apply_refund_report(*, refund_id: UUID, attempt: int, report: RefundReport, now: datetime) -> bool:
    """Record what the provider says of one attempt; said again, or of an older attempt, it changes nothing.

    A refund that had succeeded may still fail: its bank sent the money back. Return whether anything changed.
    """
    with transaction("payments"):
        account, payment, refund = _lock(refund_id)
        if refund.attempt != attempt or not _is_news(refund, report):
            return False
        refund.provider_ref = report.provider_ref or refund.provider_ref
        approvals.let(PROVIDER_SAYS)
        if report.status == RefundStatus.SUCCEEDED:
            _succeed(payment, refund, now)
        elif report.status == RefundStatus.FAILED:
            _fail(payment, refund, report, now)
        _save(payment, refund)
        settle_if_empty(account, now)
    return True


def _is_news(refund: Refund, report: RefundReport) -> bool:
    if refund.status == RefundStatus.SUBMITTED:
        return True
    return refund.status == RefundStatus.SUCCEEDED and report.status == RefundStatus.FAILED


def _fail(payment: Payment, refund: Refund, report: RefundReport, now: datetime) -> None:
    """The amount is the payment's again, and a manager may retry."""
    had_succeeded = refund.status == RefundStatus.SUCCEEDED
    refund.failure_code, refund.failure_detail = report.failure_code, report.failure_detail[:255]
    refund.move(RefundStatus.FAILED, now)
    if had_succeeded:
        payment.reverse_refund(refund.amount, now)
        refund.succeeded_at = None
        post_refund_returned(payment, refund, now)
    else:
        payment.free_refund(refund.amount, now)
        post_refund_failed(payment, refund, now)
    publish_refund_failed(payment, refund, had_succeeded=had_succeeded)


def find_refund(payment: Payment, provider_ref: str, amount: Decimal) -> Refund | None:
    """The refund of a payment that a provider means: by its id, else one of ours that waits to hear its id."""
    known = payment.refunds.filter(provider_ref=provider_ref).first()
    if known is not None:
        return known
    waiting = payment.refunds.filter(status=RefundStatus.SUBMITTED, provider_ref="", amount=amount)
    return waiting.order_by("pk").first()


def record_foreign_refund(
    *, payment_id: UUID, provider_ref: str, amount: Decimal, source: str, has_failed: bool, now: datetime
) -> Refund | None:
    """Book money that went back without us: at the provider's own screen, or to the buyer's bank after a dispute.

    None when less is left of the payment: then a person has to look. One that failed is kept too, so that older
    news of its success is not believed.
    """
    with transaction("payments"):
        account, payment = lock_payment(payment_id)
        known = payment.refunds.filter(provider_ref=provider_ref).first()
        if known is not None:
            return known
        if has_failed:
            return _store_failed(payment, provider_ref, amount, source, now)
        if amount > payment.refundable:
            return None
        payment.refund_pending += amount
        refund = _new(payment, amount, _FOREIGN[source], None, now)
        refund.source, refund.provider_ref = source, provider_ref
        refund.move(RefundStatus.APPROVED, now)
        _save(payment, refund)
        approvals.let(PROVIDER_SAYS)
        post_refund_due(payment, refund, now)
        _succeed(payment, refund, now)
        settle_if_empty(account, now)
    return refund


_FOREIGN: dict[str, str] = {
    RefundSource.PROVIDER: "made at the provider",
    RefundSource.DISPUTE: "lost dispute",
}


def _store_failed(payment: Payment, provider_ref: str, amount: Decimal, source: str, now: datetime) -> Refund:
    refund = _new(payment, amount, _FOREIGN[source], None, now)
    refund.source, refund.provider_ref, refund.status = source, provider_ref, RefundStatus.FAILED
    refund.save()
    return refund


def _open(payment: Payment, amount: Decimal, reason: str, actor_id: UUID | None, now: datetime) -> Refund:
    payment.reserve_refund(amount, now)
    return _new(payment, amount, reason, actor_id, now)


def _new(payment: Payment, amount: Decimal, reason: str, actor_id: UUID | None, now: datetime) -> Refund:
    return Refund(
        payment=payment,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        amount=amount,
        currency=payment.currency,
        reason=reason[:255],
        requested_by=actor_id,
        created_at=now,
        updated_at=now,
    )


def _approve(payment: Payment, refund: Refund, now: datetime) -> None:
    """Send the refund to the provider, or book at once what a person hands back."""
    refund.move(RefundStatus.APPROVED, now)
    _save(payment, refund)
    post_refund_due(payment, refund, now)
    if payment.provider == MANUAL:
        _succeed(payment, refund, now)
        return
    refund.move(RefundStatus.SUBMITTED, now)
    request_call(
        key=refund.key, operation="payments.refund", provider=payment.provider, request=_build_request(payment, refund)
    )


def _build_request(payment: Payment, refund: Refund) -> dict[str, Any]:
    return {
        "refund_id": str(refund.id),
        "attempt": refund.attempt,
        "payment_id": str(payment.id),
        "charge_key": charge_key(payment.id),
        "ref": payment.provider_ref,
        "amount": str(refund.amount),
        "currency": refund.currency,
    }


def _succeed(payment: Payment, refund: Refund, now: datetime) -> None:
    refund.move(RefundStatus.SUCCEEDED, now)
    refund.succeeded_at = now
    payment.post_refund(refund.amount, now)
    _save(payment, refund)
    post_refund(payment, refund, now)
    publish_refunded(payment, refund)


def _lock(refund_id: UUID) -> tuple[OrderAccount, Payment, Refund]:
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=refund_id)
    account, payment = lock_payment(payment_id)
    return account, payment, Refund.objects.select_for_update().get(pk=refund_id)


def _save(payment: Payment, refund: Refund) -> None:
    payment.save()
    refund.save()


def get_order_number(payment: Payment) -> str:
    """The number people know the payment's order by, as far as payments has heard of it."""
    return OrderCopy.objects.filter(order_id=payment.order_account_id).values_list("number", flat=True).first() or ""
