"""The end of what the law let us keep of people: rows whose time is over are emptied or deleted, in small steps.

An app's `personal.py` says of each column that outlives an erasure which rows are due and how they are ended
(`people.classified.keeps`). Ending a row takes it out of what is due, so that a job that was broken off goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from core.db import transaction
from messaging.models import Departure
from messaging.people.departures import let_history_forget

BATCH = 200
GRACE = timedelta(days=2)
"""So long after its time data may still be there before somebody is told: the job runs every night."""
Due = Callable[[datetime], QuerySet[Any]]
Tick = Callable[[str, int], None]


@dataclass(frozen=True)
class Ending:
    """Rows of a table that are due at a moment, and what is done with some of them, inside a transaction."""

    due: Due
    end: Callable[[QuerySet[Any]], object]


class EndlessEnding(RuntimeError):
    """Rows were ended and are due again: the declaration of their app contradicts itself."""


_endings: dict[str, dict[str, Ending]] = {}


def declare(app: str, name: str, ending: Ending) -> None:
    """Remember how a kept column ends."""
    _endings.setdefault(app, {})[name] = ending


def ending_apps() -> list[str]:
    """Apps that keep something of people for a time."""
    return sorted(_endings)


def get_endings(app: str) -> dict[Ending, str]:
    """An app's endings, each with the columns that it ends."""
    found: dict[Ending, str] = {}
    for name, ending in _endings.get(app, {}).items():
        found[ending] = f"{found[ending]}, {name}" if ending in found else name
    return found


def left(app: str) -> QuerySet[Departure, Any]:
    """Ids of the people whose data this app has erased."""
    return Departure.objects.using(app).filter(left_at__isnull=False).values("user_id")


def count_due(app: str, *, now: datetime) -> dict[str, int]:
    """Count the rows that are due, by the columns that would be ended."""
    return {names: ending.due(now).count() for ending, names in get_endings(app).items()}


def end_due(app: str, *, now: datetime, tick: Tick = lambda names, count: None) -> dict[str, int]:
    """End everything of one app that is due; return how many rows of each kind. Raises EndlessEnding."""
    return {names: _end(app, ending, names, now, tick) for ending, names in get_endings(app).items()}


def _end(app: str, ending: Ending, names: str, now: datetime, tick: Tick) -> int:
    total, before = 0, None
    while True:
        with transaction(app):
            rows = ending.due(now)
            chosen = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
            if not chosen:
                return total
            if chosen == before:
                raise EndlessEnding(names)
            let_history_forget(app)
            ending.end(rows.model._default_manager.filter(pk__in=chosen))
        before = chosen
        total += len(chosen)
        tick(names, len(chosen))
