"""What the twins of providers have in common: a small book in a file, an ASGI application, a command that serves it."""

import json
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

MAX_BODY = 65_536
FLAKY_TRIES = 2
"""How often a flaky provider is busy before it takes a question."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, Any]
"""A status, and what becomes JSON; bytes are sent as they are."""


class TwinBook:
    """What a twin remembers over restarts; every question to it is one transaction, under `_lock`."""

    schema: str

    def __init__(self, path: Path | str) -> None:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(str(path), check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(self.schema)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class TwinApp(ABC):
    """A twin's HTTP API. `silent_s`: how long it says nothing when it is to be silent."""

    def __init__(self, book: Any, *, silent_s: float = 30.0) -> None:
        self.book, self.silent_s = book, silent_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or live through the process's start and end."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self.book.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = await _read(receive)
        if (scope["method"], scope["path"]) == ("GET", "/health"):
            status, data = 200, {"status": "ok"}
        else:
            key = dict(scope["headers"]).get(b"idempotency-key", b"").decode()
            status, data = await self.answer(scope["method"], scope["path"], key, _object(body))
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    @abstractmethod
    async def answer(self, method: str, path: str, key: str, asked: dict[str, Any]) -> Answer:
        """Answer one request; `asked` is empty when its body is no JSON object."""


class TwinCommand(BaseCommand):
    """`manage.py run_…`: serves a twin at the address in the setting `url_setting`, in debug only."""

    url_setting: str
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--port", type=int, help=f"port, instead of the one of AUTOSALON_{self.url_setting}")

    @abstractmethod
    def make(self, folder: Path, silent_s: float, **options: Any) -> TwinApp:
        """The twin, with its book in a folder."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until stopped."""
        import uvicorn

        if not settings.DEBUG:
            raise CommandError("a twin stands for nobody: it runs in debug only (AUTOSALON_DEBUG=on)")
        address = urlsplit(getattr(settings, self.url_setting))
        options["port"] = options["port"] or address.port or 80
        uvicorn.run(
            self.make(settings.DATA_DIR, settings.PROVIDER_TIMEOUT_S + 5, **options),
            host=address.hostname or "127.0.0.1",
            port=options["port"],
            access_log=False,
            proxy_headers=False,
            log_level="warning",
            timeout_graceful_shutdown=2,
        )


async def _read(receive: Receive) -> bytes:
    body = b""
    while len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body[:MAX_BODY]


def _object(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}
