"""End policies: early, with a part of the premium back, or with their term; and put one back in force."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import day_ends, dealer_day
from core.db import transaction
from core.errors import InvalidInput, WrongTransition
from core.money import ZERO
from gateway.approvals import let
from insurance.approvals import UNDONE
from insurance.errors import InsuredTwice, NotReinstated
from insurance.events import PolicyCancellationDue, PolicyCancelled, PolicyReinstated, PolicyTermEnded
from insurance.models import MoneyKind, Policy, PolicyStatus
from insurance.models.fields import InsuranceTypes
from insurance.queries.refunds import TOTAL_LOSS, UNPAID, _unpaid_since, is_undone, refund_on_day, refund_to_come
from insurance.services.binding import unbind
from insurance.services.doubles import is_insured_twice, refuse_second
from insurance.services.instalments import plan_again, void_instalments
from insurance.services.locking import lock_policy
from insurance.services.money import Ways, ask_for_premium, ask_for_premium_back, check_payment, ways_back
from insurance.services.seconding import admit_ending
from messaging.delivery.timers import set_timer
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers

CANCELLATION_HANDLER = "insurance.cancel_when_due"


def cancel_policy(
    *,
    policy_id: UUID,
    now: datetime,
    reason: str = "",
    customer_id: UUID | None = None,
    last_date: date | None = None,
    event_date: date | None = None,
    maker_id: UUID | None = None,
) -> Policy:
    """End a policy today, with the unused part of its premium back. One that is not paid yet is let go.

    With a `last_date` to come the cover lasts through that day, and the policy waits as `cancel_scheduled`. From
    `event_date`, which managers name, the premium counts as unused: the insured died or the car was lost that day.
    With an instalment overdue the cover ends with the day it was due, and nothing is earned after it.
    `maker_id` is the member of the staff who ends it for somebody else: beyond what one person may give back a second
    one agrees. Raises PolicyNotFound, WrongTransition, InvalidInput, FourEyes, Waits.
    """
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        if policy.status == PolicyStatus.PENDING and policy.attempt_id is None:
            unbind(policy)
            policy.decline(code="cancelled", detail=reason or _("Called off by the insured."), now=now)
            policy.save()
            return policy
        today = dealer_day(now)
        _check_days(policy, today, last_date, event_date)
        last_day = max(last_date or today, today) if event_date is None else event_date
        given = {"reason": reason, "last_date": last_date, "event_date": event_date}
        back = refund_to_come if last_day > today else refund_on_day
        admit_ending(policy, back(policy, last_day), maker_id, given, now)
        if last_date is not None and last_date > today:
            _schedule(policy, last_date, reason, now)
        else:
            unpaid = _unpaid_since(policy, today)
            if unpaid is not None and unpaid < (event_date or today):
                cancel_locked(policy, unpaid, reason or UNPAID, now, ended_at=day_ends(unpaid))
            else:
                cancel_locked(policy, event_date or today, reason, now)
    return policy


def cancel_agreed(
    *,
    subject_id: UUID,
    maker_id: UUID,
    approver_id: UUID,
    now: datetime,
    reason: str,
    last_date: date | None,
    event_date: date | None,
) -> None:
    """End a policy as one person asked and a second agreed. Raises what `cancel_policy` does."""
    cancel_policy(
        policy_id=subject_id, maker_id=maker_id, reason=reason, last_date=last_date, event_date=event_date, now=now
    )


def _check_days(policy: Policy, today: date, last_date: date | None, event_date: date | None) -> None:
    if last_date is not None and not today <= last_date < max(policy.end_date, today + timedelta(days=1)):
        raise InvalidInput("last_date", "out_of_range", _("A day from today on, before the last day of the policy."))
    if event_date is not None and not policy.start_date <= event_date <= today:
        raise InvalidInput("event_date", "out_of_range", _("A day of the policy that is not to come."))


def _schedule(policy: Policy, last_date: date, reason: str, now: datetime) -> None:
    policy.schedule_cancellation(last_date, reason=reason, now=now)
    policy.save()
    alarm = PolicyCancellationDue(policy_id=policy.id, last_date=last_date)
    set_timer(handler=CANCELLATION_HANDLER, event=alarm, due_at=day_ends(last_date))


def cancel_locked(policy: Policy, last_day: date, reason: str, now: datetime, ended_at: datetime | None = None) -> None:
    """End a locked policy, its premium being used through `last_day`. Raises WrongTransition."""
    ways = ways_back(policy, refund_on_day(policy, last_day))
    end_early(policy, ways, reason=reason, now=now, ended_at=ended_at)
    unbind(policy)
    ask_for_premium_back(policy, ways, reason or "cancelled", now)


def cancel_when_due(*, policy_id: UUID, last_date: date, now: datetime) -> None:
    """End a policy whose last day is over, by its alarm; one that was kept or set for another day is left alone.

    Raises PolicyNotFound.
    """
    with transaction("insurance"):
        policy = lock_policy(policy_id)
        let(UNDONE)
        if policy.status == PolicyStatus.CANCEL_SCHEDULED and policy.cancel_date == last_date:
            last_day = min(last_date, _unpaid_since(policy, dealer_day(now)) or last_date)
            cancel_locked(policy, last_day, policy.cancel_reason, now, ended_at=day_ends(last_day))


def keep_policy(*, policy_id: UUID, now: datetime, customer_id: UUID | None = None) -> Policy:
    """Forget the cancellation that was set for a day to come.

    Raises PolicyNotFound, WrongTransition, InsuredTwice (another policy was bought for the days after it).
    """
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        policy.keep(now)
        refuse_second(policy)
        policy.save()
    return policy


def end_after_total_loss(policy: Policy, now: datetime) -> None:
    """End a locked KASKO policy whose car was paid for as lost: the premium is earned, nothing of it goes back."""
    if policy.insurance_type == InsuranceTypes.KASKO and policy.is_alive:
        end_early(policy, Ways(), reason=TOTAL_LOSS, now=now)
        unbind(policy)


def end_early(policy: Policy, ways: Ways, *, reason: str, now: datetime, ended_at: datetime | None = None) -> None:
    """Cancel a locked policy and tell of it; `ways` is what of its premium goes back. Raises WrongTransition."""
    policy.cancel(refund=ways.total, reason=reason, now=now, ended_at=ended_at)
    policy.save()
    void_instalments(policy)
    publish(
        PolicyCancelled(
            policy_id=policy.id,
            customer_id=policy.customer_id,
            refund_amount=ways.total,
            currency=policy.currency,
            reason=reason,
            order_id=policy.paying_order_id,
            insurer=policy.insurer,
            version_number=policy.version,
            refunded_alone=ways.alone if policy.paying_order_id else ZERO,
        )
    )


def reinstate_policy(*, policy_id: UUID, now: datetime, payment: Mapping[str, Any] | None = None) -> Policy:
    """Put a policy cancelled today back in force without a gap, once its refund is paid back.

    One whose purchase was undone is not put back. Raises PolicyNotFound, WrongTransition, NotReinstated, InvalidInput,
    AccountClosing.
    """
    with transaction("insurance"):
        policy = lock_policy(policy_id)
        refuse_leavers("insurance", policy.customer_id)
        if policy.status != PolicyStatus.CANCELLED:
            raise WrongTransition(policy.status, [])
        if policy.cancelled_at is None or dealer_day(policy.cancelled_at) != dealer_day(now):
            raise NotReinstated(_("A policy is reinstated on the day it was cancelled only."))
        if is_undone(policy):
            raise NotReinstated(_("Its purchase was undone."))
        if policy.cancel_reason == TOTAL_LOSS:
            raise NotReinstated(_("The car that it insured was paid for as lost."))
        if is_insured_twice(policy):
            raise NotReinstated(str(InsuredTwice.detail))
        if policy.refund_amount:
            if payment is None:
                raise NotReinstated(_("Its refund has to be paid back first."), refund_amount=str(policy.refund_amount))
            means = check_payment(payment)
            ask_for_premium(policy, policy.refund_amount, means, kind=MoneyKind.REINSTATEMENT, now=now)
        else:
            put_back(policy, now)
    return policy


def put_back(policy: Policy, now: datetime) -> None:
    """Reinstate a locked policy and tell of it. Raises WrongTransition."""
    paid_back = policy.refund_amount or ZERO
    policy.reinstate(now)
    policy.save()
    plan_again(policy)
    alarm = PolicyTermEnded(policy_id=policy.id)
    set_timer(handler="insurance.expire_policy", event=alarm, due_at=day_ends(policy.end_date))
    publish(
        PolicyReinstated(
            policy_id=policy.id,
            customer_id=policy.customer_id,
            insurer=policy.insurer,
            premium_paid=paid_back,
            currency=policy.currency,
            version_number=policy.version,
        )
    )


def expire_policy(*, policy_id: UUID, now: datetime) -> None:
    """End a policy with its term, by its alarm; one that ended before is left alone. Raises PolicyNotFound."""
    with transaction("insurance"):
        policy = lock_policy(policy_id)
        if policy.is_alive and policy.end_date < dealer_day(now):
            policy.expire(now)
            policy.save()
            void_instalments(policy)
