"""The hub: one per process and feed, it hears the broadcast, repairs its gaps from the database, and fans out.

A broadcast may be lost, doubled or late; positions tell. Every half second the head is compared too, since gap
detection alone never notices that the last message is missing.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import structlog
from channels.layers import get_channel_layer
from django.db import close_old_connections

from messaging.feed import FeedRow, feed_group, read_feed, read_head

TICK_S = 0.5
PAGE = 1000
log = structlog.get_logger(__name__)
T = TypeVar("T")
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="feed-db")


async def in_database_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run a database read in the one bounded pool that all sockets of the process share."""

    def run() -> T:
        close_old_connections()
        return function(*arguments)

    return await asyncio.get_running_loop().run_in_executor(_pool, run)


class Listener(Protocol):
    """A socket."""

    def offer(self, row: FeedRow) -> None:
        """Take a row of the feed, or ignore it; must not block."""


class Hub:
    """Delivers every row of one feed, in order, to every listener of the process."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._lock = asyncio.Lock()

    async def join(self, listener: Listener) -> None:
        """Add a listener; every row placed from now on is offered to it."""
        self.listeners.add(listener)
        if self._task is None or self._task.done():
            self._ready.clear()
            self._task = asyncio.create_task(self._run())
        await self._ready.wait()

    def leave(self, listener: Listener) -> None:
        """Remove a listener."""
        self.listeners.discard(listener)

    async def _run(self) -> None:
        while self.listeners:
            try:
                await self._listen()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("hub_interrupted", source=self.source, error=repr(error))
                self._ready.set()
                await asyncio.sleep(TICK_S)
        self.position = 0

    async def _listen(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(feed_group(self.source), channel)
        if not self.position:
            self.position = await in_database_thread(read_head, self.source)
        self._ready.set()
        ticker = asyncio.create_task(self._tick())
        try:
            while self.listeners and not ticker.done():
                with contextlib.suppress(TimeoutError):
                    message = await asyncio.wait_for(layer.receive(channel), timeout=TICK_S * 4)
                    await self._take(message)
        finally:
            ticker.cancel()
            with contextlib.suppress(Exception):
                await layer.group_discard(feed_group(self.source), channel)

    async def _take(self, message: dict[str, Any]) -> None:
        async with self._lock:
            if message["until"] <= self.position:
                return
            if message["after"] > self.position:
                await self._catch_up(message["after"])
            for row in message["rows"]:
                self._offer(FeedRow(*row))
            self.position = max(self.position, message["until"])

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                head = await in_database_thread(read_head, self.source)
                if head > self.position:
                    async with self._lock:
                        await self._catch_up(head)
            except Exception as error:
                log.warning("hub_tick_failed", source=self.source, error=repr(error))

    async def _catch_up(self, until: int) -> None:
        while self.position < until:
            rows = await in_database_thread(read_feed, self.source, self.position, until, PAGE)
            for row in rows:
                self._offer(row)
            self.position = rows[-1].position if len(rows) == PAGE else max(self.position, until)

    def _offer(self, row: FeedRow) -> None:
        if row.position <= self.position:
            return
        for listener in list(self.listeners):
            listener.offer(row)


_hubs: dict[tuple[int, str], Hub] = {}


def hub(source: str) -> Hub:
    """The running loop's hub for a source."""
    return _hubs.setdefault((id(asyncio.get_running_loop()), source), Hub(source))
