"""Numbers are written in the digits 0 to 9: Python also reads `1_000`, and the digits of forty other scripts.

A person and a program would not see the same sum in them. The rule is laid over the field classes themselves, since a
class of our own would have to be remembered at each of some hundred fields.
"""

import re
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from rest_framework import serializers

from core.errors import InvalidInput

SERIALIZED = (serializers.DecimalField, serializers.IntegerField, serializers.FloatField)
TYPED = (forms.IntegerField, forms.FloatField, forms.DecimalField)


def is_odd(value: Any) -> bool:
    """Tell whether a text holds what only Python takes for part of a number."""
    return isinstance(value, str) and ("_" in value or any(one.isdigit() and not one.isascii() for one in value))


def install() -> None:
    """Lay the rule over DRF's and Django's fields of numbers; once more changes nothing."""
    for serialized in SERIALIZED:
        serialized.to_internal_value = _strict(serialized.to_internal_value, _fail)  # type: ignore[method-assign]
    for typed in TYPED:
        typed.to_python = _strict(typed.to_python, _refuse)  # type: ignore[method-assign]


def _strict(read: Any, refuse: Callable[[Any], None]) -> Any:
    if hasattr(read, "is_strict"):
        return read

    @wraps(read)
    def strictly(self: Any, value: Any) -> Any:
        if is_odd(value):
            refuse(self)
        return read(self, value)

    strictly.is_strict = True  # type: ignore[attr-defined]
    return strictly


def _fail(field: Any) -> None:
    field.fail("invalid")


def _refuse(field: Any) -> None:
    raise ValidationError(field.error_messages["invalid"], code="invalid")


def refuse_odd_amounts(body: bytes, of: type[msgspec.Struct]) -> None:
    """The same for a body that msgspec reads, by the names of its amounts. Raises InvalidInput."""
    if b"_" not in body and b"\\" not in body and body.isascii():
        return
    for name, text in _amounts(of).findall(body.decode(errors="replace")):
        if "\\" in text or is_odd(text):
            raise InvalidInput(name, "invalid", _("A valid number is required."))


@cache
def _amounts(of: type[msgspec.Struct]) -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, _names(msgspec.inspect.type_info(of), set()))))
    return re.compile(rf'"({names})"\s*:\s*"((?:[^"\\]|\\.)*)"') if names else re.compile(r"(?!)()()")


def _names(info: Any, seen: set[type]) -> set[str]:
    """Names of the fields that hold amounts, however deep."""
    if isinstance(info, msgspec.inspect.StructType):
        if info.cls in seen:
            return set()
        seen.add(info.cls)
        own = {field.encode_name for field in info.fields if _is_amount(field.type)}
        return own.union(*(_names(field.type, seen) for field in info.fields))
    inner = getattr(info, "types", None) or [getattr(info, "item_type", None), getattr(info, "value_type", None)]
    return set().union(*(_names(one, seen) for one in inner if one is not None))


def _is_amount(info: Any) -> bool:
    return isinstance(info, msgspec.inspect.DecimalType) or any(map(_is_amount, getattr(info, "types", ())))
