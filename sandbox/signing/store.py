"""Keep what the signing provider signed: one signature per key, kept over restarts."""

from sandbox.framework import LockedStore


class Store(LockedStore):
    """A small file of signatures; the first one under a key stays."""

    schema = "CREATE TABLE IF NOT EXISTS signature (key TEXT PRIMARY KEY, cms BLOB NOT NULL);"

    def add(self, key: str, cms: bytes) -> None:
        """Keep a signature, unless there is one under this key."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO signature (key, cms) VALUES (?, ?)", (key, cms))

    def find(self, key: str) -> bytes | None:
        """Return the signature under a key, or None."""
        with self._lock:
            row = self._db.execute("SELECT cms FROM signature WHERE key = ?", (key,)).fetchone()
            return None if row is None else bytes(row["cms"])
