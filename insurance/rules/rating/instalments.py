"""A premium paid in parts: how much each part is, and through which day it is paid for before it."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal

from dateutil.relativedelta import relativedelta
from django.utils.translation import gettext as _

from core.money import CENT
from insurance.rules.rating.errors import InvalidRisk

LEAST_MONTHS = 3
"""Months of cover that one part pays for at least, so that one is settled before the next falls due."""


@dataclass(frozen=True)
class Part:
    """One payment, roubles: due by `due_date`, the last day that the parts before it pay for."""

    number: int
    amount: Decimal
    due_date: date


def check_parts(count: int, months: int) -> None:
    """Refuse parts that a term cannot be paid in. Raises InvalidRisk."""
    if count < 1 or (count > 1 and count * LEAST_MONTHS > months):
        raise InvalidRisk(
            "instalments",
            "out_of_range",
            _("Each part of a premium pays for %(least)d months at least.") % {"least": LEAST_MONTHS},
        )


def first_part(premium: Decimal, count: int) -> Decimal:
    """Return what is paid at once, roubles: an equal part, and the kopecks that do not divide."""
    return premium - (count - 1) * _each(premium, count)


def _each(premium: Decimal, count: int) -> Decimal:
    return (premium / count).quantize(CENT, ROUND_DOWN)


def split_premium(premium: Decimal, count: int, start: date, months: int) -> tuple[Part, ...]:
    """Return the payments of a premium: equal parts over equal months; the first is due on the first day of cover."""
    check_parts(count, months)
    later = (
        Part(number, _each(premium, count), start + relativedelta(months=months * (number - 1) // count) - _DAY)
        for number in range(2, count + 1)
    )
    return Part(1, first_part(premium, count), start), *later


_DAY = timedelta(days=1)
