"""Wait within a request for what goes on in the background: briefly, and few at a time."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import Unavailable

WAIT_S, LOOK_S = 3.0, 0.25
MOST = 2
"""So many requests of a process wait at once: each holds a thread that other requests need, of eight there are."""
_places = threading.BoundedSemaphore(MOST)


class Wait:
    """The time that a request has: it begins when there is first something to wait for."""

    def __init__(self) -> None:
        self._ends_at: float | None = None

    def goes_on(self) -> bool:
        """Sleep until it is time to look again, and return True; False once the time is over."""
        now = time.monotonic()
        if self._ends_at is None:
            self._ends_at = now + WAIT_S
        if now >= self._ends_at:
            return False
        time.sleep(LOOK_S)
        return True


@contextmanager
def take_place() -> Iterator[Wait]:
    """Take a place to wait in, before anything is begun that would be left undone. Raises Unavailable: none is free."""
    if not _places.acquire(blocking=False):
        raise Unavailable(retry_after=2)
    try:
        yield Wait()
    finally:
        _places.release()
