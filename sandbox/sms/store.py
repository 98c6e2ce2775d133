"""Keep what the SMS gateway remembers: one message per key, kept over restarts, and how often it was given each."""

import time
from typing import Any

from sandbox.framework import LockedStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    key TEXT PRIMARY KEY, receiver TEXT NOT NULL, text TEXT NOT NULL, sender TEXT NOT NULL, sent_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS handing (number INTEGER PRIMARY KEY, key TEXT NOT NULL, at REAL NOT NULL);
"""


class Store(LockedStore):
    """A small file of messages; taking one is one transaction."""

    schema = _SCHEMA

    def hand(self, key: str) -> int:
        """Note that a message was handed over; return how often it was by now."""
        with self._lock:
            self._db.execute("INSERT INTO handing (key, at) VALUES (?, ?)", (key, time.time()))
            row = self._db.execute("SELECT count(*) FROM handing WHERE key = ?", (key,)).fetchone()
            return int(row[0])

    def take(self, key: str, *, receiver: str, text: str, sender: str) -> None:
        """Send a message, unless one with this key was sent."""
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO message (key, receiver, text, sender, sent_at) VALUES (?,?,?,?,?)",
                (key, receiver, text, sender, time.time()),
            )

    def messages(self, limit: int = 100) -> list[dict[str, Any]]:
        """List what was sent, newest first: `{key, receiver, text, sender, sent_at, handed}`."""
        with self._lock:
            rows = self._db.execute(
                "SELECT m.*, (SELECT count(*) FROM handing h WHERE h.key = m.key) AS handed FROM message m"
                " ORDER BY sent_at DESC LIMIT ?",
                (limit,),
            )
            return [dict(row) for row in rows]
