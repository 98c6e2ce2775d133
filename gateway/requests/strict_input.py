"""Take what a caller sends as it is meant, or refuse it: nothing is dropped or made into something else.

A field that an object does not have is refused by its name, an id is a UUID in text and never a number, and a moment
says its offset, in a body and in the query of a list: one without was read as UTC, three hours beside the clock on the
wall of its place. An object inside a body is whole, with its defaults, even where the body itself may be sent in part:
DRF would let a row of a PATCH lack what a row must have. As with numbers (`plain_numbers`) the rules are laid over the
classes themselves: nobody has to remember them, nested or not.
"""

import copy
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters.fields import IsoDateTimeField as DateTimeFilterField
from rest_framework import serializers

NO_OFFSET = gettext_lazy("Say the offset from UTC too, as in 2026-03-01T10:00:00+03:00.")
_read_moment = DateTimeFilterField.to_python


class WallClockField(serializers.DateTimeField):
    """A moment with its offset, or one on the wall clock of a place: then it comes out naive, for `on_the_clock`."""

    def enforce_timezone(self, value: datetime) -> datetime:
        """Leave a naive moment for whoever knows the place."""
        moment: datetime = value if value.tzinfo is None else super().enforce_timezone(value)
        return moment


def on_the_clock(given: Any, zone: str, *names: str) -> Any:
    """The same input with its naive moments on the clock of `zone`; an hour that comes twice is the first one.

    Raises ValidationError for an hour that the clock leaves out.
    """
    place = ZoneInfo(zone)
    naive = {name: given[name] for name in names if name in given and given[name].tzinfo is None}
    moments = {name: moment.replace(tzinfo=place) for name, moment in naive.items()}
    for name, moment in moments.items():
        if datetime.fromtimestamp(moment.timestamp(), place).replace(tzinfo=None) != naive[name]:
            text = _("The clocks of %(zone)s go forward over this time.") % {"zone": zone}
            raise serializers.ValidationError({name: text}, code="no_such_time")
    return given | moments


def install() -> None:
    """Lay the rules over DRF's classes; once more changes nothing."""
    for owner, check in (
        (serializers.Serializer, _refuse_unknown),
        (serializers.UUIDField, _refuse_number),
        (serializers.DateTimeField, _refuse_naive),
    ):
        owner.to_internal_value = _checked(owner.to_internal_value, check)  # type: ignore[method-assign]
    serializers.Serializer.to_internal_value = _whole(serializers.Serializer.to_internal_value)  # type: ignore[method-assign]
    DateTimeFilterField.to_python = _moment_of_query


def _checked(read: Any, check: Callable[[Any, Any], None]) -> Any:
    if hasattr(read, "is_checked"):
        return read

    @wraps(read)
    def checked(self: Any, value: Any) -> Any:
        check(self, value)
        return read(self, value)

    checked.is_checked = True  # type: ignore[attr-defined]
    return checked


def _whole(read: Any) -> Any:
    """Read an object inside a body apart: fields ask the outermost serializer whether they may be left out."""
    if hasattr(read, "is_whole"):
        return read

    @wraps(read)
    def whole(self: Any, value: Any) -> Any:
        if self.parent is None or not getattr(self.root, "partial", False):
            return read(self, value)
        apart = copy.deepcopy(self)
        apart._context = self.context
        return read(apart, value)

    whole.is_whole = True  # type: ignore[attr-defined]
    return whole


def _refuse_unknown(serializer: Any, given: Any) -> None:
    """A serializer that must let strange fields pass says so by `ignores_unknown`, and by what rule."""
    if not isinstance(given, Mapping) or getattr(serializer, "ignores_unknown", False):
        return
    known = {name for name, field in serializer.fields.items() if not field.read_only}
    if unknown := sorted(str(name) for name in given if name not in known):
        raise serializers.ValidationError({name: [_("Unknown field.")] for name in unknown}, code="unknown_field")


def _refuse_number(field: Any, given: Any) -> None:
    if isinstance(given, int):
        field.fail("invalid", value=given)


def _refuse_naive(field: Any, given: Any) -> None:
    if not isinstance(field, WallClockField) and isinstance(given, str) and _is_naive(given):
        raise serializers.ValidationError(str(NO_OFFSET), code="no_offset")


def _moment_of_query(field: Any, given: Any) -> datetime | None:
    """Read what a filter by time is given; a `+` that was not escaped has become a space there."""
    text = given.strip().replace(" ", "+") if isinstance(given, str) else given
    if isinstance(text, str) and _is_naive(text):
        raise forms.ValidationError(str(NO_OFFSET), code="no_offset")
    moment: datetime | None = _read_moment(field, text)
    return moment


def _is_naive(text: str) -> bool:
    try:
        moment = parse_datetime(text.strip())
    except ValueError:
        return False
    return moment is not None and moment.tzinfo is None
