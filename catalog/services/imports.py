"""Imports of price lists: read to the end, and only then written, so that a broken file changes nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connections, reset_queries
from django.utils.translation import gettext as _

from catalog.rules.importing.columns import find_columns
from catalog.rules.importing.rows import Listing, RowParser, Units
from catalog.rules.importing.values import number
from catalog.services.listings import CHUNK, Plan, Staging, plan_listings, write_listings
from core.importing.limits import Row
from core.importing.problems import RowProblem, Unreadable, UnreadableFile
from core.importing.reader import Table, open_table
from core.importing.runs import READING, WRITING, Progress, Refuse, import_limits
from core.money import DEFAULT_CURRENCY


@dataclass(frozen=True)
class ImportOptions:
    """Options for reading a file.

    `mapping` is {header: field} or {field: [headers]}; `defaults` are values for missing columns; `currency` is that
    of prices without one. Prices in the currencies of `rates` are converted into `into`, mileages from miles into
    kilometres with `miles_to_km`; without these they are kept as they are.
    """

    mapping: Mapping[str, Any] = field(default_factory=dict)
    currency: str = DEFAULT_CURRENCY
    defaults: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    into: str = DEFAULT_CURRENCY
    rates: Mapping[str, str] = field(default_factory=dict)
    miles_to_km: bool = False

    @property
    def units(self) -> Units:
        """The part about numbers."""
        rates = {currency: Decimal(rate) for currency, rate in self.rates.items()}
        return Units(self.currency, self.into, rates, self.miles_to_km)


@dataclass
class ImportResult:
    """Result of an import, in rows; `created + updated + unchanged + repeated = rows_ok`.

    `warnings` is {code: rows} of good rows that look odd: a VIN that is not whole or has a wrong check digit, a price
    too low for a vehicle. `columns` is {field: the headers it was found under}.
    """

    rows_total: int = 0
    rows_ok: int = 0
    rows_failed: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    warnings: dict[str, int] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, count: int) -> None:
        """Add to one of the counts."""
        setattr(self, name, getattr(self, name) + count)

    def add_all(self, counts: Mapping[str, int]) -> None:
        """Add to several of the counts."""
        for name, count in counts.items():
            self.add(name, count)


@dataclass
class Reached:
    """Point that an import had reached when it stopped: the last row, and what had come of those before."""

    row: int = 0
    counts: dict[str, int] = field(default_factory=dict)


def read_rates(texts: Mapping[str, str]) -> dict[str, str]:
    """Rates of currencies, checked: {"USD": "92.5"} says that one dollar is 92.5. Raises UnreadableFile."""
    for currency, rate in texts.items():
        value = number(str(rate))
        if not (len(currency) == 3 and currency.isascii() and currency.isupper()) or value is None or value <= 0:
            raise UnreadableFile(
                _("%(currency)s=%(rate)s is no rate: write a currency and a number above 0, as USD=92.5.")
                % {"currency": currency, "rate": rate}
            )
    return {currency: str(number(str(rate))) for currency, rate in texts.items()}


def import_file(
    path: Path,
    *,
    options: ImportOptions,
    actor: str,
    now: datetime,
    dry_run: bool = False,
    progress: Progress = lambda stage, done, total: None,
    refuse: Refuse = lambda problems: None,
    reached: Reached | None = None,
    store: Callable[[Reached], None] = lambda reached: None,
) -> ImportResult:
    """Read a whole file, then write its good rows; `refuse` is given the bad ones as they are found.

    `keep` is told how far the writing is, in the transaction that wrote it; given back as `reached`, the import goes
    on from there. Of rows with one identity the last decides, so a second run changes nothing. With `dry_run` nothing
    is written at all. Raises UnreadableFile, having written nothing.
    """
    staging = Staging()
    try:
        result = _read(path, staging, options, now, progress, refuse)
        distinct = staging.count()
        result.repeated = result.rows_ok - distinct
        so_far = reached or Reached()
        result.add_all(so_far.counts)
        for listings in staging.chunks(after=so_far.row):
            so_far.row = listings[-1].row
            if dry_run:
                plan = plan_listings(listings, actor=actor, now=now)
                refuse(plan.refused)
            else:
                plan = _write(listings, so_far, refuse, store, actor=actor, now=now)
            result.add_all(_counts(plan))
            reset_queries()  # in debug Django keeps every statement: memory must not grow with the file
            progress(WRITING, result.created + result.updated + result.unchanged, distinct)
    finally:
        if connections["catalog"].is_usable():
            staging.drop()
    return result


def _write(
    listings: list[Listing],
    so_far: Reached,
    refuse: Refuse,
    store: Callable[[Reached], None],
    *,
    actor: str,
    now: datetime,
) -> Plan:
    def written(plan: Plan) -> None:
        for name, count in _counts(plan).items():
            so_far.counts[name] = so_far.counts.get(name, 0) + count
        refuse(plan.refused)
        store(so_far)

    return write_listings(listings, actor=actor, now=now, written=written)


def _counts(plan: Plan) -> dict[str, int]:
    return {
        "created": len(plan.created),
        "updated": len(plan.updated),
        "unchanged": plan.unchanged,
        "rows_failed": len(plan.refused),
        "rows_ok": -len(plan.refused),
    }


def _read(
    path: Path, staging: Staging, options: ImportOptions, now: datetime, progress: Progress, refuse: Refuse
) -> ImportResult:
    result = ImportResult()
    try:
        with open_table(path, limits=import_limits(), encoding=options.encoding) as table:
            columns = find_columns(
                table.header,
                mapping=options.mapping,
                defaults=options.defaults,
                in_miles=options.units.miles_to_km,
            )
            result.columns = columns.found
            parser = RowParser(columns, max_year=now.year + 1, units=options.units)
            for parsed in _parsed(table, parser):
                good = [item for item in parsed if isinstance(item, Listing)]
                bad = [item for item in parsed if isinstance(item, RowProblem)]
                staging.add(good)
                refuse(bad)
                for code in (code for item in good for code in item.warnings):
                    result.warnings[code] = result.warnings.get(code, 0) + 1
                result.rows_total += len(parsed)
                result.rows_ok += len(good)
                result.rows_failed += len(bad)
                reset_queries()
                progress(READING, table.position, table.size)
    except Unreadable as error:
        raise UnreadableFile(error.detail, reason=error.code) from error
    return result


def _parsed(table: Table, parser: RowParser) -> Iterator[list[Listing | RowProblem]]:
    rows: Iterator[Row] = table.rows()
    while chunk := list(islice(rows, CHUNK)):
        yield [parser.parse(row) for row in chunk]
