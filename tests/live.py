"""A web process of its own over this run's test databases, and a way to cut it off from one of them."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import httpx2
from django.conf import settings
from django.db import connections

from tests.product import ROOT, api_client, free_port, wait_for

DEAD_URL = "postgres://nobody@127.0.0.1:9/nothing"


def database_url(alias: str, host: str = "") -> str:
    """Return where the test database of an app is, or stands behind the socket folder `host`."""
    given = connections[alias].get_connection_params()  # workers of a shared run name the host in their address
    return f"postgres://postgres@/{given['dbname']}?host={quote(host or given['host'], safe='/')}"


class Web:
    """`uvicorn config.asgi` as an operator would start it, with more or fewer settings."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        aliases = [alias for alias in settings.DATABASES if alias != "default"]
        kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        self.env = kept | {f"AUTOSALON_{alias.upper()}_DATABASE_URL": database_url(alias) for alias in aliases}
        self.env |= {"AUTOSALON_PORT": str(self.port), "AUTOSALON_RATE_LIMITS": "off", "AUTOSALON_LOG_LEVEL": "WARNING"}
        self.env |= env or {}
        self.http = api_client(self.port)
        self.log = Path(tempfile.mkstemp(suffix=".log")[1])

    def __enter__(self) -> "Web":
        arguments = ["-m", "uvicorn", "config.asgi:application", "--port", str(self.port), "--no-proxy-headers"]
        arguments += ["--log-level", "warning"]
        self.process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=self.env, stdout=self.log.open("wb"), stderr=subprocess.STDOUT
        )
        wait_for(self._is_up, 60, "the web process does not come up")
        return self

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return self.http.get(f"http://127.0.0.1:{self.port}/health").status_code == 200
        except httpx2.HTTPError:
            return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(timeout=20)
        self.log.unlink()


class Cable:
    """A PostgreSQL socket that leads to the real one, until it is cut."""

    def __init__(self, target: str) -> None:
        self.target = f"{target}/.s.PGSQL.5432"
        self.folder = tempfile.mkdtemp(prefix="cable")
        self._ends: list[socket.socket] = []
        self._server: socket.socket | None = None
        self.join()

    def join(self) -> None:
        """Lead to the server again."""
        path = Path(self.folder) / ".s.PGSQL.5432"
        path.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def cut(self) -> None:
        """Close every connection and accept none."""
        assert self._server is not None
        (Path(self.folder) / ".s.PGSQL.5432").unlink()
        for end in [self._server, *self._ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.target)
            self._ends += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while chunk := source.recv(65_536):
                target.sendall(chunk)
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
