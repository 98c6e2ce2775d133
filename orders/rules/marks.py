"""Read the code of a marked piece as a hand scanner types it: GS1 DataMatrix, 01 GTIN 21 serial number, then its proof.

Its form is that of the GS1 General Specifications; the parts of a code: docs/receipts.md.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.secrecy.marks import is_gtin

GS = "\x1d"
"""Separator of the parts whose length is not fixed: a scanner that leaves it out makes one part of them all."""
PREFIX = "]d2"
"""Symbology identifier that some scanners type before the code."""
MAX_LENGTH = 255
SERIAL_LENGTH = 20
_START = re.compile(r"01(\d{14})21(.*)")
_WORD = re.compile(r"[!-\"%-/0-9:-?A-Z_a-z]+")
_PROOF = re.compile(r"9[1-3].{1,90}")


@dataclass(frozen=True)
class Mark:
    """A code as it is kept, and the part of it that names the piece: without its proof, which may be left out."""

    code: str
    identity: str


def read_mark(text: str, field: str) -> Mark:
    """Read what a scanner typed. Raises InvalidInput, which names the `field` and says what is wrong with it."""
    code = text.strip().removeprefix(PREFIX).strip(GS)
    if not code or len(code) > MAX_LENGTH:
        raise InvalidInput(field, "mark_length", _("A code of marking has 19 to 255 characters."))
    head, *proofs = code.split(GS)
    if not all(_WORD.fullmatch(part) for part in (head, *proofs)):
        detail = _("A code of marking has Latin letters and digits: switch the keyboard's layout and scan it again.")
        raise InvalidInput(field, "mark_characters", detail)
    found = _START.fullmatch(head)
    if found is None or not all(_PROOF.fullmatch(part) for part in proofs):
        raise InvalidInput(field, "mark_form", _("This is no code of marking: it begins with 01, 14 digits and 21."))
    gtin, serial = found.groups()
    if not 1 <= len(serial) <= SERIAL_LENGTH:
        detail = _("The serial number has 1 to 20 characters: perhaps the scanner leaves out the separator.")
        raise InvalidInput(field, "mark_length", detail)
    if not is_gtin(gtin):
        raise InvalidInput(field, "mark_check_digit", _("The check digit of the goods is wrong: scan the code again."))
    return Mark(code, head)
