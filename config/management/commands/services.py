"""The embedded PostgreSQL and Valkey alone: start, stop, status, reset."""

import shutil
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.databases import STORES
from config.declared.servers import Servers, database_url
from config.processes.running import supervisor_pid
from devtools.embedded import Embedded, EmbeddedError, explain, postgres_bin


def wanted_servers() -> dict[str, bool]:
    """List the servers that have to be embedded: those whose address the environment does not give."""
    return {
        "postgres": any(not database_url(app) for app in STORES if app in settings.DATABASES),
        "valkey": not Servers.REDIS_URL,
    }


def start_servers(embedded: Embedded) -> None:
    """Start the embedded servers this installation needs and create their databases. Raises EmbeddedError."""
    wanted = wanted_servers()
    if not any(wanted.values()):
        return
    embedded.start(**wanted)
    if wanted["postgres"]:
        ours = [db for db in settings.DATABASES.values() if db.get("HOST") == str(embedded.socket_dir)]
        embedded.create_databases([db["NAME"] for db in ours])


class Command(BaseCommand):
    """`manage.py services start|stop|status|reset`."""

    help = "Start, stop or show the embedded PostgreSQL and Valkey, or delete all they keep."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("action", choices=["start", "stop", "status", "reset"])
        parser.add_argument("--yes", action="store_true", help="reset without asking")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked, then show the state."""
        embedded: Embedded = settings.EMBEDDED
        action = options["action"]
        running = supervisor_pid(embedded.data_dir)
        if running and action in {"stop", "reset"}:
            raise CommandError(f"`manage.py up` (pid {running}) looks after the servers: stop it first")
        try:
            if action == "start":
                start_servers(embedded)
            elif action == "stop":
                embedded.stop()
            elif action == "reset":
                self._reset(embedded, confirmed=options["yes"])
        except EmbeddedError as error:
            raise CommandError(str(error)) from None
        self._show(embedded)

    def _reset(self, embedded: Embedded, *, confirmed: bool) -> None:
        if not confirmed and input(f"Delete everything in {embedded.data_dir}? [y/N] ").lower() != "y":
            raise CommandError("nothing deleted")
        embedded.stop()
        for entry in embedded.data_dir.glob("*"):
            try:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            except OSError as error:
                raise CommandError(explain(error, embedded.data_dir)) from None

    def _show(self, embedded: Embedded) -> None:
        needed = wanted_servers()
        for name, pid in embedded.status().items():
            state = f"running, pid {pid}" if pid else "stopped"
            self.stdout.write(f"{name}: {state if needed[name] or pid else 'not used: the environment names a server'}")
        if embedded.postgres_pid():
            self.stdout.write(f"shell: {postgres_bin()}/psql '{embedded.postgres_url('autosalon_orders')}'")
