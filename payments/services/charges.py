"""A payment's way from `pending` to its end: what the provider says, what a manager confirms, what is called off."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog

from core.db import transaction
from gateway import approvals
from gateway.approvals import Ask
from messaging.delivery.calls import request_call
from payments.approvals import CAPTURE, PROVIDER_SAYS, RESOLVE
from payments.errors import WrongPaymentState
from payments.models import IN_FLIGHT, MANUAL, Dispute, DisputeStatus, OrderAccount, OrderCopy, Payment, Purpose, Status
from payments.rules.keys import charge_key
from payments.services.facts import publish_completed, publish_failed
from payments.services.ledger import post_charge
from payments.services.order_accounts import lock_payment, settle_if_empty
from payments.services.refunds import get_order_number, refund_by_system

log = structlog.get_logger(__name__)
CONFLICT = "conflicting_answer"
"""Failure code of a payment about which the provider tells another amount or currency: a person has to look."""


@dataclass(frozen=True)
class ChargeReport:
    """Report of a provider on a payment; `status` is one of ours. Amount and currency, if given, must be ours too."""

    status: str
    provider_ref: str = ""
    action_url: str = ""
    failure_code: str = ""
    failure_detail: str = ""
    amount: Decimal | None = None
    currency: str = ""

    def fits(self, payment: Payment) -> bool:
        """Tell whether the report speaks of the same money as the payment."""
        return self.amount in (None, payment.amount) and self.currency in ("", payment.currency)


def start_charge(*, payment_id: UUID, now: datetime) -> bool:
    """Record that the provider is about to be called; False when there is nothing to call for any more."""
    with transaction("payments"):
        _, payment = lock_payment(payment_id)
        if not payment.is_in_flight:
            return False
        if payment.raise_to(Status.PROCESSING, now):
            payment.save()
    return True


def apply_report(*, payment_id: UUID, report: ChargeReport, now: datetime) -> bool:
    """Move a payment up to what the provider says; old news and other amounts change nothing.

    Return whether it moved. Whoever brings the news, a call's answer or a webhook, comes through here. Money that
    arrives for an order that no longer takes it goes straight back. Another amount or currency than ours leaves the
    payment `unknown`, with the evidence, until a person has looked.
    """
    with transaction("payments"):
        account, payment = lock_payment(payment_id)
        previous = payment.status
        if not report.fits(payment):
            _record_conflict(payment, report, now)
            return False
        payment.provider_ref = report.provider_ref or payment.provider_ref  # a page's id becomes its charge's
        if payment.failure_code == CONFLICT and report.status in IN_FLIGHT:
            return False
        if not payment.raise_to(report.status, now):
            return False
        payment.action_url = report.action_url if report.status == Status.REQUIRES_ACTION else ""
        payment.failure_code, payment.failure_detail = report.failure_code, report.failure_detail[:255]
        approvals.let(PROVIDER_SAYS)
        _announce(account, payment, previous, now)
    return True


def _record_conflict(payment: Payment, report: ChargeReport, now: datetime) -> None:
    log.error("payment_mismatch", payment_id=str(payment.id), amount=str(report.amount), currency=report.currency)
    if not payment.is_in_flight or payment.failure_code == CONFLICT:
        return
    payment.doubt(now)
    payment.failure_code = CONFLICT
    payment.failure_detail = f"The provider says {report.status} {report.amount} {report.currency}."[:255]
    payment.save()


def resolve_payment(*, payment_id: UUID, is_taken: bool, evidence: str, actor_id: UUID, now: datetime) -> Payment:
    """Decide by evidence what a provider cannot be asked about any more; that it took the money may need two.

    Raises WrongPaymentState, FourEyes, Waits.
    """
    with transaction("payments"):
        account, payment = lock_payment(payment_id)
        previous = payment.status
        if previous not in (Status.UNKNOWN, Status.PROCESSING):
            raise WrongPaymentState(state=previous)
        if is_taken:
            request = _believed(payment, actor_id, evidence=evidence, args={"evidence": evidence})
            approvals.admit(RESOLVE, request, now=now)
        else:
            approvals.refuse_own("payments", person_id=actor_id, beneficiary_id=payment.customer_id)
        payment.raise_to(Status.COMPLETED if is_taken else Status.FAILED, now)
        payment.confirmed_by, payment.failure_detail = actor_id, evidence[:255]
        payment.failure_code = "" if is_taken else "resolved_by_hand"
        _announce(account, payment, previous, now)
    return payment


def settle_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, evidence: str) -> None:
    """Settle a payment as one person found and a second agreed. Raises WrongPaymentState."""
    resolve_payment(payment_id=subject_id, is_taken=True, evidence=evidence, actor_id=maker_id, now=now)


def take_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime) -> None:
    """Book money that one person says has come and a second agreed. Raises WrongPaymentState."""
    capture_payment(payment_id=subject_id, actor_id=maker_id, now=now)


def _believed(payment: Payment, actor_id: UUID, *, evidence: str = "", args: dict[str, str] | None = None) -> Ask:
    """Money that is there because a person says so."""
    return Ask(
        subject_id=payment.id,
        amount=payment.amount,
        currency=payment.currency,
        maker_id=actor_id,
        beneficiary_id=payment.customer_id,
        number=get_order_number(payment),
        evidence=evidence,
        args=args or {},
    )


def capture_payment(*, payment_id: UUID, actor_id: UUID, now: datetime) -> Payment:
    """Confirm that cash or a transfer has arrived, or take what a provider has authorised.

    Raises WrongPaymentState, FourEyes (it is their own), Waits (for a second person).
    """
    with transaction("payments"):
        account, payment = lock_payment(payment_id)
        if payment.provider != MANUAL:
            return _capture_hold(payment, actor_id, now)
        if payment.status != Status.PENDING:
            raise WrongPaymentState(state=payment.status)
        approvals.admit(CAPTURE, _believed(payment, actor_id), now=now)
        payment.confirmed_by = actor_id
        payment.raise_to(Status.COMPLETED, now)
        _announce(account, payment, Status.PENDING, now)
    return payment


def _capture_hold(payment: Payment, actor_id: UUID, now: datetime) -> Payment:
    if payment.status != Status.AUTHORIZED or payment.cancel_requested_at:
        raise WrongPaymentState(state=payment.status)
    payment.confirmed_by = actor_id
    payment.touch(now)
    payment.save()
    request_call(
        key=f"payment:{payment.id}:capture",
        operation="payments.capture",
        provider=payment.provider,
        request=_about(payment),
    )
    return payment


def cancel_payment(*, payment_id: UUID, now: datetime) -> Payment:
    """Call off a payment that has not ended. Raises WrongPaymentState.

    Where a provider is involved it has the last word: the payment ends when it has answered.
    """
    with transaction("payments"):
        account, payment = lock_payment(payment_id)
        if not payment.is_in_flight:
            raise WrongPaymentState(state=payment.status)
        withdraw(account, payment, now)
    return payment


def withdraw(account: OrderAccount, payment: Payment, now: datetime) -> None:
    """Call off a locked payment that has not ended: at once if no provider knows of it, else by asking that."""
    if payment.provider == MANUAL or payment.status == Status.PENDING:
        payment.raise_to(Status.CANCELLED, now)
        payment.failure_code, payment.failure_detail = "cancelled", "The payment was called off."
        _announce(account, payment, Status.PENDING, now)
        return
    if payment.cancel_requested_at is None:
        payment.cancel_requested_at = now
        payment.touch(now)
        payment.save()
    request_call(
        key=f"payment:{payment.id}:cancel",
        operation="payments.cancel",
        provider=payment.provider,
        request=_about(payment),
    )


def ask_provider(*, payment_id: UUID, reason: str) -> Payment:
    """Ask the provider what became of a payment; `reason` names the asking, and the same one is asked once.

    Raises WrongPaymentState for money that no provider knows of.
    """
    with transaction("payments"):
        payment = Payment.objects.get(pk=payment_id)
        if payment.provider == MANUAL:
            raise WrongPaymentState(state=payment.status)
        request_call(
            key=f"payment:{payment.id}:query:{reason}"[:120],
            operation="payments.query",
            provider=payment.provider,
            request=_about(payment),
        )
    return payment


def _about(payment: Payment) -> dict[str, str]:
    return {
        "payment_id": str(payment.id),
        "charge_key": charge_key(payment.id),
        "amount": str(payment.amount),
        "currency": payment.currency,
        "created_at": payment.created_at.isoformat(),
    }


def _announce(account: OrderAccount, payment: Payment, previous: str, now: datetime) -> None:
    """Save a payment that has moved, and everything that follows from where it stands now."""
    if payment.status == Status.COMPLETED:
        _complete(account, payment, previous, now)
    else:
        payment.save()
    if payment.status in (Status.FAILED, Status.CANCELLED) and previous in IN_FLIGHT:
        publish_failed(payment)
    if not payment.is_in_flight:
        settle_if_empty(account, now)


def _complete(account: OrderAccount, payment: Payment, previous: str, now: datetime) -> None:
    payment.completed_at = now
    payment.settle(now, is_disputed=payment.disputes.filter(status=DisputeStatus.OPEN).exists())
    payment.save()
    post_charge(payment, now)
    publish_completed(payment)
    if account.closed_at is not None:
        refund_by_system(payment, account.reason or "order cancelled", now)
    elif previous in (Status.FAILED, Status.CANCELLED) and _is_too_much(payment):
        refund_by_system(payment, "paid twice", now)


def _is_too_much(payment: Payment) -> bool:
    """A payment thought dead came through after its order was paid otherwise."""
    if payment.purpose != Purpose.ORDER:
        return False
    total = OrderCopy.objects.filter(pk=payment.order_account_id).values_list("total_amount", flat=True).first()
    return total is not None and Payment.objects.filter(order_id=payment.order_id).held() > total


def dispute_payment(
    *, payment_id: UUID, provider_ref: str, status: str, amount: Decimal, now: datetime
) -> tuple[Dispute, bool]:
    """Record what the buyer's bank says; while a dispute is open no refund goes out. Return it, and whether it moved.

    A payment that is disputed was taken, whatever we had heard of it before. What has been decided stays decided.
    """
    with transaction("payments"):
        apply_report(payment_id=payment_id, report=ChargeReport(Status.COMPLETED), now=now)
        _, payment = lock_payment(payment_id)
        dispute, is_new = Dispute.objects.get_or_create(
            provider=payment.provider,
            provider_ref=provider_ref,
            defaults={"payment": payment, "amount": amount, "opened_at": now, "status": DisputeStatus.OPEN},
        )
        is_decided = dispute.status == DisputeStatus.OPEN and status != DisputeStatus.OPEN
        if is_decided:
            dispute.status, dispute.closed_at = status, now
            dispute.save()
        if is_new or is_decided:
            payment.settle(now, is_disputed=payment.disputes.filter(status=DisputeStatus.OPEN).exists())
            payment.save()
    return dispute, is_new or is_decided
