"""Keep what the insurers remember: one decision per key, kept over restarts."""

import time
from pathlib import Path
from typing import Any

from sandbox.framework import LockedStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS policy (
    key TEXT PRIMARY KEY, insurer TEXT NOT NULL, policy_id TEXT NOT NULL, vin TEXT NOT NULL, premium TEXT NOT NULL,
    status TEXT NOT NULL, code TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '', decides_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS off (insurer TEXT NOT NULL, policy_id TEXT NOT NULL, PRIMARY KEY (insurer, policy_id));
"""
FAULTS = {"0001": "declined", "0002": "slow", "0003": "silent", "0004": "flaky"}
"""How an insurer behaves, by the last four characters of the VIN."""


class Store(LockedStore):
    """A small file of decisions; the whole of a question is one transaction."""

    schema = _SCHEMA

    def __init__(self, path: Path | str, *, thinks_s: float = 5.0) -> None:
        super().__init__(path)
        self.thinks_s = thinks_s

    def decide(self, insurer: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Decide once about a key; `fault` tells the server how to behave."""
        fault = FAULTS.get(str(body.get("vehicle_vin", ""))[-4:], "")
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO policy (key, insurer, policy_id, vin, premium, status, decides_at)"
                " VALUES (?,?,?,?,?,?,?)",
                (
                    key,
                    insurer,
                    str(body.get("policy_id", "")),
                    str(body.get("vehicle_vin", "")),
                    str(body.get("premium", "")),
                    "declined" if fault == "declined" else "accepted",
                    time.time() + (self.thinks_s if fault == "slow" else 0),
                ),
            )
            self._db.execute("UPDATE policy SET tries = tries + 1 WHERE key = ?", (key,))
            return {"fault": fault} | self._shown(key)

    def find(self, key: str) -> dict[str, Any] | None:
        """A decision, or None."""
        with self._lock:
            known = self._db.execute("SELECT 1 FROM policy WHERE key = ?", (key,)).fetchone()
            return self._shown(key) if known else None

    def _shown(self, key: str) -> dict[str, Any]:
        row = self._db.execute("SELECT * FROM policy WHERE key = ?", (key,)).fetchone()
        is_off = self._db.execute(
            "SELECT 1 FROM off WHERE insurer = ? AND policy_id = ?", (row["insurer"], row["policy_id"])
        )
        shown = {"policy_id": row["policy_id"], "tries": row["tries"]}
        if is_off.fetchone():
            return shown | {"status": "declined", "code": "called_off", "detail": "The policy was called off."}
        if time.time() < row["decides_at"]:
            return shown | {"status": "pending"}
        if row["status"] == "declined":
            detail = "The insurer does not take this vehicle."
            return shown | {"status": "declined", "code": "risk_declined", "detail": detail}
        reference = f"{row['insurer'].upper()[:3]}-{row['policy_id'][-12:]}"
        return shown | {"status": "accepted", "reference": reference}

    def call_off(self, insurer: str, policy_id: str) -> None:
        """Let go of a policy, known or not."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO off VALUES (?, ?)", (insurer, policy_id))

    def rows(self) -> list[dict[str, Any]]:
        """Everything decided, by key."""
        with self._lock:
            keys = [row["key"] for row in self._db.execute("SELECT key FROM policy ORDER BY key")]
            return [self._shown(key) for key in keys]
