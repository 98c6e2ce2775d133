"""Whoever reads another person's papers leaves a trace: the one way in which a view answers with them.

The trace is in the database that holds the papers, and is committed before the first byte leaves: no trace, no paper.
A test looks for every answer of every view that is a file, and wants it to come from here, or to be declared to tell
of nobody.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from core import context
from core.db import transaction
from gateway.access.cards import get_card_ids
from gateway.guards.address import exact_address
from gateway.models import KnownAs, Reading
from gateway.principal import ROLES

SHOWN = ("at", "kind", "subject_id", "reader_id", "reader_role")
"""What the person whose papers were read is told: not from where their reader works."""


@dataclass(frozen=True)
class Papers:
    """Papers that are read: the app that holds them, kind, id, and whose they are; None for a list of many people."""

    app: str
    kind: str
    subject_id: UUID | None
    owner_id: UUID | None


def hand_over(
    request: HttpRequest,
    papers: Papers,
    content: bytes,
    content_type: str,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Answer with a person's papers, and note who reads them."""
    record_reading(request, papers)
    return HttpResponse(content, content_type=content_type, headers=dict(headers or {}))


def record_reading(request: HttpRequest, papers: Papers) -> None:
    """Leave the trace alone, for answers that are sent piece by piece; one's own papers leave none."""
    reader: Any = request.user
    reader_id = UUID(str(reader.pk))
    if request.method == "HEAD" or _is_own(papers, reader_id):
        return
    roles = getattr(reader, "effective_roles", None) or reader.roles
    with transaction(papers.app):
        Reading.objects.using(papers.app).create(
            kind=papers.kind,
            subject_id=papers.subject_id,
            owner_id=papers.owner_id,
            reader_id=reader_id,
            reader_role=max(roles, key=ROLES.index),
            reader_address=exact_address(request.META),
            request_id=str(context.current().get("request_id", ""))[:128],
            at=timezone.now(),
        )


def _is_own(papers: Papers, reader_id: UUID) -> bool:
    if papers.owner_id is None or papers.owner_id == reader_id:
        return papers.owner_id is not None
    cards = KnownAs.objects.using(papers.app).filter(card_id=papers.owner_id, user_id=reader_id)
    return cards.exists()


def list_readings(app: str, owner_id: UUID) -> list[dict[str, Any]]:
    """Return who read a person's papers that an app holds, for the person to know."""
    found = Reading.objects.using(app).filter(Q(owner_id=owner_id) | Q(owner_id__in=get_card_ids(app, owner_id)))
    return list(found.order_by("pk").values(*SHOWN))


def newest(
    aliases: Iterable[str], *, person_id: UUID | None, before: datetime | None, limit: int
) -> list[tuple[str, Reading]]:
    """The newest traces of several databases with their aliases: of one person's papers, and of what they read."""
    found = [item for alias in aliases for item in _list_newest(alias, person_id, before, limit)]
    return sorted(found, key=lambda item: item[1].at, reverse=True)[:limit]


def _list_newest(
    alias: str, person_id: UUID | None, before: datetime | None, limit: int
) -> Iterator[tuple[str, Reading]]:
    rows = Reading.objects.using(alias)
    if person_id is not None:
        rows = rows.filter(Q(owner_id=person_id) | Q(reader_id=person_id))
    if before is not None:
        rows = rows.filter(at__lt=before)
    return ((alias, row) for row in rows.order_by("-at", "-id")[:limit])


def forget_reader(app: str, user_id: UUID) -> None:
    """Leave of somebody who read nothing but their id: that papers were read, and by whom, stays."""
    Reading.objects.using(app).filter(reader_id=user_id).update(reader_address="")
