"""Recognise the columns of a price list: headers in Russian, English and German, or a mapping given by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.importing.columns import Columns, Units, match_columns

REQUIRED = ("make", "model", "year", "price", "mileage")
SYNONYMS: dict[str, tuple[str, ...]] = {
    "external_id": ("external_id", "sell_id", "ad_id", "listing_id", "offer_id", "id", "номер объявления"),
    "vin": ("vin", "vin code", "vin номер", "vin код", "вин", "вин код", "fahrgestellnummer"),
    "make": ("make", "brand", "mark", "manufacturer", "марка", "marke", "hersteller"),
    "model": ("model", "модель", "modell"),
    "year": ("year", "model year", "год", "год выпуска", "год производства", "baujahr", "year of registration",
        "registration year", "year of manufacture", "production year", "manufactured", "erstzulassung"),
    "price": ("price", "asking price", "sale price", "цена", "цена продажи", "стоимость", "preis", "verkaufspreis"),
    "currency": ("currency", "валюта", "währung"),
    "mileage": ("mileage", "kmage", "km", "kilometers", "odometer", "kilometer", "пробег", "kilometerstand",
        "laufleistung"),
    "condition": ("condition", "состояние", "zustand"),
    "body": ("body", "bodytype", "bodywork", "body type", "кузов", "тип кузова", "karosserie"),
    "fuel": ("fuel", "fuel type", "engine type", "топливо", "тип топлива", "kraftstoff"),
    "transmission": ("transmission", "vehicle transmission", "gearbox", "коробка", "кпп", "коробка передач",
        "getriebe"),
    "drive": ("drive", "drivetrain", "drive type", "привод", "antrieb"),
    "color": ("color", "colour", "exterior color", "цвет", "farbe"),
    "engine_volume": ("engine volume", "engine displacement", "engine size", "engine capacity", "объем двигателя",
        "объем", "hubraum"),
    "power_hp": ("power", "engine power", "horsepower", "мощность", "мощность двигателя", "leistung", "motorleistung"),
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


_SAME: Mapping[str, str] = {}
_CURRENCIES = {
    "RUB": ("rub", "rur", "руб", "рублей", "р", "₽"), "EUR": ("eur", "euro", "евро", "€"),
    "USD": ("usd", "долл", "$"), "GBP": ("gbp", "£"),
}  # fmt: skip
_KILOMETRES = ("km", "км", "kilometers", "kilometres", "kilometer")
_MILES = ("mi", "miles", "mls", "мили", "миль", "meilen")
UNITS: dict[str, dict[str, Mapping[str, str] | None]] = {
    "price": {word: {"currency": code} for code, words in _CURRENCIES.items() for word in words},
    "power_hp": {**dict.fromkeys(("hp", "bhp", "ps", "лс"), _SAME), "kw": None, "квт": None},
    "engine_volume": dict.fromkeys(
        ("l", "л", "litre", "liter", "litres", "ccm", "cm3", "cm³", "cc", "см3", "см³"), _SAME
    ),
}
"""What a header may end in; of a unit in which we do not keep the field, somebody has to say what it means."""


def find_columns(
    header: Sequence[str],
    *,
    mapping: Mapping[str, Any] | None = None,
    defaults: Mapping[str, str] | None = None,
    in_miles: bool = False,
) -> Columns:
    """Match the headers of a price list to its fields, as `match_columns` does; a title stands for make and model.

    A currency in the header of the prices is theirs. Mileages in miles are a column only if they are to be converted.
    """
    ours, others = (_MILES, _KILOMETRES) if in_miles else (_KILOMETRES, _MILES)
    units: Units = {**UNITS, "mileage": {**dict.fromkeys(ours, _SAME), **dict.fromkeys(others, None)}}
    return match_columns(header, SYNONYMS, missing=_missing, mapping=mapping, defaults=defaults, units=units)


def _missing(fields: set[str]) -> list[str]:
    has = fields | ({"make", "model"} if "title" in fields else set())
    return [field for field in REQUIRED if field not in has]
