"""Personal data: what each app holds of a person, how it is exported, and what erasure leaves of it.

Every table with a `customer_id` or `user_id` is a person's by that column, which holds their id or that of a client
card of theirs. An app's `personal.py` adds the tables that
hang on those, says what erasure blanks or deletes, and reacts to `user.deleted`; money rows are left as they are.

Values inside JSON are personal by their key, wherever it stands (`PERSONAL_KEYS`): in the JSON columns of a person's
rows, in events that name the person or a thing of theirs (outbox, inbox, timers), in calls to the outside world. What
an event declares `personal` beside that is blanked in it too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.apps import apps
from django.db import connections
from django.db.models import BinaryField, JSONField, Model, Q, QuerySet

from core.db import database_now, transaction
from core.events import REGISTRY
from gateway.access.cards import get_card_ids
from gateway.access.readings import forget_reader, list_readings
from gateway.people import forget_people
from messaging.delivery.timers import set_timer
from messaging.models import ExternalCall, Timer
from messaging.people.departures import let_history_forget, record_departure, shut_door
from messaging.subscriptions import subscriptions

OWNERS = ("customer_id", "user_id")
HIDDEN = frozenset({"password", "digest", "salt", "secret", "token", "search_text"})
"""Fields that are of no use to their owner, and of use to a thief."""
PERSONAL_KEYS = frozenset(
    {
        *("email", "phone", "full_name", "first_name", "last_name", "username", "address", "device", "token"),
        *("birth_date", "driver_birth_date", "driver_name", "drivers", "licence_since", "kbm", "owner_kbm"),
        *("monthly_income", "monthly_obligations", "employment_status", "vehicle_plate", "plate", "beneficiary"),
        *("reason", "detail", "description", "comment", "note", "place", "body", "evidence", "payee", "failure_detail"),
    }
)
"""Keys whose values tell of a person wherever they stand in JSON; free text is one of them, whoever wrote it."""
STEP = 100_000
READINGS = "read_by_others"
"""The table of an export that says who read the person's papers."""
LOOK_AGAIN = timedelta(days=1)
Erase = Callable[[QuerySet[Any]], object]
Owner = str | Callable[[UUID], Q]


@dataclass(frozen=True)
class Holding:
    """A table that holds rows of people: found by `owner`, a path of fields to the person's id, or a condition."""

    model: type[Model]
    owner: Owner
    blank: dict[str, Any] = field(default_factory=dict)
    erase: Erase | None = None


_declared: dict[type[Model], Holding] = {}


def holds(
    model: type[Model], *, owner: Owner = "customer_id", blank: dict[str, Any] | None = None, erase: Erase | None = None
) -> None:
    """Declare a table of an app: what erasure writes into which fields, or what it does with a person's rows."""
    _declared[model] = Holding(model, owner, blank or {}, erase)


class Obligation(msgspec.Struct, frozen=True):
    """Something that ties a person and us until it ends: `kind` is order, loan, policy …, `number` is for people."""

    kind: str
    id: UUID
    number: str = ""


_obligations: dict[str, Callable[[UUID], list[Obligation]]] = {}


def obliges(app: str, find: Callable[[UUID], list[Obligation]]) -> None:
    """Declare what of an app has to end before a person can be erased."""
    _obligations[app] = find


def obliging_apps() -> list[str]:
    """Apps in which something may tie a person."""
    return sorted(_obligations)


def begin_leaving(app: str, user_id: UUID, closing_id: UUID) -> list[Obligation]:
    """Let nothing new begin for a person in one app, and then tell what ties them there, by their cards too."""
    ids = known_ids(app, user_id)
    for known in ids:
        shut_door(app, known, closing_id)
    return [tie for known in ids for tie in _obligations[app](known)]


def known_ids(app: str, user_id: UUID) -> list[UUID]:
    """Every id that a person's rows may stand under in an app: the user's, and those of their client cards."""
    return [user_id, *get_card_ids(app, user_id).order_by("card_id")]


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
    """Everything an app holds of a person, by table, and who read their papers; secrets and digests are left out."""
    held = {holding.model._meta.model_name or "": _rows(holding, user_id) for holding in holdings(app)}
    return held | {READINGS: list_readings(app, user_id)}


def _rows(holding: Holding, user_id: UUID) -> list[dict[str, Any]]:
    columns = [
        item.attname
        for item in holding.model._meta.concrete_fields
        if item.attname not in HIDDEN and not isinstance(item, BinaryField)
    ]
    return list(_owned(holding, user_id).order_by("pk").values(*columns))


def _owned(holding: Holding, user_id: UUID) -> QuerySet[Any]:
    return holding.model._default_manager.filter(
        holding.owner(user_id)
        if callable(holding.owner)
        else Q(**{f"{holding.owner}__in": known_ids(holding.model._meta.app_label, user_id)})
    )


def erase(app: str, user_id: UUID) -> None:
    """Forget a person in one app's database: its rows, its log, and the answers kept for their idempotency keys."""
    with transaction(app):
        whose = known_ids(app, user_id)
        for known in whose:
            record_departure(app, known)
        ids = list_ids(app, user_id)
        let_history_forget(app)
        for holding in holdings(app):
            if holding.blank:
                _owned(holding, user_id).update(**holding.blank)
            if holding.erase:
                holding.erase(_owned(holding, user_id))
            _forget_json(holding, user_id)
        scrub(app, ids)
        _scrub_calls(app, ids)
        forget_reader(app, user_id)
        forget_people(app, whose)
        _drop_answers(app, user_id, ids)
        with connections[app].cursor() as cursor:
            cursor.execute(_BLANK_APPROVALS, [whose, ids])
        _look_again(app, user_id)


def _look_again(app: str, user_id: UUID) -> None:
    """Erase once more in a day: what was on its way from other apps came after we had looked."""
    handler = f"{app}.forget_person"
    known = Timer.objects.using(app).filter(handler=handler, data__user_id=str(user_id))
    if handler in subscriptions() and not known.exists():
        gone = REGISTRY["user.deleted"](user_id=user_id)
        set_timer(handler=handler, event=gone, due_at=database_now(app) + LOOK_AGAIN)


def forget_answers(app: str, user_id: UUID) -> None:
    """Drop what was answered to or about a person, for an app that deletes rows of theirs before `erase`."""
    with transaction(app):
        _drop_answers(app, user_id, list_ids(app, user_id))


def _drop_answers(app: str, user_id: UUID, ids: list[str]) -> None:
    with connections[app].cursor() as cursor:
        cursor.execute(_DROP_ANSWERS, [user_id, [known.encode() for known in ids]])


_DROP_ANSWERS = """
DELETE FROM gateway_idempotency_key WHERE principal = %s
OR EXISTS (SELECT 1 FROM unnest(%s::bytea[]) AS known WHERE position(known IN body) > 0)
"""
_BLANK_APPROVALS = """
UPDATE gateway_approval SET reason = '', evidence = '', decision_reason = '', args = '{}'::jsonb
WHERE state <> 'waiting' AND (beneficiary_id = ANY(%s) OR subject_id::text = ANY(%s))
"""


def list_ids(app: str, user_id: UUID) -> list[str]:
    """The person's own id, those of their cards and of all their rows in an app, as text."""
    found = {str(known) for known in known_ids(app, user_id)}
    for holding in holdings(app):
        if holding.model._meta.pk.get_internal_type() == "UUIDField":
            found |= {str(pk) for pk in _owned(holding, user_id).values_list("pk", flat=True)}
    return sorted(found)


def _forget_json(holding: Holding, user_id: UUID) -> None:
    """Empty what is personal by its key in every JSON column of a person's rows."""
    columns = [item.attname for item in holding.model._meta.concrete_fields if isinstance(item, JSONField)]
    for row in _owned(holding, user_id).values("pk", *columns) if columns else ():
        changed = {name: forgotten(row[name]) for name in columns if forgotten(row[name]) != row[name]}
        if changed:
            holding.model._default_manager.filter(pk=row["pk"]).update(**changed)


# The event log ----------------------------------------------------------------------------------------------------
def forgotten(value: Any) -> Any:
    """A value of JSON with everything emptied that is personal by its key."""
    if isinstance(value, dict):
        return {key: _emptied(item) if key in PERSONAL_KEYS else forgotten(item) for key, item in value.items()}
    return [forgotten(item) for item in value] if isinstance(value, list) else value


def _emptied(value: Any) -> Any:
    """Nothing, of the same type, so that whoever reads the event again can still read it."""
    empty: dict[type, Any] = {str: "", list: [], dict: {}, int: 0, float: 0}
    return empty.get(type(value), value)


def without_personal(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    """An event's data with what it tells of a person blanked."""
    event = REGISTRY.get(event_type)
    blanks = _blanks(event.personal, data.get("user_id")) if event else {}
    return {**forgotten(data), **blanks}


def _blanks(fields: tuple[str, ...], user_id: object) -> dict[str, str]:
    """An address stays an address, so that whoever reads the event again can still read it."""
    return {name: f"{user_id}@erased.invalid" if name == "email" else "" for name in fields}


_TOLD = """
SELECT {key}, type, data FROM {table}
WHERE {key} > %(after)s AND {key} <= %(upto)s
    AND (data->>'user_id' = ANY(%(ids)s) OR data->>'customer_id' = ANY(%(ids)s) OR aggregate_id = ANY(%(ids)s))
"""
_LOGS = (("messaging_outbox", "n", ""), ("messaging_inbox", "rn", ", last_error = ''"))


def scrub(alias: str, ids: list[str]) -> int:
    """Blank a person in a database's outbox, inbox and timers; return how many of them told of the person.

    They do when they name one of `ids` as whom they are of, or are about one: an order, say, or a policy of theirs.
    """
    count = 0
    with connections[alias].cursor() as cursor:
        for table, key, also in _LOGS:
            cursor.execute(f"SELECT coalesce(min({key}), 0), coalesce(max({key}), 0) FROM {table}")
            first, last = cursor.fetchone()
            for start in range(first - 1, last, STEP):
                told = _TOLD.format(table=table, key=key)
                cursor.execute(told, {"after": start, "upto": start + STEP, "ids": ids})
                blanked = [_without(row) for row in cursor.fetchall()]
                cursor.executemany(f"UPDATE {table} SET data = %s{also} WHERE {key} = %s", blanked)
                count += len(blanked)
        cursor.execute("SELECT id, type, data FROM messaging_timer WHERE lane = ANY(%s)", [ids])
        blanked = [_without(row) for row in cursor.fetchall()]
        cursor.executemany("UPDATE messaging_timer SET data = %s WHERE id = %s", blanked)
    return count + len(blanked)


def _without(row: tuple[Any, str, Any]) -> tuple[str, Any]:
    key, event_type, data = row
    told = msgspec.json.decode(data) if isinstance(data, str) else data
    return msgspec.json.encode(without_personal(event_type, told)).decode(), key


_CALLS = """
SELECT key, request, response FROM messaging_external_call
WHERE EXISTS (SELECT 1 FROM jsonb_each_text(request) AS told WHERE told.value = ANY(%s))
"""


def _scrub_calls(alias: str, ids: list[str]) -> None:
    """Blank a person in what was asked of the outside world, and in what it answered."""
    for call in ExternalCall.objects.using(alias).raw(_CALLS, [ids]):
        call.request, call.response = forgotten(call.request), forgotten(call.response)
        call.last_error = ""
        call.save(update_fields=["request", "response", "last_error"])
