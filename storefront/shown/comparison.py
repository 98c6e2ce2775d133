"""Cars side by side in a buyer's words."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from catalog.public import ComparedRow, Comparison
from catalog.public.attributes import AttributeName, attribute_names
from storefront.shown import wording
from storefront.shown.terms import term
from storefront.shown.wording import Text
from storefront.templatetags.storefront import grouped, litres, money

ATTRIBUTE = "attributes."


@dataclass(frozen=True)
class ShownRow:
    """One line of the comparison: what it is about, what each car has, and whether they differ."""

    label: Text
    cells: list[Text]
    differs: bool


def shown_rows(found: Comparison) -> list[ShownRow]:
    """The rows of a comparison; an amount and its currency are one of them."""
    names = attribute_names(car.category_id for car in found.products)
    return [_row(row, found, names) for row in found.rows if row.name != "currency"]


def _row(row: ComparedRow, found: Comparison, names: dict[str, AttributeName]) -> ShownRow:
    if row.name == "price":
        cells: list[Text] = [money(car.price, car.currency) for car in found.products]
    else:
        cells = [_cell(row.name, value, names) for value in row.values]
    return ShownRow(_label(row.name, names), cells, len({str(cell) for cell in cells}) > 1)


def _label(name: str, names: dict[str, AttributeName]) -> Text:
    key = name.removeprefix(ATTRIBUTE)
    return names[key].label if name.startswith(ATTRIBUTE) and key in names else wording.FIELDS.get(key, key)


def _cell(name: str, value: Any, names: dict[str, AttributeName]) -> Text:
    if value in (None, "", []):
        return "—"
    match name:
        case "available":
            return _("In stock") if value > 0 else _("Reserved or sold")
        case "mileage":
            return _("%(km)s km") % {"km": grouped(value)}
        case "engine_volume":
            return _("%(litres)s l") % {"litres": litres(value)}
        case "power_hp":
            return _("%(power)s hp") % {"power": value}
        case "condition":
            return wording.CONDITIONS.get(value, value)
    return in_words(value, names.get(name.removeprefix(ATTRIBUTE)))


def in_words(value: Any, name: AttributeName | None) -> Text:
    """The value of an attribute, with its unit."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    text = term(value) if isinstance(value, str) else str(value)
    return f"{text} {name.unit}" if name and name.unit else text
