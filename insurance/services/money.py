"""Money is never moved here: it is asked of payments, and each request is a row with its answer."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import InvalidInput
from insurance.events import ClaimPayoutRequested, PolicyRefundRequested, PremiumRequested
from insurance.models import Claim, MoneyKind, MoneyRequest, MoneyState, Policy
from messaging.outbox import publish

METHODS = ("card", "sbp", "cash", "bank_transfer")


def check_payment(payment: Mapping[str, Any]) -> dict[str, Any]:
    """A purchase's `payment`, `{method, token? | payment_method_id?}`, as payments takes it. Raises InvalidInput."""
    method = payment.get("method")
    if method not in METHODS:
        raise InvalidInput(
            "payment.method", "invalid_choice", _("Pay by one of: %(ways)s.") % {"ways": ", ".join(METHODS)}
        )
    stored = payment.get("payment_method_id")
    if method == "card" and not (payment.get("token") or stored):
        raise InvalidInput("payment.token", "required", _("A card needs a token or a stored payment method."))
    return {
        "method": method,
        "token": payment.get("token") or "",
        "payment_method_id": str(stored) if stored else None,
    }


def ask_for_premium(
    policy: Policy, amount: Decimal, payment: Mapping[str, Any], *, kind: MoneyKind, now: datetime
) -> MoneyRequest:
    """Ask payments to take `amount` roubles for a locked policy."""
    asked = _record(policy, kind, amount, now)
    method_id = payment.get("payment_method_id")
    publish(
        PremiumRequested(
            request_id=asked.id,
            policy_id=policy.id,
            customer_id=policy.customer_id,
            amount=amount,
            currency=policy.currency,
            method=payment["method"],
            token=payment.get("token") or "",
            payment_method_id=UUID(method_id) if method_id else None,
            description=policy.number,
        )
    )
    return asked


def ask_for_refund(policy: Policy, amount: Decimal, reason: str, now: datetime) -> None:
    """Ask payments to give back `amount` roubles of a premium that was paid."""
    if amount <= 0:
        return
    asked = _record(policy, MoneyKind.REFUND, amount, now)
    publish(
        PolicyRefundRequested(
            request_id=asked.id,
            policy_id=policy.id,
            customer_id=policy.customer_id,
            amount=amount,
            currency=policy.currency,
            reason=reason,
            order_id=policy.paying_order_id,
        )
    )


def ask_for_payout(claim: Claim, amount: Decimal, payee: str, now: datetime) -> None:
    """Ask payments to pay `amount` roubles of a locked claim to the insured, or to the bank named."""
    if amount <= 0:
        return
    asked = _record(claim.policy, MoneyKind.PAYOUT, amount, now, claim=claim, payee=payee)
    publish(
        ClaimPayoutRequested(
            request_id=asked.id,
            claim_id=claim.id,
            policy_id=claim.policy_id,
            customer_id=claim.customer_id,
            amount=amount,
            currency=claim.currency,
            insurer=claim.policy.insurer,
            payee=payee,
        )
    )


def _record(
    policy: Policy, kind: MoneyKind, amount: Decimal, now: datetime, *, claim: Claim | None = None, payee: str = ""
) -> MoneyRequest:
    return MoneyRequest.objects.create(
        policy=policy, claim=claim, kind=kind, payee=payee, amount=amount, currency=policy.currency, created_at=now
    )


def settle_request(
    request_id: UUID, *, is_paid: bool, code: str, detail: str, now: datetime
) -> tuple[MoneyRequest, bool] | None:
    """Note an answer, and tell whether it says anything new; None for a request that is not ours.

    That money moved is final; a refusal may still be followed by it.
    """
    asked = MoneyRequest.objects.select_for_update().filter(pk=request_id).first()
    if asked is None:
        return None
    state = MoneyState.DONE if is_paid else MoneyState.FAILED
    if asked.state in (state, MoneyState.DONE):
        return asked, False
    asked.state, asked.settled_at = state, now
    asked.code, asked.detail = ("", "") if is_paid else (code[:60], detail[:300])
    asked.save()
    return asked, True


def was_paid(policy: Policy) -> bool:
    """Whether the premium is in: it came with its order, or by a payment of its own."""
    return (policy.order_id is not None and policy.attempt_id is not None) or MoneyRequest.objects.filter(
        policy=policy, kind=MoneyKind.PREMIUM, state=MoneyState.DONE
    ).exists()
