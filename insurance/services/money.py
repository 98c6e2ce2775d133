"""Money is never moved here: it is asked of payments, and each request is a row with its answer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money import ZERO
from gateway.approvals import require_permit
from insurance.events import PremiumOwed
from insurance.models import Claim, MoneyKind, MoneyRequest, MoneyState, Policy
from insurance.models.money import CHARGES
from insurance.queries.insurers import get_supplier
from messaging.outbox import publish, send
from payments.commands import METHODS, Means, PayClaim, ReceiptItem, Supplier, TakePremium


@dataclass(frozen=True)
class Ways:
    """Roubles by the way they came, and go back: with the policy's order, or by payments of its own."""

    by_order: Decimal = ZERO
    alone: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Both together."""
        return self.by_order + self.alone


def held_for(policy: Policy) -> Ways:
    """Return what came in for a policy and was not asked back: no refund may exceed it."""
    asked = policy.money_requests.aggregate(
        taken=Sum("amount", filter=Q(kind__in=CHARGES, state=MoneyState.DONE), default=ZERO),
        back=Sum("amount", filter=Q(kind=MoneyKind.REFUND, order_id=None), default=ZERO),
        back_by_order=Sum("amount", filter=Q(kind=MoneyKind.REFUND, order_id__isnull=False), default=ZERO),
    )
    bought = policy.quote.offer(policy.variant).due_now if policy.paying_order_id else ZERO
    return Ways(by_order=bought - asked["back_by_order"], alone=asked["taken"] - asked["back"])


def ways_back(policy: Policy, amount: Decimal) -> Ways:
    """Split a refund of a premium: what the order paid goes back first, never more than is held."""
    held = held_for(policy)
    by_order = min(amount, held.by_order)
    return Ways(by_order=by_order, alone=min(amount - by_order, held.alone))


def check_payment(payment: Mapping[str, Any]) -> Means:
    """A purchase's `payment`, `{method, token? | payment_method_id?}`, as payments takes it. Raises InvalidInput."""
    means = Means.of(payment)
    if means.method not in METHODS:
        raise InvalidInput(
            "payment.method", "invalid_choice", _("Pay by one of: %(ways)s.") % {"ways": ", ".join(METHODS)}
        )
    return means


def ask_for_premium(policy: Policy, amount: Decimal, means: Means, *, kind: MoneyKind, now: datetime) -> MoneyRequest:
    """Ask payments to take `amount` roubles for a locked policy."""
    asked = _record(policy, kind, amount, now)
    send(
        TakePremium(
            request_id=asked.id,
            policy_id=policy.id,
            customer_id=policy.customer_id,
            amount=amount,
            currency=policy.currency,
            **asdict(means),
            description=policy.number,
            receipt=[_name_on_receipt(policy, amount)],
        )
    )
    return asked


def _name_on_receipt(policy: Policy, amount: Decimal) -> ReceiptItem:
    name = f"{policy.insurance_type.upper()} {policy.number}"
    told = get_supplier(policy)
    supplier = Supplier(**told) if told else None
    return ReceiptItem(name=name, amount=amount, unit_price=amount, subject="insurance_premium", supplier=supplier)


def ask_for_premium_back(policy: Policy, ways: Ways, reason: str, now: datetime) -> None:
    """Ask payments to give back a part of a premium, each rouble the way it came."""
    ask_for_refund(policy, ways.by_order, reason, now, order_id=policy.paying_order_id)
    ask_for_refund(policy, ways.alone, reason, now)


def ask_for_refund(
    policy: Policy, amount: Decimal, reason: str, now: datetime, *, order_id: UUID | None = None
) -> None:
    """Ask payments to give back `amount` roubles by the policy's own payments, or by those of an order."""
    if amount <= 0:
        return
    require_permit("insurance")
    asked = _record(policy, MoneyKind.REFUND, amount, now, order_id=order_id)
    publish(
        PremiumOwed(
            request_id=asked.id,
            policy_id=policy.id,
            customer_id=policy.customer_id,
            amount=amount,
            currency=policy.currency,
            reason=reason,
            order_id=order_id,
        )
    )


def ask_for_payout(claim: Claim, amount: Decimal, payee: str, now: datetime) -> None:
    """Ask payments to pay `amount` roubles of a locked claim to the insured, or to the bank named."""
    if amount <= 0:
        return
    require_permit("insurance")
    asked = _record(claim.policy, MoneyKind.PAYOUT, amount, now, claim=claim, payee=payee)
    send(
        PayClaim(
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


def _record(policy: Policy, kind: MoneyKind, amount: Decimal, now: datetime, **more: Any) -> MoneyRequest:
    return MoneyRequest.objects.create(
        policy=policy, kind=kind, amount=amount, currency=policy.currency, created_at=now, **more
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
