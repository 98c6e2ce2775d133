"""The regular look at instalments: reminders, charges, and what happens to a policy that is not paid for.

Paid by the last day of grace an instalment counts as paid in time. Then the policy is suspended: nothing that happened
after the due date is covered until the money is here. A policy that stays unpaid ends, as of the due date.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from core.clock import day_ends, dealer_day
from core.db import transaction
from gateway.approvals import let
from insurance.approvals import UNDONE
from insurance.events import InstalmentDue, InstalmentLate, PolicySuspended
from insurance.models import Instalment, InstalmentState, MoneyKind, MoneyState, Policy, PolicyStatus, next_planned
from insurance.models.policies import ALIVE
from insurance.queries.instalments import is_being_paid, planned
from insurance.queries.refunds import UNPAID
from insurance.services.ending import cancel_locked
from insurance.services.instalments import charge
from insurance.services.locking import lock_policy
from messaging.outbox import publish
from payments.commands import Means

CHUNK = 500
BANK_TIME = timedelta(days=1)
"""How long a payment that was begun in time may be on its way before its instalment counts as unpaid."""


def collect_premiums(*, now: datetime) -> int:
    """Attend to every instalment that falls due soon or is overdue; return how many policies were looked at."""
    count = 0
    for policy_id in _due(now):
        attend_instalment(policy_id=policy_id, now=now)
        count += 1
    return count


def _due(now: datetime) -> Iterator[UUID]:
    until = dealer_day(now) + timedelta(days=settings.PREMIUM_REMINDER_DAYS)
    due = Instalment.objects.filter(state=InstalmentState.PLANNED, due_date__lte=until, policy__status__in=ALIVE)
    reached: UUID | None = None
    while True:
        rest = due if reached is None else due.filter(policy_id__gt=reached)
        ids = list(rest.order_by("policy_id").values_list("policy_id", flat=True).distinct()[:CHUNK])
        if not ids:
            return
        reached = ids[-1]
        yield from ids


def attend_instalment(*, policy_id: UUID, now: datetime) -> None:
    """Do what the day asks for about the next instalment of a policy; done twice on a day, it is done once.

    Raises PolicyNotFound.
    """
    today = dealer_day(now)
    with transaction("insurance"):
        policy = lock_policy(policy_id)
        part = next_planned(planned(policy))
        if part is None or not policy.is_alive or _is_past_the_end(policy, part):
            return
        if today > part.grace_until and not _is_on_its_way(policy, now):
            _stop_cover(policy, part, now)
            if not policy.is_alive:
                return
        elif part.is_overdue_on(today):
            _publish_overdue(policy, part, now)
        elif part.reminded_at is None:
            _remind(policy, part, now)
        if today >= part.due_date:
            _charge_by_itself(policy, part, now)


def _is_past_the_end(policy: Policy, part: Instalment) -> bool:
    """A policy that ends before the days an instalment is for does not need it."""
    return policy.cancel_date is not None and policy.cancel_date <= part.due_date


def _is_on_its_way(policy: Policy, now: datetime) -> bool:
    begun = policy.money_requests.filter(kind=MoneyKind.INSTALMENT, state=MoneyState.ASKED)
    return begun.filter(created_at__gt=now - BANK_TIME).exists()


def _remind(policy: Policy, part: Instalment, now: datetime) -> None:
    part.reminded_at = now
    part.save()
    publish(
        InstalmentDue(
            policy_id=policy.id,
            customer_id=policy.customer_id,
            number=part.number,
            amount=part.amount,
            currency=policy.currency,
            due_date=part.due_date,
            is_automatic=policy.autopay_method_id is not None,
        )
    )


def _publish_overdue(policy: Policy, part: Instalment, now: datetime) -> None:
    if part.overdue_told_at is not None:
        return
    part.overdue_told_at = now
    part.save()
    publish(
        InstalmentLate(
            policy_id=policy.id,
            customer_id=policy.customer_id,
            number=part.number,
            amount=part.amount,
            currency=policy.currency,
            due_date=part.due_date,
            grace_until=part.grace_until,
        )
    )


def _stop_cover(policy: Policy, part: Instalment, now: datetime) -> None:
    """Suspend the policy, and end it when that has lasted; one that is to end anyway ends at once."""
    if part.lapsed_at is None:
        part.lapsed_at = now
        part.save()
    if policy.status == PolicyStatus.CANCEL_SCHEDULED or dealer_day(now) > part.ends_after:
        let(UNDONE)
        cancel_locked(policy, part.due_date, UNPAID, now, ended_at=day_ends(part.due_date))
    elif policy.status == PolicyStatus.ACTIVE:
        policy.suspend(now)
        policy.save()
        publish(
            PolicySuspended(
                policy_id=policy.id,
                customer_id=policy.customer_id,
                number=part.number,
                amount=part.amount,
                currency=policy.currency,
                covered_through=part.due_date,
                ends_after=part.ends_after,
                version_number=policy.version,
            )
        )


def _charge_by_itself(policy: Policy, part: Instalment, now: datetime) -> None:
    """Charge the stored method, once a day while it is refused."""
    if policy.autopay_method_id is None or is_being_paid(policy):
        return
    if part.asked_at is not None and dealer_day(part.asked_at) >= dealer_day(now):
        return
    means = Means(policy.autopay_method, payment_method_id=policy.autopay_method_id)
    charge(policy, part, means, now)
