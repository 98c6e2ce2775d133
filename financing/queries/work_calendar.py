"""Show a year of working days, and whether a decree or the law alone made it."""

from dataclasses import dataclass
from datetime import date

from financing.models import WorkCalendarYear
from financing.rules.calculations import WorkYear
from financing.rules.calculations.dates import days_off_by_rule, holidays_by_law

BY_RULE = "ТК РФ, ст. 112"


@dataclass(frozen=True)
class ShownYear:
    """Days off besides the weekend, and working days of the weekend; `is_by_rule` until the decree is entered."""

    year: int
    is_by_rule: bool
    source: str
    days_off: list[date]
    working_days: list[date]


def show_work_year(year: int) -> ShownYear:
    """Return a year as loans take it."""
    row = WorkCalendarYear.objects.filter(withdrawn_at=None, year=year).first()
    moved = row.decree if row else WorkYear(days_off_by_rule(year), frozenset())
    return ShownYear(
        year=year,
        is_by_rule=row is None,
        source=row.source if row else BY_RULE,
        days_off=sorted(holidays_by_law(year) | moved.days_off),
        working_days=sorted(moved.working_days),
    )
