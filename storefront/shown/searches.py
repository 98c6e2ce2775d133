"""Saved searches in a buyer's words."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from storefront.shown import wording
from storefront.shown.terms import term
from storefront.shown.wording import Text
from storefront.templatetags.storefront import grouped, money

_WORDS: dict[str, Callable[[Any], Text]] = {
    "q": lambda value: f"«{value}»",
    "make": str,
    "model": str,
    "body": lambda value: term(str(value)),
    "fuel": lambda value: term(str(value)),
    "condition": lambda value: wording.CONDITIONS.get(value, value),
    "year_min": lambda value: _("from %(year)s") % {"year": value},
    "year_max": lambda value: _("up to %(year)s") % {"year": value},
    "price_min": lambda value: _("from %(price)s") % {"price": money(Decimal(value))},
    "price_max": lambda value: _("up to %(price)s") % {"price": money(Decimal(value))},
    "monthly_max": lambda value: _("up to %(price)s a month") % {"price": money(Decimal(value))},
    "mileage_max": lambda value: _("up to %(km)s km") % {"km": grouped(int(value))},
    "transmission": lambda value: term(str(value)),
    "drive": lambda value: term(str(value)),
    "color": lambda value: term(str(value)),
    "power_min": lambda value: _("from %(power)s hp") % {"power": value},
    "power_max": lambda value: _("up to %(power)s hp") % {"power": value},
    "vin": lambda value: f"VIN {value}",
    "category": lambda value: _("in one category"),
    "in_stock": lambda value: _("can be bought now") if value else _("sold out"),
}


def phrase(name: str, value: Any) -> Text:
    """Say one filter in a buyer's words; one without words of its own by its value."""
    return _WORDS[name](value) if name in _WORDS else str(value)


def described(query: Mapping[str, Any]) -> list[Text]:
    """Describe what a saved query looks for, one phrase a filter; an empty one looks for everything."""
    return [say(query[name]) for name, say in _WORDS.items() if query.get(name) not in (None, "")]
