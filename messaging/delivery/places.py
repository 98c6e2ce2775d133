"""Places at work that only so many workers may do at once, counted by the app's database: they die with who sits there.

A place is a lock of the session, not of a transaction: it is held while a provider is waited for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connections

IDLE_LIMIT = "60s"
"""Who holds a place asks the database something before long: a session that is silent for so long belongs to a frozen
worker, and ends so that another may take over."""
_TAKE = """
SELECT place, set_config('idle_session_timeout', %s, false)
FROM unnest(%s::integer[]) AS place WHERE pg_try_advisory_lock(hashtext(%s), place) LIMIT 1
"""


@contextmanager
def take_place(alias: str, name: str, places: Sequence[int]) -> Iterator[bool]:
    """Hold one of the `places` at what `name` says, if any is free; yields whether one was."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_TAKE, [IDLE_LIMIT, list(places), name])
        taken = cursor.fetchone()
    try:
        yield taken is not None
    finally:
        if taken and connections[alias].is_usable():
            with connections[alias].cursor() as cursor:
                cursor.execute("RESET idle_session_timeout")
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s), %s)", [name, taken[0]])
