"""Keep what the lenders remember: one decision per key, kept over restarts."""

import time
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sandbox.framework import LockedStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS decision (
    key TEXT PRIMARY KEY, bank TEXT NOT NULL, application_id TEXT NOT NULL, fault TEXT NOT NULL, status TEXT NOT NULL,
    amount TEXT NOT NULL, annual_rate TEXT NOT NULL, term_months INTEGER NOT NULL, decides_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS debit (
    key TEXT PRIMARY KEY, bank TEXT NOT NULL, payment_id TEXT NOT NULL, fault TEXT NOT NULL, amount TEXT NOT NULL,
    decides_at REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS notice (
    key TEXT PRIMARY KEY, bank TEXT NOT NULL, application_id TEXT NOT NULL, decision TEXT NOT NULL,
    version INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0
);
"""
FAULTS = {
    "01": "refuse", "02": "counter", "03": "slow", "04": "silent", "05": "flaky", "06": "repeat", "07": "never",
    "08": "garbage",
}  # fmt: skip
"""What a lender does, by the kopecks of the income it is told of; `repeat` contradicts itself when asked again."""
DEBIT_FAULTS = {
    "91": "refuse", "93": "slow", "94": "silent", "95": "flaky", "96": "reverse", "97": "never", "98": "garbage",
}  # fmt: skip
"""What a lender does with a debit, by the kopecks of its amount; `reverse` takes it back once it has told of it."""
COUNTERS = frozenset({"polus"})
"""Banks that lend less and dearer than they are asked."""
NEVER = 1e12


class FaultScript:
    """Faults without magic numbers: `share` of the questions, chosen by a seed and the key, go one way or another."""

    def __init__(self, seed: int = 0, share: float = 0.0) -> None:
        self.seed, self.share = seed, share

    def __call__(self, key: str) -> str:
        """The fault of a key, always the same; usually none."""
        digest = blake2b(f"{self.seed}:{key}".encode(), digest_size=8).digest()
        if int.from_bytes(digest[:4]) >= self.share * 2**32:
            return ""
        names = sorted(FAULTS.values())
        return names[int.from_bytes(digest[4:]) % len(names)]


class Store(LockedStore):
    """A small file of decisions; the whole of a question is one transaction."""

    schema = _SCHEMA

    def __init__(self, path: Path | str, *, thinks_s: float = 5.0, script: FaultScript | None = None) -> None:
        super().__init__(path)
        self.thinks_s, self.script = thinks_s, script or FaultScript()

    def decide(self, bank: str, key: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Decide once about a key; `fault` tells the server how to behave."""
        fault = FAULTS.get(str(asked.get("monthly_income", "")).partition(".")[2]) or self.script(key)
        amount, rate = Decimal(asked["amount"]), Decimal(asked["annual_rate"])
        if fault == "counter" or (bank in COUNTERS and not fault):
            amount = (amount * Decimal("0.9")).quantize(Decimal(1), ROUND_FLOOR)
            rate += Decimal("1.5")
        wait = {"slow": self.thinks_s, "never": NEVER}.get(fault, 0.0)
        status = "refused" if fault == "refuse" else "offered"
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO decision (key, bank, application_id, fault, status, amount, annual_rate,"
                " term_months, decides_at) VALUES (?,?,?,?,?,?,?,?,?)",
                (
                    key, bank, str(asked["application_id"]), fault, status, str(amount), str(rate),
                    int(asked["term_months"]), time.time() + wait,
                ),
            )  # fmt: skip
            self._db.execute("UPDATE decision SET tries = tries + 1 WHERE key = ?", (key,))
            return self._shown(key)

    def find(self, key: str) -> dict[str, Any] | None:
        """A decision, or None."""
        with self._lock:
            known = self._db.execute("SELECT 1 FROM decision WHERE key = ?", (key,)).fetchone()
            return self._shown(key) if known else None

    def _shown(self, key: str) -> dict[str, Any]:
        row = self._db.execute("SELECT * FROM decision WHERE key = ?", (key,)).fetchone()
        shown = {"application_id": row["application_id"], "tries": row["tries"], "fault": row["fault"]}
        if time.time() < row["decides_at"]:
            return shown | {"status": "pending"}
        self._db.execute("UPDATE decision SET told = told + 1 WHERE key = ?", (key,))
        if row["status"] == "refused" or (row["fault"] == "repeat" and row["told"]):
            return shown | {"status": "refused", "code": "credit_policy", "detail": "The bank does not lend this."}
        return shown | {
            "status": "offered",
            "reference": f"{row['bank'].upper()[:3]}-{row['application_id'][-12:]}",
            "amount": row["amount"],
            "annual_rate": row["annual_rate"],
            "term_months": row["term_months"],
            "valid_days": 7,
        }

    def debit(self, bank: str, key: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Debit an account once per key."""
        fault = DEBIT_FAULTS.get(str(asked["amount"]).partition(".")[2], "")
        wait = {"slow": self.thinks_s, "never": NEVER}.get(fault, 0.0)
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO debit (key, bank, payment_id, fault, amount, decides_at) VALUES (?,?,?,?,?,?)",
                (key, bank, str(asked["payment_id"]), fault, str(asked["amount"]), time.time() + wait),
            )
            self._db.execute("UPDATE debit SET tries = tries + 1 WHERE key = ?", (key,))
            return self._debit_shown(key)

    def find_debit(self, key: str) -> dict[str, Any] | None:
        """Return what became of a debit, or None."""
        with self._lock:
            known = self._db.execute("SELECT 1 FROM debit WHERE key = ?", (key,)).fetchone()
            return self._debit_shown(key) if known else None

    def _debit_shown(self, key: str) -> dict[str, Any]:
        row = self._db.execute("SELECT * FROM debit WHERE key = ?", (key,)).fetchone()
        shown = {"payment_id": row["payment_id"], "tries": row["tries"], "fault": row["fault"]}
        if time.time() < row["decides_at"]:
            return shown | {"status": "pending"}
        self._db.execute("UPDATE debit SET told = told + 1 WHERE key = ?", (key,))
        if row["fault"] == "refuse":
            return shown | {"status": "refused", "code": "insufficient_funds", "detail": "Too little on the account."}
        is_back = row["fault"] == "reverse" and row["told"]
        return shown | {
            "status": "reversed" if is_back else "settled",
            "reference": f"D-{row['payment_id'][-12:]}",
            "amount": row["amount"],
            "date": datetime.fromtimestamp(row["decides_at"], UTC).date().isoformat(),
        }

    def debits(self) -> list[dict[str, Any]]:
        """Every debit that was ever told of."""
        with self._lock:
            return [dict(row) for row in self._db.execute("SELECT * FROM debit ORDER BY key")]

    def record_decision(self, bank: str, application_id: str, key: str, told: dict[str, Any]) -> dict[str, Any] | None:
        """Write down what became of an offer, once per key; None for an application this bank never heard of."""
        with self._lock:
            asked = self._db.execute(
                "SELECT fault FROM decision WHERE bank = ? AND application_id = ?", (bank, application_id)
            ).fetchone()
            if asked is None:
                return None
            self._db.execute(
                "INSERT OR IGNORE INTO notice (key, bank, application_id, decision, version) VALUES (?,?,?,?,?)",
                (key, bank, application_id, told["decision"], int(told.get("version", 0))),
            )
            self._db.execute("UPDATE notice SET tries = tries + 1 WHERE key = ?", (key,))
            noted = self._db.execute("SELECT * FROM notice WHERE key = ?", (key,)).fetchone()
            return dict(noted) | {"fault": asked["fault"]}

    def notices(self, application_id: str) -> list[dict[str, Any]]:
        """List what the banks were told of an application, in the order it came about."""
        with self._lock:
            found = self._db.execute(
                "SELECT * FROM notice WHERE application_id = ? ORDER BY version, bank, key", (application_id,)
            )
            return [dict(row) for row in found]

    def rows(self) -> list[dict[str, Any]]:
        """Everything asked, by key."""
        with self._lock:
            keys = [row["key"] for row in self._db.execute("SELECT key FROM decision ORDER BY key")]
            return [{"key": key} | self._shown(key) for key in keys]
