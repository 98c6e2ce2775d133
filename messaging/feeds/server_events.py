"""A feed by server-sent events: one long answer under ASGI, whose every refusal is left to the ordinary way.

A process that serves WSGI only has no room for answers without an end: there the API gives what was missed and asks
the client to come back in a second, which browsers do by themselves with `Last-Event-ID`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec
from django.conf import settings

from core.errors import DomainError
from gateway.access.bearer import read_header
from gateway.access.permissions import require_scope
from gateway.access.tickets import redeem_ticket
from gateway.guards import guard
from gateway.guards.plain_http import is_in_the_clear
from gateway.principal import InvalidToken, Principal
from messaging.feeds.live import UNAUTHENTICATED, LiveStream, LiveView
from messaging.feeds.sockets import Application, Receive, Send, as_position

HEARTBEAT_S = 15.0
RETRY_MS = 1000
TYPE = "text/event-stream"
KNOWN = frozenset({"after", "ticket", "order_id"})
MakeView = Callable[[Principal, dict[str, str]], LiveView]


def frame(text: str, position: int | None = None) -> str:
    """One event: named like the message's type, and resumed by the message's position."""
    name = msgspec.json.decode(text, type=_Typed).type
    head = f"id: {position}\n" if position is not None else ""
    return f"{head}event: {name}\ndata: {text}\n\n"


class _Typed(msgspec.Struct):
    type: str


def stream_application(
    view: MakeView, *, scope: str
) -> Callable[[dict[str, Any], Receive, Send, Application], Awaitable[None]]:
    """Serve one feed at one path; `otherwise` is the ordinary way, which answers whatever is refused here.

    `scope` is what a limited token must have.
    """
    needed = scope

    async def application(scope: dict[str, Any], receive: Receive, send: Send, otherwise: Application) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode(errors="replace")).items()}
        is_ours = TYPE in headers.get("accept", "") and scope["method"] == "GET" and not set(query) - KNOWN
        if not is_ours or is_in_the_clear(scope):
            await otherwise(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        try:
            principal = await loop.run_in_executor(None, _admit, headers, query, needed)
            since = _since(headers, query)
            seen = view(principal, query)
        except (DomainError, ValueError):
            await otherwise(scope, receive, send)
            return
        await EventStream(principal, seen, receive, send).run(since, _allowed_origin(headers))

    return application


def _admit(headers: dict[str, str], query: dict[str, str], needed: str) -> Principal:
    """Identify who asks, within the limits. Raises what the ordinary way would answer."""
    principal = redeem_ticket(query["ticket"]) if "ticket" in query else read_header(headers.get("authorization", ""))
    if principal is None:
        raise InvalidToken
    require_scope(principal, needed)
    guard.check(principal, "", "default")
    return principal


def _since(headers: dict[str, str], query: dict[str, str]) -> int | None:
    given = headers.get("last-event-id") or query.get("after")
    if given is None:
        return None
    position = as_position(given)
    if position is None:
        raise ValueError(given)
    return position


def _allowed_origin(headers: dict[str, str]) -> str:
    origin = headers.get("origin", "")
    return origin if origin in settings.CORS_ALLOWED_ORIGINS else ""


class EventStream(LiveStream):
    """One open answer."""

    carrier = "stream"

    def __init__(self, principal: Principal, view: LiveView, receive: Receive, send: Send) -> None:
        super().__init__(principal, view)
        self._receive, self._send = receive, send

    async def run(self, since: int | None, origin: str = "") -> None:
        """Serve the client until either side ends it."""
        headers = {"content-type": f"{TYPE}; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no"}
        if origin:
            headers |= {"access-control-allow-origin": origin, "vary": "Origin"}
        listed = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": listed})
        beating = asyncio.create_task(self._beat())
        try:
            await self._write(f"retry: {RETRY_MS}\n\n")
            refusal = await self.open(since)
            if refusal:
                self.end(refusal)
            while (await self._receive())["type"] != "http.disconnect":
                pass
        finally:
            beating.cancel()
            self.leave()

    async def transmit(self, text: str, position: int | None = None) -> None:
        """One event."""
        await self._write(frame(text, position))

    async def hang_up(self, code: int) -> None:
        """Say why, and end the answer: the client comes back by itself, with its `Last-Event-ID`."""
        reason = "unauthenticated" if code == UNAUTHENTICATED else "closed"
        body = f'event: end\ndata: {{"type":"end","code":{code},"reason":"{reason}"}}\n\n'
        await self._send({"type": "http.response.body", "body": body.encode(), "more_body": False})

    async def _write(self, text: str) -> None:
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def _beat(self) -> None:
        """Comments keep the proxies between us from thinking that nobody is there."""
        while not self.is_over:
            await asyncio.sleep(HEARTBEAT_S)
            if not self.is_over:
                await self._write(": still here\n\n")
