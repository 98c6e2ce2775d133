"""The twins' HTTP API, a plain ASGI application for any number of banks."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from financing.twins.book import Book

MAX_BODY = 65_536
FLAKY_TRIES = 2
DECISIONS = ("accepted", "declined", "withdrawn")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_APPLICATIONS = re.compile(r"/banks/([a-z0-9_-]+)/applications")
_BY_KEY = re.compile(r"/banks/[a-z0-9_-]+/applications/by-key/(.+)")
_DECISION = re.compile(r"/banks/([a-z0-9_-]+)/applications/([^/]+)/decision")
_WANTED = ("application_id", "amount", "annual_rate", "term_months")
Answer = tuple[int, bytes]


class Twins:
    """`silent` decides and never answers the first time, `flaky` is busy twice, `garbage` once says what is no JSON."""

    def __init__(self, book: Book, *, silent_s: float = 30.0) -> None:
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
        status, content = await self._answer(scope, await _read(receive))
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Scope, body: bytes) -> Answer:
        method, path = scope["method"], scope["path"]
        if method == "GET" and path == "/health":
            return _json(200, {"status": "ok"})
        if method == "GET" and (match := _BY_KEY.fullmatch(path)):
            found = self.book.find(match[1])
            return _json(200, found) if found else _json(404, {"code": "not_found"})
        if method == "POST" and (match := _APPLICATIONS.fullmatch(path)):
            key = dict(scope["headers"]).get(b"idempotency-key", b"").decode()
            return await self._decide(match[1], key, body)
        if method == "POST" and (match := _DECISION.fullmatch(path)):
            key = dict(scope["headers"]).get(b"idempotency-key", b"").decode()
            return self._note(match[1], match[2], key, body)
        return _json(404, {"code": "not_found"})

    async def _decide(self, bank: str, key: str, body: bytes) -> Answer:
        asked = _object(body)
        if not key or not all(asked.get(name) for name in _WANTED):
            return _json(400, {"code": "invalid", "detail": "A key and an application are expected."})
        decided = self.book.decide(bank, key, asked)
        fault, tries = decided["fault"], decided["tries"]
        if fault == "flaky" and tries <= FLAKY_TRIES:
            return _json(503, {"code": "busy"})
        if fault == "silent" and tries == 1:
            await asyncio.sleep(self.silent_s)
        if fault == "garbage" and tries == 1:
            return 200, b"<html>ok</html>"
        return _json(202 if decided["status"] == "pending" else 200, decided)

    def _note(self, bank: str, application_id: str, key: str, body: bytes) -> Answer:
        """What the dealer says became of an offer; a flaky bank is busy twice here too."""
        told = _object(body)
        if not key or told.get("decision") not in DECISIONS:
            return _json(400, {"code": "invalid", "detail": "A key and a decision are expected."})
        noted = self.book.note(bank, application_id, key, told)
        if noted is None:
            return _json(404, {"code": "not_found"})
        if noted["fault"] == "flaky" and noted["tries"] <= FLAKY_TRIES:
            return _json(503, {"code": "busy"})
        return _json(200, {"status": "noted", "decision": noted["decision"]})


def _object(body: bytes) -> dict[str, Any]:
    """A JSON object, empty where there is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _json(status: int, data: dict[str, Any]) -> Answer:
    return status, json.dumps(data).encode()


async def _read(receive: Receive) -> bytes:
    body = b""
    while len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body[:MAX_BODY]
