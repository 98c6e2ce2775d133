"""The twins' HTTP API, a plain ASGI application for any number of insurers."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from insurance.twins.book import Book

MAX_BODY = 65_536
FLAKY_TRIES = 2
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_POLICIES = re.compile(r"/insurers/([a-z0-9_-]+)/policies")
_BY_KEY = re.compile(r"/insurers/[a-z0-9_-]+/policies/by-key/(.+)")
_CANCEL = re.compile(r"/insurers/([a-z0-9_-]+)/policies/([^/]+)/cancel")


class Twins:
    """VINs that end in 0001 are declined, 0002 thought over, 0003 decided without an answer, 0004 refused twice."""

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
        status, data = await self._answer(scope, await _read(receive))
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(data).encode()})

    async def _answer(self, scope: Scope, body: bytes) -> tuple[int, dict[str, Any]]:
        method, path = scope["method"], scope["path"]
        if method == "GET" and path == "/health":
            return 200, {"status": "ok"}
        if method == "GET" and (match := _BY_KEY.fullmatch(path)):
            found = self.book.find(match[1])
            return (200, found) if found else (404, {"code": "not_found"})
        if method == "POST" and (match := _CANCEL.fullmatch(path)):
            self.book.call_off(match[1], match[2])
            return 200, {"status": "accepted"}
        if method == "POST" and (match := _POLICIES.fullmatch(path)):
            key = dict(scope["headers"]).get(b"idempotency-key", b"").decode()
            return await self._decide(match[1], key, body)
        return 404, {"code": "not_found"}

    async def _decide(self, insurer: str, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        if not key or not isinstance(asked, dict) or not asked.get("vehicle_vin"):
            return 400, {"code": "invalid", "detail": "A key and a policy are expected."}
        decided = self.book.decide(insurer, key, asked)
        fault = decided.pop("fault")
        if fault == "flaky" and decided["tries"] <= FLAKY_TRIES:
            return 503, {"code": "busy"}
        if fault == "silent" and decided["tries"] == 1:
            await asyncio.sleep(self.silent_s)
        return (202 if decided["status"] == "pending" else 200), decided


async def _read(receive: Receive) -> bytes:
    body = b""
    while len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body[:MAX_BODY]
