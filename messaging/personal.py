"""Personal data: what each app holds of a person, how it is exported, and what erasure leaves of it.

Every table with a `customer_id` or `user_id` is a person's by that column. An app's `personal.py` adds the tables that
hang on those, says what erasure blanks or deletes, and reacts to `user.deleted`; money rows are left as they are. The
event log forgets with them: fields that an event declares `personal` are blanked in the outbox and in every inbox.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from django.apps import apps
from django.db import connections
from django.db.models import BinaryField, Model, QuerySet

from core.db import transaction
from core.events import REGISTRY

OWNERS = ("customer_id", "user_id")
HIDDEN = frozenset({"password", "digest", "salt", "secret", "token", "search_text"})
"""Fields that are of no use to their owner, and of use to a thief."""
STEP = 100_000
Erase = Callable[[QuerySet[Any]], object]


@dataclass(frozen=True)
class Holding:
    """A table that holds rows of people: found by `owner`, a field or a path of fields to the person's id."""

    model: type[Model]
    owner: str
    blank: dict[str, Any] = field(default_factory=dict)
    erase: Erase | None = None


_declared: dict[type[Model], Holding] = {}


def holds(
    model: type[Model], *, owner: str = "customer_id", blank: dict[str, Any] | None = None, erase: Erase | None = None
) -> None:
    """Declare a table of an app: what erasure writes into which fields, or what it does with a person's rows."""
    _declared[model] = Holding(model, owner, blank or {}, erase)


def delete(rows: QuerySet[Any]) -> None:
    """For `erase`: the rows go altogether."""
    rows.delete()


def holdings(app: str) -> list[Holding]:
    """All tables of an app that hold rows of people."""
    found = []
    for model in apps.get_app_config(app).get_models():
        columns = {item.attname for item in model._meta.concrete_fields}
        owner = next((name for name in OWNERS if name in columns), "")
        if model in _declared:
            found.append(_declared[model])
        elif owner:
            found.append(Holding(model, owner))
    return found


def export(app: str, user_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Everything an app holds of a person, by table; secrets and their digests are left out."""
    return {holding.model._meta.model_name or "": _rows(holding, user_id) for holding in holdings(app)}


def _rows(holding: Holding, user_id: UUID) -> list[dict[str, Any]]:
    columns = [
        item.attname
        for item in holding.model._meta.concrete_fields
        if item.attname not in HIDDEN and not isinstance(item, BinaryField)
    ]
    return list(_owned(holding, user_id).order_by("pk").values(*columns))


def _owned(holding: Holding, user_id: UUID) -> QuerySet[Any]:
    return holding.model._default_manager.filter(**{holding.owner: user_id})


def erase(app: str, user_id: UUID) -> None:
    """Forget a person in one app's database: its rows, its log, and the answers kept for their idempotency keys."""
    with transaction(app):
        for holding in holdings(app):
            if holding.blank:
                _owned(holding, user_id).update(**holding.blank)
            if holding.erase:
                holding.erase(_owned(holding, user_id))
        scrub(app, user_id)
        with connections[app].cursor() as cursor:
            cursor.execute("DELETE FROM gateway_idempotency_key WHERE principal = %s", [user_id])


# The event log ----------------------------------------------------------------------------------------------------
def without_personal(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    """An event's data with what it tells of a person blanked."""
    event = REGISTRY.get(event_type)
    return data | _blanks(event.personal, data.get("user_id")) if event else data


def _blanks(fields: tuple[str, ...], user_id: object) -> dict[str, str]:
    """An address stays an address, so that whoever reads the event again can still read it."""
    return {name: f"{user_id}@erased.invalid" if name == "email" else "" for name in fields}


_SCRUB = """
UPDATE {table} SET data = data || %s::jsonb
WHERE {key} > %s AND {key} <= %s AND type = ANY(%s) AND data->>'user_id' = %s
"""


def scrub(alias: str, user_id: UUID) -> int:
    """Blank a person in a database's outbox and inbox; return how many events told of them."""
    kinds: dict[tuple[str, ...], list[str]] = {}
    for event in REGISTRY.values():
        if event.personal:
            kinds.setdefault(event.personal, []).append(event.type)
    count = 0
    with connections[alias].cursor() as cursor:
        for table, key in (("messaging_outbox", "n"), ("messaging_inbox", "rn")):
            cursor.execute(f"SELECT coalesce(min({key}), 0), coalesce(max({key}), 0) FROM {table}")
            first, last = cursor.fetchone()
            for fields, types in kinds.items():
                blanks = msgspec.json.encode(_blanks(fields, user_id)).decode()
                for start in range(first - 1, last, STEP):
                    cursor.execute(
                        _SCRUB.format(table=table, key=key), [blanks, start, start + STEP, types, str(user_id)]
                    )
                    count += cursor.rowcount
    return count
