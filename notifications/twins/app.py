"""The twin's HTTP API, a plain ASGI application."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from notifications.twins.book import Book

MAX_BODY = 65_536
FLAKY_TRIES = 2
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, Any]


class SmsTwin:
    """Numbers that end in 0001 do not exist, 0003 are answered too late once, 0004 find the gateway busy twice."""

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

    async def _answer(self, scope: Scope, body: bytes) -> Answer:
        match (scope["method"], scope["path"]):
            case ("GET", "/health"):
                return 200, {"status": "ok"}
            case ("GET", "/messages"):
                return 200, self.book.messages()
            case ("POST", "/messages"):
                return await self._take(dict(scope["headers"]).get(b"idempotency-key", b"").decode(), body)
        return 404, {"code": "not_found"}

    async def _take(self, key: str, body: bytes) -> Answer:
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        if not key or not isinstance(asked, dict) or not asked.get("to") or not asked.get("text"):
            return 400, {"code": "invalid", "detail": "A key, a receiver and a text are expected."}
        receiver, handed = str(asked["to"]), self.book.hand(key)
        if receiver.endswith("0001"):
            return 422, {"code": "no_such_number", "detail": "There is no such number."}
        if receiver.endswith("0004") and handed <= FLAKY_TRIES:
            return 503, {"code": "busy"}
        self.book.take(key, receiver=receiver, text=str(asked["text"]), sender=str(asked.get("sender", "")))
        if receiver.endswith("0003") and handed == 1:
            await asyncio.sleep(self.silent_s)
        return 202, {"id": key, "status": "accepted"}


async def _read(receive: Receive) -> bytes:
    body = b""
    while len(body) <= MAX_BODY:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body[:MAX_BODY]
