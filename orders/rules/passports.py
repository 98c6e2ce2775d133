"""Passport data of a buyer: judged as it is entered, shown masked."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import phonenumbers
from django.utils.translation import gettext as _

from core.errors import InvalidInput

FIELDS = (
    "full_name", "birth_date", "birth_place", "passport", "issued_by", "issued_on", "department_code", "address",
    "phone",
)  # fmt: skip
ADULT = 18
FIRST_PASSPORT = 14
"""Years of age from which one buys a car alone, and has a passport (Civil Code, article 21; decree 2267 of 2023)."""
_RUSSIAN = re.compile(r"(\d{2})\s?(\d{2})\s?(\d{6})")


def read_passport(given: Mapping[str, Any], *, today: date) -> dict[str, str]:
    """Return passport data as it is kept, days as ISO texts. Raises InvalidInput, which names the field."""
    birth, issued = given["birth_date"], given["issued_on"]
    if _age(birth, today) < ADULT:
        raise InvalidInput("birth_date", "too_young", _("A buyer is of age."))
    if issued > today or _age(birth, issued) < FIRST_PASSPORT:
        raise InvalidInput(
            "issued_on", "invalid", _("A passport is issued from the age of 14 on, and not later than today.")
        )
    kept = {name: " ".join(str(given.get(name) or "").split()) for name in FIELDS}
    return kept | {
        "birth_date": birth.isoformat(),
        "issued_on": issued.isoformat(),
        "passport": _normalise(kept["passport"]),
        "phone": read_phone(kept["phone"]),
    }


def _normalise(number: str) -> str:
    """Write a Russian passport's number in groups; others stay as they were given."""
    found = _RUSSIAN.fullmatch(number)
    return f"{found[1]} {found[2]} {found[3]}" if found else number


def _age(birth: date, day: date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def read_phone(text: str) -> str:
    """Return a phone in E.164, Russian unless it says otherwise. Raises InvalidInput."""
    try:
        number = phonenumbers.parse(text, "RU")
        if phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    except phonenumbers.NumberParseException:
        pass
    raise InvalidInput("phone", "invalid", _("A phone number, such as +7 900 123-45-67."))


def mask(kept: Mapping[str, str]) -> dict[str, str]:
    """Show so much of passport data that its owner knows it again: names in full, numbers by their ends."""
    return {
        "full_name": kept["full_name"],
        "birth_date": kept["birth_date"][:4] + "-••-••",
        "birth_place": _hide(kept["birth_place"], 0),
        "passport": _hide(kept["passport"], 2),
        "issued_by": _hide(kept["issued_by"], 0),
        "issued_on": kept["issued_on"][:4] + "-••-••",
        "department_code": _hide(kept["department_code"], 0),
        "address": _hide(kept["address"], 0),
        "phone": mask_phone(kept["phone"]),
    }


def mask_phone(phone: str) -> str:
    """Show the last two digits of a phone, and that there is one."""
    return f"{phone[:2]} ••• •••-••-{phone[-2:]}" if phone else ""


def _hide(text: str, shown: int) -> str:
    return "•" * 6 + text[len(text) - shown :] if text else ""
