"""Issuing the policies of a purchase at its checkout's request, and taking them back."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connections
from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput
from insurance.clock import day_of, end_of, local_date
from insurance.events import (
    IssuedPolicy,
    PoliciesDeclined,
    PoliciesIssued,
    PoliciesRevoked,
    PolicyPurchased,
    PolicyTermEnded,
)
from insurance.models import IssueAttempt, Policy, PolicyStatus, Quote
from insurance.pricing import Price, QuoteRequest, last_day, price, read_request
from insurance.services.ending import end_early
from insurance.services.quoting import write_quote
from messaging.outbox import publish
from messaging.timers import set_timer

EXPIRY_HANDLER = "insurance.expire_policy"


def issue_policies(
    *, order_id: UUID, attempt_id: UUID, customer_id: UUID, quotes: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Issue every policy of an attempt, or none, and answer once.

    Premiums are those of the day the order was placed, since the order was totalled with them. Cover begins now.
    """
    with transaction("insurance"):
        IssueAttempt.objects.get_or_create(attempt_id=attempt_id, defaults={"order_id": order_id})
        attempt = IssueAttempt.objects.select_for_update().get(pk=attempt_id)
        if attempt.answered_at is not None:
            return
        attempt.answered_at = now
        attempt.save()
        if attempt.closed_at is not None:
            _decline(attempt, "cancelled", _("The purchase was cancelled."))
            return
        day = day_of(order_id, now)
        try:
            rated = _rate_all(quotes, day)
        except InvalidInput as error:
            (problem,) = error.errors
            _decline(attempt, problem["code"], f"{problem['field']}: {problem['detail']}")
            return
        issued = [_issue(attempt, customer_id, request, rate, day, now) for request, rate in rated]
        publish(PoliciesIssued(order_id=order_id, attempt_id=attempt_id, policies=issued))


def _rate_all(quotes: Sequence[Mapping[str, Any]], day: date) -> list[tuple[QuoteRequest, Price]]:
    requests = [read_request(raw) for raw in quotes]
    return [(request, price(request, day)) for request in requests]


def _decline(attempt: IssueAttempt, code: str, detail: str) -> None:
    publish(PoliciesDeclined(order_id=attempt.order_id, attempt_id=attempt.attempt_id, code=code, detail=detail))


def _issue(
    attempt: IssueAttempt, customer_id: UUID, request: QuoteRequest, rated: Price, day: date, now: datetime
) -> IssuedPolicy:
    quote = write_quote(request, rated, customer_id=customer_id, order_id=attempt.order_id, day=day, now=now)
    policy = _policy_of(quote, now)
    policy.attempt_id = attempt.attempt_id
    policy.activate(now)
    policy.save(force_insert=True)
    alarm = PolicyTermEnded(policy_id=policy.id)
    set_timer(handler=EXPIRY_HANDLER, event=alarm, due_at=end_of(policy.end_date))
    publish(
        PolicyPurchased(
            policy_id=policy.id,
            customer_id=customer_id,
            insurance_type=policy.insurance_type,
            premium=policy.premium,
            currency=policy.currency,
            start_date=policy.start_date,
            end_date=policy.end_date,
            order_id=policy.order_id,
        )
    )
    return IssuedPolicy(policy_id=policy.id, insurance_type=policy.insurance_type, premium=policy.premium)


def _policy_of(quote: Quote, now: datetime) -> Policy:
    start = local_date(now)
    copied = {
        name: getattr(quote, name)
        for name in (
            "order_id", "customer_id", "insurance_type", "premium", "coverage_amount", "insured_value", "deductible",
            "currency",
        )
    }  # fmt: skip
    return Policy(
        **copied,
        number=_next_number(quote.insurance_type, start.year),
        quote=quote,
        vehicle_vin=quote.asked.vehicle_vin,
        start_date=start,
        end_date=last_day(quote.asked, start),
        created_at=now,
        updated_at=now,
    )


def _next_number(insurance_type: str, year: int) -> str:
    """The year's next number; its row is locked until the policy commits."""
    with connections["insurance"].cursor() as cursor:
        cursor.execute(
            """INSERT INTO insurance_policycounter AS c (year, last_number) VALUES (%s, 1)
               ON CONFLICT (year) DO UPDATE SET last_number = c.last_number + 1 RETURNING last_number""",
            [year],
        )
        (number,) = cursor.fetchone()
    return f"{insurance_type[0].upper()}-{year}-{number:06d}"


def revoke_policies(*, order_id: UUID, attempt_id: UUID, reason: str, now: datetime) -> None:
    """Cancel what an attempt issued, with the whole premium back since its purchase is undone, and always answer.

    An attempt never heard of is remembered, so that its request is declined should it arrive late.
    """
    with transaction("insurance"):
        IssueAttempt.objects.get_or_create(attempt_id=attempt_id, defaults={"order_id": order_id})
        attempt = IssueAttempt.objects.select_for_update().get(pk=attempt_id)
        attempt.closed_at = attempt.closed_at or now
        attempt.save()
        standing = Policy.objects.select_for_update().filter(attempt_id=attempt_id, status=PolicyStatus.ACTIVE)
        for policy in standing.order_by("pk"):
            end_early(policy, refund=policy.premium, reason=reason, now=now)
        publish(PoliciesRevoked(order_id=order_id, attempt_id=attempt_id))
