"""Calculate what goes back to the payer when a policy ends early."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import ZERO, money
from insurance.rules.rating.errors import InvalidRisk

COOLING_OFF = timedelta(days=14)
ONE = Decimal(1)


@dataclass(frozen=True)
class Refund:
    """Roubles: earned + refund = the premium paid."""

    earned: Decimal
    refund: Decimal


def refund_of_days(
    premium: Decimal, term_days: Decimal | int, days_in_force: Decimal | int, retained_share: Decimal = ZERO
) -> Refund:
    """Return the pro-rata refund q((1 - retained)·premium·unexpired/term); a part of a day counts as that part.

    `retained_share` (a fraction) is what the insurer keeps of the unearned part: the penalty of a short-rate
    cancellation, or the 23 % of OSAGO (secondary sources conflict, so it is a setting). Raises InvalidRisk.
    """
    if term_days < 1 or not days_in_force >= 0:
        raise InvalidRisk("days_in_force", "out_of_range", _("The days must lie within the term."))
    unexpired = max(Decimal(term_days) - days_in_force, ZERO)
    refund = money((ONE - retained_share) * premium * unexpired / term_days)
    return Refund(premium - refund, refund)


def refund_of_share(premium: Decimal, earned_share: Decimal) -> Refund:
    """Return the refund of a short-rate table that names the share earned (a fraction)."""
    earned = money(premium * earned_share)
    return Refund(earned, premium - earned)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A policy as it is cancelled: its term counts both its first and its last day; `premium` is what was paid."""

    premium: Decimal
    concluded: date
    start: date
    end: date
    retained_share: Decimal = ZERO
    claims_paid: Decimal = ZERO
    has_claims: bool = False
    is_voluntary: bool = True

    @property
    def term_days(self) -> int:
        """365 or 366 for a year."""
        return (self.end - self.start).days + 1

    def days_in_force(self, last_day: date) -> int:
        """Days through the last day of cover, none before the start."""
        return min(max((last_day - self.start).days + 1, 0), self.term_days)


def refund_on(policy: Policy, cancelled: date) -> Refund:
    """Return the refund of a policy whose last day of cover is `cancelled`; the days after it are unexpired.

    Before the start all is returned: the order was undone. Of voluntary cover without claims the insurer retains
    nothing within 14 days from conclusion (directive 3854-У, ed. 4500-У, which knows no compulsory cover). Never below
    0, nor above the premium less claims paid.
    """
    if cancelled < policy.start:
        return _within(policy, policy.premium)
    cooling = policy.is_voluntary and cancelled - policy.concluded <= COOLING_OFF and not policy.has_claims
    retained = ZERO if cooling else policy.retained_share
    days = policy.days_in_force(cancelled)
    return _within(policy, refund_of_days(policy.premium, policy.term_days, days, retained).refund)


def _within(policy: Policy, refund: Decimal) -> Refund:
    allowed = max(min(refund, policy.premium - policy.claims_paid), ZERO)
    return Refund(policy.premium - allowed, allowed)
