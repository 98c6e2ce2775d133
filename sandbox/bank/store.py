"""The sandbox's store: what it took and gave back, in SQLite, committed before anybody is answered."""

import json
import sqlite3
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from sandbox.bank.faults import FaultScript
from sandbox.framework import FLAKY_TRIES, Refusal

ACTION_SECONDS = 1800
"""How long a buyer may take over the confirmation page."""
MAX_WEBHOOK_ATTEMPTS = 20

_SCHEMA = """
CREATE TABLE IF NOT EXISTS movement (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    charge_key TEXT NOT NULL DEFAULT '',
    reference TEXT NOT NULL DEFAULT '',
    amount TEXT,
    currency TEXT NOT NULL DEFAULT '',
    token TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL,
    failure_code TEXT NOT NULL DEFAULT '',
    failure_detail TEXT NOT NULL DEFAULT '',
    return_url TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL,
    later_at REAL,
    later_status TEXT NOT NULL DEFAULT '',
    UNIQUE (kind, key)
);
CREATE INDEX IF NOT EXISTS movement_undecided ON movement (later_at) WHERE status = 'processing';
CREATE INDEX IF NOT EXISTS movement_of_charge ON movement (charge_key) WHERE kind = 'refund';
CREATE TABLE IF NOT EXISTS fault (key TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS webhook (
    copy INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at REAL NOT NULL,
    delivered_at REAL
);
CREATE INDEX IF NOT EXISTS webhook_due ON webhook (next_at) WHERE delivered_at IS NULL;
"""

_TOKENS: dict[str, tuple[str, str, str]] = {
    "tok_success": ("succeeded", "", ""),
    "tok_flaky": ("succeeded", "", ""),
    "tok_timeout": ("succeeded", "", ""),
    "tok_refund_fails": ("succeeded", "", ""),
    "tok_refund_late_fails": ("succeeded", "", ""),
    "tok_late_success": ("succeeded", "", ""),
    "tok_late_failure": ("succeeded", "", ""),
    "tok_3ds": ("requires_action", "", ""),
    "tok_page": ("requires_action", "", ""),
    "tok_declined": ("failed", "declined", "The bank declined the payment."),
    "tok_insufficient_funds": ("failed", "insufficient_funds", "There is not enough money on the card."),
}
CARDS = ("tok_success", "tok_declined", "tok_insufficient_funds")
"""Cards that a payer may choose on the bank's own page, where no token was given."""
_PAGES = {"sbp": "tok_3ds", "card": "tok_page"}
_INVALID = ("failed", "invalid_token", "The provider does not know this token.")
_LATE = {"tok_late_success": "succeeded", "tok_late_failure": "failed"}
LATE_S = 1.0
_WEBHOOKS = {
    ("charge", "processing"): "payment.processing",
    ("charge", "authorized"): "payment.authorized",
    ("charge", "succeeded"): "payment.completed",
    ("charge", "failed"): "payment.failed",
    ("refund", "succeeded"): "refund.succeeded",
    ("refund", "failed"): "refund.failed",
    ("dispute", "open"): "dispute.opened",
    ("dispute", "won"): "dispute.won",
    ("dispute", "lost"): "dispute.lost",
}
_NOT_DECIDED = ("requires_action", "authorized")


@dataclass(frozen=True)
class Webhook:
    """A message that waits to be delivered."""

    copy: int
    id: str
    body: str
    attempts: int


class Store:
    """All movements by kind and Idempotency-Key. One process writes it; each change is one commit."""

    def __init__(self, path: Path, faults: FaultScript | None = None) -> None:
        self.faults = faults or FaultScript()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._forget_old_shape()
        self._db.executescript(_SCHEMA)

    def _forget_old_shape(self) -> None:
        """A store of an earlier version is put aside: it is a test bank's, and starts anew."""
        columns = {row["name"] for row in self._db.execute("PRAGMA table_info(movement)")}
        if columns and "later_at" not in columns:
            self._db.executescript("DROP TABLE movement; DROP TABLE webhook; DROP TABLE fault;")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # Charges -----------------------------------------------------------------------------------------------------
    def charge(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Take money once per key. Raises Refusal: 400, 422 (key used for other money), 503 (a fault on purpose)."""
        amount, currency = _amount(body), str(body.get("currency") or "")
        token = str(body.get("token") or _PAGES.get(str(body.get("method")), ""))
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            known = self._find("charge", key)
            if known is not None:
                return _same(known, amount, currency)
            self._maybe_fail(key, token)
            status, code, detail = _TOKENS.get(token, _INVALID)
            taken = "authorized" if body.get("capture") is False else "succeeded"
            status = taken if status == "succeeded" else status
            later = (LATE_S, _LATE[token]) if token in _LATE else self.faults.postpone(status)
            row = self._add(
                kind="charge", key=key, reference=str(body.get("payment_id") or ""), amount=amount,
                currency=currency, token=token, status=status, failure_code=code, failure_detail=detail,
                return_url=str(body.get("return_url") or ""), later=later,
            )  # fmt: skip
            if status == "requires_action":
                row = self._remember_end(row, taken)
            if token != "tok_timeout":
                self._announce(row)
            return row

    def _remember_end(self, row: dict[str, Any], status: str) -> dict[str, Any]:
        """Keep how a charge ends that its buyer confirms: taken, or only authorised."""
        self._db.execute("UPDATE movement SET later_status = ? WHERE id = ?", (status, row["id"]))
        return row | {"later_status": status}

    def capture(self, key: str) -> dict[str, Any]:
        """Take the money of an authorised charge; one already taken is answered as it is."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            row = self._find("charge", key)
            if row is None or row["status"] not in ("authorized", "succeeded"):
                raise Refusal(400, "not_authorized", "There is no such charge to capture.")
            return self._end(row, "succeeded", "", "") if row["status"] == "authorized" else row

    def _maybe_fail(self, key: str, token: str) -> None:
        """Count a fault of `tok_flaky` and commit the count, so that a restart does not forget it."""
        if token != "tok_flaky":
            return
        self._db.execute("INSERT INTO fault VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET count = count + 1", (key,))
        (count,) = self._db.execute("SELECT count FROM fault WHERE key = ?", (key,)).fetchone()
        if count <= FLAKY_TRIES:
            self._db.execute("COMMIT")
            raise Refusal(503, "unavailable", "The provider is having a bad moment.")

    def find(self, kind: str, key: str) -> dict[str, Any] | None:
        """The movement under a key; a confirmation that nobody gave in time has failed by then."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            return self._find(kind, key)

    def find_by_id(self, charge_id: str) -> dict[str, Any] | None:
        """A charge by the provider's own id."""
        found = self._db.execute("SELECT key FROM movement WHERE kind = 'charge' AND id = ?", (charge_id,)).fetchone()
        return self.find("charge", found["key"]) if found else None

    def _find(self, kind: str, key: str) -> dict[str, Any] | None:
        found = self._db.execute("SELECT * FROM movement WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        if found is None:
            return None
        row = dict(found)
        if row["status"] == "requires_action" and row["created_at"] + ACTION_SECONDS < time.time():
            row = self._end(row, "failed", "authentication_expired", "The buyer did not confirm in time.")
        if row["status"] == "processing" and row["later_at"] <= time.time():
            is_failed = row["later_status"] == "failed"
            code = row["failure_code"] or "bank_refused"
            detail = row["failure_detail"] or "The bank refused after all."
            row = self._end(row, row["later_status"], code if is_failed else "", detail if is_failed else "")
        return row

    def decide_late(self) -> int:
        """Decide what was left open and has come due; return how many movements that were."""
        due = self._db.execute(
            "SELECT kind, key FROM movement WHERE status = 'processing' AND later_at <= ? LIMIT 200", (time.time(),)
        ).fetchall()
        for row in due:
            self.find(row["kind"], row["key"])
        return len(due)

    def confirm(self, charge_id: str, *, is_confirmed: bool, card: str = "tok_success") -> dict[str, Any]:
        """The buyer's answer on the bank's page; only the first one counts. `card` is one of CARDS."""
        known = self.find_by_id(charge_id)
        if known is None:
            raise Refusal(404, "not_found", "There is no such charge.")
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            row = self._find("charge", known["key"]) or known
            if row["status"] != "requires_action":
                return row
            if is_confirmed:
                status, code, detail = _TOKENS[card] if card in CARDS else _INVALID
                return self._end(row, row["later_status"] if status == "succeeded" else status, code, detail)
            return self._end(row, "failed", "authentication_failed", "The buyer did not confirm the payment.")

    def cancel(self, key: str) -> dict[str, Any]:
        """Call a charge off if it has not ended; one that is not known yet will be refused when it comes."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            row = self._find("charge", key)
            if row is None:
                return self._add(kind="charge", key=key, status="cancelled", failure_code="cancelled")
            if row["status"] in _NOT_DECIDED:
                return self._end(row, "cancelled", "cancelled", "The payment was called off.")
            return row

    # Refunds -----------------------------------------------------------------------------------------------------
    def refund(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Give money back once per key, never more than was taken."""
        amount, currency = _amount(body), str(body.get("currency") or "")
        charge_key = str(body.get("charge_key") or "")
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            known = self._find("refund", key)
            if known is not None:
                return _same(known, amount, currency)
            charge = self._find("charge", charge_key)
            if charge is None or charge["currency"] != currency:
                raise Refusal(400, "invalid_charge", "There is no such charge in this currency.")
            code, detail = self._why_not(charge, Decimal(amount))
            status = "failed" if code else "succeeded"
            later = self.faults.postpone(status)
            if charge["token"] == "tok_refund_late_fails" and not self._list_refunds(charge):
                later = (0.0, "failed")
            row = self._add(
                kind="refund", key=key, charge_key=charge_key, reference=str(body.get("refund_id") or ""),
                amount=amount, currency=currency, status=status, failure_code=code, failure_detail=detail, later=later,
            )  # fmt: skip
            self._announce(row)
            return row

    def payout(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Pay somebody, once per key."""
        amount, currency = _amount(body), str(body.get("currency") or "")
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            known = self._find("payout", key)
            if known is not None:
                return _same(known, amount, currency)
            return self._add(
                kind="payout", key=key, reference=str(body.get("payout_id") or ""), amount=amount, currency=currency,
                status="succeeded",
            )  # fmt: skip

    def dispute(self, charge_id: str, status: str) -> dict[str, Any]:
        """The buyer's bank disputes a charge (`open`), or has decided (`won` by the shop, `lost`)."""
        charge = self.find_by_id(charge_id)
        if charge is None or charge["status"] != "succeeded" or status not in ("open", "won", "lost"):
            raise Refusal(400, "invalid_dispute", "There is nothing to dispute, or no such decision.")
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            known = self._find("dispute", charge_id)
            if known is None:
                known = self._add(
                    kind="dispute", key=charge_id, charge_key=charge["key"], amount=charge["amount"],
                    currency=charge["currency"], status="open",
                )  # fmt: skip
                self._announce(known)
            return known if status == known["status"] else self._end(known, status, "", "")

    def _list_refunds(self, charge: dict[str, Any]) -> list[sqlite3.Row]:
        return self._db.execute(
            "SELECT status, amount FROM movement WHERE kind = 'refund' AND charge_key = ?", (charge["key"],)
        ).fetchall()

    def _why_not(self, charge: dict[str, Any], amount: Decimal) -> tuple[str, str]:
        earlier = self._list_refunds(charge)
        if charge["token"] == "tok_refund_fails" and not earlier:
            return "refund_refused", "The bank refused the refund."
        gone = sum((Decimal(row["amount"]) for row in earlier if row["status"] != "failed"), Decimal(0))
        if charge["status"] != "succeeded" or gone + amount > Decimal(charge["amount"]):
            return "amount_too_large", "More than was taken."
        return "", ""

    # The store itself ---------------------------------------------------------------------------------------------
    def page(self, after: int, limit: int) -> dict[str, Any]:
        """Movements after a sequence number, oldest first, and where the next page begins."""
        rows = self._db.execute("SELECT * FROM movement WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)).fetchall()
        return {
            "rows": [shown(dict(row)) for row in rows],
            "next": rows[-1]["seq"] if len(rows) == limit else None,
        }

    def _add(self, *, later: tuple[float, str] | None = None, **values: Any) -> dict[str, Any]:
        values |= {"id": f"sbx_{uuid.uuid4().hex}", "created_at": time.time()}
        if later is not None:
            seconds, status = later
            values |= {"status": "processing", "later_at": time.time() + seconds, "later_status": status}
        columns = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        self._db.execute(f"INSERT INTO movement ({columns}) VALUES ({marks})", tuple(values.values()))
        return dict(self._db.execute("SELECT * FROM movement WHERE id = ?", (values["id"],)).fetchone())

    def _end(self, row: dict[str, Any], status: str, code: str, detail: str) -> dict[str, Any]:
        self._db.execute(
            "UPDATE movement SET status = ?, failure_code = ?, failure_detail = ? WHERE id = ?",
            (status, code, detail, row["id"]),
        )
        row = row | {"status": status, "failure_code": code, "failure_detail": detail}
        self._announce(row)
        return row

    # Webhooks ----------------------------------------------------------------------------------------------------
    def _announce(self, row: dict[str, Any]) -> None:
        kind = _WEBHOOKS.get((row["kind"], row["status"]))
        if kind is None:
            return
        event_id = f"evt_{uuid.uuid4().hex}"
        message = {
            "id": event_id,
            "type": kind,
            "created_at": datetime.now(UTC).isoformat(),
            "data": self._told(row),
        }
        for delay in self.faults.webhook_delays():
            self._db.execute(
                "INSERT INTO webhook (id, body, next_at) VALUES (?, ?, ?)",
                (event_id, json.dumps(message), time.time() + delay),
            )

    def _told(self, row: dict[str, Any]) -> dict[str, str]:
        charge = row if row["kind"] == "charge" else self._get_charge(row)
        data = {
            "payment_id": charge["reference"],
            "amount": row["amount"],
            "currency": row["currency"],
            "charge_id": charge["id"],
            "failure_code": row["failure_code"],
            "failure_detail": row["failure_detail"],
        }
        if row["kind"] == "refund":
            data |= {"refund_id": row["reference"], "provider_refund_id": row["id"]}
        return data | ({"dispute_id": row["id"]} if row["kind"] == "dispute" else {})

    def _get_charge(self, row: dict[str, Any]) -> dict[str, Any]:
        found = self._db.execute(
            "SELECT * FROM movement WHERE kind = 'charge' AND key = ?", (row["charge_key"],)
        ).fetchone()
        return dict(found)

    def due_webhooks(self, limit: int = 20) -> list[Webhook]:
        """Messages to send now."""
        rows = self._db.execute(
            """SELECT copy, id, body, attempts FROM webhook
               WHERE delivered_at IS NULL AND next_at <= ? AND attempts < ? ORDER BY next_at LIMIT ?""",
            (time.time(), MAX_WEBHOOK_ATTEMPTS, limit),
        ).fetchall()
        return [Webhook(*row) for row in rows]

    def mark_sent(self, webhook: Webhook, *, is_delivered: bool) -> None:
        """Record a delivery, or when to try again: a second later, then ever less often, up to an hour."""
        now = time.time()
        self._db.execute(
            "UPDATE webhook SET attempts = attempts + 1, delivered_at = ?, next_at = ? WHERE copy = ?",
            (now if is_delivered else None, now + min(3600.0, 2.0**webhook.attempts), webhook.copy),
        )


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return what the API tells of a movement: everything but the token."""
    hidden = {"seq", "token", "return_url", "later_at", "later_status"}
    return {name: value for name, value in row.items() if name not in hidden and value is not None}


def _amount(body: dict[str, Any]) -> str:
    try:
        amount = Decimal(str(body.get("amount")))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise Refusal(400, "invalid_amount", "The amount must be above zero.")
    return f"{amount:.2f}"


def _same(row: dict[str, Any], amount: str, currency: str) -> dict[str, Any]:
    if row["amount"] is not None and (row["amount"], row["currency"]) != (amount, currency):
        raise Refusal(422, "key_reused", "This Idempotency-Key was used for other money.")
    return row
