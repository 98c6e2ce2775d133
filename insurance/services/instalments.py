"""Premiums paid in parts: their schedule, each payment, and what still has to come in."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput, WrongTransition
from core.money import ZERO
from insurance.errors import InstalmentUnderWay, NothingDue
from insurance.events import InstalmentPaid, PolicyResumed
from insurance.models import (
    Instalment,
    InstalmentState,
    MoneyKind,
    MoneyRequest,
    MoneyState,
    Policy,
    PolicyStatus,
    next_planned,
)
from insurance.queries.instalments import is_being_paid, planned
from insurance.services.locking import lock_policy
from insurance.services.money import ask_for_premium, ask_for_refund, check_payment
from messaging.outbox import publish
from payments.commands import Means


def plan_instalments(policy: Policy, now: datetime) -> None:
    """Write the schedule of a policy that comes into force; its first payment is in. One payment has no schedule."""
    parts = policy.quote.offer(policy.variant).payments(policy.start_date)
    if len(parts) > 1:
        Instalment.objects.bulk_create(
            Instalment(
                policy=policy,
                number=part.number,
                amount=part.amount,
                due_date=part.due_date,
                state=InstalmentState.PAID if part.number == 1 else InstalmentState.PLANNED,
                paid_at=now if part.number == 1 else None,
            )
            for part in parts
        )


def take_off(policy: Policy, amount: Decimal) -> Decimal:
    """Make instalments to come smaller by up to `amount` roubles, the last one first; return by how much."""
    left = amount
    for part in reversed(planned(policy)):
        cut = min(left, part.amount)
        part.amount -= cut
        left -= cut
        if part.amount == 0:
            part.state = InstalmentState.VOID
        part.save()
    return amount - left


def void_instalments(policy: Policy) -> None:
    """Ask nothing more for a policy that has ended."""
    policy.instalments.filter(state=InstalmentState.PLANNED).update(state=InstalmentState.VOID)


def plan_again(policy: Policy) -> None:
    """Ask again for what was let go when a policy ended that is put back."""
    policy.instalments.filter(state=InstalmentState.VOID, amount__gt=0).update(state=InstalmentState.PLANNED)


def set_off(policy: Policy, payout: Decimal) -> Decimal:
    """Take what is still owed of the premium off the payout of a total loss, roubles; return how much that is."""
    taken = ZERO
    for part in planned(policy):
        if taken + part.amount > payout:
            break
        taken += part.amount
        part.state = InstalmentState.SET_OFF
        part.save()
    return taken


def pay_instalment(
    *, policy_id: UUID, payment: Mapping[str, Any], now: datetime, customer_id: UUID | None = None
) -> Policy:
    """Pay the instalment that is due next, before its day too. `customer_id` None is a manager.

    Raises PolicyNotFound, WrongTransition, NothingDue, InstalmentUnderWay, InvalidInput.
    """
    means = check_payment(payment)
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        if not policy.is_alive:
            raise WrongTransition(policy.status, [])
        part = next_planned(planned(policy))
        if part is None:
            raise NothingDue
        if is_being_paid(policy):
            raise InstalmentUnderWay
        charge(policy, part, means, now)
    return policy


def charge(policy: Policy, part: Instalment, means: Means, now: datetime) -> None:
    """Ask payments for an instalment of a locked policy."""
    part.money_id = ask_for_premium(policy, part.amount, means, kind=MoneyKind.INSTALMENT, now=now).id
    part.asked_at, part.code, part.detail = now, "", ""
    part.save()


def choose_autopay(
    *, policy_id: UUID, payment: Mapping[str, Any] | None, now: datetime, customer_id: UUID | None = None
) -> Policy:
    """Have instalments charged by themselves by a stored payment method of the insured, `{method, payment_method_id}`;
    with None they are not any more. Whoever is given the method asks payments whether it is theirs.

    Raises PolicyNotFound, WrongTransition, NothingDue, InvalidInput.
    """
    method, method_id = ("", None) if payment is None else _stored(payment)
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        if not policy.is_alive:
            raise WrongTransition(policy.status, [])
        if method_id is not None and not planned(policy):
            raise NothingDue
        if policy.autopay_method_id != method_id:
            policy.autopay_method, policy.autopay_method_id = method, method_id
            policy.touch(now)
            policy.save()
    return policy


def _stored(payment: Mapping[str, Any]) -> tuple[str, UUID]:
    means = check_payment(payment)
    if means.payment_method_id is None:
        raise InvalidInput("payment.payment_method_id", "required", _("A stored payment method is charged by itself."))
    return means.method, means.payment_method_id


def apply_paid_instalment(policy: Policy, asked: MoneyRequest, now: datetime) -> None:
    """Apply the answer about an instalment of a locked policy: paid, or why not.

    Money for one that is not owed any more goes straight back.
    """
    part = policy.instalments.filter(money_id=asked.id).first()
    if asked.state != MoneyState.DONE:
        if part is not None and part.state == InstalmentState.PLANNED:
            part.code, part.detail = asked.code, asked.detail
            part.save()
        return
    if part is None or part.state != InstalmentState.PLANNED or part.amount != asked.amount or not policy.is_alive:
        ask_for_refund(policy, asked.amount, "not_owed", now)
        return
    part.state, part.paid_at, part.code, part.detail = InstalmentState.PAID, now, "", ""
    part.save()
    is_resumed = policy.status == PolicyStatus.SUSPENDED
    if is_resumed:
        policy.resume(now)
    else:
        policy.touch(now)
    policy.save()
    publish(
        InstalmentPaid(
            policy_id=policy.id,
            customer_id=policy.customer_id,
            number=part.number,
            amount=part.amount,
            currency=policy.currency,
            insurer=policy.insurer,
            version_number=policy.version,
        )
    )
    if is_resumed:
        publish(PolicyResumed(policy_id=policy.id, customer_id=policy.customer_id, version_number=policy.version))
