"""Vehicle identification numbers: reading them as people write them, and their check digit (ISO 3779)."""

import re

from django.utils.translation import gettext_lazy as _

VIN_LENGTH = 17
PATTERN = r"^[A-HJ-NPR-Z0-9]{17}$"
"""Form of a folded VIN, for Python and for CHECK constraints alike."""
WRONG = _("A VIN has 17 digits and capital letters without I, O and Q.")
_PAIRS = ("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")
_LOOK_LATIN, _LOOK_CYRILLIC = str.maketrans(*_PAIRS), str.maketrans(*reversed(_PAIRS))
_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", "123456781234579234567890123456789", strict=True))
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def fold_vin(text: str) -> str:
    """Upper case without spaces, with Cyrillic letters that look Latin as Latin."""
    return "".join(text.split()).upper().translate(_LOOK_LATIN)


def spell_plate(text: str) -> set[str]:
    """Spellings that a plate may stand in: capitals without spaces, with letters that look alike in either script."""
    told = "".join(text.split()).upper()
    return {told, told.translate(_LOOK_LATIN), told.translate(_LOOK_CYRILLIC)}


def is_vin(text: str) -> bool:
    """Tell whether a folded VIN names one vehicle: 17 characters, none of them masked, no I, O or Q."""
    return re.fullmatch(PATTERN, text) is not None and len(set(text)) > 1


def has_check_digit(vin: str) -> bool:
    """Tell whether position 9 is right. Only North America promises that: a reason to warn, never to refuse."""
    remainder = sum(int(_VALUES[letter]) * weight for letter, weight in zip(vin, _WEIGHTS, strict=True)) % 11
    return vin[8] == ("X" if remainder == 10 else str(remainder))
