"""The product in pieces: groups of real processes, each with the databases of its own apps and nobody else's."""

import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx2
import psycopg
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.db import connections
from psycopg import sql

from config.databases import APPS
from devtools.supervisor import Child, Program
from messaging.delivery.queues import external_queue, get_queue_name
from tests.product import ROOT, api_client, free_port, wait_for

QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")
ROLES = ("web", "relay", "worker")


class Group:
    """One machine's processes: a web process, a relay and a worker for some apps, with a database role of their own."""

    def __init__(self, apps: Sequence[str], folder: Path) -> None:
        self.apps, self.folder = tuple(apps), folder
        self.name = f"split_{os.getpid()}_{apps[0]}"
        self.port = free_port()
        self.http = api_client(self.port)
        self.env: dict[str, str] = {}
        self.running: dict[str, Child] = {}

    def start(self, *roles: str) -> None:
        """Start some roles; all by default."""
        with contextlib.chdir(ROOT):
            for role in roles or ROLES:
                child = Child(Program(f"{self.apps[0]}-{role}", self._command(role)), self.folder, self.env)
                child.start()
                self.running[role] = child

    def _command(self, role: str) -> tuple[str, ...]:
        if role == "web":
            address = ("--host", "127.0.0.1", "--port", str(self.port), "--lifespan", "off", "--log-level", "warning")
            return (sys.executable, "-m", "uvicorn", "config.asgi:application", "--no-proxy-headers", *address)
        if role == "relay":
            return (sys.executable, "manage.py", "relay")
        queues = ",".join([*map(get_queue_name, self.apps), *map(external_queue, self.apps)])
        pool = ("-P", "threads", "-c", "4", "-Q", queues, "-n", f"{self.apps[0]}@split")
        return (sys.executable, "-m", "celery", "-q", "-A", "config", "worker", *pool, *QUIET)

    def stop(self, *roles: str) -> None:
        """Kill some roles; all by default."""
        for role in roles or tuple(self.running):
            child = self.running.pop(role)
            child.kill_group()
            if child.process is not None:
                child.process.wait()

    def is_up(self) -> bool:
        """Tell whether the web process answers and the relay moves events."""
        for role, child in self.running.items():
            assert child.alive(), f"{role}: {child.log.read_text()[-3000:]}"
        try:
            if httpx2.get(f"http://127.0.0.1:{self.port}/health").status_code != 200:
                return False
        except httpx2.HTTPError:
            return False
        return all(_has_swept(app) for app in self.apps)

    def read_log(self, role: str) -> str:
        """Return what a role has said so far."""
        return (self.folder / f"{self.apps[0]}-{role}.log").read_text()


def _has_swept(app: str) -> bool:
    with connections[app].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messaging_heartbeat WHERE role = 'sweep'")
        return bool(cursor.fetchone()[0])


class Split:
    """The whole product as groups that can reach each other's addresses, one Valkey, and only their own databases."""

    def __init__(self, *layout: Sequence[str], **env: str) -> None:
        assert sorted(app for apps in layout for app in apps) == sorted(APPS)
        self.folder = Path(tempfile.mkdtemp(prefix="split"))
        self.groups = [Group(apps, self.folder) for apps in layout]
        secret = secrets.token_hex(32)
        for group in self.groups:
            group.env = self._env(group, secret) | env

    def of(self, app: str) -> Group:
        """The group that serves an app."""
        return next(group for group in self.groups if app in group.apps)

    def __enter__(self) -> Self:
        with _superuser() as admin:
            for group in self.groups:
                _make_role(admin, group)
        try:
            for group in self.groups:
                group.start()
            wait_for(lambda: all(group.is_up() for group in self.groups), 90, "the groups do not come up")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for group in self.groups:
            group.stop()
            group.http.close()
        with _superuser() as admin:
            for group in self.groups:
                _drop_role(admin, group)

    def _env(self, group: Group, secret: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOSALON_", "PYTEST"))}
        kept.pop("DJANGO_SETTINGS_MODULE", None)
        peers = [f"{app}=http://127.0.0.1:{self.of(app).port}" for app in APPS if app not in group.apps]
        keys = self._keys()
        is_home = "accounts" in group.apps
        return kept | {
            "AUTOSALON_TEST_RUN": "on",
            "AUTOSALON_DEBUG": "off",
            "AUTOSALON_DATA_DIR": str(self.folder / group.apps[0]),
            "AUTOSALON_PORT": str(group.port),
            "AUTOSALON_SERVICES": ",".join(group.apps),
            "AUTOSALON_PEERS": ",".join(peers),
            "AUTOSALON_PEER_SECRET": secret,
            "AUTOSALON_REDIS_URL": settings.REDIS.url(0).partition("?")[0],
            "AUTOSALON_REDIS_PREFIX": f"split-{os.getpid()}",
            "AUTOSALON_SECRET_KEY": secrets.token_hex(32),
            "AUTOSALON_ALLOWED_HOSTS": "127.0.0.1",
            "AUTOSALON_SSL_REDIRECT": "off",
            "AUTOSALON_LOG_LEVEL": "INFO",
            "AUTOSALON_RATE_LIMIT_DEFAULT": "10000/60",
            "AUTOSALON_RATE_LIMIT_ORDER_CREATE": "10000/60",
            "AUTOSALON_SANDBOX_WEBHOOK_SECRET": "whsec_c2VjcmV0",
            "AUTOSALON_JWT_PRIVATE_KEY_FILE" if is_home else "AUTOSALON_JWT_PUBLIC_KEY_FILES": keys[not is_home],
            **{f"AUTOSALON_{app.upper()}_DATABASE_URL": database_url(app, group.name) for app in group.apps},
        }

    def _keys(self) -> tuple[str, str]:
        """Files of the private and of the public key that tokens of this test run are signed with."""
        private, public = self.folder / "private.pem", self.folder / "public.pem"
        private.write_text(settings.JWT_PRIVATE_KEY)
        key = serialization.load_pem_private_key(settings.JWT_PRIVATE_KEY.encode(), password=None)
        shape = serialization.PublicFormat.SubjectPublicKeyInfo
        public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, shape))
        return str(private), str(public)


def database_url(app: str, role: str) -> str:
    """Return where this test run's database of an app is, for a role."""
    given = connections[app].get_connection_params()
    return f"postgres://{role}@/{given['dbname']}?host={quote(given['host'], safe='/')}"


@contextlib.contextmanager
def _superuser() -> Iterator[psycopg.Connection[object]]:
    given = connections["orders"].get_connection_params()
    with psycopg.connect(host=given["host"], user="postgres", dbname="postgres", autocommit=True) as connection:
        yield connection


def _make_role(admin: psycopg.Connection[object], group: Group) -> None:
    """A role that reads and writes every row it can reach, and can connect to the databases of its apps alone."""
    role = sql.Identifier(group.name)
    admin.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE pg_read_all_data, pg_write_all_data").format(role))
    for app in APPS:
        name = sql.Identifier(str(connections[app].settings_dict["NAME"]))
        admin.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
        if app in group.apps:
            admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, role))


def _drop_role(admin: psycopg.Connection[object], group: Group) -> None:
    role = sql.Identifier(group.name)
    for app in APPS:
        name = sql.Identifier(str(connections[app].settings_dict["NAME"]))
        admin.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM {}").format(name, role))
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO PUBLIC").format(name))
    admin.execute(sql.SQL("DROP ROLE {}").format(role))
