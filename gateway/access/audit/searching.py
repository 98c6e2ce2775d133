"""Search the histories of one app, newest first, each by an index: by who, by which thing, or by the time alone."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import JSONField, Q, QuerySet
from django.db.models.fields.json import KT

from core.plugins import plugins
from core.postgres.trails import Trail
from gateway.access.audit.masking import mask
from gateway.access.audit.trails import list_trails

MOST_NAMED = 50
"""So many ids may a number, a VIN or an address stand for; those of one car are a few."""


class Place(msgspec.Struct, frozen=True):
    """Place in the one order of all acts: moment, then kind, then the row's key."""

    at: datetime
    kind: str
    id: str

    @property
    def key(self) -> tuple[datetime, str, int, str]:
        """Compare by this: keys that are numbers stand by their value, ids by their bytes, as the database has them."""
        return self.at, self.kind, len(self.id), self.id


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Acts that are looked for: by any of `people`, of any of `things`, of a kind, in a time; None is anybody's or any.

    `before` is the last act of the page before.
    """

    limit: int
    people: list[UUID] | None = None
    things: list[UUID] | None = None
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: Place | None = None


class Thing(msgspec.Struct, frozen=True):
    """Thing that something was done to."""

    kind: str
    id: str


class Act(msgspec.Struct, frozen=True):
    """A row of a history: who did what to which things when. `told` is what else it says, masked."""

    at: datetime
    kind: str
    id: str
    what: str
    by: list[str]
    things: list[Thing]
    told: dict[str, str]
    request_id: str

    @property
    def place(self) -> Place:
        """Return where it stands among all acts."""
        return Place(self.at, self.kind, self.id)


def search_app(app: str, asked: Question) -> list[Act]:
    """The newest acts that an app's database tells, as many as are asked for."""
    trails = [(kind, trail) for kind, trail in list_trails(app) if asked.kind in ("", kind)]
    return sort_newest((act for kind, trail in trails for act in _search_trail(app, kind, trail, asked)), asked.limit)


def sort_newest(acts: Iterable[Act], limit: int) -> list[Act]:
    """The newest of acts of several trails, one that was found in two ways once."""
    found = {(act.kind, act.id): act for act in acts}
    return sorted(found.values(), key=lambda act: act.place.key, reverse=True)[:limit]


def find_named(app: str, text: str) -> list[UUID]:
    """Ids of an app's things that a number or a VIN stands for."""
    return list(plugins()[app].audit.find_things(text))[:MOST_NAMED]


def find_persons(app: str, text: str) -> list[UUID]:
    """Ids of an app's people that an address or a name to sign in stands for."""
    return list(plugins()[app].audit.find_people(text))[:MOST_NAMED]


def _search_trail(app: str, kind: str, trail: Trail, asked: Question) -> Iterator[Act]:
    rows = _narrow(trail.model._default_manager.using(app).all(), kind, trail, asked)
    for narrowed in _take_ways(rows, trail, asked):
        for row in narrowed.order_by(f"-{trail.at}", "-pk").values("pk", *_list_paths(trail))[: asked.limit]:
            yield _read_act(row, kind, trail)


def _narrow(rows: QuerySet[Any], kind: str, trail: Trail, asked: Question) -> QuerySet[Any]:
    """Leave the rows of the time that is asked for, after the last act of the page before."""
    rows = rows.filter(**{f"{trail.at}__isnull": False})
    if asked.since is not None:
        rows = rows.filter(**{f"{trail.at}__gte": asked.since})
    if asked.until is not None:
        rows = rows.filter(**{f"{trail.at}__lt": asked.until})
    last = asked.before
    if last is None:
        return rows
    if kind > last.kind:
        return rows.filter(**{f"{trail.at}__lt": last.at})
    rows = rows.filter(**{f"{trail.at}__lte": last.at})
    later = Q(**{trail.at: last.at, "pk__gte": last.id}) if kind == last.kind else Q(pk__in=())
    return rows.exclude(later)


def _take_ways(rows: QuerySet[Any], trail: Trail, asked: Question) -> Iterator[QuerySet[Any]]:
    """One statement for each index that finds what is asked; none where the trail cannot tell."""
    by = [] if asked.people is None else [_did(trail, path, asked.people) for path in trail.by]
    if asked.things is not None:
        for path in trail.things:
            of_thing = rows.filter(**{f"{path}__in": asked.things})
            if asked.people is None:
                yield of_thing
            for condition in by:
                yield _apply(of_thing, condition)
    elif asked.people is None:
        yield rows
    else:
        for condition in by:
            yield _apply(rows, condition)


def _did(trail: Trail, path: str, people: list[UUID]) -> tuple[dict[str, Any], Q]:
    """The columns that have to be made, and the condition that one of `people` is named at `path` as who did it."""
    before = trail.by[: trail.by.index(path)] if trail.is_first_by else ()
    nobody_before = Q(**{f"{one}__isnull": True for one in before})
    if not _is_json(trail, path):
        return {}, nobody_before & Q(**{f"{path}__in": [str(one) for one in people]})
    column, _, key = path.partition("__")
    return {"said_by": KT(path)}, Q(**{f"{column}__has_key": key}, said_by__in=[str(one) for one in people])


def _apply(rows: QuerySet[Any], condition: tuple[dict[str, Any], Q]) -> QuerySet[Any]:
    made, narrowing = condition
    return rows.alias(**made).filter(narrowing)


def _is_json(trail: Trail, path: str) -> bool:
    return isinstance(trail.model._meta.get_field(path.partition("__")[0]), JSONField)


def _list_paths(trail: Trail) -> list[str]:
    columns = {field.attname for field in trail.model._meta.concrete_fields}
    paths = [trail.at, *trail.by, *trail.things, trail.what, *trail.tells, *({"request_id"} & columns)]
    return list(dict.fromkeys(filter(None, paths)))


def _read_act(row: dict[str, Any], kind: str, trail: Trail) -> Act:
    by = [str(row[path]) for path in trail.by if row[path]]
    return Act(
        at=row[trail.at],
        kind=kind,
        id=str(row["pk"]),
        what=str(row[trail.what]) if trail.what else "",
        by=by[:1] if trail.is_first_by else list(dict.fromkeys(by)),
        things=[Thing(name, str(row[path])) for path, name in trail.things.items() if row[path]],
        told={path: mask(path, row[path]) for path in trail.tells if row[path] not in (None, "", {}, [])},
        request_id=row.get("request_id", ""),
    )
