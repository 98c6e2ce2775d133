"""Count how much of a resource is taken at each instant: the sweep over its bookings, half-open on the right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID


class Booking(Protocol):
    """A quantity taken over [busy_from, busy_until)."""

    id: UUID
    busy_from: datetime
    busy_until: datetime
    quantity: int


B = TypeVar("B", bound=Booking)


@dataclass(frozen=True)
class Span:
    """A stretch [start, end) over which the same bookings hold; `end` is None on the last, open one."""

    start: datetime
    end: datetime | None
    taken: int


def spans(bookings: Iterable[Booking], start: datetime, end: datetime | None) -> list[Span]:
    """Cut [start, end) where the quantity taken changes; equal neighbours are joined."""
    steps: dict[datetime, int] = {start: 0}
    for booking in bookings:
        from_ = max(booking.busy_from, start)
        steps[from_] = steps.get(from_, 0) + booking.quantity
        if end is None or booking.busy_until < end:
            steps[booking.busy_until] = steps.get(booking.busy_until, 0) - booking.quantity
    moments = sorted(steps)
    found: list[Span] = []
    taken = 0
    for moment, following in zip(moments, [*moments[1:], end], strict=True):
        taken += steps[moment]
        if found and found[-1].taken == taken:
            found[-1] = Span(found[-1].start, following, taken)
        else:
            found.append(Span(moment, following, taken))
    return found


def peak(bookings: Iterable[Booking], start: datetime, end: datetime | None) -> int:
    """The most that is taken at any instant of [start, end)."""
    return max(span.taken for span in spans(bookings, start, end))


def in_the_way(bookings: Sequence[B], start: datetime, end: datetime | None, *, most: int) -> list[B]:
    """Bookings that hold at an instant of [start, end) when more than `most` is taken."""
    full = [span for span in spans(bookings, start, end) if span.taken > most]
    return [
        booking
        for booking in bookings
        if any(booking.busy_until > span.start and (span.end is None or booking.busy_from < span.end) for span in full)
    ]
