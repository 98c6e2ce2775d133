"""Say in plain text what the columns of a list show, and which of them tell of a person."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from html import unescape
from typing import Any

from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db.models import Field, Model
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.clock import dealer_zone
from core.money.wording import plain_money
from core.screens.base import BusinessAdmin
from core.secrecy.masking import mask_mailbox, mask_number
from messaging.people.classified import PLAIN, describe_field, free_fields

NAMING = frozenset({"name", "full_name", "receiver"})
"""Columns that only call a person by name; as in lists of clients, names are not masked."""
DIGITS = 5
"""Digits from which on a text identifies or reaches somebody."""

LONGEST_NUMBER = 40


@dataclass(frozen=True)
class Column:
    """A column of a list: its heading, and what it says of a row; `is_name` of one that calls a person by name."""

    title: str
    is_personal: bool
    is_name: bool
    read: Callable[[Any], Any]

    def write(self, row: Any, *, is_clear: bool) -> Any:
        """Return the cell of a row, masked where it tells of a person unless all is to be told."""
        value = self.read(row)
        return value if is_clear or not self.is_personal else mask(value, is_name=self.is_name)


def list_columns(screen: BusinessAdmin, names: list[str]) -> list[Column]:
    """Columns of a list in its order; a person is told as name and one way to reach them, in two columns."""
    found: list[Column] = []
    for name in names:
        title = capfirst(str(label_for_field(name, screen.model, screen)))
        if name in getattr(screen, "people", {}):
            found.append(Column(title, True, True, partial(_read_known, name, ("name",))))
            reach = f"{title}: {_('contact')}"
            found.append(Column(reach, True, False, partial(_read_known, name, ("phone", "email"))))
            continue
        is_name = name in NAMING or ((field := _find_field(screen.model, name)) is not None and field.is_relation)
        read = _reader(screen, name)
        found.append(Column(title, is_personal(screen, name), is_name, read))
    return found


def is_personal(screen: BusinessAdmin, name: str) -> bool:
    """Tell whether a column tells of a person: by the table's own declaration, or by the screen's."""
    if name in getattr(screen, "people", {}) or name in screen.personal_columns:
        return True
    field = _find_field(screen.model, name)
    return field is not None and field in free_fields(screen.model) and describe_field(screen.model, field) != PLAIN


def mask(value: Any, *, is_name: bool) -> str:
    """Leave of a personal text what knows somebody again: a name, the ends of a number; other words are left out."""
    text = str(value)
    if "@" in text and " " not in text:
        return mask_mailbox(text)
    if sum(letter.isdigit() for letter in text) >= DIGITS:
        return mask_number(text) if len(text) <= LONGEST_NUMBER else ""
    return text if is_name else ""


def _find_field(model: type[Model], name: str) -> "Field[Any, Any] | None":
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, Field) else None


def _read_known(name: str, keys: tuple[str, ...], row: Any) -> str:
    known = getattr(row, f"known_{name}", None) or {}
    return next((str(known[key]) for key in keys if known.get(key)), "")


def _reader(screen: BusinessAdmin, name: str) -> Callable[[Any], Any]:
    """Return how a column reads a row; of a state with its colour only the words are told."""

    def read(row: Any) -> Any:
        try:
            field, shown, value = lookup_field(name, row, screen)
        except ObjectDoesNotExist:
            return ""
        if field is not None:
            return _write_field(field, row, value)
        return _write(value[-1] if getattr(shown, "label", None) and isinstance(value, tuple) else value)

    return read


def _write_field(field: "Field[Any, Any]", row: Any, value: Any) -> Any:
    if field.choices:
        return str(getattr(row, f"get_{field.name}_display")())
    return _write(getattr(row, field.name) if field.is_relation else value)


def _write(value: Any) -> Any:
    """Write a value as a spreadsheet reads it: sums as numbers, moments by the dealer's clock, no mark-up."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return value.astimezone(dealer_zone()).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, list | tuple | set):
        return ", ".join(str(_write(one)) for one in value)
    text = unescape(strip_tags(value)) if isinstance(value, SafeString) else str(value)
    return " ".join(plain_money(text).split())
