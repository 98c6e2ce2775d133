"""Everything a working dealership needs, from one command: servers, databases, data, processes."""

import contextlib
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from config.environment import BASE_DIR
from config.management.commands.migrate_all import migrate_databases, pending
from config.management.commands.services import start_servers, wanted_servers
from config.processes.running import store_port
from devtools.embedded import EmbeddedError, explain
from devtools.supervisor import AlreadyRunning, Program, Supervisor
from messaging.delivery.queues import FORMER_EXTERNAL_QUEUE, external_queue, get_queue_name

FIRST_PAGE_SECONDS = 90
QUIET_SECONDS = 60
OUTSIDE_WORKERS = "6"
"""Two slow providers hold AUTOSALON_CALLS_PER_PROVIDER each; work queues and whoever is quick need the others."""
PAGES = {
    "Storefront": "/",
    "Admin": "/admin/",
    "API docs": "/api/docs/",
    "Health": "/health",
    "Live feed": "/ws/orders/",
}
DEMO_ACCOUNTS = ("client@example.com", "manager@example.com", "admin@example.com")
DEMO_PASSWORD = "autosalon-demo"


class Command(BaseCommand):
    """`manage.py up`: start everything, keep it alive, stop it all on Ctrl-C."""

    help = "Start servers, migrate, make demo data on the first run, and run web, relay, workers and beat."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--no-demo", action="store_true", help="make no demo data")
        parser.add_argument("--no-photographs", action="store_true", help="take no photographs of the demo's cars")
        parser.add_argument("--port", type=int, help="web port, instead of AUTOSALON_PORT (8000)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C or SIGTERM."""
        if options["port"] and options["port"] != settings.PORT:
            _start_over_with_port(options)
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, signal.default_int_handler)
        self.started_at = time.monotonic()
        self.embedded = settings.EMBEDDED
        try:
            self._run(demo=not options["no_demo"], photographs=not options["no_photographs"])
        except (EmbeddedError, DatabaseError) as error:
            raise CommandError(" ".join(str(error).split())) from None
        except OSError as error:
            raise CommandError(explain(error, self.embedded.data_dir)) from None

    def _run(self, *, demo: bool, photographs: bool) -> None:
        supervisor = Supervisor(self.embedded.data_dir, self._heal)
        try:
            supervisor.claim()
        except AlreadyRunning as error:
            raise CommandError(f"Autosalon already runs in this checkout (pid {error}): stop it first") from None
        supervisor.end_on(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        store_port(self.embedded.data_dir, settings.PORT)
        _check_ports()
        _count_together(self.embedded.data_dir)
        try:
            self._prepare(supervisor, demo=demo)
            supervisor.add([_web()])
            self._wait(supervisor)
            self._wait_for_quiet(supervisor)
            self._announce()
            if demo and photographs and settings.DEBUG and self._demo_mark.exists():
                supervisor.add([Program("photos", _manage("photograph_demo"), is_once=True)])
            supervisor.run()
        except KeyboardInterrupt:
            supervisor.say("stopping")
        finally:
            supervisor.stop()
            if any(wanted_servers().values()):
                supervisor.say("the servers write to disk what they hold in memory")
                self.embedded.stop()
        supervisor.say("stopped; everything is kept for the next start")

    def _heal(self) -> Mapping[str, int | None]:
        """Start an embedded server that died; return the pids."""
        status = self.embedded.status()
        dead = [name for name, needed in wanted_servers().items() if needed and not status[name]]
        if not dead:
            return status
        self.stdout.write(f"{' and '.join(dead)} died; starting again")
        try:
            self.embedded.start(**{name: name in dead for name in status})
        except EmbeddedError as error:
            self.stderr.write(str(error))
        return self.embedded.status()

    def _prepare(self, supervisor: Supervisor, *, demo: bool) -> None:
        """Servers, databases, tables, and the first run's data."""
        start_servers(self.embedded)
        supervisor.say(f"servers are up ({self._seconds()} s)")
        behind = pending()
        if behind:
            count = sum(done[1] for done in migrate_databases(behind))
            supervisor.say(f"{count} migrations in {len(behind)} databases ({self._seconds()} s)")
        if demo and self._demo_is_wanted():
            call_command("seed_demo")
            self._demo_mark.touch()
            supervisor.say(f"demo data made ({self._seconds()} s)")
        connections.close_all()

    @property
    def _demo_mark(self) -> Any:
        return self.embedded.data_dir / "demo-data-made"

    def _demo_is_wanted(self) -> bool:
        return settings.DEBUG and "seed_demo" in get_commands() and not self._demo_mark.exists()

    def _wait(self, supervisor: Supervisor) -> None:
        """Give the web process the machine until it answers, then start the rest, then wait for a healthy page."""
        deadline = time.monotonic() + FIRST_PAGE_SECONDS
        rest = _background_programs()
        while (status := _health_status()) != http.HTTPStatus.OK:
            if status and rest:
                supervisor.add(rest)
                rest = []
            if time.monotonic() > deadline:
                raise CommandError(f"no healthy page after {FIRST_PAGE_SECONDS} s: see {self.embedded.log_dir}/web.log")
            supervisor.tick()
            time.sleep(0.5 if status else 0)
        supervisor.add(rest)

    def _wait_for_quiet(self, supervisor: Supervisor) -> None:
        """A shop is open when every app has heard of what is in it: the first run's data travel as events."""
        from config import books

        deadline = time.monotonic() + QUIET_SECONDS
        while books.in_flight() and time.monotonic() < deadline:
            supervisor.tick()
            time.sleep(0.2)
        connections.close_all()

    def _seconds(self) -> str:
        return f"{time.monotonic() - self.started_at:.1f}"

    def _announce(self) -> None:
        from rich.console import Console
        from rich.panel import Panel
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        base = settings.PUBLIC_URL.rstrip("/")
        for name, path in PAGES.items():
            table.add_row(name, (base.replace("http", "ws", 1) if path.startswith("/ws") else base) + path)
        if settings.DEBUG and self._demo_mark.exists():
            table.add_row()
            for account in DEMO_ACCOUNTS:
                table.add_row(account.split("@")[0].title(), f"{account} / {DEMO_PASSWORD}")
        title = f"Autosalon is running (ready in {self._seconds()} s; Ctrl-C stops it)"
        Console(soft_wrap=True).print(Panel(table, title=title, expand=False))


def _count_together(data_dir: Path) -> None:
    """Have all processes keep their counts in one folder, so that /metrics tells of all of them; begin anew."""
    folder = Path(settings.METRICS_DIR or data_dir / "run" / "metrics")
    for file in folder.glob("*.db"):
        file.unlink()
    os.environ["AUTOSALON_METRICS_DIR"] = str(folder)


def _start_over_with_port(options: dict[str, Any]) -> None:
    """Settings are computed from the port, so a new one needs a new process."""
    os.environ["AUTOSALON_PORT"] = str(options["port"])
    refused = [f"--no-{name}" for name in ("demo", "photographs") if options[f"no_{name}"]]
    arguments = [str(BASE_DIR / "manage.py"), "up", *refused]
    os.execv(sys.executable, [sys.executable, *arguments])


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def _manage(*arguments: str) -> tuple[str, ...]:
    return _python(str(BASE_DIR / "manage.py"), *arguments)


def _web() -> Program:
    address = ("--host", "127.0.0.1", "--port", str(settings.PORT))
    flags = ["--lifespan", "off", "--timeout-graceful-shutdown", "10", "--no-access-log", "--log-level", "warning"]
    flags += ["--timeout-keep-alive", "75"]  # longer than clients and proxies keep one: who closes first is never asked
    flags += ["--ws-per-message-deflate", "false", "--ws-max-size", "65536"]  # small messages: packing costs memory
    return Program("web", _python("-m", "uvicorn", "config.asgi:application", *address, "--no-proxy-headers", *flags))


def _background_programs() -> list[Program]:
    """Everything but the web process: the provider's sandbox, relay, workers, clock; nothing where no app is served."""
    if not settings.SERVICES:
        return []
    queues = ",".join(map(get_queue_name, settings.SERVICES))
    external = ",".join([*map(external_queue, settings.SERVICES), FORMER_EXTERNAL_QUEUE])
    as_root_too = "ignore:You're running the worker with superuser privileges"
    celery = _python("-W", as_root_too, "-m", "celery", "-q", "-A", "config")
    worker = (*celery, "worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "INFO")
    ticks = str(settings.EMBEDDED.data_dir / "run" / "beat-ticks")
    programs = [
        Program("worker", (*worker, "-c", "2", "-Q", queues, "-n", "apps@%h")),
        Program("external", (*worker, "-c", OUTSIDE_WORKERS, "-Q", external, "-n", "external@%h")),
        Program("beat", (*celery, "beat", "-s", ticks, "--pidfile=", "-l", "INFO")),
    ]
    if settings.RELAY_MODE == "process" and "relay" in get_commands():
        programs.insert(0, Program("relay", _manage("relay")))
    sandboxes = [name for name, is_ours in SANDBOXES.items() if is_ours()]
    if sandboxes:
        programs.insert(0, Program("sandbox", _python("-m", "sandbox", *sandboxes)))
    return programs


def _sandbox_is_ours() -> bool:
    local = urlsplit(settings.SANDBOX_URL).hostname in {"127.0.0.1", "localhost"}
    return local and "run_sandbox" in get_commands()


def _insurers_are_ours() -> bool:
    local = urlsplit(settings.INSURERS_URL).hostname in {"127.0.0.1", "localhost"}
    return local and settings.DEBUG and "run_insurers" in get_commands()


def _banks_are_ours() -> bool:
    local = urlsplit(settings.BANKS_URL).hostname in {"127.0.0.1", "localhost"}
    return local and settings.DEBUG and "run_banks" in get_commands()


def _sms_is_ours() -> bool:
    local = urlsplit(settings.SMS_URL).hostname in {"127.0.0.1", "localhost"}
    return local and settings.DEBUG and "run_sms" in get_commands()


SANDBOXES = {
    "run_sandbox": _sandbox_is_ours,
    "run_insurers": _insurers_are_ours,
    "run_banks": _banks_are_ours,
    "run_sms": _sms_is_ours,
}
"""The companies outside that are played here, all by one process."""


def _check_ports() -> None:
    _check_port(settings.PORT, "AUTOSALON_PORT")
    if _sandbox_is_ours():
        _check_port(urlsplit(settings.SANDBOX_URL).port or 80, "AUTOSALON_SANDBOX_PORT")
    if _insurers_are_ours():
        _check_port(urlsplit(settings.INSURERS_URL).port or 80, "AUTOSALON_INSURERS_PORT")
    if _banks_are_ours():
        _check_port(urlsplit(settings.BANKS_URL).port or 80, "AUTOSALON_BANKS_PORT")
    if _sms_is_ours():
        _check_port(urlsplit(settings.SMS_URL).port or 80, "AUTOSALON_SMS_PORT")


def _check_port(port: int, variable: str) -> None:
    if not 0 < port < 65536:
        raise CommandError(f"{variable}={port} is not a port: choose 1024 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise CommandError(f"this user may not open port {port}: choose another with {variable}") from None
        except OSError:
            raise CommandError(
                f"port {port} is taken by another program: stop it, or choose another: {variable}={port + 10} make up"
            ) from None


def _health_status() -> int | None:
    """HTTP status of /health; None while nobody answers."""
    hosts = [host for host in settings.ALLOWED_HOSTS if "*" not in host] or [f"127.0.0.1:{settings.PORT}"]
    connection = http.client.HTTPConnection("127.0.0.1", settings.PORT, timeout=5)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/health", headers={"Host": hosts[0].lstrip(".")})
        return connection.getresponse().status
    return None
