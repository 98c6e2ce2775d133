"""Production's topology from processes on loopback: nginx as shipped, services apart, a PostgreSQL for each of them."""

import contextlib
import os
import re
import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx2
import psycopg
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from config.databases import APPS, STORES
from core.ids import uuid7
from devtools.embedded import Embedded
from devtools.supervisor import Child, Program
from messaging.delivery.queues import external_queue, get_queue_name
from tests.chaos.rig import Rig
from tests.chaos.roles import CELERY
from tests.product import ROOT, free_port

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
APART = ("payments", "insurance")
"""Apps with machines of their own, as in deploy/split.conf; `rest` has all others."""
GROUPS = {app: (app,) for app in APART} | {"rest": tuple(app for app in APPS if app not in APART)}
BEHIND = ("relay", "worker", "beat")
"""What each group has besides a web process."""
WEBS = ("web", "web-payments", "web-insurance")
HOST = "autosalon.example"
READY_S, END_S = 120, 60
WORKER = (*CELERY, "worker", "-c", "2", "--without-gossip", "--without-mingle", "-l", "WARNING")
COMMANDS: dict[str, tuple[str, ...]] = {
    "web": ("-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--blocking-threads", "8",
            "--no-ws", "config.wsgi:application"),
    "live": ("-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--no-proxy-headers", "--lifespan",
             "off", "--timeout-graceful-shutdown", "2", "--ws-per-message-deflate", "false", "--ws-max-size", "65536"),
    "relay": ("manage.py", "relay"),
    "worker": WORKER,
    "beat": (*CELERY, "beat", "--pidfile=", "-l", "WARNING"),
    "sandbox": ("manage.py", "run_sandbox"),
}  # fmt: skip
ROLES = (
    *WEBS,
    "live",
    *(f"{kind}-{group}" for group in GROUPS for kind in BEHIND),
)
_SWEPT = "SELECT count(*) FROM messaging_heartbeat WHERE role = 'sweep' AND beat_at > now() - %s * interval '1 s'"


class Topology(Rig):
    """All of docker-compose.yml that runs the shop, split as deploy/split.conf has it; `edge` is nginx."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ports = {role: free_port() for role in (*WEBS, "live")}
        self.machines = {group: Embedded(folder / group) for group in APART} | {"rest": self.servers}
        self.secret = secrets.token_hex(32)
        self.webhook_secret = "whsec_" + "c2VjcmV0" * 4
        self.env |= {f"AUTOSALON_{app.upper()}_DATABASE_URL": self.address(app) for app in STORES}
        self.env |= {"AUTOSALON_SANDBOX_WEBHOOK_SECRET": self.webhook_secret}
        self.production = self._production()
        self.down: list[list[float]] = []
        self.http.headers |= {"Host": HOST, "X-Forwarded-Proto": "https"}

    def machine(self, app: str) -> Embedded:
        """Return the database server of an app."""
        return self.machines[app if app in APART else "rest"]

    def address(self, app: str) -> str:
        """Return where an app's database is."""
        return self.machine(app).postgres_url(f"autosalon_{app}").replace("postgresql:///", "postgres:///")

    def _production(self) -> dict[str, str]:
        """Return what every process is given, after production's example: nothing embedded, limits on."""
        return {
            "AUTOSALON_DEBUG": "off",
            "AUTOSALON_TEST_RUN": "on",
            "AUTOSALON_FAILPOINTS": "",
            "AUTOSALON_REDIS_URL": f"unix://{self.servers.redis_socket}",
            "AUTOSALON_SECRET_KEY": secrets.token_hex(32),
            "AUTOSALON_ALLOWED_HOSTS": f"{HOST},127.0.0.1",
            "AUTOSALON_PUBLIC_URL": f"https://{HOST}",
            "AUTOSALON_BEHIND_TLS_PROXY": "on",
            "AUTOSALON_TRUSTED_PROXIES": "127.0.0.1",
            "AUTOSALON_METRICS_ALLOW": "127.0.0.1",
            "AUTOSALON_STATIC_MANIFEST": "off",
            "AUTOSALON_RATE_LIMITS": "on",
            "AUTOSALON_RATE_LIMIT_DEFAULT": "10000/60",
            "AUTOSALON_RATE_LIMIT_ORDER_CREATE": "10000/60",
            "AUTOSALON_EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
            "AUTOSALON_SANDBOX_ALLOWED": "on",
            "AUTOSALON_SANDBOX_URL": f"http://127.0.0.1:{self.sandbox_port}",
            "AUTOSALON_PEER_SECRET": self.secret,
            "AUTOSALON_LOG_LEVEL": "INFO",
        }

    def settings_for(self, role: str) -> dict[str, str]:
        """Return a role's settings: the addresses of its own apps' databases, and of the others' doors."""
        kind, _, group = role.partition("-")
        if kind == "sandbox":
            return {"AUTOSALON_PUBLIC_URL": f"http://127.0.0.1:{self.ports['web-payments']}"}
        if role in ("web", "live"):
            served = ",".join(("storefront", *GROUPS["rest"]))  # `web` is also the door at which `rest` is asked
            return self.production | self._signing() | {"AUTOSALON_SERVICES": served}
        apps = GROUPS[group]
        doors = {app: self.ports[f"web-{app}" if app in APART else "web"] for app in APPS if app not in apps}
        return (
            self.production
            | {f"AUTOSALON_{app.upper()}_DATABASE_URL": "" for app in STORES if app not in apps}
            | (
                self._signing()
                if group == "rest"
                else {"AUTOSALON_JWT_PUBLIC_KEY_FILES": str(self._keys / "public.pem")}
            )
            | {
                "AUTOSALON_SERVICES": ",".join(apps),
                "AUTOSALON_PEERS": ",".join(f"{app}=http://127.0.0.1:{port}" for app, port in doors.items()),
            }
        )

    @property
    def _keys(self) -> Path:
        return self.folder / "keys"

    def _signing(self) -> dict[str, str]:
        return {"AUTOSALON_JWT_PRIVATE_KEY_FILE": str(self._keys / "jwt_private.pem")}

    def _make_keys(self) -> None:
        self._keys.mkdir(parents=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        plain = serialization.NoEncryption()
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        (self._keys / "jwt_private.pem").write_bytes(private)
        shape = serialization.PublicFormat.SubjectPublicKeyInfo
        (self._keys / "public.pem").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, shape))

    # Life ------------------------------------------------------------------------------------------------------------
    def start(self) -> Self:
        """Bring everything up from nothing: servers, tables, every role, the door at last."""
        for folder in (self.folder / "logs", self._failpoints, self.folder / "nginx"):
            folder.mkdir(parents=True, exist_ok=True)
        self._make_keys()
        self.servers.start(fsync=False)
        for group in APART:
            self.machines[group].start(valkey=False, fsync=False)
        for app in STORES:
            self.machine(app).create_databases([f"autosalon_{app}"])
        done = self.manage("migrate_all", timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        for role in (*ROLES, "sandbox"):
            self.run(role)
        self.await_roles(*ROLES, "sandbox")
        self.run("edge")
        self.await_roles("edge")
        return self

    def stop(self) -> None:
        """Kill everything and delete the folder."""
        for role in list(self.roles):
            self.end(role)
        for machine in self.machines.values():
            machine.stop()
        super().stop()

    def words(self, role: str, kind: str) -> tuple[str, ...]:
        """The command line of a role, after docker-compose.yml."""
        group = role.partition("-")[2]
        if kind == "worker":
            queues = [queue for app in GROUPS[group] for queue in (get_queue_name(app), external_queue(app))]
            return (*COMMANDS[kind], "-Q", ",".join(queues))
        return (*COMMANDS[kind], *(("--port", str(self.ports["live"])) if kind == "live" else ()))

    def run(self, role: str, *, mutant: str = "", **env: str) -> None:
        """Start a role with its settings; nginx has its file instead."""
        if role != "edge":
            super().run(role, mutant=mutant, **(self.settings_for(role) | env))
            return
        assert NGINX is not None
        errors = str(self.folder / "logs" / "edge-errors.log")
        command = (NGINX, "-e", errors, "-c", str(self._render_edge()), "-g", "daemon off;")
        self.roles[role] = Child(Program(role, command), self.folder / "logs", self.env)
        self.roles[role].start()

    def _render_edge(self) -> Path:
        """Write nginx's file: the shipped ones, with this run's addresses for the containers' names."""
        shipped = (ROOT / "deploy/nginx.conf").read_text()
        parts = self.folder / "nginx" / "autosalon.d"
        parts.mkdir(exist_ok=True)
        for name, text in (
            ("site.conf", shipped),
            ("autosalon.d/split.conf", (ROOT / "deploy/split.conf").read_text()),
        ):
            ports = {"web": "web", "live": "live"} | {app: f"web-{app}" for app in APART}
            for container, role in ports.items():
                text = text.replace(f"http://{container}:8000", f"http://127.0.0.1:{self.ports[role]}")
            text = text.replace("listen 8080;", f"listen 127.0.0.1:{self.port};")
            text = text.replace("/etc/nginx/autosalon.d/", f"{parts}/")
            assert not re.search(r"http://(?!127\.)", text), "a container's name is left"
            (self.folder / "nginx" / name).write_text(text)
        whole = self.folder / "nginx" / "nginx.conf"
        temporary = "".join(
            f"{kind}_temp_path {self.folder}/nginx/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;\n" if os.geteuid() == 0 else ""
        whole.write_text(
            f"{user}worker_processes 2;\npid {self.folder}/nginx/pid;\nevents {{}}\n"
            f"http {{\n{temporary}include {self.folder}/nginx/site.conf;\n}}\n"
        )
        return whole

    # Readiness and restarts ------------------------------------------------------------------------------------------
    def await_roles(self, *roles: str) -> None:
        """Wait until roles do their work."""
        for role in roles:
            self.wait(lambda role=role: self._is_ready(role), READY_S, f"{role} is not ready")

    def _is_ready(self, role: str) -> bool:
        kind, _, group = role.partition("-")
        ports = self.ports | {"sandbox": self.sandbox_port, "edge": self.port}
        if role in ports:
            headers = {} if kind == "sandbox" else {"Host": HOST, "X-Forwarded-Proto": "https"}
            return httpx2.get(f"http://127.0.0.1:{ports[role]}/health", headers=headers, timeout=5).is_success
        if kind == "worker":
            return len(self.pool(role)) >= 2
        if kind == "beat":
            ticks = self.folder / "run" / role
            return ticks.exists() and ticks.stat().st_mtime > time.time() - self._age_s(role)
        return all(self.one(app, _SWEPT, self._age_s(role)) for app in GROUPS[group])

    def _age_s(self, role: str) -> float:
        return time.monotonic() - self.roles[role].started_at

    @contextlib.contextmanager
    def disturbance(self) -> Iterator[None]:
        """Note from when to when something was down, and a little longer: breakers try once a second."""
        self.down.append([time.monotonic(), float("inf")])
        yield
        self.down[-1][1] = time.monotonic() + 3

    def restart(self, *roles: str) -> None:
        """Ask roles to end as a deploy does, wait until they have, and start them anew."""
        with self.disturbance():
            leaving = {role: self.roles.pop(role) for role in roles}
            for child in leaving.values():
                child.signal_main(signal.SIGTERM)
            self.wait(lambda: not any(child.alive() for child in leaving.values()), END_S, f"{roles} do not end")
            for role, child in leaving.items():
                child.kill_group()
                self.run(role)
            self.await_roles(*roles)

    def fail_over(self, group: str) -> None:
        """Crash a database server and bring it back, as a failover does to whoever is connected."""
        machine = self.machines[group]
        with self.disturbance():
            pid = machine.postgres_pid()
            assert pid is not None
            os.kill(pid, signal.SIGQUIT)
            self.wait(lambda: machine.postgres_pid() is None, 20, "PostgreSQL does not die")
            machine.start(valkey=False, fsync=False)
            self.wait(lambda: self.one(GROUPS[group][0], "SELECT 1"), 30, "PostgreSQL does not come back")

    def lose_valkey(self) -> None:
        """Crash Valkey and bring it back."""
        with self.disturbance():
            self.crash_valkey()

    def was_down(self, begun: float, ended: float) -> bool:
        """Tell whether anything was down while a request was under way."""
        return any(since <= ended and begun <= until for since, until in self.down)

    # Asking ----------------------------------------------------------------------------------------------------------
    def rows(self, app: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement in one app's database, on its own server."""
        with psycopg.connect(self.machine(app).postgres_url(f"autosalon_{app}"), autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def ask(
        self, method: str, path: str, *, token: str = "", caller: str = "127.0.0.2", **more: Any
    ) -> httpx2.Response:
        """Ask nginx, which was asked by TLS, from an address that is no proxy of ours."""
        headers = {"Host": HOST, "X-Forwarded-Proto": "https", "Accept-Language": "en"} | more.pop("headers", {})
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx2.HTTPTransport(local_address=caller)
        with httpx2.Client(transport=transport, timeout=30) as http:
            return http.request(method, f"http://127.0.0.1:{self.port}{path}", headers=headers, **more)

    def post(self, path: str, token: str, body: dict[str, Any], key: str = "") -> httpx2.Response:
        """One POST to the API through nginx, on a connection of its own."""
        return self.ask(
            "POST", f"/api/v1{path}", token=token, json=body, headers={"Idempotency-Key": key or str(uuid7())}
        )
