"""Answers are written by the event loop: who reads a byte now and then holds a socket and some memory, and no thread.

A thread hands its answer over and is free. What all readers have not taken yet is bounded; beyond that threads wait for
their own reader, who keeps to a rate or is hung up on.
"""

import asyncio
from typing import Any

import structlog
from django.conf import settings

from gateway.guards.bodies import GRACE_S, Application, Message, Receive, Send

AT_ONCE = 32 << 10
"""Bytes that every connection takes without waiting: most answers are no longer."""
HELD_AT_MOST = 64 << 20
"""Bytes of answers that one process holds for their readers."""
log = structlog.get_logger(__name__)


class TimelyAnswers:
    """An ASGI application around one that takes a thread for each request."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.held = 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Pass the answer on as fast as it is read."""
        answer = _Answer(self, scope["path"], send)
        try:
            await self._application(scope, receive, answer.take)
            await answer.finish()
        finally:
            answer.drop()


class _Answer:
    """Part of an answer one reader has not taken yet; `sent` counts what they took, `waited` the seconds waited."""

    def __init__(self, all_of_them: TimelyAnswers, path: str, send: Send) -> None:
        self._all, self._path, self._send = all_of_them, path, send
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None
        self._has_room = asyncio.Event()
        self._held, self._sent, self._waited = 0, 0, 0.0
        self._is_left = False

    async def take(self, message: Message) -> None:
        """Keep a part until its reader takes it; nothing more of an answer that nobody reads."""
        size = len(message.get("body", b""))
        if self._writer is None and self._sent + size <= AT_ONCE:
            self._sent += size
            await self._send(message)
            return
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        while self._held and self._all.held + size > HELD_AT_MOST and not self._is_left:
            self._has_room.clear()
            await self._has_room.wait()
        if not self._is_left:
            self._hold(size)
            self._waiting.put_nowait(message)

    async def finish(self) -> None:
        """Wait for the reader; without its end the server hangs up on one who left."""
        if self._writer is not None:
            self._waiting.put_nowait(None)
            await self._writer

    def drop(self) -> None:
        """Give back what is still held."""
        if self._writer is not None:
            self._writer.cancel()
        self._hold(-self._held)

    async def _write(self) -> None:
        while (message := await self._waiting.get()) is not None:
            size = len(message.get("body", b""))
            try:
                await self._pass(message, size)
            except OSError:  # TimeoutError is one
                self._is_left = True
                log.warning("answer_not_read", path=self._path, sent=self._sent)
                return self._has_room.set()
            self._hold(-size)
            self._has_room.set()
        return None

    async def _pass(self, message: Message, size: int) -> None:
        clock = asyncio.get_running_loop().time
        allowed, began = GRACE_S + (self._sent + size) / settings.BODY_MIN_RATE, clock()
        async with asyncio.timeout(max(0.0, allowed - self._waited)):
            await self._send(message)
        self._waited += clock() - began
        self._sent += size

    def _hold(self, size: int) -> None:
        self._held += size
        self._all.held += size
