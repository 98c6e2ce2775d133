"""Rules of commission: what sales earn from a day to come on, by the word of two administrators."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import NAMESPACE_OID, UUID, uuid5

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import lock, transaction
from core.errors import InvalidInput
from gateway import approvals
from orders.approvals import COMMISSION_RULE
from orders.models import CommissionRule
from orders.rules.commissions import FIXED_ONLY, PERCENT_ONLY, Basis, Goods

SAVING = "commission-rules"
"""Name of the lock under which one rule at a time is written: of two for one day it is known which is the later."""


@dataclass(frozen=True, kw_only=True)
class RuleTerms:
    """Terms of a rule as they are given by hand; `value` is per cent or roubles a piece, bounds are roubles a piece."""

    goods: str
    basis: str
    value: Decimal
    valid_from: date
    reason: str
    least: Decimal | None = None
    most: Decimal | None = None


def add_commission_rule(
    *, terms: RuleTerms, maker_id: UUID, now: datetime, approver_id: UUID | None = None
) -> CommissionRule:
    """Add a rule that holds from a day to come: what was handed over before is never reckoned by it.

    Raises InvalidInput and, for one administrator alone, Waits.
    """
    check_terms(terms, dealer_day(now))
    with transaction("orders"):
        lock("orders", SAVING)
        name = f"{Goods(terms.goods).value}, {terms.valid_from}"
        ask = approvals.Ask(
            subject_id=uuid5(NAMESPACE_OID, f"commission-rule/{terms.goods}/{terms.valid_from}"),
            amount=None,
            maker_id=maker_id,
            beneficiary_id=None,
            number=name,
            reason=terms.reason,
            evidence=_describe(terms),
            args={"terms": asdict(terms)},
        )
        approvals.admit(COMMISSION_RULE, ask, now=now)
        return CommissionRule.objects.create(
            **asdict(terms) | {"reason": terms.reason.strip()},
            made_by=maker_id,
            agreed_by=cast(UUID, approver_id),
            at=now,
        )


def rule_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, terms: RuleTerms) -> None:
    """Add a rule as one administrator asked and a second agreed. Raises what `add_commission_rule` does."""
    add_commission_rule(terms=terms, maker_id=maker_id, now=now, approver_id=approver_id)


def check_terms(terms: RuleTerms, today: date) -> None:
    """Refuse a rule that begins too early, says nothing, or cannot be for its goods. Raises InvalidInput."""
    if not terms.reason.strip():
        raise InvalidInput("reason", "required", _("Say why."))
    if terms.valid_from <= today:
        raise InvalidInput("valid_from", "too_early", _("From tomorrow on: what is handed over today is reckoned."))
    if terms.goods in FIXED_ONLY and terms.basis != Basis.FIXED:
        raise InvalidInput("basis", "invalid", _("What the dealer only arranges earns a fixed sum."))
    if terms.goods in PERCENT_ONLY and terms.basis == Basis.FIXED:
        raise InvalidInput("basis", "invalid", _("Free lines earn a part of their price or gross, never a sum each."))
    if terms.value < 0 or (terms.basis != Basis.FIXED and terms.value > 100):
        raise InvalidInput("value", "out_of_range", _("From 0 to 100 per cent, or a sum that is not below zero."))
    _check_bounds(terms)


def _check_bounds(terms: RuleTerms) -> None:
    if terms.basis == Basis.FIXED and (terms.least is not None or terms.most is not None):
        raise InvalidInput("least", "not_allowed", _("A fixed sum has no bounds."))
    if any(bound is not None and bound < 0 for bound in (terms.least, terms.most)):
        raise InvalidInput("least", "min_value", _("Bounds are not below zero."))
    if terms.least is not None and terms.most is not None and terms.least > terms.most:
        raise InvalidInput("most", "min_value", _("The upper bound is not below the lower one."))


def _describe(terms: RuleTerms) -> str:
    """Say in short what a second administrator agrees to."""
    told: dict[str, Any] = {"value": terms.value, "least": terms.least, "most": terms.most}
    shown = ", ".join(f"{name} {value}" for name, value in told.items() if value is not None)
    return f"{Basis(terms.basis).value}: {shown}"
