"""Values of a price list's cells: numbers with units and thousands marks, years, VINs, printed lists."""

import re
from decimal import Decimal

from core.importing.text import clean

_UNITS = r"₽|р|руб|рублей|rub|rur|\$|usd|€|eur|£|gbp|км|km|kms|миль|mi|miles|л|l|л\.с|лс|hp|bhp|ps|cc|г|г\.в|год"
_NUMBER = re.compile(rf"(?:{_UNITS})?\.?\s*([+-]?\d[\d\s.,']*)\s*(?:(?:{_UNITS})\.?)?", re.IGNORECASE)
_THOUSANDS_COMMA = re.compile(r"\d{1,3}(?:,\d{3})+")
_THOUSANDS_DOT = re.compile(r"\d{1,3}(?:\.\d{3}){2,}")
_GERMAN = re.compile(r"(?<![\d.,])(\d{1,3})\.(\d{3})(?![\d.,])")
_LIST_ITEM = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_TWO_WORD_MAKES = {"land rover", "great wall", "alfa romeo", "aston martin", "lada (ваз)", "rolls royce"}
_FUELS = ("гибрид", "электро", "дизель", "бензин")
MAX_DIGITS = 30


def number(text: str) -> Decimal | None:
    """Read `985 000 ₽`, `216 100 км`, `$5,000`, `1,6`, `2013.0`; None when it is not one number."""
    if text.isascii() and text.isdigit():
        return Decimal(text) if len(text) <= MAX_DIGITS else None
    found = _NUMBER.fullmatch(clean(text))
    if found is None:
        return None
    digits = re.sub(r"[\s']", "", found[1])
    return _decimal(digits) if len(digits) <= MAX_DIGITS else None


def _decimal(digits: str) -> Decimal | None:
    sign, bare = (digits[0], digits[1:]) if digits[0] in "+-" else ("", digits)
    if "," in bare and "." in bare:
        thousands = "," if bare.rindex(".") > bare.rindex(",") else "."
        bare = bare.replace(thousands, "")
    elif _THOUSANDS_COMMA.fullmatch(bare) or _THOUSANDS_DOT.fullmatch(bare):
        bare = bare.replace(",", "").replace(".", "")
    bare = bare.replace(",", ".")
    return Decimal(sign + bare) if bare.count(".") <= 1 else None


_SIGNS = {"₽": "RUB", "$": "USD", "€": "EUR", "£": "GBP"}


def currency(text: str) -> str:
    """The currency whose sign stands in a price; empty when none does."""
    return next((code for sign, code in _SIGNS.items() if sign in text), "")


def amount(text: str) -> Decimal | None:
    """A price or a mileage: in `68.000 km` the dot marks thousands, since neither has three decimals."""
    cleaned = clean(text)
    return number(_GERMAN.sub(r"\1\2", cleaned) if "." in cleaned else cleaned)


def whole(text: str) -> int | None:
    """A whole number, also when written `2013.0`."""
    value = number(text)
    return int(value) if value is not None and value == value.to_integral_value() else None


def printed_list(text: str) -> list[str]:
    """Items of a list as Python prints it; anything else is one item, nothing none."""
    if not text.startswith("["):
        return [text] if text else []
    return [clean(first or second) for first, second in _LIST_ITEM.findall(text)]


def lower(text: str) -> str:
    """One spelling of a word that is grouped by."""
    return text.lower()[:60]


def fuel(text: str) -> str:
    """Fuel in one spelling; out of a printed list, the fuel it names."""
    lowered = lower(text)
    if not lowered.startswith("["):
        return lowered
    return next((name for name in _FUELS if name in lowered), "")


def condition(text: str) -> str:
    """`new` or `used`; empty when the column says something else."""
    lowered = text.casefold()
    if lowered in {"new", "новый", "новая", "новое", "neu"}:
        return "new"
    return "used" if lowered in {"used", "с пробегом", "б/у", "бу", "gebraucht", "подержанный"} else ""


def title_parts(text: str) -> dict[str, str]:
    """Make and model out of a title such as `BMW 5 серии 520d`."""
    words = clean(text).split(" ")
    size = 2 if " ".join(words[:2]).lower() in _TWO_WORD_MAKES else 1
    return {"make": " ".join(words[:size]), "model": " ".join(words[size:])[:120]}


def engine_parts(text: str) -> dict[str, str]:
    """Volume, power and fuel out of `2.0 л / 163 л.с. / Дизель`; the order is that of the page."""
    parts = [clean(part) for part in text.split("/")]
    if len(parts) == 2:  # an electric car has no volume
        parts.insert(0, "")
    return dict(zip(("engine_volume", "power_hp", "fuel"), parts, strict=False)) if len(parts) == 3 else {}
