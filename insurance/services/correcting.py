"""Confirm by evidence what a premium rests on, and put right what was told otherwise, for the whole term."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from core.money import ZERO
from gateway import approvals
from insurance.errors import CostsMore
from insurance.models import Policy, PolicyStatus
from insurance.queries.reading import insured_request, read_tariff_tables
from insurance.queries.refunds import term_premium
from insurance.rules.pricing import price, read_request
from insurance.services.changing import endorse_policy
from insurance.services.locking import lock_policy

FACTS = frozenset({"engine_power", "vehicle_year", "drivers", "owner_kbm"})
"""What a premium depends on and a client may tell otherwise than it is."""


def confirm_policy(
    *,
    policy_id: UUID,
    manager_id: UUID,
    evidence: str,
    now: datetime,
    found: Mapping[str, Any] | None = None,
    payment: Mapping[str, Any] | None = None,
) -> Policy:
    """Confirm what the premium of a policy rests on; `evidence` says what was seen, `found` what it says otherwise.

    By what was found the policy costs what it should have cost from its first day: what is less goes back, and what is
    more is asked of the insured by `payment`; the policy is confirmed once that is paid. Without a payment it is not
    confirmed: the insured pay first, or it is ended. Raises PolicyNotFound, WrongTransition, InvalidInput, CostsMore,
    EndorsementUnderWay, InstalmentOverdue, FourEyes and Waits (much goes back).
    """
    if not evidence.strip():
        raise InvalidInput("evidence", "required", _("Say what you have seen."))
    with transaction("insurance"):
        policy = lock_policy(policy_id)
        approvals.refuse_own("insurance", person_id=manager_id, beneficiary_id=policy.customer_id)
        difference = _difference(policy, found or {}, now)
        is_open = policy.status == PolicyStatus.ACTIVE and bool(policy.unconfirmed)
        if difference > 0 and (payment is None or not is_open):
            raise CostsMore(premium_difference=str(difference))
        if difference and is_open:
            _correct(policy, found or {}, manager_id, evidence, now, payment)
            return lock_policy(policy_id)
        policy.confirm(by=manager_id, evidence=evidence, now=now)
        policy.save()
    return policy


def _correct(
    policy: Policy,
    found: Mapping[str, Any],
    manager_id: UUID,
    evidence: str,
    now: datetime,
    payment: Mapping[str, Any] | None,
) -> None:
    endorse_policy(policy_id=policy.id, changes=found, actor_id=manager_id, payment=payment, evidence=evidence, now=now)


def correct_agreed(
    *,
    subject_id: UUID,
    maker_id: UUID,
    approver_id: UUID,
    now: datetime,
    changes: dict[str, Any],
    expected_difference: Decimal,
    evidence: str,
) -> None:
    """Put right a policy that cost too much, as one person asked and a second agreed.

    Raises what `endorse_policy` does.
    """
    endorse_policy(
        policy_id=subject_id,
        changes=changes,
        actor_id=maker_id,
        expected_difference=expected_difference,
        evidence=evidence,
        now=now,
    )


def _difference(policy: Policy, found: Mapping[str, Any], now: datetime) -> Decimal:
    """Price what was found: how much dearer the whole term is by it, roubles. Raises InvalidInput."""
    unknown = set(found) - FACTS
    if unknown:
        raise InvalidInput(
            f"found.{min(unknown)}", "invalid", _("These may change: %(names)s.") % {"names": ", ".join(sorted(FACTS))}
        )
    if not found:
        return ZERO
    asked = read_request(msgspec.to_builtins(insured_request(policy)) | dict(found))
    tables = read_tariff_tables(policy.quote.tariff_revision)
    rated = price(asked, policy.quote.rated_on, tables, today=dealer_day(now))
    return rated.premium - term_premium(policy)
