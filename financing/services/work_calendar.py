"""Put production calendars in force: each year's working days, as its decree moved them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput
from financing.models import WorkCalendarYear
from financing.queries.calendar_files import YearFact
from financing.rules.calculations import WorkCalendar
from financing.rules.calculations.dates import holidays_by_law


@dataclass(frozen=True)
class CalendarWritten:
    """Years put in force, and of them those that took the place of another row."""

    added: int
    replaced: int


def write_calendar(*, years: Mapping[int, YearFact], now: datetime) -> CalendarWritten:
    """Put the rows of some years in force, in place of the law's rule or of an earlier row, which stays as history.

    What is in force already changes nothing; schedules that were signed keep their days until
    they are let follow. Raises InvalidInput.
    """
    for fact in years.values():
        _check(fact)
    with transaction("financing"):
        known = {row.year: row for row in WorkCalendarYear.objects.select_for_update().filter(withdrawn_at=None)}
        changed = [fact for year, fact in sorted(years.items()) if year not in known or not _is_same(known[year], fact)]
        old = [known[fact.year].pk for fact in changed if fact.year in known]
        WorkCalendarYear.objects.filter(pk__in=old).update(withdrawn_at=now)
        WorkCalendarYear.objects.bulk_create(
            WorkCalendarYear(
                year=fact.year,
                days_off=_texts(fact.days_off),
                working_days=_texts(fact.working_days),
                source=fact.source,
                created_at=now,
            )
            for fact in changed
        )
    return CalendarWritten(added=len(changed), replaced=len(old))


def _check(fact: YearFact) -> None:
    """A day off was a working day before, and a working day was not. Raises InvalidInput."""
    by_law = WorkCalendar(holidays_by_law(fact.year))
    for day in sorted(fact.days_off | fact.working_days):
        if day.year != fact.year:
            raise InvalidInput(f"rows.{day}", "out_of_range", _("The day is not of its year."))
    for day in sorted(fact.days_off):
        if not by_law.is_working(day):
            raise InvalidInput(f"rows.{day}", "invalid", _("This is a day off without the decree."))
    for day in sorted(fact.working_days):
        if by_law.is_working(day):
            raise InvalidInput(f"rows.{day}", "invalid", _("This is a working day without the decree."))


def _is_same(row: WorkCalendarYear, fact: YearFact) -> bool:
    return (row.days_off, row.working_days, row.source) == (
        _texts(fact.days_off),
        _texts(fact.working_days),
        fact.source,
    )


def _texts(days: frozenset[date]) -> list[str]:
    return [day.isoformat() for day in sorted(days)]
