"""A running product that a test can look into and buy from, whatever has just been killed."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2

from config.databases import APPS
from core.ids import uuid7
from messaging.outbox import CHANNEL
from tests.chaos.roles import Roles
from tests.product import ROOT

_UNDER_WAY = """
SELECT (SELECT count(*) FROM messaging_outbox WHERE position IS NULL)
     + (SELECT count(*) FROM messaging_inbox WHERE status = 0 AND next_at < '9999-01-01')
     + (SELECT count(*) FROM messaging_external_call WHERE state IN ('new', 'sent', 'unknown'))
"""


_STILL_MOVING = """
SELECT handler || ' ' || type, lane, attempts, next_at - now(), last_error FROM messaging_inbox
WHERE status = 0 AND next_at < '9999-01-01'
UNION ALL
SELECT operation || ' ' || state, key, attempts, greatest(next_at, lease_until) - now(), last_error
FROM messaging_external_call WHERE state IN ('new', 'sent', 'unknown')
LIMIT 10
"""


class Rig(Roles):
    """Rig of roles, databases and the sandbox's store, with the requests a buyer repeats until answered."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._books: subprocess.Popen[str] | None = None

    def stop(self) -> None:
        """Kill everything and delete the folder."""
        if self._books is not None:
            self._books.kill()
            self._books.wait()
        super().stop()

    # Looking ---------------------------------------------------------------------------------------------------------
    def under_way(self) -> int:
        """Events, deliveries and calls that still move."""
        return sum(self.one(app, _UNDER_WAY) for app in APPS) + len(self.behind())

    def behind(self) -> list[tuple[str, str, str]]:
        """(app, source, handler) of every cursor that stands behind its source's head."""
        heads = {app: self.one(app, "SELECT position FROM messaging_feed_head") or 0 for app in APPS}
        cursors = "SELECT source, handler, position FROM messaging_inbox_cursor WHERE NOT is_paused"
        return [
            (app, source, handler)
            for app in APPS
            for source, handler, position in self.rows(app, cursors)
            if position < heads[source]
        ]

    def settle(self, seconds: float = 60, *, hurry: bool = False) -> None:
        """Wait until nothing moves any more; `hurry` lets the waits of interrupted calls pass at once."""

        def is_quiet() -> bool:
            if hurry:
                for app in ("payments", "notifications"):
                    self.forget_leases(app)
            return self.under_way() == 0

        try:
            self.wait(is_quiet, seconds, "something still moves")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.still_moving()}") from error

    def still_moving(self) -> list[Any]:
        """List what waits, for whom, how often it was tried, when it is tried next and why it failed; for messages."""
        rows = [(app, *row) for app in APPS for row in self.rows(app, _STILL_MOVING)]
        return [(*row[:4], str(row[4]), str(row[5])[-500:]) for row in rows] + self.behind()

    def charges(self, order_id: str) -> list[tuple[str, str]]:
        """(kind, status) of all that the sandbox's own store says of an order, without refusals."""
        payments = [
            str(row[0])
            for row in self.rows("payments", "SELECT id FROM payments_payment WHERE order_id = %s", order_id)
        ]
        refunds = [
            str(row[0]) for row in self.rows("payments", "SELECT id FROM payments_refund WHERE order_id = %s", order_id)
        ]
        with contextlib.closing(sqlite3.connect(self.folder / "sandbox" / "book.sqlite3", timeout=5)) as store:
            marks = ",".join("?" * len(payments + refunds)) or "''"
            return store.execute(
                f"SELECT kind, status FROM movement WHERE reference IN ({marks}) ORDER BY seq", payments + refunds
            ).fetchall()

    def forget_leases(self, app: str = "payments") -> None:
        """Let the time pass in which a dead executor's call is left alone."""
        self.rows(
            app,
            """UPDATE messaging_external_call SET lease_until = NULL, next_at = now()
               WHERE state IN ('new', 'sent', 'unknown') AND finished_at IS NULL""",
        )

    def rewind(self, app: str, handler: str) -> None:
        """Let a handler's log be read again from its beginning, as a replay does."""
        back = "UPDATE messaging_inbox_cursor SET position = 0 WHERE handler = %s RETURNING source"
        for (source,) in self.rows(app, back, handler):
            self.rows(source, f"NOTIFY {CHANNEL}")

    def check_books(self) -> dict[str, Any]:
        """Return what `check_books --json` says, from a process kept for it: a fresh one takes seconds to start."""
        if self._books is None or self._books.poll() is not None:
            command = [sys.executable, "-m", "tests.chaos.bookkeeper"]
            self._books = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._books.stdin is not None
        assert self._books.stdout is not None
        self._books.stdin.write("check\n")
        self._books.stdin.flush()
        answer: dict[str, Any] = json.loads(self._books.stdout.readline())
        return answer

    # Buying ----------------------------------------------------------------------------------------------------------
    def place(self, product_id: str, token: str, *, card: str = "tok_success", key: str = "", **more: Any) -> str:
        """Order with one Idempotency-Key until it is answered; return the order's id."""
        key = key or str(uuid7())
        body = {
            "items": [{"product_id": product_id, "quantity": 1}],
            "payment": {"method": "card", "token": card},
        } | more

        said = ["nothing"]

        def attempt() -> str | None:
            answer = self.post("/orders", token, body, key)
            if answer.status_code == 201:
                return str(answer.json()["id"])
            said[0] = f"{answer.status_code} {answer.text[:500]}"
            assert answer.status_code >= 500 or answer.json()["code"] in _LATER, answer.text
            return None

        try:
            found: str = self.wait(attempt, 60, "no order is taken")
        except AssertionError as error:
            raise AssertionError(f"{error}: the last answer was {said[0]}") from error
        return found

    def new_vehicle(self, stock: int = 1) -> str:
        """A new vehicle, asked for until it is there: right after a database crashed a request may be refused."""
        body = {
            "sku": f"T-{uuid7()}", "name": "Lada Vesta", "kind": "vehicle", "price": "1500000.00", "stock": stock,
            "make": "Lada", "model": "Vesta", "year": 2026, "condition": "new", "mileage": 0,
        }  # fmt: skip
        manager, key = self.token(None, "manager"), str(uuid7())

        def attempt() -> str | None:
            answer = self.post("/products", manager, body, key)
            assert answer.status_code == 201 or answer.status_code >= 500, answer.text
            return str(answer.json()["id"]) if answer.is_success else None

        found: str = self.wait(attempt, 60, "no vehicle can be made")
        return found

    def known_vehicle(self) -> str:
        """A new vehicle that orders has heard of."""
        vehicle = self.new_vehicle()
        heard = "SELECT 1 FROM orders_productcopy WHERE product_id = %s"
        self.wait(lambda: self.one("orders", heard, vehicle), 30, "orders never heard of the vehicle")
        return vehicle

    def reader(self, number: int) -> str:
        """A person with an e-mail and a phone who wants SMS of orders and payments too; return their id."""
        admin, mark = self.token(None, "admin"), uuid7().hex
        person = {
            "email": f"{mark}@example.com", "password": "correct horse 42 staple", "full_name": "Anna",
            "phone": f"+7900{number:07d}",
        }  # fmt: skip
        made = self.post("/users", admin, person)
        assert made.status_code == 201, made.text
        wishes = [{"kind": kind, "sms": True} for kind in ("order.status_changed", "payment.completed")]
        answer = self.call(
            "PUT", "/notifications/preferences", token=self.token(made.json()["id"]), json={"preferences": wishes}
        )
        assert answer.status_code == 200, answer.text
        return str(made.json()["id"])

    def cancel(self, order_id: str) -> None:
        """Cancel an order as a manager, however often it takes; another one agrees to what is paid already."""
        manager, second = self.token(None, "manager"), self.token(None, "manager")

        def attempt() -> bool:
            answer = self.post(f"/orders/{order_id}/cancel", manager, {"reason": "changed my mind"})
            if answer.status_code == 202:
                answer = self.post(f"/approvals/{answer.json()['approval']['id']}/approve", second, {})
            if answer.is_success or self.order(order_id, manager)["status"] in ("cancelled", "refunded"):
                return True
            assert answer.status_code >= 500, answer.text
            return False

        self.wait(attempt, 60, f"order {order_id} cannot be cancelled")

    def post(self, path: str, token: str, body: dict[str, Any], key: str = "") -> httpx2.Response:
        """One POST on a connection of its own, so that a dead server costs this request only."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or str(uuid7())}
        return httpx2.post(
            f"http://127.0.0.1:{self.port}/api/v1{path}", json=body, headers=headers, timeout=30, trust_env=False
        )

    def ended(self, order_id: str, token: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until the order's checkout is over."""

        def look() -> dict[str, Any] | None:
            order = self.order(order_id, token)
            return order if order.get("saga", {}).get("state") in ("completed", "compensated") else None

        found: dict[str, Any] = self.wait(look, seconds, f"order {order_id} does not end")
        return found


_LATER = {"product_not_ready", "idempotency_key_in_use", "unavailable"}
