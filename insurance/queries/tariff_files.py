"""Files of tariff rows: a table of КТ by region and town, or rows of any table as JSON."""

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from insurance.rules.rating.osago import Territory
from insurance.rules.rating.rows import TariffFact, get_row_key
from insurance.rules.rating.tariffs import SINCE_2022


def read_facts(path: Path, *, source: str, valid_from: date = SINCE_2022) -> Iterator[TariffFact]:
    """Yield the rows of a file. Raises ValueError naming the line.

    `*.json` is a list of rows as `TariffFact` has them, values as decimal text; `*.csv`, gzipped or not, is a table of
    КТ with the columns `region,city,kt`, where an empty town is the rest of the region.
    """
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8-sig") as lines:
        if ".json" in path.suffixes:
            yield from _read_json(json.load(lines, parse_float=str), source)
        else:
            yield from _read_territories(csv.DictReader(lines), source, valid_from)


def _read_json(rows: Any, source: str) -> Iterator[TariffFact]:
    if not isinstance(rows, list):
        raise ValueError("a list of rows is expected")
    for number, row in enumerate(rows, 1):
        given = {"key": "", "source": source} | (row if isinstance(row, dict) else {})
        try:
            yield msgspec.convert(given, TariffFact, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"row {number}: {error}") from error


def _read_territories(rows: "csv.DictReader[str]", source: str, valid_from: date) -> Iterator[TariffFact]:
    for line, row in enumerate(rows, 2):
        try:
            value = msgspec.convert({name: row[name] for name in ("region", "city", "kt")}, Territory, strict=False)
        except (KeyError, msgspec.ValidationError) as error:
            raise ValueError(f"line {line}: region, city and kt are expected: {error}") from error
        yield TariffFact(
            table="territories",
            key=get_row_key("territories", value),
            value={"region": value.region, "city": value.city, "kt": str(value.kt)},
            valid_from=valid_from,
            source=source,
        )
