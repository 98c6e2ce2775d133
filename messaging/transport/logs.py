"""A source's log as its subscribers read it: by SQL where its database is at hand, else from the peer that owns it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections

from core.db import transaction
from messaging.peering import peers

MAX_ROWS = 500
Row = tuple[int, UUID, str, str, int, str, int, str, str]
"""Position, event id, aggregate, aggregate id, sequence, type, version, data and headers as JSON texts."""

READ = """
SELECT position, id, aggregate, aggregate_id, seq, type, version, data::text, headers::text
FROM messaging_outbox
WHERE position > %s AND position <= %s AND type = ANY(%s)
ORDER BY position LIMIT %s
"""


class Page(msgspec.Struct, frozen=True):
    """Events after a position, up to the head that was read before them.

    `event_id` is the event's at the head, `oldest` the first position still kept, `seen` the ids of what the log still
    has at the positions asked about. `is_full`: there may be more before the head than its rows.
    """

    epoch: UUID
    head: int
    event_id: UUID | None
    oldest: int
    seen: list[tuple[int, UUID]]
    rows: list[Row]
    is_full: bool


@dataclass(frozen=True)
class Head:
    """The last position given out, of which life of the log, and the first that was not purged; 1 when none was."""

    epoch: UUID
    position: int
    oldest: int


def read_page(source: str, after: int, types: list[str], anchors: list[int]) -> Page | None:
    """Read the next events of some types after a position by SQL; None before the log has a head.

    One session from the head to the last row: never half of a log and half of its backup.
    """
    with transaction(source), connections[source].cursor() as cursor:
        head = _read_head(source)
        if head is None:
            return None
        cursor.execute(
            "SELECT position, id FROM messaging_outbox WHERE position = ANY(%s)", [[*anchors, head.position]]
        )
        seen = cursor.fetchall()
        cursor.execute(READ, [after, head.position, types, MAX_ROWS])
        rows: list[Row] = cursor.fetchall()
    event_id = dict(seen).get(head.position)
    return Page(head.epoch, head.position, event_id, head.oldest, seen, rows, len(rows) == MAX_ROWS)


def _read_head(source: str) -> Head | None:
    with connections[source].cursor() as cursor:
        cursor.execute(
            """SELECT epoch, position,
                      coalesce((SELECT min(position) FROM messaging_outbox WHERE position IS NOT NULL), 1)
               FROM messaging_feed_head WHERE id = 1"""
        )
        found: tuple[Any, ...] | None = cursor.fetchone()
    return Head(*found) if found else None


def ask_page(source: str, after: int, types: list[str], anchors: list[int]) -> Page | None:
    """Ask the peer that owns the log for a page. Raises PeerAway, InsideTransaction."""
    question = {"after": after, "types": types, "anchors": anchors}
    page: Page | None = peers.ask(source, f"log/{source}", question, Page | None)
    return page


def read_head(source: str) -> Head | None:
    """The head of a log wherever it is; None before it has one. Raises PeerAway."""
    if peers.is_here(source):
        return _read_head(source)
    page = ask_page(source, 0, [], [])
    return Head(page.epoch, page.head, page.oldest) if page else None


class FarLog:
    """The log of a peer: subscribers that stand at the same position share the page that was asked for last."""

    def __init__(self, source: str, types: set[str]) -> None:
        self.source, self.types = source, sorted(types)
        self._after, self._anchors = -1, set[int]()
        self._page: Page | None = None

    def page(self, after: int, anchors: set[int], is_new_enough: Callable[[Page], bool]) -> Page | None:
        """The next events after a position, and what stands at the anchors; a page asked for another subscriber only
        if it tells as much and is new enough. Raises PeerAway."""
        page = self._page
        if self._after != after or not anchors <= self._anchors or page is None or not is_new_enough(page):
            page = ask_page(self.source, after, self.types, sorted(anchors))
            self._after, self._anchors, self._page = after, anchors, page
        return page
