"""Read what a list of the admin was asked for, so that it can be kept: its choices alone, in one spelling."""

import re
from urllib.parse import parse_qsl, urlencode

from accounts.errors import ViewSeeksPerson
from core.errors import UnfitListQuery
from core.secrecy.redaction import redact

LONGEST_QUERY = 1_000
MOST_CHOICES = 30
_PASSING = frozenset({"p", "all", "e", "_facets", "_changelist_filters", "_popup", "_to_field", "_source_model"})
"""Page, errors, windows of the admin's own: they are of the moment, not of the view."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_PHONE = re.compile(r"\+?[\d ()-]*")
_PHONE_DIGITS = 11
_ORDER = re.compile(r"-?\d{1,2}(\.-?\d{1,2})*", re.ASCII)


def normalise_query(query: str) -> str:
    """Return the filters, search and order of a query string, sorted by name. Raises UnfitListQuery.

    An address, a name that no list could have, an invisible character, nothing at all: none of it is kept. Nor is a
    search by somebody's phone or e-mail: ViewSeeksPerson.
    """
    try:
        pairs = parse_qsl(query.removeprefix("?"), errors="strict", max_num_fields=MOST_CHOICES)
    except ValueError as error:
        raise UnfitListQuery from error
    chosen = sorted((name, value) for name, value in pairs if name not in _PASSING)
    written = urlencode(chosen)
    if not 0 < len(written) <= LONGEST_QUERY or not all(_is_fit(name, value) for name, value in chosen):
        raise UnfitListQuery
    if any(map(_seeks_person, dict(chosen).values())):
        raise ViewSeeksPerson
    return written


def _seeks_person(value: str) -> bool:
    digits = sum(letter.isdigit() for letter in value)
    return redact(value) != value or (bool(_PHONE.fullmatch(value)) and digits >= _PHONE_DIGITS)


def _is_fit(name: str, value: str) -> bool:
    is_known = bool(_NAME.fullmatch(name)) and value.isprintable()
    return is_known and (name != "o" or bool(_ORDER.fullmatch(value)))
