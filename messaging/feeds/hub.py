"""The hub: one per process and feed, it hears the broadcast, repairs its gaps from the database, and fans out.

A broadcast may be lost, doubled or late; positions tell. Every half second the head is compared too, since gap
detection alone never notices that the last message is missing. A row is read once, and offered to those alone who
listen to one of its topics: a thousand sockets cost nothing while nothing happens to them.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog
from channels.layers import get_channel_layer
from django.db import close_old_connections

from messaging.feeds.feed import FeedRow, feed_group, read_feed, read_life

TICK_S = 0.5
JOIN_S = 10.0
PAGE = 1000
log = structlog.get_logger(__name__)
T = TypeVar("T")
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="feed-db")


async def in_database_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run a database read in the one bounded pool that all streams of the process share."""

    def run() -> T:
        close_old_connections()
        return function(*arguments)

    return await asyncio.get_running_loop().run_in_executor(_pool, run)


class Item(Protocol):
    """A row of a feed as its app read it: `text` is what a client gets, `topics` say whom it concerns."""

    @property
    def position(self) -> int | None:
        """Place in the log."""

    @property
    def topics(self) -> tuple[str, ...]:
        """Each listener hears an item once, however many of its topics it listens to."""

    @property
    def text(self) -> str:
        """The message, as JSON."""

    @property
    def trace(self) -> str:
        """The `traceparent` of its row."""


class Listener(Protocol):
    """A stream to one client."""

    @property
    def topics(self) -> tuple[str, ...]:
        """Return the topics it wants to hear of; must not change while it listens."""

    def offer(self, item: Any) -> None:
        """Take an item, or ignore it; must not block."""

    def begin_anew(self) -> None:
        """The log was replaced by an older one: what the client knows is worth nothing."""


Reader = Callable[[FeedRow], Item]


class Hub:
    """Delivers every row of one feed, in order, to every listener of the process that it concerns."""

    def __init__(self, source: str, read: Reader) -> None:
        self.source = source
        self.read = read
        self.position = 0
        self.epoch: UUID | None = None
        self.repaired = 0
        self.listeners: set[Listener] = set()
        self._by_topic: defaultdict[str, set[Listener]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._lock = asyncio.Lock()

    async def join(self, listener: Listener) -> None:
        """Add a listener; every row placed from now on is offered to it. Raises TimeoutError while blind."""
        self.listeners.add(listener)
        for topic in listener.topics:
            self._by_topic[topic].add(listener)
        if self._task is None or self._task.done():
            self._ready.clear()
            self._task = asyncio.create_task(self._run())
        async with asyncio.timeout(JOIN_S):
            await self._ready.wait()

    def leave(self, listener: Listener) -> None:
        """Remove a listener."""
        self.listeners.discard(listener)
        for topic in listener.topics:
            self._by_topic[topic].discard(listener)
            if not self._by_topic[topic]:
                del self._by_topic[topic]

    async def _run(self) -> None:
        while self.listeners:
            try:
                await self._listen()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("hub_interrupted", source=self.source, error=repr(error))
                await self._do_without_broadcast()
        self.position = 0

    async def _do_without_broadcast(self) -> None:
        """While Valkey is away the database alone drives the feed, a tick late; nobody may join before it is read."""
        with contextlib.suppress(Exception):
            if not self.position:
                self.epoch, self.position = await in_database_thread(read_life, self.source)
            self._ready.set()
            await self._look()
        await asyncio.sleep(TICK_S)

    async def _listen(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(feed_group(self.source), channel)
        if not self.position:
            self.epoch, self.position = await in_database_thread(read_life, self.source)
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
                self.repaired += 1
                await self._catch_up(message["after"])
            try:
                rows = [FeedRow(*row) for row in message["rows"]]
            except TypeError:  # the relay runs another version than this process
                await self._catch_up(message["until"])
                return
            self._offer(rows)
            self.position = max(self.position, message["until"])

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self._look()
            except Exception as error:
                log.warning("hub_tick_failed", source=self.source, error=repr(error))

    async def _look(self) -> None:
        """Compare the head: a lost last message leaves no gap, and a restored log has a lower head or a new life."""
        before = self.position
        epoch, head = await in_database_thread(read_life, self.source)
        if head < before or self.epoch not in (None, epoch):
            log.error("feed_restored", source=self.source, known=before, head=head)
            self.epoch, self.position = epoch, head
            for listener in list(self.listeners):
                listener.begin_anew()
        elif head > self.position:
            async with self._lock:
                self.repaired += head > self.position
                await self._catch_up(head)
        self.epoch = epoch

    async def _catch_up(self, until: int) -> None:
        while self.position < until:
            rows = await in_database_thread(read_feed, self.source, self.position, until, PAGE)
            self._offer(rows)
            last = rows[-1].position if len(rows) == PAGE else None
            self.position = last if last is not None else max(self.position, until)

    def _offer(self, rows: list[FeedRow]) -> None:
        for row in rows:
            if row.position is None or row.position <= self.position:
                continue
            item = self.read(row)
            told: set[Listener] = set()
            for topic in item.topics:
                told |= self._by_topic.get(topic, set())
            for listener in told:
                listener.offer(item)


_hubs: dict[tuple[int, str], Hub] = {}
_readers: dict[str, Reader] = {}


def carry(source: str, read: Reader) -> None:
    """Say how the rows of a source's feed are read; called once, when its app is ready."""
    _readers[source] = read


def hub(source: str) -> Hub:
    """The running loop's hub for a source."""
    key = (id(asyncio.get_running_loop()), source)
    if key not in _hubs:
        _hubs[key] = Hub(source, _readers[source])
    return _hubs[key]
