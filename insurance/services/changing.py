"""Changing a policy during its term, and offering the next one."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput, WrongTransition
from core.money import ZERO, money
from insurance.errors import EndorsementRepriced, EndorsementUnderWay, LossOpen
from insurance.events import PolicyEndorsed
from insurance.models import Claim, Endorsement, MoneyKind, MoneyRequest, MoneyState, Policy, PolicyStatus, Quote
from insurance.models.claims import GRANTED, ClaimStatus
from insurance.models.fields import InsuranceTypes
from insurance.models.policies import RENEWED_FROM
from insurance.queries.instalments import planned, refuse_overdue
from insurance.queries.pledges import is_pledged
from insurance.queries.reading import insured_request, read_current_tables, read_tariff_tables
from insurance.queries.refunds import term_premium
from insurance.queries.vehicles import as_catalogued, corrected
from insurance.queries.widening import refuse_widening, widened_by
from insurance.rules.pricing import QuoteRequest, kbm_class, price, read_request
from insurance.rules.rating.tariffs import KBM
from insurance.rules.tariffs import TariffTables
from insurance.services.confirming import told_alone, told_anew
from insurance.services.instalments import take_off
from insurance.services.locking import lock_policy
from insurance.services.money import (
    ask_for_premium,
    ask_for_premium_back,
    ask_for_refund,
    check_payment,
    ways_back,
)
from insurance.services.quoting import write_quote
from insurance.services.seconding import admit_endorsing
from insurance.services.terms import catch_up, write_terms
from messaging.outbox import publish

CHANGEABLE = frozenset(
    {"drivers", "region", "city", "engine_power", "coverage_amount", "vehicle_value", "deductible", "beneficiary",
     "programme", "additions", "owner_kbm", "vehicle_year", "is_pledged_outside", "vehicle_plate"}
)  # fmt: skip


def endorse_policy(
    *,
    policy_id: UUID,
    changes: Mapping[str, Any],
    actor_id: UUID,
    now: datetime,
    payment: Mapping[str, Any] | None = None,
    customer_id: UUID | None = None,
    expected_difference: Decimal | None = None,
    evidence: str = "",
) -> Endorsement:
    """Change what a policy insures from today on, rated by the tariffs it was bought by.

    The difference of the premiums counts for the days left: what is more is paid first; what is less makes instalments
    to come smaller, and beyond them is given back. With `expected_difference` it is changed at that price or not.
    With the `evidence` of staff it puts right what was told wrong: the difference is that of the whole term.
    Raises PolicyNotFound, WrongTransition, InvalidInput, EndorsementUnderWay, InstalmentOverdue, EndorsementRepriced,
    LossOpen (it would cover more), FourEyes and Waits (staff make somebody's policy cheaper).
    """
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        endorsement = _draft(policy, changes, actor_id, now, evidence=evidence)
        difference = endorsement.premium_difference
        if expected_difference not in (None, difference):
            raise EndorsementRepriced(premium_difference=str(difference))
        if difference < 0 and customer_id is not None:
            _refuse_hearsay(policy, endorsement)
        if difference > 0:
            endorsement.money_id = _charge(policy, difference, payment, now).id
        else:
            back = -difference - min(-difference, sum((part.amount for part in planned(policy)), ZERO))
            given = {"changes": dict(changes), "expected_difference": difference} | _seen(evidence)
            admit_endorsing(policy, back, None if customer_id else actor_id, given, now)
            endorsement.taken_off = take_off(policy, -difference)
        endorsement.save(force_insert=True)
        if difference <= 0:
            _give_back(policy, endorsement, now)
    return endorsement


def _charge(policy: Policy, difference: Decimal, payment: Mapping[str, Any] | None, now: datetime) -> MoneyRequest:
    if payment is None:
        raise InvalidInput("payment", "required", _("%(sum)s is to be paid.") % {"sum": difference})
    return ask_for_premium(policy, difference, check_payment(payment), kind=MoneyKind.ENDORSEMENT, now=now)


def _seen(evidence: str) -> dict[str, Any]:
    return {"evidence": evidence} if evidence else {}


def _give_back(policy: Policy, endorsement: Endorsement, now: datetime) -> None:
    """Apply a change that makes the policy no dearer, and ask for what is beyond its instalments to be given back."""
    ways = ways_back(policy, -endorsement.premium_difference - endorsement.taken_off)
    _apply(policy, endorsement, ways.alone, now)
    ask_for_premium_back(policy, ways, "endorsement", now)


def _refuse_hearsay(policy: Policy, endorsement: Endorsement) -> None:
    """Let nobody make their policy cheaper by their word alone: staff do, who see the paper. Raises InvalidInput."""
    request = msgspec.convert(endorsement.request, QuoteRequest, strict=False)
    told = told_anew(request, insured_request(policy))
    if told:
        raise InvalidInput(
            f"changes.{told[0]}", "unconfirmed", _("Show us a paper that says so: a manager then makes this change.")
        )


def endorse_agreed(
    *,
    subject_id: UUID,
    maker_id: UUID,
    approver_id: UUID,
    now: datetime,
    changes: dict[str, Any],
    expected_difference: Decimal,
) -> None:
    """Make a policy cheaper as one person asked and a second agreed. Raises what `endorse_policy` does."""
    endorse_policy(
        policy_id=subject_id, changes=changes, actor_id=maker_id, expected_difference=expected_difference, now=now
    )


def price_endorsement(
    *, policy_id: UUID, changes: Mapping[str, Any], actor_id: UUID, now: datetime, customer_id: UUID | None = None
) -> Endorsement:
    """Price a change from today on; nothing is changed, and the endorsement returned is not stored.

    Raises PolicyNotFound, WrongTransition, InvalidInput, EndorsementUnderWay, InstalmentOverdue, LossOpen.
    """
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        endorsement = _draft(policy, changes, actor_id, now)
        to_come = sum((part.amount for part in planned(policy)), ZERO)
        endorsement.taken_off = min(max(-endorsement.premium_difference, ZERO), to_come)
    return endorsement


def _draft(
    policy: Policy, changes: Mapping[str, Any], actor_id: UUID, now: datetime, *, evidence: str = ""
) -> Endorsement:
    if policy.status != PolicyStatus.ACTIVE:
        raise WrongTransition(policy.status, [])
    if policy.endorsements.filter(applied_at__isnull=True, money_id__isnull=False).exists():
        raise EndorsementUnderWay
    refuse_overdue(policy, now)
    unknown = set(changes) - CHANGEABLE
    if unknown or not changes:
        raise InvalidInput(
            f"changes.{min(unknown)}" if unknown else "changes",
            "invalid",
            _("These may change: %(names)s.") % {"names": ", ".join(sorted(CHANGEABLE))},
        )
    if "beneficiary" in changes and is_pledged(policy):
        raise InvalidInput("changes.beneficiary", "pledged", _("The bank stays named until the loan is repaid."))
    today = dealer_day(now)
    insured = _with_value(insured_request(policy))
    asked = read_request(msgspec.to_builtins(insured) | dict(changes))
    request = as_catalogued(asked, insured, path="found." if evidence else "changes.")
    refuse_widening(policy, insured, request)
    rated = price(request, policy.quote.rated_on, read_tariff_tables(policy.quote.tariff_revision), today=today)
    term = (policy.end_date - policy.start_date).days + 1
    left = term if evidence else min((policy.end_date - today).days + 1, term)
    return Endorsement(
        policy=policy,
        number=policy.endorsements.count() + 1,
        effective_date=today,
        changes=msgspec.to_builtins(dict(changes)),
        request=msgspec.to_builtins(request),
        tariff_revision=policy.quote.tariff_revision,
        annual_premium=rated.premium,
        premium_difference=money((rated.premium - term_premium(policy)) * left / term),
        evidence=evidence,
        created_by=actor_id,
        created_at=now,
    )


def _with_value(request: QuoteRequest) -> QuoteRequest:
    """Fill in the value: what a car was insured at stays what it is worth until another value is told."""
    if request.vehicle_value is not None or request.coverage_amount is None:
        return request
    return msgspec.structs.replace(request, vehicle_value=request.coverage_amount)


def _apply(policy: Policy, endorsement: Endorsement, refunded_alone: Decimal, now: datetime) -> None:
    request = msgspec.convert(endorsement.request, QuoteRequest, strict=False)
    changes: dict[str, Any] = {"beneficiary": request.beneficiary} if "beneficiary" in endorsement.changes else {}
    if policy.insurance_type == InsuranceTypes.KASKO:
        coverage = request.coverage_amount or ZERO
        changes |= {
            "coverage_amount": coverage,
            "insured_value": request.vehicle_value or coverage,
            "deductible": request.deductible,
        }
    catch_up(policy)
    widened = widened_by(policy, _with_value(insured_request(policy)), request)
    policy.endorse(premium=policy.premium + endorsement.premium_difference, changes=changes, now=now)
    told = told_alone(request)
    if told or policy.confirmed_at is None:
        policy.doubt(told)
    if endorsement.evidence and policy.unconfirmed:
        policy.confirm(by=endorsement.created_by, evidence=endorsement.evidence, now=now)
    policy.save()
    write_terms(policy, request, now, widened=widened)
    endorsement.applied_at = now
    endorsement.save()
    publish(
        PolicyEndorsed(
            policy_id=policy.id,
            customer_id=policy.customer_id,
            number=endorsement.number,
            premium_difference=endorsement.premium_difference,
            premium=policy.premium,
            currency=policy.currency,
            effective_date=endorsement.effective_date,
            insurer=policy.insurer,
            order_id=policy.paying_order_id,
            version_number=policy.version,
            refunded_alone=refunded_alone,
            taken_off=endorsement.taken_off,
        )
    )


def apply_paid_endorsement(policy: Policy, asked: MoneyRequest, now: datetime) -> None:
    """Apply a change of a locked policy whose payment was answered: made when paid, forgotten when refused.

    Cover is not widened after a loss that was reported while the payment was under way: the money goes back.
    """
    endorsement = policy.endorsements.filter(money_id=asked.id).first()
    if asked.state != MoneyState.DONE:
        if endorsement is not None:
            endorsement.delete()
        return
    refused = _why_not(policy, endorsement)
    if endorsement is None or refused:
        if endorsement is not None:
            endorsement.delete()
        ask_for_refund(policy, asked.amount, refused, now)
        return
    _apply(policy, endorsement, ZERO, now)


def _why_not(policy: Policy, endorsement: Endorsement | None) -> str:
    """Return the code of what stops a change that is paid for; nothing stops most."""
    if endorsement is None or policy.status != PolicyStatus.ACTIVE:
        return "not_in_force"
    request = msgspec.convert(endorsement.request, QuoteRequest, strict=False)
    try:
        refuse_widening(policy, _with_value(insured_request(policy)), request)
    except LossOpen as error:
        return error.code
    return ""


def renew_policy(*, policy_id: UUID, now: datetime, customer_id: UUID | None = None) -> Quote:
    """Quote the next term of a policy, from the day after its last; drivers' КБМ classes move with its claims.

    Of a car that is ours the catalogue's word counts, whatever was told when it was insured first.

    Bought like any quote, it becomes a policy of its own. Raises PolicyNotFound, WrongTransition, InvalidInput.
    """
    today = dealer_day(now)
    with transaction("insurance"):
        policy = lock_policy(policy_id, customer_id)
        if policy.status not in (PolicyStatus.ACTIVE, PolicyStatus.EXPIRED) or hasattr(policy, "renewal"):
            raise WrongTransition(policy.status, [])
        first = max(policy.end_date + timedelta(days=1), today)
        if first - today > RENEWED_FROM:
            raise InvalidInput("policy_id", "too_early", _("A policy is renewed in the last sixty days of its term."))
        tables = read_current_tables()
        paid = Claim.objects.filter(policy=policy, status__in=(*GRANTED, ClaimStatus.CLOSED)).count()
        asked = corrected(insured_request(policy))
        request = msgspec.structs.replace(
            asked,
            start_date=first,
            renewal_of=policy.id,
            drivers=[
                msgspec.structs.replace(driver, kbm=_next_class(tables, driver.kbm, paid, first))
                for driver in asked.drivers
            ]
            if asked.drivers is not None
            else None,
            owner_kbm=_next_class(tables, asked.owner_kbm, paid, first),
        )
        rated = price(request, first, tables)
        return write_quote(
            request, rated, customer_id=policy.customer_id, order_id=None, day=first, tables=tables, now=now
        )


def _next_class(tables: TariffTables, given: str | int | float | None, claims: int, day: date) -> str:
    """The КБМ class of the next term; one that no table knows, which KASKO never looked at, is the starting class."""
    known = kbm_class(given)
    return tables.osago.next_kbm_class(known if known in KBM else kbm_class(None), claims, day)
