"""Say what the decoder of bodies finds wrong, in the caller's language: msgspec itself speaks English only."""

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

_SENTENCES = (
    gettext_noop("Object missing required field `%(name)s`"),
    gettext_noop("Object contains unknown field `%(name)s`"),
    gettext_noop("Expected `%(wanted)s`, got `%(given)s`"),
    gettext_noop("Expected `%(wanted)s`"),
    gettext_noop("Expected `%(wanted)s` of length >= %(least)s"),
    gettext_noop("Expected `%(wanted)s` of length <= %(most)s"),
    gettext_noop("Expected `%(wanted)s` >= %(least)s"),
    gettext_noop("Expected `%(wanted)s` <= %(most)s"),
    gettext_noop("Expected `%(wanted)s` > %(least)s"),
    gettext_noop("Expected `%(wanted)s` < %(most)s"),
    gettext_noop("Expected `%(wanted)s` that's a multiple of %(step)s"),
    gettext_noop("Expected `%(wanted)s` matching regex %(pattern)s"),
    gettext_noop("Expected `%(wanted)s` with a timezone component"),
    gettext_noop("Expected `%(wanted)s` with no timezone component"),
    gettext_noop("Expected `array` of at least length %(least)s, got %(given)s"),
    gettext_noop("Expected `array` of at most length %(most)s, got %(given)s"),
    gettext_noop("Expected `array` of length %(wanted)s, got %(given)s"),
    gettext_noop("Expected `array` of length %(least)s to %(most)s, got %(given)s"),
    gettext_noop("Invalid enum value %(given)s"),
    gettext_noop("Invalid value %(given)s"),
    gettext_noop("Invalid UUID"),
    gettext_noop("Invalid decimal string"),
    gettext_noop("Invalid base64 encoded string"),
    gettext_noop("Invalid RFC3339 encoded datetime"),
    gettext_noop("Invalid RFC3339 encoded date"),
    gettext_noop("Invalid RFC3339 encoded time"),
    gettext_noop("Invalid ISO8601 duration"),
    gettext_noop("Integer value out of range"),
    gettext_noop("Number out of range"),
    gettext_noop("Timestamp is out of range"),
    gettext_noop("Duration is out of range"),
)
"""Everything msgspec says of JSON of the wrong shape, without the place it adds."""


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(sentence)), re.DOTALL)


_PATTERNS = [(_pattern(sentence), sentence) for sentence in _SENTENCES]


def say_wrong_shape(detail: str) -> str:
    """Say what msgspec says of a body; a sentence of some newer msgspec becomes a general one."""
    for pattern, sentence in _PATTERNS:
        if found := pattern.fullmatch(detail.strip()):
            return _(sentence) % found.groupdict()
    return _("This value is not of the expected shape.")


def say_not_json(error: Exception) -> str:
    """Say that a body is no JSON, and at which byte where that is known."""
    if place := re.search(r"\(byte (\d+)\)", str(error)):
        return _("The body is not valid JSON: look at byte %(place)s.") % {"place": place[1]}
    return _("The body is not valid JSON.")
