"""Reading requests: those of one object, and the queue over every served database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Model, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast, JSONObject

from core.errors import NotFound
from gateway.approvals.asking import shown
from gateway.approvals.kinds import kind_named, kinds, kinds_of_admins
from gateway.models import Approval, ApprovalState, KnownAs

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Requests that are looked for; `mine` are those this person made, `is_admin` tells who looks."""

    state: str = ""
    kind: str = ""
    mine: UUID | None = None
    before: UUID | None = None
    is_admin: bool = False


@dataclass(frozen=True)
class Reader:
    """Person who looks at what waits, and whether as an administrator."""

    person_id: UUID
    is_admin: bool


def served() -> list[str]:
    """Aliases of the served apps that have something to ask about."""
    return sorted({kind.app for kind in kinds()} & set(settings.SERVICES))


def find_requests(wanted: Wanted, *, limit: int) -> list[tuple[str, Approval]]:
    """The newest requests over every served database, each with its alias: an id's first bits are its moment."""
    aliases = [wanted.kind.partition(".")[0]] if wanted.kind else served()
    rows = [_list_approvals(alias, wanted, limit) for alias in aliases if alias in served()]
    return list(islice(merge(*rows, key=lambda row: row[1].id.int, reverse=True), limit))


def _list_approvals(alias: str, wanted: Wanted, limit: int) -> list[tuple[str, Approval]]:
    found = Approval.objects.using(alias).all()
    if wanted.state:
        found = found.filter(state=wanted.state)
    if wanted.kind:
        found = found.filter(kind=wanted.kind)
    if not wanted.is_admin:
        found = found.exclude(kind__in=kinds_of_admins())
    if wanted.mine is not None:
        found = found.filter(asked_by=wanted.mine)
    if wanted.before is not None:
        found = found.filter(id__lt=wanted.before)
    return [(alias, row) for row in found.order_by("-id")[:limit]]


def find_request(approval_id: UUID, *, is_admin: bool) -> tuple[str, Approval]:
    """One request and the alias of its database, if who looks may see it. Raises NotFound."""
    for alias in served():
        row = Approval.objects.using(alias).filter(pk=approval_id).first()
        if row is not None and (is_admin or not kind_named(row.kind).by_admins):
            return alias, row
    raise NotFound


def count_waiting(alias: str, most: int) -> int:
    """Count the requests of people that wait in one database, up to `most`."""
    waiting = Approval.objects.using(alias).filter(state=ApprovalState.WAITING, asked_by__isnull=False)
    return len(waiting.values_list("pk")[:most])


def count_decidable(alias: str, reader: Reader, most: int, *, now: datetime) -> int:
    """Count the requests of people in one database that `reader` may decide now, among the first `most` that wait.

    Left out are those that administrators alone decide, unless the reader is one, and those the reader asked for or
    gains by.
    """
    waiting = Approval.objects.using(alias).filter(state=ApprovalState.WAITING, asked_by__isnull=False)
    waiting = waiting.exclude(expires_at__lte=now).exclude(barred__contains=[str(reader.person_id)])
    if not reader.is_admin:
        waiting = waiting.exclude(kind__in=kinds_of_admins())
    barred = [set(row) for row in waiting.order_by("id").values_list("barred", flat=True)[:most]]
    cards = KnownAs.objects.using(alias).filter(card_id__in=set().union(*barred), user_id=reader.person_id)
    own = {str(card_id) for card_id in cards.values_list("card_id", flat=True)}
    return sum(1 for row in barred if not row & own)


def with_pending(rows: QuerySet[M]) -> QuerySet[Any]:
    """Rows with what waits about each of them, by the same statement."""
    about = Approval.objects.filter(subject_id=OuterRef("pk"), state=ApprovalState.WAITING).order_by("id")
    shape = {name: name for name in ("id", "kind", "currency", "asked_at", "expires_at")}
    told = JSONObject(**shape, amount=Cast("amount", TextField()))
    return rows.annotate(pending_approvals=ArraySubquery(about.values_list(told)))


def pending_for(alias: str, subject_ids: Iterable[UUID]) -> dict[UUID, list[dict[str, object]]]:
    """Return what waits about each of some objects, as their documents show it: what, how much and since when."""
    waiting = Approval.objects.using(alias).filter(subject_id__in=list(subject_ids), state=ApprovalState.WAITING)
    found: dict[UUID, list[dict[str, object]]] = {}
    for row in waiting.order_by("id"):
        found.setdefault(row.subject_id, []).append(pending(row))
    return found


def pending(row: Approval) -> dict[str, object]:
    """A request as its object shows it: nothing of who asked or why."""
    told = shown(row)
    return {name: told[name] for name in ("id", "kind", "amount", "currency", "asked_at", "expires_at")}


def split_page(rows: Sequence[tuple[str, Approval]], size: int) -> tuple[list[tuple[str, Approval]], UUID | None]:
    """A page of rows of which one too many was asked for, and where the next page begins."""
    page = list(rows[:size])
    return page, page[-1][1].id if len(rows) > size else None
