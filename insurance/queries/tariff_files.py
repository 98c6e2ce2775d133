"""Files of tariff rows: a table of КТ by region and town, or rows of any table as JSON; each row is read or refused."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from core.importing.limits import Row
from core.importing.problems import RowProblem
from core.importing.reader import open_table
from insurance.rules.rating.osago import spelled
from insurance.rules.rating.rows import TariffFact, read_value
from insurance.rules.rating.tariffs import SINCE_2022

REQUIRED = ("region", "city", "kt")
DATED = ("valid_from", "valid_to")
GREATEST_KT = Decimal(10)
"""No coefficient of a territory was ever near it: a larger one has lost its decimal point."""

Report = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Meant:
    """Source and days of the rows of a file that name none of their own."""

    source: str
    valid_from: date = SINCE_2022
    valid_to: date | None = None
    is_secondary: bool = True


class _Refused(ValueError):
    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.code, self.detail = field, code, detail


def read_rows(path: Path, meant: Meant, report: Report = lambda done, total: None) -> Iterator[TariffFact | RowProblem]:
    """Yield each row of a file, or why it is refused. Raises ValueError or Unreadable for the file as a whole.

    `*.json` is a list of rows as `TariffFact` has them, values as decimal text. Anything else is a table of КТ with the
    columns `region`, `city` (empty: the rest of the region) and `kt`, and if it likes `valid_from`, `valid_to` and
    `source`; further columns are left alone. Two rows of one place and day are one too many, however they are spelled.
    """
    told: dict[tuple[str, ...], int] = {}
    for number, line, read in _read(path, meant, report):
        try:
            fact = read()
            place = (fact.insurer, fact.table, spelled(fact.key), str(fact.valid_from))
            if place in told:
                raise _Refused("region", "repeated", _("Row %(row)d is about the same.") % {"row": told[place]})
            told[place] = number
            yield fact
        except _Refused as error:
            yield RowProblem(number, line, error.field, error.code, error.detail)


def _read(path: Path, meant: Meant, report: Report) -> Iterator[tuple[int, int, Callable[[], TariffFact]]]:
    if ".json" in path.suffixes:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            rows = json.load(lines, parse_float=str)
        if not isinstance(rows, list):
            raise ValueError("a list of rows is expected")
        for number, item in enumerate(rows, 1):
            report(number, len(rows))
            yield number, number, lambda item=item: _read_any(item, meant)  # type: ignore[misc]
        return
    with open_table(path) as table:
        columns = {name.strip().casefold(): index for index, name in enumerate(table.header)}
        if missing := [name for name in REQUIRED if name not in columns]:
            raise ValueError(f"region, city and kt are expected; there is no column {', '.join(missing)}")
        for row in table.rows():
            report(table.position, table.size)
            yield row.number, row.line, lambda row=row: _read_territory(row, columns, meant)  # type: ignore[misc]


def _read_any(item: Any, meant: Meant) -> TariffFact:
    if not isinstance(item, dict):
        raise _Refused("", "invalid", _("A row is an object."))
    defaults = {
        "key": "", "source": meant.source, "valid_from": meant.valid_from.isoformat(),
        "is_secondary": meant.is_secondary,
    }  # fmt: skip
    try:
        fact = msgspec.convert(defaults | item, TariffFact, strict=False)
        read_value(fact.table, fact.value)
    except (msgspec.ValidationError, ValueError) as error:
        raise _Refused("", "invalid", str(error)) from error
    return _checked(fact)


def _read_territory(row: Row, columns: dict[str, int], meant: Meant) -> TariffFact:
    def cell(name: str) -> str:
        index = columns.get(name)
        return row.cells[index].strip() if index is not None and index < len(row.cells) else ""

    region, city = cell("region"), cell("city")
    if not region:
        raise _Refused("region", "required", _("A row needs its region."))
    since, until = (_read_day(name, cell(name)) for name in DATED)
    return _checked(
        TariffFact(
            table="territories",
            key=f"{region}|{city}",
            value={"region": region, "city": city, "kt": str(_read_kt(cell("kt")))},
            valid_from=since or meant.valid_from,
            valid_to=until or meant.valid_to,
            source=cell("source") or meant.source,
            is_secondary=meant.is_secondary,
        )
    )


def _read_kt(text: str) -> Decimal:
    try:
        value = Decimal(text.replace(",", "."))
    except InvalidOperation as error:
        raise _Refused("kt", "invalid", _("A coefficient is a number.")) from error
    if not (value.is_finite() and 0 < value <= GREATEST_KT):
        raise _Refused(
            "kt", "out_of_range", _("A coefficient is above 0 and at most %(most)s.") % {"most": GREATEST_KT}
        )
    return value


def _read_day(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise _Refused(name, "invalid", _("A day is written as in 2026-01-31.")) from error


def _checked(fact: TariffFact) -> TariffFact:
    if not fact.source.strip():
        raise _Refused("source", "required", _("A row needs its source."))
    if fact.valid_to is not None and fact.valid_to < fact.valid_from:
        raise _Refused("valid_to", "min_value", _("The last day is before the first."))
    return fact
