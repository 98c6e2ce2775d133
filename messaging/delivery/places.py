"""Places at work that only so many workers may do at once, counted by the app's database: they die with who sits there.

A place is a lock of the session, not of a transaction: it is held while a provider is waited for.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from core.db import session_lock

IDLE_LIMIT = "60s"
"""Who holds a place asks the database something before long: a session that is silent for so long belongs to a frozen
worker, and ends so that another may take over."""


def take_place(alias: str, name: str, places: Sequence[int]) -> AbstractContextManager[bool]:
    """Hold one of the `places` at what `name` says, if any is free; yields whether one was."""
    return session_lock(alias, name, places, idle_limit=IDLE_LIMIT)
