"""The product's roles as processes that a test starts, stops, arms with failpoints and kills one by one."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import redis
from psycopg import sql

from config.databases import APPS
from config.embedded import Embedded
from config.supervisor import Child, Program
from core.ids import uuid7
from tests.product import ROOT, Product, _children

CELERY = ("-m", "celery", "-q", "-A", "config")
WORKER = (*CELERY, "worker", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")
ROLES: dict[str, tuple[str, ...]] = {
    "web": ("-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--lifespan", "off",
            "--timeout-graceful-shutdown", "2", "--no-access-log", "--log-level", "warning"),
    "sandbox": ("manage.py", "run_sandbox"),
    "sms": ("manage.py", "run_sms"),
    "relay": ("manage.py", "relay"),
    "worker": (*WORKER, "-Q", ",".join(f"q.{app}" for app in APPS), "-n", "apps@chaos"),
    "external": (*WORKER, "-Q", "q.external", "-n", "external@chaos"),
    "beat": (*CELERY, "beat", "--pidfile=", "-l", "WARNING"),
}  # fmt: skip
USUAL = ("web", "sandbox", "sms", "relay", "worker", "external")
PROVIDER_TIMEOUT_S = 3
NOWHERE = "http://127.0.0.1:9"
"""A public address at which nobody answers: a provider that is told it delivers no webhooks."""

_UNDER_WAY = """
SELECT (SELECT count(*) FROM messaging_outbox WHERE position IS NULL)
     + (SELECT count(*) FROM messaging_inbox WHERE status = 0 AND next_at < '9999-01-01')
     + (SELECT count(*) FROM messaging_external_call WHERE state IN ('new', 'sent', 'unknown'))
"""


class Rig(Product):
    """Servers, databases without demo data, and roles; what dies is started again whenever something is waited for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.env |= {
            "AUTOSALON_PROVIDER_TIMEOUT_S": str(PROVIDER_TIMEOUT_S),
            "AUTOSALON_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
        }
        self.servers = Embedded(folder)
        self.roles: dict[str, Child] = {}
        self.restarts: dict[str, int] = {}
        self._books: subprocess.Popen[str] | None = None

    # Life ------------------------------------------------------------------------------------------------------------
    def start(self) -> "Rig":
        """Servers, tables, all usual roles."""
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        self._failpoints.mkdir(parents=True, exist_ok=True)
        self.servers.start(fsync=False)
        self.servers.create_databases([f"autosalon_{app}" for app in APPS])
        done = self.manage("migrate_all")
        assert done.returncode == 0, done.stdout + done.stderr
        for role in USUAL:
            self.run(role)
        self.ready(120)
        return self

    def stop(self) -> None:
        """Kill everything and delete the folder."""
        for role in list(self.roles):
            self.end(role)
        if self._books is not None:
            self._books.kill()
            self._books.wait()
        self.servers.stop()
        super().stop()

    def run(self, role: str, *, mutant: str = "", **env: str) -> None:
        """Start a role; `mutant` names the sabotage it runs with."""
        self.end(role)
        kind = role.partition("-")[0]
        command = (sys.executable, *_sabotaged(ROLES[kind], mutant))
        if kind == "web":
            command += ("--port", str(self.port))
        if kind == "beat":
            command += ("-s", str(self.folder / "run" / role))
        environment = self.env | {"AUTOSALON_FAILPOINTS": f"@{self._failpoints / role}.armed"} | env
        with contextlib.chdir(ROOT):
            child = Child(Program(role, command), self.folder / "logs", environment)
            child.start()
        self.roles[role] = child

    def end(self, role: str) -> None:
        """Kill a role with all its processes and leave it down."""
        child = self.roles.pop(role, None)
        if child is not None and child.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.process.pid, signal.SIGCONT)
            child.kill_group()
            child.process.wait()

    def tend(self) -> None:
        """Start again what has died, as a supervisor would. From the main thread only: children die with theirs."""
        for role, child in list(self.roles.items()):
            if not child.alive():
                child.bury()
                with contextlib.chdir(ROOT):
                    child.start()
                self.restarts[role] = self.restarts.get(role, 0) + 1

    def wait(self, condition: Callable[[], Any], seconds: float, what: str, *, tend: bool = True) -> Any:
        """Poll until `condition()` is true, tending the roles meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if tend:
                self.tend()
            with contextlib.suppress(httpx2.HTTPError, psycopg.OperationalError, sqlite3.OperationalError):
                found = condition()
                if found:
                    return found
            time.sleep(0.03)
        raise AssertionError(f"{what}: not within {seconds} s")

    def ready(self, seconds: float = 60) -> None:
        """Wait until web, sandbox and relay answer, and both workers take tasks."""
        self.wait(lambda: self.http.get("/products").status_code == 200, seconds, "the web process does not answer")
        sandbox = f"http://127.0.0.1:{self.sandbox_port}/health"
        if "sandbox" in self.roles:
            self.wait(lambda: httpx2.get(sandbox).is_success, seconds, "the sandbox does not answer")
        if "sms" in self.roles:
            sms = f"http://127.0.0.1:{self.sms_port}/health"
            self.wait(lambda: httpx2.get(sms).is_success, seconds, "the SMS twin does not answer")
        if "relay" in self.roles:
            self.wait(self._relay_beats, seconds, "the relay does not sweep")
        for role in {"worker", "external"} & self.roles.keys():
            self.wait(lambda role=role: len(self.pool(role)) == 2, seconds, f"{role} has no pool")

    def _relay_beats(self) -> bool:
        recent = "SELECT count(*) FROM messaging_heartbeat WHERE role = 'sweep' AND beat_at > now() - interval '2 s'"
        return all(self.one(app, recent) for app in APPS)

    def main(self, role: str) -> int:
        """Process id of a role's main process."""
        process = self.roles[role].process
        assert process is not None
        return process.pid

    def pool(self, role: str) -> list[int]:
        """Process ids of a worker's pool."""
        child = self.roles.get(role)
        return _children(child.process.pid) if child and child.process else []

    # Faults ----------------------------------------------------------------------------------------------------------
    @property
    def _failpoints(self) -> Path:
        return self.folder / "run" / "failpoints"

    def arm(self, role: str, faults: str) -> None:
        """Give a role its failpoints; every count begins anew."""
        self.disarm()
        fresh = self._failpoints / f"{role}.new"
        fresh.write_text(faults)
        fresh.replace(self._failpoints / f"{role}.armed")

    def disarm(self) -> None:
        """Take all failpoints and counts away."""
        for file in self._failpoints.iterdir():
            file.unlink(missing_ok=True)

    def struck(self, place: str, times: int = 1) -> bool:
        """Whether a process has come to an armed place that often."""
        return (self._failpoints / f"{place}@{times}").exists()

    def await_strike(self, place: str, seconds: float = 30, times: int = 1) -> None:
        """Wait until an armed place has been reached."""
        self.wait(lambda: self.struck(place, times), seconds, f"nothing comes to {place}")

    def crash_postgres(self) -> None:
        """Kill PostgreSQL as a crash of its machine would end it, without a word, and let it recover."""
        self.stop_postgres()
        self.servers.start(valkey=False, fsync=False)

    def stop_postgres(self) -> None:
        pid = self.servers.postgres_pid()
        if pid is not None:
            os.kill(pid, signal.SIGQUIT)
            self.wait(lambda: self.servers.postgres_pid() is None, 20, "PostgreSQL does not die", tend=False)

    def crash_valkey(self) -> None:
        """Kill Valkey and start it again."""
        self.stop_valkey()
        self.servers.start(postgres=False)

    def stop_valkey(self) -> None:
        pid = self.servers.valkey_pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.wait(lambda: self.servers.valkey_pid() is None, 20, "Valkey does not die", tend=False)

    def valkey(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.servers.redis_socket))

    def block(self, app: str) -> None:
        """Make one app's database dead for everybody."""
        with self._admin() as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(_database(app)))
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [f"autosalon_{app}"]
            )

    def unblock(self, app: str) -> None:
        """Bring a blocked database back."""
        with self._admin() as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(_database(app)))

    @contextlib.contextmanager
    def without(self, app: str) -> Iterator[None]:
        """One app's database is away for the block."""
        self.block(app)
        try:
            yield
        finally:
            self.unblock(app)

    def _admin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.servers.postgres_url("postgres"), autocommit=True)

    # Looking ---------------------------------------------------------------------------------------------------------
    def rows(self, app: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement in one app's database."""
        with psycopg.connect(self.servers.postgres_url(f"autosalon_{app}"), autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def one(self, app: str, query: str, *parameters: Any) -> Any:
        """The first value of a statement's answer."""
        found = self.rows(app, query, *parameters)
        return found[0][0] if found else None

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

        self.wait(is_quiet, seconds, "something still moves")

    def charges(self, order_id: str) -> list[tuple[str, str]]:
        """(kind, status) of all that the sandbox's own book says of an order, without refusals."""
        payments = [
            str(row[0])
            for row in self.rows("payments", "SELECT id FROM payments_payment WHERE order_id = %s", order_id)
        ]
        refunds = [
            str(row[0]) for row in self.rows("payments", "SELECT id FROM payments_refund WHERE order_id = %s", order_id)
        ]
        with contextlib.closing(sqlite3.connect(self.folder / "sandbox" / "book.sqlite3", timeout=5)) as book:
            marks = ",".join("?" * len(payments + refunds)) or "''"
            return book.execute(
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
        self.rows(app, "UPDATE messaging_inbox_cursor SET position = 0 WHERE handler = %s", handler)

    def check_books(self) -> dict[str, Any]:
        """What `check_books --json` says, from a process kept for it: a fresh one takes seconds to start."""
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

        def attempt() -> str | None:
            answer = self.post("/orders", token, body, key)
            if answer.status_code == 201:
                return str(answer.json()["id"])
            assert answer.status_code >= 500 or answer.json()["code"] in _LATER, answer.text
            return None

        found: str = self.wait(attempt, 60, "no order is taken")
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
        """Cancel an order as a manager, however often it takes."""
        manager = self.token(None, "manager")

        def attempt() -> bool:
            answer = self.post(f"/orders/{order_id}/cancel", manager, {"reason": "changed my mind"})
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


def _database(app: str) -> sql.Identifier:
    return sql.Identifier(f"autosalon_{app}")


def _sabotaged(command: tuple[str, ...], mutant: str) -> tuple[str, ...]:
    return ("-m", "tests.chaos.mutants", mutant, *command) if mutant else command
