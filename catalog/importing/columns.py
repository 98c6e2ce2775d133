"""Which column of a price list is which: headers in Russian, English and German, or a mapping given by hand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.importing.problems import Unreadable

REQUIRED = ("make", "model", "year", "price", "mileage")
SYNONYMS: dict[str, tuple[str, ...]] = {
    "external_id": ("external_id", "sell_id", "ad_id", "listing_id", "offer_id", "id", "номер объявления"),
    "vin": ("vin", "vin code", "vin номер", "vin код", "вин", "вин код", "fahrgestellnummer"),
    "make": ("make", "brand", "mark", "manufacturer", "марка", "marke", "hersteller"),
    "model": ("model", "модель", "modell"),
    "year": ("year", "model year", "год", "год выпуска", "год производства", "baujahr"),
    "price": ("price", "asking price", "цена", "стоимость", "preis"),
    "currency": ("currency", "валюта", "währung"),
    "mileage": ("mileage", "kmage", "km", "kilometers", "odometer", "пробег", "пробег км", "kilometerstand"),
    "condition": ("condition", "состояние", "zustand"),
    "body": ("body", "bodytype", "bodywork", "body type", "кузов", "тип кузова", "karosserie"),
    "fuel": ("fuel", "fuel type", "engine type", "топливо", "тип топлива", "kraftstoff"),
    "transmission": ("transmission", "vehicle transmission", "gearbox", "коробка", "кпп", "коробка передач"),
    "drive": ("drive", "drivetrain", "drive type", "привод", "antrieb"),
    "color": ("color", "colour", "exterior color", "цвет", "farbe"),
    "engine_volume": ("engine volume", "engine displacement", "engine size", "engine capacity", "объем двигателя"),
    "power_hp": ("power", "engine power", "horsepower", "мощность", "leistung"),
    "description": ("description", "описание", "beschreibung"),
    "image_url": ("image", "image url", "photo", "фото"),
    "steering": ("wheel", "steering wheel", "руль"),
    "owners": ("owner", "owners", "owners num", "владельцев", "владельцы"),
    "title_document": ("pts", "птс"),
    "customs": ("customs", "таможня"),
    "owning_time": ("owning time", "owningtime", "срок владения"),
    "trim": ("trim", "trim level", "version", "modification", "модификация", "ausstattungslinie"),
    "location": ("location", "city", "город", "место", "standort"),
    "title": ("title", "заголовок", "titel"),
    "engine": ("engine", "двигатель", "motor"),
    "equipment": ("equipment", "equipment dict", "комплектация", "опции"),
}  # fmt: skip
_NOT_LETTERS = re.compile(r"[\W_]+")


def squeeze(header: str) -> str:
    """A header as letters and digits only: case, spaces, marks and ё do not matter."""
    return _NOT_LETTERS.sub("", header.casefold().replace("ё", "е"))


_FIELD_OF = {squeeze(name): field for field, names in SYNONYMS.items() for name in names}


@dataclass(frozen=True)
class Columns:
    """Positions of each known field, values for fields without a column, and how many columns a row has."""

    positions: dict[str, tuple[int, ...]]
    defaults: dict[str, str]
    width: int

    def read(self, cells: Sequence[str], field: str) -> str:
        """The first filled cell of a field; its default when there is none."""
        for position in self.positions.get(field, ()):
            cell = cells[position]
            if cell and not cell.isspace():
                return cell
        return self.defaults.get(field, "")


def find_columns(
    header: Sequence[str], *, mapping: Mapping[str, Any] | None = None, defaults: Mapping[str, str] | None = None
) -> Columns:
    """Match headers to fields; the first of two columns for one field wins, `mapping` wins over both.

    `mapping` is {header: field} or {field: header}, or {field: [headers]} where the first filled one counts. A column
    that it gives to one field is no other's. Raises Unreadable for an unknown name or a missing column.
    """
    squeezed = [squeeze(name) for name in header]
    mapped = _mapped(squeezed, mapping or {})
    taken = {position for found in mapped.values() for position in found}
    positions: dict[str, tuple[int, ...]] = {}
    for position, name in enumerate(squeezed):
        field = _FIELD_OF.get(name)
        if field and position not in taken:
            positions.setdefault(field, (position,))
    positions |= mapped
    unknown = set(defaults or {}) - set(SYNONYMS)
    if unknown:
        raise Unreadable("unknown_field", f"There is no field {', '.join(sorted(unknown))}.")
    columns = Columns(positions, dict(defaults or {}), len(header))
    has = {*positions, *columns.defaults} | ({"make", "model"} if "title" in positions else set())
    missing = [field for field in REQUIRED if field not in has]
    if missing:
        known = ", ".join(header)[:200]
        raise Unreadable("missing_column", f"No column for {', '.join(missing)} among: {known}.", line=1)
    return columns


def _mapped(squeezed: list[str], mapping: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    found = {}
    for left, right in mapping.items():
        names, field = ([left], right) if isinstance(right, str) and right in SYNONYMS else (right, left)
        names = [names] if isinstance(names, str) else names
        if field not in SYNONYMS:
            raise Unreadable("unknown_field", f"The mapping names neither {left} nor {right} among the known fields.")
        for name in names:
            if squeeze(name) not in squeezed:
                raise Unreadable("missing_column", f"The mapping names a column {name} that the file does not have.")
        found[field] = tuple(squeezed.index(squeeze(name)) for name in names)
    return found
