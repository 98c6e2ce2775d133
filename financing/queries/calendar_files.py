"""Files of production calendars: `day,kind,source`, one row a day that a decree moved."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

COLUMNS = ("day", "kind", "source")
DAY_OFF, WORKING = "day_off", "working"
SOURCE_LENGTH = 300


@dataclass(frozen=True)
class YearFact:
    """One year of a file; `source` names the decree."""

    year: int
    days_off: frozenset[date]
    working_days: frozenset[date]
    source: str


def read_calendar_file(path: Path) -> dict[int, YearFact]:
    """Return the years of a file. Raises ValueError naming the line."""
    moved: dict[int, dict[date, str]] = defaultdict(dict)
    sources: dict[int, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for line, row in enumerate(csv.DictReader(lines), 2):
            try:
                day, kind, source = _read_row(row)
                if day in moved[day.year] or sources.setdefault(day.year, source) != source:
                    raise ValueError(f"{day} stands twice, or its year has two sources")
            except ValueError as error:
                raise ValueError(f"line {line}: {error}") from error
            moved[day.year][day] = kind
    return {
        year: YearFact(year, _select(days, DAY_OFF), _select(days, WORKING), sources[year])
        for year, days in moved.items()
    }


def _read_row(row: dict[str, str]) -> tuple[date, str, str]:
    given = {name: (row.get(name) or "").strip() for name in COLUMNS}
    missing = [name for name in COLUMNS if not given[name]]
    if missing:
        raise ValueError(f"{', '.join(missing)} is missing")
    if given["kind"] not in (DAY_OFF, WORKING):
        raise ValueError(f"kind is {DAY_OFF} or {WORKING}")
    if len(given["source"]) > SOURCE_LENGTH:
        raise ValueError(f"source is longer than {SOURCE_LENGTH}")
    return date.fromisoformat(given["day"]), given["kind"], given["source"]


def _select(days: dict[date, str], kind: str) -> frozenset[date]:
    return frozenset(day for day, known in days.items() if known == kind)
