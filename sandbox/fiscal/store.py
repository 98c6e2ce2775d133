"""Keep what the fiscal operator registered: one receipt per key, numbered without gaps, kept over restarts."""

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.framework import LockedStore, Refusal

_SCHEMA = """
CREATE TABLE IF NOT EXISTS receipt (
    number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL, at TEXT NOT NULL
);
"""
STORAGE = "9999078900012345"
"""Number of the fiscal storage that does not exist."""
WITHDRAWN = "withdrawn"
"""Marking code that is not in circulation any more."""


class Store(LockedStore):
    """A small file of receipts; registering one is one transaction."""

    schema = _SCHEMA

    def register(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Register a receipt, once per key. Raises Refusal."""
        _check(body)
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO receipt (key, body, at) VALUES (?, ?, ?)",
                (key, json.dumps(body), datetime.now(UTC).isoformat()),
            )
        found = self.find(key)
        assert found is not None
        return found

    def find(self, key: str) -> dict[str, Any] | None:
        """Return what a key was registered as, or None."""
        with self._lock:
            row = self._db.execute("SELECT number, at FROM receipt WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        sign = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16)
        return {
            "id": f"fsc_{row['number']}",
            "status": "registered",
            "fiscal_number": str(row["number"]),
            "fiscal_sign": f"{sign:010d}",
            "storage_number": STORAGE,
            "registered_at": row["at"],
        }

    def receipts(self) -> list[dict[str, Any]]:
        """List every receipt with its number and key, in the order of their numbers."""
        with self._lock:
            rows = self._db.execute("SELECT number, key, body FROM receipt ORDER BY number").fetchall()
        return [{"number": row["number"], "key": row["key"], **json.loads(row["body"])} for row in rows]


def _check(body: dict[str, Any]) -> None:
    """Refuse what a cash register would. Raises Refusal."""
    lines = body.get("lines") or []
    if not body.get("contact"):
        raise Refusal(422, "contact_missing", "The buyer's address is missing.")
    if sum((Decimal(line["amount"]) for line in lines), Decimal(0)) != Decimal(str(body.get("amount", "0"))):
        raise Refusal(422, "sums_differ", "The lines do not sum to the receipt.")
    if any(Decimal(line["unit_price"]) * line["quantity"] != Decimal(line["amount"]) for line in lines):
        raise Refusal(422, "sums_differ", "A line is not its price times its quantity.")
    if any(line["marking_code"] == WITHDRAWN for line in lines):
        raise Refusal(422, "marking_code_withdrawn", "This marking code is not in circulation.")
