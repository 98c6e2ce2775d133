"""Card numbers are spotted wherever text comes in, and never written where it is kept.

A card is taken as the token that its provider gave for it. At every edge a body that holds a card number is refused
(`refuse_card_numbers`); what is written for others, events and calls to providers, is masked once more
(`mask_card_numbers`), so that no door that forgot to look can spread one.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Any

from core.errors import CardNumberRefused
from core.ids import find_uuid
from core.secrecy.marks import is_gtin

MASK = "[card number removed]"
THINGS = frozenset({"sku", "external_id", "vin", "plate", "inn", "ogrn", "phone", "email"})
"""Fields whose numbers are those of things: an article number of 13 digits passes the check of a card by chance."""
_MAYBE = re.compile(
    rb"[0-9](?:[^0-9A-Za-z\"]{0,12}[0-9]){12}"
    rb"|\\u[0-9a-fA-F]{4}|\xef\xbc[\x90-\x99]|\xd9[\xa0-\xa9]|\xdb[\xb0-\xb9]|\xe0[\xa4-\xbf][\xa6-\xaf]|\xf0\x9d\x9f"
)
"""A cheap look at raw JSON: so many digits, escapes, or digits of other scripts; without any there is no card in it."""
_SEPARATORS = r"[\s._/\\–—-]{0,3}"
_RUN = re.compile(rf"[0-9](?:{_SEPARATORS}[0-9]){{12,}}")
_GROUP = re.compile(r"[0-9]+")
_ID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9A-Za-z])"
)
"""One of our ids inside a longer text, as keys at providers are: one in some hundred passes the check by chance."""
_TOKEN = re.compile(r"(?<![0-9A-Za-z])(?=[0-9]*[A-Za-z])[0-9A-Za-z]{32,}(?![0-9A-Za-z])")
"""A digest, or a part of a token: one in two hundred passes the check by chance, alone or with its neighbour."""
_MARK = re.compile(
    r"(?<![0-9A-Za-z])01([0-9]{14})21[!\"%-/0-9:-?A-Z_a-z]{1,20}(?:\x1d9[1-3][!\"%-/0-9:-?A-Z_a-z]{1,90})*"
)
"""The code of a marked piece, where its GTIN has the right check digit: one in ten passes the check by chance."""
_LENGTHS = range(13, 20)


def refuse_card_numbers(data: Any, *, but: Collection[str] = ()) -> None:
    """Refuse data with a card number in any text or number of it, leaving out the fields named in `but`.

    Raises CardNumberRefused, which repeats nothing.
    """
    if any(looks_like_card_number(text) for text in _texts(data, but)):
        raise CardNumberRefused


def may_hold_card_number(raw: bytes) -> bool:
    """Tell cheaply whether raw JSON is worth reading for card numbers."""
    return _MAYBE.search(raw) is not None


def looks_like_card_number(text: str) -> bool:
    """Tell whether 13 to 19 digits in `text`, however spaced, pass the Luhn check of ISO/IEC 7812-1."""
    return bool(_find(text))


def mask_card_numbers(data: Any, *, but: Collection[str] = THINGS) -> Any:
    """Return the same structure with every card number in its texts replaced, the fields named in `but` as they are."""
    if isinstance(data, dict):
        return {name: value if name in but else mask_card_numbers(value, but=but) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [mask_card_numbers(item, but=but) for item in data]
    if isinstance(data, str):
        return _replaced(data)
    return data


def _replaced(text: str) -> str:
    if not _find(text):
        return text
    plain = _plain(text)
    for run in _find(text):
        plain = plain.replace(run, MASK)
    return plain


def _find(text: str) -> list[str]:
    """Return the runs of digits in the plain form of a text that hold a card number."""
    if len(text) < _LENGTHS.start or _is_uuid(text):
        return []
    plain = _TOKEN.sub("token", _ID.sub("id", _MARK.sub(_name_mark, _plain(text))))
    return [run.group() for run in _RUN.finditer(plain) if _holds_card(run.group())]


def _name_mark(found: re.Match[str]) -> str:
    return "mark" if is_gtin(found[1]) else found[0]


def _plain(text: str) -> str:
    """Write digits of every script as 0-9, and leave out what nobody sees."""
    folded = unicodedata.normalize("NFKC", text)
    if folded.isascii():
        return folded
    seen = (char for char in folded if unicodedata.category(char) not in ("Cf", "Mn"))
    return "".join(str(unicodedata.digit(char)) if char.isdigit() else char for char in seen)


def _holds_card(run: str) -> bool:
    """Tell whether some neighbouring groups of a run make a card number; a longer group is an account, not a card."""
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


def _texts(data: Any, but: Collection[str]) -> Iterable[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield str(name)
            if name not in but:
                yield from _texts(value, but)
    elif isinstance(data, list | tuple):
        for item in data:
            yield from _texts(item, but)
    elif data is not None and not isinstance(data, bool):
        yield str(data)


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and find_uuid(text) is not None
