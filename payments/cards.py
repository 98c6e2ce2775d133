"""Spots card numbers, so that none is ever stored, logged or sent on."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from payments.errors import CardNumberRefused

_RUN = re.compile(r"[0-9](?:[\s._/\\–—-]?[0-9]){12,}")
_GROUP = re.compile(r"[0-9]+")
_LENGTHS = range(13, 20)


def refuse_card_numbers(data: Any) -> None:
    """Raise CardNumberRefused if any text or number within `data` holds a card number. The error repeats nothing."""
    if any(looks_like_card_number(text) for text in _texts(data)):
        raise CardNumberRefused


def looks_like_card_number(text: str) -> bool:
    """Tell whether 13 to 19 digits in `text`, however spaced, pass the Luhn check of ISO/IEC 7812-1."""
    if _is_uuid(text):
        return False
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(str(unicodedata.digit(char)) if char.isdigit() else char for char in plain)
    return any(_holds_card(run) for run in _RUN.findall(plain))


def _holds_card(run: str) -> bool:
    """Whether some neighbouring groups of a run make a card number; a longer group is an account, not a card."""
    groups = _GROUP.findall(run)
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) in _LENGTHS and _passes_luhn(digits):
                return True
    return False


def _passes_luhn(digits: str) -> bool:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0 and digits.strip("0") != ""


def _texts(data: Any) -> Iterable[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield str(name)
            yield from _texts(value)
    elif isinstance(data, list | tuple):
        for item in data:
            yield from _texts(item)
    elif data is not None and not isinstance(data, bool):
        yield str(data)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return len(text) == 36
