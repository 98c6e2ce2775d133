"""One row of a price list as one vehicle, or the reason it is refused."""

import hashlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from catalog.importing import values
from catalog.importing.columns import Columns
from catalog.importing.problems import RowProblem
from catalog.importing.reader import Row
from catalog.vin import fold_vin, is_whole

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
    attributes: dict[str, Any] = {}


class _Refused(Exception):
    def __init__(self, field: str, code: str, detail: str) -> None:
        self.problem = (field, code, detail)


class RowParser:
    """Reads rows by their columns. The rule: make and model not blank, year whole from 1900 to `max_year`, price
    above 0, mileage 0 or more; the first field that fails is named."""

    def __init__(self, columns: Columns, *, max_year: int, currency: str) -> None:
        self.columns, self.max_year, self.currency = columns, max_year, currency

    def parse(self, row: Row) -> Listing | RowProblem:
        """Read one row."""
        if len(row.cells) != self.columns.width:
            detail = f"{len(row.cells)} cells instead of {self.columns.width}."
            return RowProblem(row.number, row.line, "", "wrong_columns", detail)
        try:
            return self._listing(row)
        except _Refused as refused:
            return RowProblem(row.number, row.line, *refused.problem)

    def _text(self, cells: Sequence[str], field: str) -> str:
        return values.clean(self.columns.read(cells, field))

    def _listing(self, row: Row) -> Listing:
        cells = row.cells
        known: dict[str, Any] = {
            "make": self._name(cells, "make", 60),
            "model": self._name(cells, "model", 120),
            "year": self._year(cells),
            "price": self._price(cells),
            "mileage": self._mileage(cells),
        }
        about = {field: values.lower(self._text(cells, field)) for field in ("body", "transmission", "drive", "color")}
        about["fuel"] = values.fuel(self._text(cells, "fuel"))
        engine = {"engine_volume": self._engine(cells), "power_hp": self._power(cells)}
        external_id, vin = self._external_id(cells), self._vin(cells)
        identity: dict[str, Any] = {**known, **about, **engine}
        return Listing(
            row=row.number,
            line=row.line,
            key=_key(external_id, vin, identity),
            external_id=external_id or ("" if vin else _fingerprint(identity)),
            vin=vin,
            currency=self._currency(cells),
            condition=values.condition(self._text(cells, "condition")) or "used",
            description=self._text(cells, "description"),
            image_url=self._image(cells),
            attributes=dict(self._attributes(cells)),
            **identity,
        )

    def _name(self, cells: Sequence[str], field: str, longest: int) -> str:
        text = self._text(cells, field)
        if not text:
            raise _Refused(field, "required", f"The {field} is empty.")
        if len(text) > longest:
            raise _Refused(field, "too_long", f"The {field} is longer than {longest} characters.")
        return text

    def _year(self, cells: Sequence[str]) -> int:
        text = self._text(cells, "year")
        year = values.whole(text)
        if year is None or not MIN_YEAR <= year <= self.max_year:
            raise _Refused("year", "invalid", f"Not a year from {MIN_YEAR} to {self.max_year}: {_shown(text)}.")
        return year

    def _price(self, cells: Sequence[str]) -> Decimal:
        text = self._text(cells, "price")
        price = values.number(text)
        if price is None or not 0 < price <= MAX_PRICE:
            raise _Refused("price", "invalid", f"Not a price above 0: {_shown(text)}.")
        return max(price.quantize(_CENT), _CENT)

    def _mileage(self, cells: Sequence[str]) -> int:
        text = self._text(cells, "mileage")
        mileage = values.number(text)
        if mileage is None or not 0 <= mileage <= MAX_MILEAGE:
            raise _Refused("mileage", "invalid", f"Not a mileage of 0 or more: {_shown(text)}.")
        return int(mileage)

    def _engine(self, cells: Sequence[str]) -> Decimal | None:
        """Litres; cubic centimetres are turned, and what cannot be a displacement is dropped."""
        volume = values.number(self._text(cells, "engine_volume")) or Decimal(0)
        litres = volume / 1000 if volume >= 600 else volume
        return litres.quantize(_CENT) if 0 < litres < 20 else None

    def _power(self, cells: Sequence[str]) -> int | None:
        power = values.number(self._text(cells, "power_hp"))
        return int(power) if power is not None and 0 < power < 5000 else None

    def _external_id(self, cells: Sequence[str]) -> str:
        text = self._text(cells, "external_id").removesuffix(".0")
        return text if len(text) <= 64 else hashlib.sha256(text.encode()).hexdigest()

    def _vin(self, cells: Sequence[str]) -> str:
        vin = fold_vin(self._text(cells, "vin"))
        return vin if is_whole(vin) else ""

    def _currency(self, cells: Sequence[str]) -> str:
        text = self._text(cells, "currency").upper()
        return text if len(text) == 3 and text.isascii() and text.isalpha() else self.currency

    def _image(self, cells: Sequence[str]) -> str:
        text = self._text(cells, "image_url")
        return text if text.startswith(("http://", "https://")) and len(text) <= 500 else ""

    def _attributes(self, cells: Sequence[str]) -> Iterator[tuple[str, Any]]:
        for field in _ATTRIBUTES:
            text = self._text(cells, field)
            if text:
                yield field, text
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
