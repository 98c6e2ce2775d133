"""Bodies arrive before a thread is taken, and in good time: who drips a byte now and then holds a socket, nothing else.

What carries no files is read whole, within a deadline and no slower than a rate. Files are read by the thread that
takes them, because they are too large to be held: as slowly as the rate allows, and only a few at a time, so that
most threads are always there for everybody else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, Unavailable
from core.ids import uuid7
from gateway.fast_path import BodyTooLarge
from gateway.guards.uploads import limit_at
from gateway.responses import problems

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]
GRACE_S = 10.0
"""How long a sender may be silent before the rate is looked at: phones change cells."""
UPLOADS_AT_ONCE = 2
HELD_AT_MOST = 64 << 20
"""Bytes of bodies that one process holds for its threads; beyond them senders are told to come back."""
LINGERS_AT_MOST = 8 << 20
"""Bytes that are still taken from a sender who is answered before the end; what is longer is cut off."""
log = structlog.get_logger(__name__)


class BodyTooSlow(DomainError):
    """The body did not arrive in time."""

    code = "body_too_slow"
    status = 408
    detail = _("What you were sending arrived too slowly. Please try again.")


class Pace:
    """Pace of a body: how long it was waited for, against what it brought; our own time does not count."""

    def __init__(self, at_most: float) -> None:
        self.at_most, self.waited, self.received = at_most, 0.0, 0
        self.is_too_slow = self.is_over = False

    async def next(self, receive: Receive) -> Message:
        """The next part. Raises BodyTooSlow."""
        clock = asyncio.get_running_loop().time
        allowed = min(GRACE_S + self.received / settings.BODY_MIN_RATE, self.at_most)
        began = clock()
        try:
            async with asyncio.timeout(max(0.0, allowed - self.waited)):
                message = await receive()
        except TimeoutError:
            self.is_too_slow = True
            raise BodyTooSlow from None
        self.waited += clock() - began
        self.received += len(message.get("body", b""))
        self.is_over = not message.get("more_body", False)
        return message

    async def linger(self, receive: Receive) -> None:
        """Take what is still on its way: a proxy that cannot send on tells its client of a fault, not of our answer."""
        enough = self.received + LINGERS_AT_MOST
        with suppress(BodyTooSlow):
            while not self.is_over and self.received < enough:
                await self.next(receive)


class TimelyBodies:
    """An ASGI application around one that takes a thread for each request."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._uploads = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._held = 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Take the body first; a request without one goes straight on."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        size = _declared(headers)
        if size == 0:
            await self._application(scope, receive, send)
            return
        try:
            if size is not None and size > settings.MAX_BODY_BYTES:
                await self._pass_on(scope, receive, send, size, headers.get(b"content-type", b"").decode("latin-1"))
            else:
                await self._take_whole(scope, receive, send)
        except DomainError as error:
            await _refuse(scope, headers, send, error)

    async def _take_whole(self, scope: Any, receive: Receive, send: Send) -> None:
        pace, body = Pace(settings.BODY_SECONDS), bytearray()
        try:
            is_whole = False
            while not is_whole:
                message = await pace.next(receive)
                if message["type"] == "http.disconnect":
                    return
                part = message.get("body", b"")
                body += part
                self._held += len(part)
                if len(body) > settings.MAX_BODY_BYTES:
                    raise BodyTooLarge
                if self._held > HELD_AT_MOST:
                    raise Unavailable(retry_after=1)
                is_whole = not message.get("more_body", False)
            await self._application(_measured(scope, len(body)), _replayed(bytes(body), receive), send)
        finally:
            self._held -= len(body)

    async def _pass_on(self, scope: Any, receive: Receive, send: Send, size: int, content_type: str) -> None:
        """A body that no address takes is refused by its headers, unread, so it need not wait for its turn."""
        if size > limit_at(scope["path"], content_type):
            await self._pace(scope, receive, send)
            return
        try:
            async with asyncio.timeout(settings.BODY_SECONDS):
                await self._uploads.acquire()
        except TimeoutError:
            raise Unavailable(retry_after=settings.BODY_SECONDS) from None
        try:
            await self._pace(scope, receive, send)
        finally:
            self._uploads.release()

    async def _pace(self, scope: Any, receive: Receive, send: Send) -> None:
        """Let the thread read; whatever it answers to a body that stopped coming, the sender hears why.

        Who asked whether to send at all (`Expect`) is answered, and has nothing on its way.
        """
        pace, is_begun = Pace(float("inf")), False
        is_asked = any(name.lower() == b"expect" for name, _value in scope["headers"])

        async def timely() -> Message:
            try:
                return await pace.next(receive)
            except BodyTooSlow as error:
                raise OSError(error.code) from error  # Django knows what to do with a body that breaks off

        async def answer(message: Message) -> None:
            nonlocal is_begun
            if is_begun or not pace.is_too_slow:
                if not (is_begun or is_asked):
                    await pace.linger(receive)
                is_begun = True
                await send(message)

        await self._application(scope, timely, answer)
        if not is_begun:
            raise BodyTooSlow


def _declared(headers: Mapping[bytes, bytes]) -> int | None:
    """The size that a request says its body has; None where it comes in chunks."""
    if b"transfer-encoding" in headers:
        return None
    size = headers.get(b"content-length", b"0")
    return int(size) if size.isdigit() else None


def _measured(scope: Any, size: int) -> Any:
    """The request with the size of its body, which one that came in chunks did not say: Django reads no other."""
    headers = [pair for pair in scope["headers"] if pair[0].lower() not in (b"content-length", b"transfer-encoding")]
    return {**scope, "headers": [*headers, (b"content-length", b"%d" % size)]}


def _replayed(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(scope: Any, headers: Mapping[bytes, bytes], send: Send, error: DomainError) -> None:
    """Say why in the sender's language and hang up: the rest of the body is not waited for."""
    request, request_id = HttpRequest(), str(uuid7())
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode("latin-1")
    with (
        translation.override(translation.get_language_from_request(request)),
        structlog.contextvars.bound_contextvars(request_id=request_id),
    ):
        response = problems.in_form(scope["path"], problems.from_domain_error(error))
        log.warning("body_refused", path=scope["path"], code=error.code)
    response["X-Request-ID"], response["Cache-Control"], response["Connection"] = request_id, "no-store", "close"
    response["Content-Length"] = str(len(response.content))
    listed = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": listed})
    await send({"type": "http.response.body", "body": response.content})
