"""A feed by WebSocket: who may come in, what a client may say, and how it is shown out.

Plain ASGI: a consumer of Channels would subscribe every socket to a Valkey channel of its own, which none needs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar
from urllib.parse import parse_qs

import msgspec
from django.db import DatabaseError, InterfaceError

from gateway.access.tickets import redeem_ticket
from gateway.guards import guard
from gateway.principal import InvalidToken, Principal, read_token
from messaging.feeds.live import SLOW, TOO_MANY, TRY_LATER, UNAUTHENTICATED, LiveStream, LiveView, SlowReader

MAX_MESSAGES_A_SECOND = 20
MAX_MESSAGE = 4096
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


def socket_application(view: Callable[[Principal, dict[str, Any]], LiveView], *, scope: str) -> Any:
    """The ASGI application of one feed; `view` makes what a caller sees of it, from the path's parameters.

    `scope` is what a limited token must have. Raises nothing: every refusal is a close code.
    """
    needed = scope

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        principal, subprotocol = await _authenticate(scope)
        await send({"type": "websocket.accept", "subprotocol": subprotocol})
        if principal is None or not principal.may(needed):
            await send({"type": "websocket.close", "code": UNAUTHENTICATED})
            return
        seen = view(principal, scope.get("url_route", {}).get("kwargs", {}))
        await LiveSocket(principal, seen, receive, send).run(_since(scope))

    return application


async def _authenticate(scope: dict[str, Any]) -> tuple[Principal | None, str | None]:
    """By one-use ticket in the query, or by the subprotocols `bearer, <token>`; a token is never echoed."""
    ticket = parse_qs(scope["query_string"].decode(errors="replace")).get("ticket", [""])[0]
    offered = scope.get("subprotocols") or []
    subprotocol = "bearer" if "bearer" in offered else None
    loop = asyncio.get_running_loop()
    if ticket:
        return await loop.run_in_executor(None, redeem_ticket, ticket), subprotocol
    if len(offered) != 2 or offered[0] != "bearer":
        return None, subprotocol
    try:
        principal = read_token(offered[1])
    except InvalidToken:
        return None, subprotocol
    is_revoked = await loop.run_in_executor(None, guard.is_revoked, principal)
    return (None if is_revoked else principal), subprotocol


def _since(scope: dict[str, Any]) -> int | None:
    given = parse_qs(scope["query_string"].decode(errors="replace")).get("since", [""])[0]
    return as_position(given)


def as_position(text: str) -> int | None:
    """A whole number that a database can hold; None for anything else."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else None


class LiveSocket(LiveStream):
    """One open socket."""

    carrier = "socket"
    _answers: ClassVar = {"ping": '{"type":"pong"}'}

    def __init__(self, principal: Principal, view: LiveView, receive: Receive, send: Send) -> None:
        super().__init__(principal, view)
        self._receive, self._send = receive, send
        self._second, self._said = 0.0, 0

    async def run(self, since: int | None) -> None:
        """Serve the client until either side ends it."""
        try:
            refusal = await self.open(since)
            if refusal:
                self.end(refusal)
            await self._listen()
        finally:
            self.leave()

    async def transmit(self, text: str, position: int | None = None) -> None:
        """One text frame."""
        await self._send({"type": "websocket.send", "text": text})

    async def hang_up(self, code: int) -> None:
        """A close frame."""
        await self._send({"type": "websocket.close", "code": code})

    async def _listen(self) -> None:
        while (message := await self._receive())["type"] != "websocket.disconnect":
            if self.is_over:
                continue
            if self._is_flooding():
                self.end(TOO_MANY)
                continue
            try:
                await self._obey(_parse(message.get("text")))
            except _Nonsense as error:
                await self._reply(msgspec.json.encode({"type": "error", "code": str(error)}).decode())

    def _is_flooding(self) -> bool:
        now = time.monotonic()
        if now - self._second >= 1:
            self._second, self._said = now, 0
        self._said += 1
        return self._said > MAX_MESSAGES_A_SECOND

    async def _obey(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "ping"}:
                await self._reply(self._answers["ping"])
            case {"type": "resume", "since": int(since)} if not isinstance(since, bool) and 0 <= since < 2**62:
                await self._resume(since)
            case {"type": "resume"}:
                raise _Nonsense("invalid_since")
            case _:
                raise _Nonsense("unknown_type")

    async def _reply(self, text: str) -> None:
        """Answer between two messages of the feed; a client that does not read its answers is slow too."""
        try:
            await self.deliver(text)
        except SlowReader:
            self.end(SLOW)

    async def _resume(self, since: int) -> None:
        try:
            await self.start(since)
        except SlowReader:
            self.end(SLOW)
        except (DatabaseError, InterfaceError):
            self.end(TRY_LATER)


class _Nonsense(ValueError):
    """The client said something that means nothing; its text is the code to answer."""


def _parse(text: str | None) -> dict[str, Any]:
    if text is None or len(text) > MAX_MESSAGE:
        raise _Nonsense("malformed")
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _Nonsense("malformed") from None
    if not isinstance(message, dict):
        raise _Nonsense("malformed")
    return message
