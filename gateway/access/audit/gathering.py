"""Ask every app, here or on its own machine, and put what they tell into one order of time, page by page."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings

from core.ids import find_uuid
from core.outside.asking import PeerAway
from gateway.access.audit.searching import Act, Place, Question, sort_newest
from gateway.access.audit.trails import list_trails
from messaging.peering.reads import find_ids, search_history

PEOPLE = "accounts"
"""The app that knows whom an address stands for."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Acts in the words they are asked for: `person` is an id or an address, `thing` an id, a number or a VIN."""

    person: str = ""
    thing: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: Place | None = None


@dataclass(frozen=True)
class Found:
    """A page of acts, newest first. `unanswered` are apps that could not be asked: theirs are missing.

    `people` and `things` are the ids that were looked for; None where everybody's, or everything, was.
    """

    acts: list[Act]
    following: Place | None
    unanswered: list[str]
    people: list[UUID] | None
    things: list[UUID] | None


@dataclass
class _Asking:
    away: set[str] = field(default_factory=set)

    def names(self, apps: Iterable[str], text: str, *, are_people: bool = False) -> list[UUID] | None:
        """Ids that a text stands for in some apps; None for no text."""
        given = find_uuid(text) if text else None
        if not text or given is not None:
            return None if given is None else [given]
        found: dict[UUID, None] = {}
        for app in apps:
            try:
                found |= dict.fromkeys(find_ids(app, text, are_people=are_people))
            except PeerAway:
                self.away.add(app)
        return list(found)

    def acts(self, apps: Iterable[str], question: Question) -> list[Act]:
        """The newest acts of some apps."""
        found: list[Act] = []
        for app in apps:
            try:
                found += search_history(app, question)
            except PeerAway:
                self.away.add(app)
        return sort_newest(found, question.limit)


def list_kinds() -> list[str]:
    """Every kind of act that can be searched for, `<app>.<trail>`."""
    return [kind for app in settings.APPS for kind, _trail in list_trails(app)]


def search(wanted: Wanted, *, size: int) -> Found:
    """A page of what was done, over every app."""
    asking = _Asking()
    people = asking.names([PEOPLE], wanted.person.strip(), are_people=True)
    things = asking.names(settings.APPS, wanted.thing.strip())
    question = Question(
        limit=size + 1,
        people=people,
        things=things,
        kind=wanted.kind,
        since=wanted.since,
        until=wanted.until,
        before=wanted.before,
    )
    apps = [wanted.kind.partition(".")[0]] if wanted.kind else settings.APPS
    acts = [] if [] in (people, things) else asking.acts(apps, question)
    page = acts[:size]
    following = page[-1].place if len(acts) > size else None
    return Found(page, following, sorted(asking.away), people, things)
