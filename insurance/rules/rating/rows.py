"""Tariffs as flat dated rows and back: what a file or a table holds, and what the arithmetic works with.

A row is one fact: whose (an insurer's, or nobody's when the law says it), which table, which key of it, the value, the
days it is in force and where it was read. The newest row in force for a key counts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, get_type_hints

import msgspec

from core.money.requisites import is_inn
from insurance.rules.rating.errors import TariffMissing
from insurance.rules.rating.kasko import KaskoTariff
from insurance.rules.rating.osago import Corridor, DriversLimit, KbmMoves, OsagoTariff, Territory
from insurance.rules.rating.tables import AgeExperience, Dated

LAW = ""
"""The owner of rows that hold for every insurer."""

OSAGO_TABLES: dict[str, Any] = {
    "corridors": Corridor,
    "territories": Territory,
    "kvs": AgeExperience,
    "kbm": dict[str, Decimal],
    "kbm_moves": KbmMoves,
    "km": list[tuple[Decimal | None, Decimal]],
    "ko": DriversLimit,
    "ks": dict[int, Decimal],
    "kp_days": Decimal,
    "kp_months": dict[int, Decimal],
}
"""Tables of the law and the type of a row's value; the names are those of `OsagoTariff`."""

SPLIT = ("base_rate_percent", "drivers", "deductible")
"""Tables of a KASKO tariff with a row for each zone or vehicle group; every other table is one row."""

_KASKO_TYPES = {name: kind for name, kind in get_type_hints(KaskoTariff).items() if name not in ("name", "source")}
KASKO_TABLES: dict[str, Any] = {
    f"kasko_{name}": kind.__args__[1] if name in SPLIT else kind for name, kind in _KASKO_TYPES.items()
}
OWN_TABLES: dict[str, Any] = {
    "insurer": dict[str, str],
    "osago_base": dict[str, Decimal],
    "kasko_minimum": Decimal,
    "kasko_groups": dict[str, str],
    "kasko_programmes": dict[str, Decimal],
    "kasko_additions": dict[str, Decimal],
}
"""An insurer's other rows: its name (with `legal_name`, `inn` and `phone` for receipts of its premiums), ТБ by category
and owner, the least premium, theft groups by make, programmes' factors, and per cent added to the rate, such as GAP."""

TABLES: dict[str, Any] = OSAGO_TABLES | KASKO_TABLES | OWN_TABLES


@dataclass(frozen=True, kw_only=True)
class TariffFact:
    """One row; `value` is plain data that `TABLES[table]` describes."""

    table: str
    key: str
    value: Any
    valid_from: date
    source: str
    valid_to: date | None = None
    is_secondary: bool = True
    insurer: str = LAW

    @property
    def place(self) -> tuple[str, str, str, date]:
        """Return what the row is about; a later row of the same place replaces it."""
        return self.insurer, self.table, self.key, self.valid_from

    def in_force(self, day: date) -> bool:
        """Tell whether the row counts on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def read_value(table: str, value: Any) -> Any:
    """Return the typed value of a row. Raises ValueError for an unknown table or a value of another shape."""
    if table not in TABLES:
        raise ValueError(f"there is no tariff table {table!r}")
    try:
        read = msgspec.convert(value, TABLES[table], strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{table}: {error}") from error
    if table == "insurer" and not (is_inn(read.get("inn", "")) or not read.get("inn")):
        raise ValueError(f"{table}: {read['inn']} is no ИНН")
    return read


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, str_keys=True)


def get_row_key(table: str, value: Any) -> str:
    """Key of a row of the law within its table."""
    if table == "corridors":
        return f"{value.category}|{value.owner}"
    return f"{value.region}|{value.city}" if table == "territories" else ""


def osago_facts(tariff: OsagoTariff) -> Iterator[TariffFact]:
    """Rows of the law's tables."""
    for table in OSAGO_TABLES:
        rows: Sequence[Dated[Any]] = getattr(tariff, table)
        for row in rows:
            yield TariffFact(
                table=table,
                key=get_row_key(table, row.value),
                value=_plain(row.value),
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                source=row.source,
                is_secondary=row.secondary,
            )


def kasko_facts(tariff: KaskoTariff, *, insurer: str, valid_from: date, is_secondary: bool) -> Iterator[TariffFact]:
    """Rows of an insurer's KASKO tariff."""
    for item in fields(KaskoTariff):
        if item.name in ("name", "source"):
            continue
        value = getattr(tariff, item.name)
        parts = value.items() if item.name in SPLIT else [("", value)]
        for key, part in parts:
            yield TariffFact(
                table=f"kasko_{item.name}",
                key=key,
                value=_plain(part),
                valid_from=valid_from,
                source=tariff.source,
                is_secondary=is_secondary,
                insurer=insurer,
            )


def build_osago(facts: Iterable[TariffFact]) -> OsagoTariff:
    """Return the law's tariff of all its rows, whatever their days: the rating day picks among them."""
    tables: dict[str, list[Dated[Any]]] = {table: [] for table in OSAGO_TABLES}
    for fact in facts:
        if fact.table in tables:
            value = read_value(fact.table, fact.value)
            tables[fact.table].append(Dated(value, fact.valid_from, fact.source, fact.valid_to, fact.is_secondary))
    return OsagoTariff(**tables)


def in_force(facts: Iterable[TariffFact], insurer: str, day: date) -> Mapping[tuple[str, str], TariffFact]:
    """An insurer's newest rows on a day, by table and key."""
    found: dict[tuple[str, str], TariffFact] = {}
    for fact in facts:
        if fact.insurer == insurer and fact.in_force(day):
            known = found.get((fact.table, fact.key))
            if known is None or known.valid_from < fact.valid_from:
                found[fact.table, fact.key] = fact
    return found


def build_kasko(rows: Mapping[tuple[str, str], TariffFact], name: str) -> KaskoTariff:
    """Return an insurer's KASKO tariff of its rows in force on a day. Raises TariffMissing."""
    tables: dict[str, Any] = {}
    for field_name in _KASKO_TYPES:
        table = f"kasko_{field_name}"
        parts = {key: read_value(table, row.value) for (kind, key), row in rows.items() if kind == table}
        if not parts:
            raise TariffMissing(table, name)
        tables[field_name] = parts if field_name in SPLIT else parts[""]
    base = next(row for (table, _key), row in sorted(rows.items()) if table == "kasko_base_rate_percent")
    return KaskoTariff(name=name, source=base.source, **tables)
