"""Write new rows of several tables by one statement: one way to the database and back, however many tables."""

from collections.abc import Iterable
from typing import Any

from django.db import connections
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault
from django.db.models.signals import post_save

from core.db import fetch


def insert_together(alias: str, *rows: Model) -> None:
    """Insert rows that `alias` does not have yet; keys that the database gives are not read back.

    They may point to one another: foreign keys are checked as the transaction commits. Whoever watches a model is told
    of each of its rows, as by `save`. Raises IntegrityError.
    """
    tables: dict[type[Model], list[Model]] = {}
    for row in rows:
        tables.setdefault(type(row), []).append(row)
    parameters: list[Any] = []
    inserts = [_insert(alias, model, some, parameters) for model, some in tables.items()]
    *first, last = inserts
    named = ", ".join(f"t{number} AS ({insert})" for number, insert in enumerate(first))
    fetch(alias, f"WITH {named} {last}" if named else last, parameters)
    for row in rows:
        row._state.adding, row._state.db = False, alias
        post_save.send(type(row), instance=row, created=True, update_fields=None, raw=False, using=alias)


def _insert(alias: str, model: type[Model], rows: Iterable[Model], parameters: list[Any]) -> str:
    """Write the INSERT of one table, and add what it is given to the parameters."""
    fields = [field for field in model._meta.local_concrete_fields if not (field.generated or field is _given(model))]
    values = ", ".join(f"({', '.join(_place(alias, field, row, parameters) for field in fields)})" for row in rows)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES {values}'


def _given(model: type[Model]) -> "Field[Any, Any] | None":
    """Return the key that the database counts itself, if it does."""
    return model._meta.auto_field


def _place(alias: str, field: "Field[Any, Any]", row: Model, parameters: list[Any]) -> str:
    value = field.pre_save(row, add=True)
    if isinstance(value, DatabaseDefault):
        return "DEFAULT"
    parameters.append(field.get_db_prep_save(value, connections[alias]))
    return "%s"
