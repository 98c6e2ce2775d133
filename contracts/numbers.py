"""Numbers for ids and ids for numbers, a whole answer at once; found in Valkey, given by the database."""

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import redis
import structlog
from django.conf import settings

from core.db import fetch
from core.ids import UUID_PATTERN
from gateway.guards.guard import client

KINDS = (
    "user", "category", "product", "order", "order_item", "event_category", "event", "registration", "resource_type",
    "resource", "allocation", "client", "contact", "activity", "payment", "payment_method", "transaction", "refund",
    "application", "quote", "policy",
)  # fmt: skip
NOBODY = UUID(int=0)
"""The id of no object: what is asked for by a number that was never given answers as any unknown id does."""
_RESERVED = {"payment_method": 100}
"""Numbers of a kind that mean something else: 1 to 4 are the ways that the house takes money."""
_UUID = re.compile(UUID_PATTERN)
_DIGITS = re.compile(r"[0-9]{1,18}")
Key = tuple[str, UUID]
_near: dict[Key, int] = {}
"""Numbers that this process has shown lately: a number never changes."""
_NEAR_AT_MOST = 50_000
log = structlog.get_logger(__name__)
_KNOWN = """SELECT n.kind, n.uuid, n.number FROM contracts_number n
JOIN unnest(%s::text[], %s::uuid[]) AS w (kind, uuid) ON n.kind = w.kind AND n.uuid = w.uuid"""
_GIVE = """
WITH wanted AS (
    SELECT w.kind, w.uuid, w.start, row_number() OVER (PARTITION BY w.kind ORDER BY w.place) AS place
    FROM unnest(%s::text[], %s::uuid[], %s::bigint[]) WITH ORDINALITY AS w (kind, uuid, start, place)
    WHERE NOT EXISTS (SELECT FROM contracts_number n WHERE n.kind = w.kind AND n.uuid = w.uuid)
), counted AS MATERIALIZED (
    SELECT kind, max(start) AS start, count(*) AS many FROM wanted GROUP BY kind
), series AS (
    INSERT INTO contracts_series AS s (kind, last) SELECT kind, start + many FROM counted ORDER BY kind
    ON CONFLICT (kind) DO UPDATE SET last = s.last + excluded.last
        - (SELECT start FROM counted WHERE counted.kind = excluded.kind)
    RETURNING kind, last
)
INSERT INTO contracts_number (kind, uuid, number)
SELECT kind, uuid, series.last - counted.many + wanted.place
FROM wanted JOIN series USING (kind) JOIN counted USING (kind)
ON CONFLICT DO NOTHING"""
_FIND = "SELECT uuid FROM contracts_number WHERE kind = %s AND number = %s"


class Slot:
    """Place in an answer for a number that is not known yet."""

    __slots__ = ("key",)

    def __init__(self, key: Key) -> None:
        self.key = key


class Numbers:
    """Numbers of one request: asked for one by one, found all at once."""

    def __init__(self) -> None:
        self._wanted: dict[Key, None] = {}
        self._known: dict[Key, int] = {}

    def slot(self, kind: str, given: Any) -> Slot:
        """Ask for the number of an object; `fill` writes it once all are known."""
        key = (kind, given if isinstance(given, UUID) else UUID(str(given)))
        self._wanted[key] = None
        return Slot(key)

    def settle(self) -> None:
        """Find or give every number that was asked for."""
        missing = [key for key in self._wanted if key not in self._known]
        near = {key: _near[key] for key in missing if key in _near}
        far = [key for key in missing if key not in near]
        if far:
            found = get_numbers(far)
            if len(_near) + len(found) > _NEAR_AT_MOST:
                _near.clear()
            _near.update(found)
            near |= found
        self._known |= near

    def fill(self, slot: Any) -> int:
        """Return the number for a slot; the hook of the JSON encoder."""
        if not isinstance(slot, Slot):
            raise TypeError(f"no JSON for {type(slot).__name__}")
        return self._known[slot.key]


def find_id(kind: str, given: Any) -> UUID:
    """Return the id that a client's number, text of digits, or UUID stands for; NOBODY where it stands for none."""
    if isinstance(given, int) and not isinstance(given, bool):
        return _find(kind, given) if 0 < given < 10**18 else NOBODY
    text = given.strip() if isinstance(given, str) else ""
    if _UUID.fullmatch(text):
        return UUID(text)
    return _find(kind, int(text)) if _DIGITS.fullmatch(text) else NOBODY


def _find(kind: str, number: int) -> UUID:
    name = f"{kind}:{number}"
    kept = _recall([name])[0]
    if kept is not None:
        return UUID(kept)
    rows = fetch("contracts", _FIND, [kind, number])
    if not rows:
        return NOBODY
    _keep({name: str(rows[0][0])})
    return UUID(str(rows[0][0]))


def get_numbers(keys: Iterable[Key]) -> dict[Key, int]:
    """Return the number of each object, by kind and id; those without one are given the next of their kind."""
    wanted = list(keys)
    kept = _recall([f"{kind}:{uuid}" for kind, uuid in wanted])
    found = {key: int(number) for key, number in zip(wanted, kept, strict=True) if number is not None}
    left = [key for key in wanted if key not in found]
    if left:
        fresh = _read(left)
        if len(fresh) < len(left):
            new = [key for key in left if key not in fresh]
            fetch("contracts", _GIVE, [*_columns(new), [_RESERVED.get(kind, 0) for kind, _ in new]])
            fresh |= _read(new)
        _keep({f"{kind}:{uuid}": str(number) for (kind, uuid), number in fresh.items()})
        _keep({f"{kind}:{number}": str(uuid) for (kind, uuid), number in fresh.items()})
        found |= fresh
    return found


def is_numbered(kind: str, uuid: UUID) -> bool:
    """Tell whether an object was given a number."""
    return bool(_read([(kind, uuid)]))


def _read(keys: list[Key]) -> dict[Key, int]:
    return {(kind, uuid): number for kind, uuid, number in fetch("contracts", _KNOWN, _columns(keys))}


def _columns(keys: list[Key]) -> list[list[Any]]:
    return [[kind for kind, _ in keys], [uuid for _, uuid in keys]]


def _name(name: str) -> str:
    return f"{settings.REDIS_PREFIX}:number:{name}"


def _recall(names: list[str]) -> list[str | None]:
    try:
        kept: Any = client().mget([_name(name) for name in names])
    except redis.RedisError as error:
        log.warning("numbers_not_cached", error=repr(error))
        return [None] * len(names)
    return [value.decode() if value is not None else None for value in kept]


def _keep(values: dict[str, str]) -> None:
    try:
        client().mset({_name(name): value for name, value in values.items()})
    except redis.RedisError as error:
        log.warning("numbers_not_cached", error=repr(error))
