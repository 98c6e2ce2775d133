"""A source's log as its subscribers read it: by SQL where its database is at hand, else from the peer that owns it."""

from collections.abc import Collection, Iterable
from typing import NamedTuple, Self
from uuid import UUID

import msgspec

from core.db import fetch
from messaging.peering import peers

MAX_ROWS = 500
BEYOND = 2**62
"""After every position."""
Row = tuple[int, UUID, str, str, int, str, int, str, str]
"""Position, event id, aggregate, aggregate id, sequence, type, version, data and headers as JSON texts."""

_PAGE = """
WITH head AS (
    SELECT epoch, position,
           coalesce((SELECT min(position) FROM messaging_outbox WHERE position IS NOT NULL), 1) AS oldest
    FROM messaging_feed_head WHERE id = 1
), seen AS (
    SELECT array_agg(position) AS positions, array_agg(id) AS ids
    FROM messaging_outbox WHERE position = ANY((SELECT position FROM head) || %s::bigint[])
), next AS (
    SELECT position, id, aggregate, aggregate_id, seq, type, version, data::text, headers::text
    FROM messaging_outbox WHERE position > %s AND type = ANY(%s) ORDER BY position LIMIT %s
)
SELECT head.epoch, head.position, head.oldest, seen.positions, seen.ids, next.*
FROM head CROSS JOIN seen LEFT JOIN next ON true ORDER BY next.position
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


class Head(NamedTuple):
    """A place in a log: `event_id` is of the event at `position`, None where that was purged or never was."""

    epoch: UUID
    position: int
    event_id: UUID | None


class Cursor(NamedTuple):
    """Position to which a handler has read. It saw `anchor_id` at position `anchor`, wherever it was sent since."""

    epoch: UUID
    position: int
    is_paused: bool
    anchor: int | None
    anchor_id: UUID | None

    def may_have_read(self, epoch: UUID, head: int) -> bool:
        """Tell whether it can have come from a log with this head."""
        return self.epoch == epoch and max(self.position, self.anchor or 0) <= head

    def moved_to(self, place: Head) -> Self:
        """Return what it is once it has read up to there."""
        if place.event_id is None:
            return self._replace(position=place.position)
        return self._replace(position=place.position, anchor=place.position, anchor_id=place.event_id)


def read_page(source: str, after: int, types: list[str], anchors: list[int]) -> Page | None:
    """Read the next events of some types after a position by SQL; None before the log has a head.

    One statement from the head to the last row: never half of a log and half of its backup.
    """
    found = fetch(source, _PAGE, [anchors, after, types, MAX_ROWS])
    if not found:
        return None
    epoch, head, oldest, positions, ids = found[0][:5]
    seen = list(zip(positions or [], ids or [], strict=True))
    rows: list[Row] = [row[5:] for row in found if row[5] is not None]
    return Page(epoch, head, dict(seen).get(head), oldest, seen, rows, len(rows) == MAX_ROWS)


def ask_page(source: str, after: int, types: list[str], anchors: list[int]) -> Page | None:
    """Ask the peer that owns the log for a page. Raises PeerAway, InsideTransaction."""
    question = {"after": after, "types": types, "anchors": anchors}
    page: Page | None = peers.ask(source, f"log/{source}", question, Page | None)
    return page


def read_head(source: str) -> Page | None:
    """Read a page without rows of a log, wherever it is; None before it has a head. Raises PeerAway."""
    return (read_page if peers.is_here(source) else ask_page)(source, BEYOND, [], [])


class Log:
    """A log, near or far: subscribers share the page that was asked for last.

    `readers` are those who will ask, as far as is known: a page begins early enough for all of them.
    """

    def __init__(self, source: str, types: set[str], readers: Iterable[Cursor] = ()) -> None:
        self.source, self.types = source, sorted(types)
        self._readers = list(readers)
        self._after, self._anchors = 0, set[int]()
        self._page: Page | None = None

    def page(self, cursors: Collection[Cursor], after: int) -> Page | None:
        """The next events after a position, and what stands at the cursors' anchors; the page asked for last only
        if it tells as much and is no older than the cursors. Raises PeerAway."""
        anchors = {cursor.anchor for cursor in cursors if cursor.anchor}
        page = self._page
        if (
            page is None
            or not self._after <= after <= (page.rows[-1][0] - 1 if page.is_full else page.head)
            or not anchors <= self._anchors
            or not all(cursor.may_have_read(page.epoch, page.head) for cursor in cursors)
        ):
            near = [cursor for cursor in self._readers if after - MAX_ROWS < cursor.position]
            self._after = min([after, *(cursor.position for cursor in near)])
            self._anchors = anchors | {cursor.anchor for cursor in near if cursor.anchor}
            ask = read_page if peers.is_here(self.source) else ask_page
            self._page = page = ask(self.source, self._after, self.types, sorted(self._anchors))
        return page
