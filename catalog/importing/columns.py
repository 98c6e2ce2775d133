"""Which column of a price list is which: headers in Russian, English and German, or a mapping given by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.importing.columns import Columns, match_columns

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


def find_columns(
    header: Sequence[str], *, mapping: Mapping[str, Any] | None = None, defaults: Mapping[str, str] | None = None
) -> Columns:
    """Match the headers of a price list to its fields, as `match_columns` does; a title stands for make and model."""
    return match_columns(header, SYNONYMS, missing=_missing, mapping=mapping, defaults=defaults)


def _missing(fields: set[str]) -> list[str]:
    has = fields | ({"make", "model"} if "title" in fields else set())
    return [field for field in REQUIRED if field not in has]
