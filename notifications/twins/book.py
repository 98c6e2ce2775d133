"""What the SMS twin remembers: one message per key, kept over restarts, and how often it was given each."""

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    key TEXT PRIMARY KEY, receiver TEXT NOT NULL, text TEXT NOT NULL, sender TEXT NOT NULL, sent_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS handing (number INTEGER PRIMARY KEY, key TEXT NOT NULL, at REAL NOT NULL);
"""


class Book:
    """A small file of messages; taking one is one transaction."""

    def __init__(self, path: Path | str) -> None:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(str(path), check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(_SCHEMA)
        self._lock = threading.Lock()

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
        """What was sent, newest first: `{key, receiver, text, sender, sent_at, handed}`."""
        with self._lock:
            rows = self._db.execute(
                "SELECT m.*, (SELECT count(*) FROM handing h WHERE h.key = m.key) AS handed FROM message m"
                " ORDER BY sent_at DESC LIMIT ?",
                (limit,),
            )
            return [dict(row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._db.close()
