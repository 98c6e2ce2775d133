"""Issuing the policies of a purchase at its checkout's request, and taking them back."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connections
from django.utils.translation import gettext as _

from core.clock import day_ends, dealer_day
from core.db import transaction
from core.errors import InvalidInput
from core.money import ZERO
from gateway.approvals import let
from insurance.approvals import UNDONE
from insurance.errors import InsuredTwice
from insurance.events import (
    IssuedPolicy,
    PoliciesDeclined,
    PoliciesIssued,
    PoliciesRevoked,
    PolicyPurchased,
    PolicyTermEnded,
)
from insurance.models import IssueAttempt, Offer, OrderCopy, Policy, PolicyStatus, Quote
from insurance.models.fields import InsuranceTypes
from insurance.queries.instalments import outstanding
from insurance.queries.insurers import is_connected
from insurance.queries.reading import get_order_moment, read_tables_at
from insurance.queries.refunds import refund_undone
from insurance.queries.vehicles import completed
from insurance.rules.clock import get_order_day
from insurance.rules.pricing import IfDeclined, Price, QuoteRequest, last_day, price, read_request
from insurance.rules.tariffs import TariffTables
from insurance.services.binding import bind, unbind
from insurance.services.confirming import told_alone
from insurance.services.doubles import is_insured_twice
from insurance.services.ending import end_early
from insurance.services.instalments import plan_instalments
from insurance.services.money import ask_for_premium_back, ask_for_refund, held_for, ways_back
from insurance.services.quoting import write_quote
from insurance.services.terms import catch_up
from messaging.delivery.timers import set_timer
from messaging.outbox import publish

EXPIRY_HANDLER = "insurance.expire_policy"


def issue_policies(
    *, order_id: UUID, attempt_id: UUID, customer_id: UUID, quotes: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Issue every policy of an attempt, or none, and answer once: at once, or when their insurers have decided.

    Premiums are those of the moment the order was placed, since the order was totalled with them. Cover begins now.
    """
    with transaction("insurance"):
        IssueAttempt.objects.get_or_create(attempt_id=attempt_id, defaults={"order_id": order_id})
        attempt = IssueAttempt.objects.select_for_update().get(pk=attempt_id)
        if attempt.answered_at is not None or attempt.requested_at is not None:
            return
        attempt.requested_at = now
        if attempt.closed_at is not None:
            _decline(attempt, "cancelled", _("The purchase was cancelled."), now)
            return
        day, tables = get_order_day(order_id, now), read_tables_at(get_order_moment(order_id, now))
        try:
            rated = _rate_all(quotes, day, tables)
        except InvalidInput as error:
            (problem,) = error.errors
            _decline(attempt, problem["code"], f"{problem['field']}: {problem['detail']}", now)
            return
        attempt.save()
        for request, rate in rated:
            _begin(attempt, customer_id, request, rate, day, tables, now)
        answer_if_decided(attempt, now)


def _rate_all(quotes: Sequence[Mapping[str, Any]], day: date, tables: TariffTables) -> list[tuple[QuoteRequest, Price]]:
    requests = [completed(read_request(raw)) for raw in quotes]
    return [(request, price(request, request.start_date or day, tables)) for request in requests]


def _begin(
    attempt: IssueAttempt,
    customer_id: UUID,
    request: QuoteRequest,
    rated: Price,
    day: date,
    tables: TariffTables,
    now: datetime,
) -> None:
    first = request.start_date or day
    quote = write_quote(
        request, rated, customer_id=customer_id, order_id=attempt.order_id, day=first, tables=tables, now=now
    )
    policy = build_policy(quote, 0, now)
    policy.attempt_id = attempt.attempt_id
    policy.save(force_insert=True)
    if is_insured_twice(policy):
        decline_second(policy, now)
    elif is_connected(policy, tables):
        bind(policy, payment=None)


def build_policy(quote: Quote, variant: int, now: datetime) -> Policy:
    """A pending policy of a quote's offer, numbered, not yet saved. Raises LookupError for an unknown variant."""
    offer = quote.offer(variant)
    start = max(offer.request.start_date or dealer_day(now), dealer_day(now))
    return Policy(
        order_id=quote.order_id,
        customer_id=quote.customer_id,
        insurance_type=quote.insurance_type,
        currency=quote.currency,
        **_promised(offer),
        number=_next_number(quote.insurance_type, start.year),
        quote=quote,
        variant=variant,
        renewal_of_id=offer.request.renewal_of,
        unconfirmed=told_alone(offer.request),
        start_date=start,
        end_date=last_day(offer.request, start),
        created_at=now,
        updated_at=now,
    )


def _promised(offer: Offer) -> dict[str, Any]:
    return {
        "premium": offer.premium,
        "coverage_amount": offer.coverage_amount,
        "insured_value": offer.insured_value,
        "deductible": offer.deductible,
        "insurer": offer.insurer,
        "beneficiary": offer.request.beneficiary,
        "vehicle_vin": offer.request.vehicle_vin,
    }


def put_in_force(policy: Policy, now: datetime) -> None:
    """Activate a locked policy that is paid for and accepted, and tell of it; cover never begins in the past."""
    begin_by_today(policy, now)
    policy.activate(now)
    policy.save()
    catch_up(policy)
    plan_instalments(policy, now)
    alarm = PolicyTermEnded(policy_id=policy.id)
    set_timer(handler=EXPIRY_HANDLER, event=alarm, due_at=day_ends(policy.end_date))
    publish(
        PolicyPurchased(
            policy_id=policy.id,
            customer_id=policy.customer_id,
            insurance_type=policy.insurance_type,
            premium=policy.premium,
            currency=policy.currency,
            start_date=policy.start_date,
            end_date=policy.end_date,
            order_id=policy.paying_order_id,
            insurer=policy.insurer,
            vehicle_vin=policy.vehicle_vin,
            premium_paid=policy.quote.offer(policy.variant).due_now,
        )
    )


def begin_by_today(policy: Policy, now: datetime) -> None:
    """Move the days of a policy that should have begun before today."""
    today = dealer_day(now)
    if policy.start_date < today:
        policy.start_date = today
        policy.end_date = last_day(policy.quote.offer(policy.variant).request, today)


def decline_second(policy: Policy, now: datetime) -> None:
    """Let go of a pending policy of a car that is insured already, at its insurer too. Raises WrongTransition."""
    unbind(policy)
    policy.decline(code=InsuredTwice.code, detail=str(InsuredTwice.detail), now=now)
    policy.save()


def answer_if_decided(attempt: IssueAttempt, now: datetime) -> None:
    """Answer a locked attempt once every insurer has decided: all in force, or none, or all but the dispensable."""
    if attempt.answered_at is not None or attempt.closed_at is not None:
        return
    policies = list(
        Policy.objects.select_for_update(of=("self",))
        .select_related("quote")
        .filter(attempt_id=attempt.attempt_id)
        .order_by("number")
    )
    _decline_doubles(policies, now)
    declined = [policy for policy in policies if policy.status == PolicyStatus.NOT_TAKEN_UP]
    fatal = [policy for policy in declined if policy.quote.asked.if_declined is IfDeclined.CANCEL]
    if fatal:
        for policy in policies:
            _drop(policy, now)
        _decline(attempt, fatal[0].decline_code, fatal[0].decline_detail, now)
        return
    waiting = [policy for policy in policies if policy.status == PolicyStatus.PENDING]
    if any(is_connected(policy) and not policy.insurer_ref for policy in waiting):
        return
    _answer(attempt, waiting, declined, now)


def _decline_doubles(policies: Sequence[Policy], now: datetime) -> None:
    pending = [policy for policy in policies if policy.status == PolicyStatus.PENDING]
    for number, policy in enumerate(pending):
        begin_by_today(policy, now)
        earlier = [other for other in pending[:number] if other.status == PolicyStatus.PENDING]
        if is_insured_twice(policy, beside=earlier):
            decline_second(policy, now)


def _answer(attempt: IssueAttempt, accepted: Sequence[Policy], declined: Sequence[Policy], now: datetime) -> None:
    for policy in accepted:
        _pledge(policy)
        put_in_force(policy, now)
    let(UNDONE)
    for policy in declined:
        ask_for_premium_back(policy, ways_back(policy, policy.premium), policy.decline_code, now)
    attempt.answered_at = now
    attempt.save()
    issued = [
        IssuedPolicy(policy_id=policy.id, insurance_type=policy.insurance_type, premium=policy.premium)
        for policy in accepted
    ]
    publish(PoliciesIssued(order_id=attempt.order_id, attempt_id=attempt.attempt_id, policies=issued))


def _pledge(policy: Policy) -> None:
    """A car bought on credit is pledged: its bank is the beneficiary."""
    if policy.insurance_type == InsuranceTypes.KASKO and not policy.beneficiary:
        order = OrderCopy.objects.filter(order_id=policy.order_id or policy.id).first()
        policy.beneficiary = order.bank if order else ""


def _drop(policy: Policy, now: datetime) -> None:
    """Let go of a policy of an attempt that comes to nothing."""
    if policy.status == PolicyStatus.PENDING:
        unbind(policy)
        policy.decline(code="cancelled", detail=_("The purchase was cancelled."), now=now)
        policy.save()


def _decline(attempt: IssueAttempt, code: str, detail: str, now: datetime) -> None:
    attempt.answered_at = now
    attempt.save()
    publish(PoliciesDeclined(order_id=attempt.order_id, attempt_id=attempt.attempt_id, code=code, detail=detail))


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

    An attempt never heard of is remembered, so that its request is declined should it arrive late. What the order paid
    goes back with it but for what policies that ended before have earned; what was paid by itself is asked for here.
    """
    with transaction("insurance"):
        IssueAttempt.objects.get_or_create(attempt_id=attempt_id, defaults={"order_id": order_id})
        attempt = IssueAttempt.objects.select_for_update().get(pk=attempt_id)
        attempt.closed_at = attempt.closed_at or now
        attempt.save()
        bought = Policy.objects.select_for_update(of=("self",)).select_related("quote").filter(attempt_id=attempt_id)
        policies = list(bought.order_by("pk"))
        for policy in policies:
            if policy.is_alive:
                _undo(policy, reason, now)
            else:
                _drop(policy, now)
        earned = sum((_earned(policy) for policy in policies), ZERO)
        publish(PoliciesRevoked(order_id=order_id, attempt_id=attempt_id, earned=earned))


def _undo(policy: Policy, reason: str, now: datetime) -> None:
    unbind(policy)
    ways = ways_back(policy, refund_undone(policy))
    end_early(policy, ways, reason=reason, now=now)
    let(UNDONE)
    ask_for_refund(policy, ways.alone, reason, now)


def _earned(policy: Policy) -> Decimal:
    """Return what stays with the insurer of the part of a premium that the order paid, roubles."""
    if policy.status == PolicyStatus.EXPIRED:
        return held_for(policy).by_order
    if policy.status == PolicyStatus.CANCELLED:
        earned: Decimal = policy.premium - outstanding(policy) - (policy.refund_amount or ZERO)
        return min(earned, held_for(policy).by_order)
    return ZERO
