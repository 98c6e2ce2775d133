"""The product's roles as processes that a test starts, stops, arms with failpoints and kills one by one."""

import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx2
import psycopg
import redis
from psycopg import sql

from config.databases import APPS, STORES
from devtools.embedded import Embedded
from devtools.supervisor import Child, Program
from messaging.delivery.queues import external_queue, get_queue_name
from tests.product import ROOT, Product, _children

CELERY = ("-m", "celery", "-q", "-A", "config")
WORKER = (*CELERY, "worker", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")
ROLES: dict[str, tuple[str, ...]] = {
    "web": ("-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--lifespan", "off",
            "--timeout-graceful-shutdown", "2", "--no-access-log", "--no-proxy-headers", "--log-level", "warning"),
    "sandbox": ("manage.py", "run_sandbox"),
    "sms": ("manage.py", "run_sms"),
    "relay": ("manage.py", "relay"),
    "worker": (*WORKER, "-Q", ",".join(map(get_queue_name, APPS))),
    "external": (*WORKER, "-c", "4", "-Q", ",".join(map(external_queue, APPS))),
    "beat": (*CELERY, "beat", "--pidfile=", "-l", "WARNING"),
}  # fmt: skip
USUAL = ("web", "sandbox", "sms", "relay", "worker", "external")
PROVIDER_TIMEOUT_S = 3
BEATEN_S = 13
"""So old a heartbeat of a relay that sweeps may be: it beats every 10 s at least, in each database by itself."""
NOWHERE = "http://127.0.0.1:9"
"""A public address at which nobody answers: a provider that is told it delivers no webhooks."""


class Roles(Product):
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
        self.ports = {"web": self.port}
        self.restarts: dict[str, int] = {}

    # Life ------------------------------------------------------------------------------------------------------------
    def start(self) -> Self:
        """Servers, tables, all usual roles."""
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        self._failpoints.mkdir(parents=True, exist_ok=True)
        self.servers.start(fsync=False)
        self.servers.create_databases([f"autosalon_{app}" for app in STORES])
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
        self.servers.stop()
        super().stop()

    def run(self, role: str, *, mutant: str = "", **env: str) -> None:
        """Start a role; `mutant` names the sabotage it runs with."""
        self.end(role)
        kind = role.partition("-")[0]
        command = (sys.executable, *_sabotaged(self.words(role, kind), mutant))
        if kind == "web":
            command += ("--port", str(self.ports[role]))
        if kind in ("worker", "external"):
            command += ("-n", f"{role}@chaos")
        if kind == "beat":
            command += ("-s", str(self.folder / "run" / role))
        # Each piece of news is to be found in the mailbox by its own id; a release before ours knows no such setting.
        ours = {"AUTOSALON_MAIL_GATHER_SECONDS": "0"} if self.home(role) == ROOT else {}
        environment = self.env | {"AUTOSALON_FAILPOINTS": f"@{self._failpoints / role}.armed"} | ours | env
        with contextlib.chdir(self.home(role)):
            child = Child(Program(role, command), self.folder / "logs", environment)
            child.start()
        self.roles[role] = child

    def home(self, role: str) -> Path:
        """The checkout whose code a role runs."""
        return ROOT

    def words(self, role: str, kind: str) -> tuple[str, ...]:
        """The command line that the role's code is started by."""
        return ROLES[kind]

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
                with contextlib.chdir(self.home(role)):
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
            self.wait(lambda: httpx2.get(sms).is_success, seconds, "the SMS sandbox does not answer")
        if "relay" in self.roles:
            self.wait(self._relay_beats, seconds, "the relay does not sweep")
        for role in {"worker", "external"} & self.roles.keys():
            self.wait(lambda role=role: len(self.pool(role)) >= 2, seconds, f"{role} has no pool")

    def _relay_beats(self) -> bool:
        recent = "SELECT count(*) FROM messaging_heartbeat WHERE role = 'sweep' AND beat_at > now() - interval '%s s'"
        return all(self.one(app, recent % BEATEN_S) for app in APPS)

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
        """Tell whether a process has come to an armed place that often."""
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

    def rows(self, app: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement in one app's database."""
        with psycopg.connect(self.servers.postgres_url(f"autosalon_{app}"), autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def one(self, app: str, query: str, *parameters: Any) -> Any:
        """The first value of a statement's answer."""
        found = self.rows(app, query, *parameters)
        return found[0][0] if found else None


def _database(app: str) -> sql.Identifier:
    return sql.Identifier(f"autosalon_{app}")


def _sabotaged(command: tuple[str, ...], mutant: str) -> tuple[str, ...]:
    return ("-m", "tests.chaos.mutants", mutant, *command) if mutant else command
