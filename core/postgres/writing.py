"""Write rows of several tables by one statement: one way to the database and back, however many tables."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DatabaseError, connections
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault
from django.db.models.signals import post_save

from core.db import fetch


def insert_together(alias: str, *rows: Model) -> None:
    """Insert rows that `alias` does not have yet; keys that the database gives are not read back.

    They may point to one another: foreign keys are checked as the transaction commits. Whoever watches a model is told
    of each of its rows, as by `save`. Raises IntegrityError.
    """
    save_together(alias, new=rows)


def save_together(alias: str, *, changed: Sequence[Model] = (), new: Sequence[Model] = ()) -> None:
    """Update rows that `alias` has, which the caller holds locked, and insert new ones as `insert_together` does.

    Whoever watches a model is told of each of its rows, as by `save`. Raises IntegrityError, and DatabaseError where
    a row that was changed is not there.
    """
    parameters: list[Any] = []
    updates = [_update(alias, row, parameters) for row in changed]
    tables: dict[type[Model], list[Model]] = {}
    for row in new:
        tables.setdefault(type(row), []).append(row)
    inserts = [_insert(alias, model, some, parameters) for model, some in tables.items()]
    named = ", ".join(f"t{number} AS ({sql} RETURNING 1)" for number, sql in enumerate([*updates, *inserts]))
    counted = " + ".join(["0", *(f"(SELECT count(*) FROM t{number})" for number in range(len(updates)))])
    ((found,),) = fetch(alias, f"WITH {named} SELECT {counted}", parameters)
    if found != len(changed):
        raise DatabaseError(f"of {len(changed)} rows that were changed {len(changed) - found} are not there")
    for row in (*changed, *new):
        is_new = row._state.adding
        row._state.adding, row._state.db = False, alias
        post_save.send(type(row), instance=row, created=is_new, update_fields=None, raw=False, using=alias)


def _update(alias: str, row: Model, parameters: list[Any]) -> str:
    """Write the UPDATE of one row, and add what it is given to the parameters."""
    meta = row._meta
    fields = [field for field in meta.local_concrete_fields if not (field.generated or field.primary_key)]
    values = ", ".join(f'"{field.column}" = {_place(alias, field, row, parameters, is_new=False)}' for field in fields)
    parameters.append(meta.pk.get_db_prep_save(row.pk, connections[alias]))
    return f'UPDATE "{meta.db_table}" SET {values} WHERE "{meta.pk.column}" = %s'


def _insert(alias: str, model: type[Model], rows: Iterable[Model], parameters: list[Any]) -> str:
    """Write the INSERT of one table, and add what it is given to the parameters."""
    fields = [field for field in model._meta.local_concrete_fields if not (field.generated or field is _given(model))]
    values = ", ".join(f"({', '.join(_place(alias, field, row, parameters) for field in fields)})" for row in rows)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES {values}'


def _given(model: type[Model]) -> "Field[Any, Any] | None":
    """Return the key that the database counts itself, if it does."""
    return model._meta.auto_field


def _place(alias: str, field: "Field[Any, Any]", row: Model, parameters: list[Any], *, is_new: bool = True) -> str:
    value = field.pre_save(row, add=is_new)
    if isinstance(value, DatabaseDefault):
        return "DEFAULT"
    parameters.append(field.get_db_prep_save(value, connections[alias]))
    return "%s"
