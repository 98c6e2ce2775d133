"""One row of a price list as one vehicle, or the reason it is refused."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from catalog.rules.importing import values
from catalog.rules.importing.columns import SYNONYMS
from core.importing.columns import Columns
from core.importing.limits import Row
from core.importing.problems import RowProblem
from core.importing.text import clean
from core.money import DEFAULT_CURRENCY
from core.vin import fold_vin, has_check_digit, is_vin

MIN_YEAR = 1900
MAX_PRICE = Decimal("999999999999.99")
MAX_MILEAGE = 2_000_000_000
_CENT = Decimal("0.01")
_ATTRIBUTES = ("steering", "owners", "title_document", "customs", "owning_time")


class Listing(msgspec.Struct, frozen=True):
    """A good row. `key` is its identity: external id, else whole VIN, else a hash of what the vehicle is."""

    row: int
    line: int
    key: str
    external_id: str
    vin: str
    make: str
    model: str
    year: int
    price: Decimal
    currency: str
    mileage: int
    condition: str
    body: str = ""
    fuel: str = ""
    transmission: str = ""
    drive: str = ""
    color: str = ""
    engine_volume: Decimal | None = None
    power_hp: int | None = None
    description: str = ""
    image_url: str = ""
    trim: str = ""
    location: str = ""
    attributes: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Units:
    """Units that a file's numbers are in, and what they become.

    `currency` is that of prices without one; `rates` are {currency: price of one unit in `into`}: prices in them are
    converted, others kept. Mileages in miles are kept as they are unless `miles_to_km`.
    """

    currency: str = DEFAULT_CURRENCY
    into: str = DEFAULT_CURRENCY
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    miles_to_km: bool = False


KM_IN_MILE = Decimal("1.609344")
LOW_PRICE = {"RUB": 10_000}
"""A vehicle for less is taken, with a warning: somebody may have lost three digits."""


class _Refused(Exception):
    def __init__(self, field: str, code: str, detail: str) -> None:
        self.problem = (field, code, detail)


class RowParser:
    """Reads rows by their columns. The rule: make and model not blank, year whole from 1900 to `max_year`, price
    above 0, mileage 0 or more; the first field that fails is named."""

    def __init__(self, columns: Columns, *, max_year: int, units: Units) -> None:
        self.columns, self.max_year, self.units = columns, max_year, units

    def parse(self, row: Row) -> Listing | RowProblem:
        """Read one row."""
        if len(row.cells) != self.columns.width:
            detail = f"{len(row.cells)} cells instead of {self.columns.width}."
            return RowProblem(row.number, row.line, "", "wrong_columns", detail)
        try:
            return self._listing(row)
        except _Refused as refused:
            return RowProblem(row.number, row.line, *refused.problem)

    def _text(self, cells: Mapping[str, str], field: str) -> str:
        return clean(cells[field])

    def _taken_apart(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells by field; a title and an engine in one cell give what has no column of its own."""
        found = {name: self.columns.read(cells, name) for name in SYNONYMS}
        for whole, parts in (("title", values.title_parts), ("engine", values.engine_parts)):
            if found[whole]:
                for name, text in parts(found[whole]).items():
                    found[name] = found[name] or text
        return found

    def _listing(self, row: Row) -> Listing:
        cells = self._taken_apart(row.cells)
        known: dict[str, Any] = {
            "make": self._name(cells, "make", 60),
            "model": self._name(cells, "model", 120),
            "year": self._year(cells),
            "price": self._price(cells),
            "mileage": self._mileage(cells),
        }
        given_currency = self._currency(cells)
        about = {field: values.lower(self._text(cells, field)) for field in ("body", "transmission", "drive", "color")}
        about["fuel"] = values.fuel(self._text(cells, "fuel"))
        engine = {"engine_volume": self._engine(cells), "power_hp": self._power(cells)}
        external_id, vin = self._external_id(cells), self._vin(cells)
        identity: dict[str, Any] = {**known, **about, **engine}
        identity["price"] = self._converted(known["price"], given_currency)
        return Listing(
            row=row.number,
            line=row.line,
            key=_key(external_id, vin, identity),
            external_id=external_id or ("" if vin else _fingerprint(identity)),
            vin=vin,
            currency=self.units.into if given_currency in self.units.rates else given_currency,
            condition=values.condition(self._text(cells, "condition")) or "used",
            description=self._text(cells, "description"),
            image_url=self._image(cells),
            trim=self._text(cells, "trim")[:120],
            location=self._text(cells, "location")[:120],
            attributes=dict(self._attributes(cells)),
            warnings=tuple(self._warnings(cells, vin, known["price"], given_currency)),
            **identity,
        )

    def _name(self, cells: Mapping[str, str], field: str, longest: int) -> str:
        text = self._text(cells, field)
        if not text:
            raise _Refused(field, "required", f"The {field} is empty.")
        if len(text) > longest:
            raise _Refused(field, "too_long", f"The {field} is longer than {longest} characters.")
        return text

    def _year(self, cells: Mapping[str, str]) -> int:
        text = self._text(cells, "year")
        year = values.whole(text)
        if year is None or not MIN_YEAR <= year <= self.max_year:
            raise _Refused("year", "invalid", f"Not a year from {MIN_YEAR} to {self.max_year}: {_shown(text)}.")
        return year

    def _price(self, cells: Mapping[str, str]) -> Decimal:
        text = self._text(cells, "price")
        price = values.amount(text)
        if price is None or not 0 < price <= MAX_PRICE:
            raise _Refused("price", "invalid", f"Not a price above 0: {_shown(text)}.")
        return max(price.quantize(_CENT), _CENT)

    def _mileage(self, cells: Mapping[str, str]) -> int:
        text = self._text(cells, "mileage")
        mileage = values.amount(text)
        if mileage is None or not 0 <= mileage <= MAX_MILEAGE:
            raise _Refused("mileage", "invalid", f"Not a mileage of 0 or more: {_shown(text)}.")
        return int(mileage * KM_IN_MILE + Decimal("0.5")) if self.units.miles_to_km else int(mileage)

    def _converted(self, price: Decimal, currency: str) -> Decimal:
        rate = self.units.rates.get(currency)
        return price if rate is None else max((price * rate).quantize(_CENT), _CENT)

    def _warnings(self, cells: Mapping[str, str], vin: str, price: Decimal, currency: str) -> Iterator[str]:
        """List what is odd about a good row: it is taken all the same."""
        given = self._text(cells, "vin")
        if given and not vin:
            yield "vin_not_whole"
        elif vin and not has_check_digit(vin):
            yield "vin_check_digit"
        if price < LOW_PRICE.get(currency, 0):
            yield "price_low"

    def _engine(self, cells: Mapping[str, str]) -> Decimal | None:
        """Litres; cubic centimetres are turned, and what cannot be a displacement is dropped."""
        volume = values.number(self._text(cells, "engine_volume")) or Decimal(0)
        litres = volume / 1000 if volume >= 600 else volume
        return litres.quantize(_CENT) if 0 < litres < 20 else None

    def _power(self, cells: Mapping[str, str]) -> int | None:
        power = values.number(self._text(cells, "power_hp"))
        return int(power) if power is not None and 0 < power < 5000 else None

    def _external_id(self, cells: Mapping[str, str]) -> str:
        text = self._text(cells, "external_id").removesuffix(".0")
        return text if len(text) <= 64 else hashlib.sha256(text.encode()).hexdigest()

    def _vin(self, cells: Mapping[str, str]) -> str:
        vin = fold_vin(self._text(cells, "vin"))
        return vin if is_vin(vin) else ""

    def _currency(self, cells: Mapping[str, str]) -> str:
        text = self._text(cells, "currency").upper()
        is_code = len(text) == 3 and text.isascii() and text.isalpha()
        return text if is_code else values.currency(cells["price"]) or self.units.currency

    def _image(self, cells: Mapping[str, str]) -> str:
        text = self._text(cells, "image_url")
        return text if text.startswith(("http://", "https://")) and len(text) <= 500 else ""

    def _attributes(self, cells: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        for name in _ATTRIBUTES:
            text = self._text(cells, name)
            if text:
                yield name, text
        equipment = values.printed_list(self._text(cells, "equipment"))
        if equipment:
            yield "equipment", equipment


def _key(external_id: str, vin: str, identity: dict[str, Any]) -> str:
    if external_id:
        return f"id:{external_id}"
    return f"vin:{vin}" if vin else f"row:{_fingerprint(identity)}"


def _fingerprint(identity: dict[str, Any]) -> str:
    """A hash of everything that tells one vehicle from another; the price may change."""
    parts = [str(value) for name, value in sorted(identity.items()) if name != "price"]
    return "row-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _shown(text: str) -> str:
    return f"“{text[:40]}”" if text else "empty"
