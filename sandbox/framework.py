"""Serve a sandbox: a store in a file, an ASGI application made of routes, and the command that runs it."""

import asyncio
import contextlib
import json
import re
import signal
import sqlite3
import threading
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar
from urllib.parse import SplitResult, parse_qs, urlsplit

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

MAX_BODY = 4_194_304
"""A paper that is to be signed goes whole."""
FLAKY_TRIES = 2
"""How often a flaky provider is busy before it takes a question."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = TypeVar("Handler", bound=Callable[..., Awaitable["Answer"]])


class Refusal(Exception):
    """The request is wrong, or cannot be served now; becomes an HTTP status with a code."""

    def __init__(self, status: int, code: str, detail: str = "") -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


class AnswerLost(Exception):
    """The connection is to break after the work was done."""


@dataclass(frozen=True)
class Request:
    """Parts of an HTTP request that a route needs; `key` is its Idempotency-Key, or empty."""

    method: str
    path: str
    query: dict[str, list[str]]
    key: str
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as an object. Raises Refusal."""
        try:
            data = json.loads(self.body)
        except ValueError as error:
            raise Refusal(400, "invalid_json", "The body is not JSON.") from error
        if not isinstance(data, dict):
            raise Refusal(400, "invalid_json", "The body is not an object.")
        return data


@dataclass(frozen=True)
class Answer:
    """Status, content and its type."""

    content: bytes
    status: int = 200
    content_type: str = "application/json"

    @classmethod
    def json(cls, data: Any, status: int = 200) -> Self:
        """Make an answer of what becomes JSON."""
        return cls(json.dumps(data).encode(), status)


class Store(Protocol):
    """Memory of a sandbox, kept over restarts."""

    def close(self) -> None:
        """Close the file."""


class LockedStore:
    """A store in SQLite whose every question is one transaction, under `_lock`."""

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


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Serve a method and a path with this method of a sandbox; the path's groups are its arguments."""

    def mark(handler: Handler) -> Handler:
        handler.route = (method, re.compile(path))  # type: ignore[attr-defined]
        return handler

    return mark


class Sandbox:
    """An ASGI application made of the methods marked with `route`, and GET /health."""

    routes: ClassVar[list[tuple[str, re.Pattern[str], str]]] = []

    def __init__(self, store: Store) -> None:
        self._store = store

    def __init_subclass__(cls) -> None:
        """Collect the routes of all that it is made of, in the order of their methods."""
        cls.routes = [
            (*found, name)
            for part in reversed(cls.__mro__)
            for name, each in vars(part).items()
            if (found := getattr(each, "route", None))
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or live through the process's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                answer = await self._answer(scope, receive)
            except AnswerLost:
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
                return
            headers = [(b"content-type", answer.content_type.encode()), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.content})

    async def work(self) -> None:
        """Do what the sandbox does by itself while it is served; nothing unless it says so."""

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        working = asyncio.create_task(self.work())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        self._store.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            request = await _read(scope, receive)
            if (request.method, request.path) == ("GET", "/health"):
                return Answer.json({"status": "ok"})
            for method, pattern, name in self.routes:
                match = pattern.fullmatch(request.path)
                if match and method == request.method:
                    answer: Answer = await getattr(self, name)(request, *match.groups())
                    return answer
            raise Refusal(404, "not_found", "There is nothing here.")
        except Refusal as refusal:
            return Answer.json({"code": refusal.code, "detail": refusal.detail}, refusal.status)


async def _read(scope: Scope, receive: Receive) -> Request:
    body = b""
    has_more = True
    while has_more:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            raise Refusal(413, "too_large", "The body is too large.")
    headers = dict(scope["headers"])
    return Request(
        method=scope["method"],
        path=scope["path"].rstrip("/") or "/",
        query=parse_qs(scope["query_string"].decode(errors="replace")),
        key=headers.get(b"idempotency-key", b"").decode(errors="replace"),
        body=body,
    )


class SandboxCommand(BaseCommand):
    """`manage.py run_…`: serves a sandbox at the address in the setting `url_setting`, in debug only."""

    url_setting: str
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--port", type=int, help=f"port, instead of the one of AUTOSALON_{self.url_setting}")

    @abstractmethod
    def make(self, folder: Path, address: SplitResult, **options: Any) -> Sandbox:
        """Make the sandbox, with its store in a folder; `address` is where it is served."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until stopped. Raises CommandError outside debug."""
        serve([self.configure(**options)])

    def configure_alone(self) -> uvicorn.Config:
        """Return what is served where no arguments are given. Raises CommandError outside debug."""
        return self.configure(**vars(self.create_parser("", "").parse_args([])))

    def configure(self, **options: Any) -> uvicorn.Config:
        """Return what is served, and where. Raises CommandError outside debug."""
        if not settings.DEBUG:
            raise CommandError("a sandbox stands for nobody: it runs in debug only (AUTOSALON_DEBUG=on)")
        address = urlsplit(getattr(settings, self.url_setting))
        port = options["port"] or address.port or 80
        address = address._replace(netloc=f"{address.hostname}:{port}")
        return uvicorn.Config(
            self.make(settings.DATA_DIR, address, **options),
            host=address.hostname or "127.0.0.1",
            port=port,
            access_log=False,
            proxy_headers=False,
            log_level="warning",
            timeout_graceful_shutdown=2,
        )


class _Server(uvicorn.Server):
    """One of a process's servers: signals are for all of them, so none takes them for itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(configs: Sequence[uvicorn.Config]) -> None:
    """Serve all of them until SIGINT or SIGTERM."""
    asyncio.run(_serve([_Server(config) for config in configs]))


async def _serve(servers: Sequence[_Server]) -> None:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stop)
    await asyncio.gather(*(server.serve() for server in servers))
