"""Streams of a feed to one client each, by WebSocket or by server-sent events: what was missed, then what happens.

They decide nothing. What is seen, and how it is resumed, is said by a view of the app; who is listening is known from
a token, and a stream ends with it.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from typing import Any, ClassVar
from uuid import UUID

import structlog
from django.conf import settings

from core.running import measures, traces
from gateway.guards import guard
from gateway.principal import Principal
from messaging.feeds.hub import Item, hub, in_database_thread

UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, SLOW, TOO_MANY = 4401, 4403, 4404, 4408, 4429
RESTART, TRY_LATER = 1012, 1013
QUEUE = 256
"""Messages that may wait for a reader before it counts as slow."""
WAITING = 5_000
"""Messages that may arrive while a client is told what it missed."""
SEND_TIMEOUT_S = 30.0
SESSION_CHECK_S = 0.5
log = structlog.get_logger(__name__)
_OPEN = measures.level("live_streams", "Open sockets and streams of events.", "source")


class SlowReader(Exception):
    """The client does not take what it is sent, or is gone."""


class LiveView(ABC):
    """View that one client has of a feed. Its `read_` methods ask the database, in a thread of the streams' pool."""

    source: str
    topics: tuple[str, ...]
    position: int | None = None
    """Place in the log that the last snapshot belongs to, on feeds that are resumed by position."""

    def read_refusal(self) -> int:
        """Close code when the caller may not listen here, else 0."""
        return 0

    @abstractmethod
    def read_missed(self, since: int) -> list[Any] | None:
        """Return what came after `since`, in order; None when that is too much, too old or of an earlier log."""

    @abstractmethod
    def read_snapshot(self) -> str:
        """Return what stands now, as a message; what comes later than it is news."""

    @abstractmethod
    def is_news(self, item: Any) -> bool:
        """Tell whether an item was not told before; remembers it."""

    @abstractmethod
    def rewind(self, since: int) -> None:
        """Count what came after `since` as not told."""


class LiveStream(ABC):
    """One client of a feed, whatever carries it."""

    carrier: ClassVar[str]
    """As a trace calls it."""

    def __init__(self, principal: Principal, view: LiveView) -> None:
        self.principal = principal
        self.view = view
        self.topics = view.topics
        self.queue: deque[Item] = deque()
        self.waiting: list[Item] | None = []
        self.is_over = False
        self._is_seated = False
        self._sender: asyncio.Task[None] | None = None

    @abstractmethod
    async def transmit(self, text: str, position: int | None = None) -> None:
        """Hand one message over to the client; returns once it may be followed by another."""

    @abstractmethod
    async def hang_up(self, code: int) -> None:
        """End the connection and tell why."""

    async def open(self, since: int | None) -> int:
        """Join the feed and bring the client up to date; return a close code if it may not listen, else 0."""
        self._is_seated = _seats.take(self.principal.id)
        if not self._is_seated:
            return TOO_MANY
        _OPEN.labels(self.view.source).inc()
        try:
            refusal = await in_database_thread(self.view.read_refusal)
            if refusal:
                return refusal
            await hub(self.view.source).join(self)
            sessions().add(self)
            await self.start(since)
        except SlowReader:
            return SLOW
        except Exception as error:
            log.warning("stream_failed", source=self.view.source, error=repr(error))
            return TRY_LATER
        return 0

    def leave(self) -> None:
        """Forget the client; harmless when repeated."""
        self.is_over = True
        hub(self.view.source).leave(self)
        sessions().discard(self)
        if self._sender is not None:
            self._sender.cancel()
        if self._is_seated:
            self._is_seated = False
            _OPEN.labels(self.view.source).dec()
            _seats.free(self.principal.id)

    async def start(self, since: int | None) -> None:
        """Tell what was missed, or how things stand; then what arrived meanwhile; then go on live."""
        self.waiting = []
        self.queue.clear()
        missed = None
        if since is not None:
            self.view.rewind(since)
            missed = await in_database_thread(self.view.read_missed, since)
        if missed is None:
            await self._start_over(is_resync=since is not None)
        else:
            await self._deliver_news(missed)
        while self.waiting:
            arrived, self.waiting = self.waiting, []
            await self._deliver_news(arrived)
        self.waiting = None

    async def _start_over(self, *, is_resync: bool) -> None:
        if is_resync:
            await self.deliver('{"type":"resync_required"}')
        text = await in_database_thread(self.view.read_snapshot)
        await self.deliver(text, self.view.position)

    async def _deliver_news(self, items: list[Item]) -> None:
        for item in items:
            if self.view.is_news(item):
                await self._push(item)

    async def _push(self, item: Item) -> None:
        """Deliver an item, within a span where its trace is sampled. Raises SlowReader."""
        if not traces.is_sampled(item.trace):
            await self.deliver(item.text, item.position)
            return
        with traces.span("feed.push", {traces.PARENT: item.trace}, "producer", feed=self.view.source, by=self.carrier):
            await self.deliver(item.text, item.position)

    async def deliver(self, text: str, position: int | None = None) -> None:
        """Hand over a message in good time. Raises SlowReader."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.transmit(text, position)
        except TimeoutError:
            raise SlowReader from None
        except Exception as error:  # servers differ in what they raise when nobody is there any more
            raise SlowReader from error

    # Live --------------------------------------------------------------------------------------------------------
    def offer(self, item: Item) -> None:
        """Called by the hub. A reader that does not keep up is cut off, and can resume."""
        if self.waiting is not None:
            self.waiting.append(item)
            if len(self.waiting) > WAITING:
                self.end(SLOW)
        elif self.view.is_news(item):
            self.queue.append(item)
            if len(self.queue) > QUEUE:
                self.end(SLOW)
            elif self._sender is None:
                self._sender = asyncio.create_task(self._send_queued())

    def begin_anew(self) -> None:
        """The log was replaced: let the client connect again, and be told to resynchronise."""
        self.end(RESTART)

    async def _send_queued(self) -> None:
        """Runs only while something waits: most streams are silent most of the time."""
        try:
            while self.queue and not self.is_over:
                await self._push(self.queue.popleft())
        except Exception as error:
            log.debug("stream_cut", error=repr(error))
            self.end(SLOW)
        finally:
            self._sender = None

    def end(self, code: int) -> None:
        """Stop telling anything and hang up."""
        if self.is_over:
            return
        self.is_over = True
        self.queue.clear()
        hub(self.view.source).leave(self)
        task = asyncio.get_running_loop().create_task(self._hang_up(code))
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    async def _hang_up(self, code: int) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self.hang_up(code)
        except Exception as error:
            log.debug("hang_up_failed", code=code, error=repr(error))


_closing: set[asyncio.Task[None]] = set()


class _Seats:
    """Streams that each user has open in this process."""

    def __init__(self) -> None:
        self.taken: Counter[UUID] = Counter()

    def take(self, user_id: UUID) -> bool:
        """Give a user one more seat, unless they have all they may have."""
        if self.taken[user_id] >= settings.STREAMS_PER_USER:
            return False
        self.taken[user_id] += 1
        return True

    def free(self, user_id: UUID) -> None:
        """Take a seat back."""
        self.taken[user_id] -= 1
        if self.taken[user_id] <= 0:
            del self.taken[user_id]


_seats = _Seats()


class Sessions:
    """Ends streams whose token expired or was revoked: one question to Valkey for all of them, twice a second."""

    def __init__(self) -> None:
        self.streams: set[LiveStream] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, stream: LiveStream) -> None:
        """Watch over a stream."""
        self.streams.add(stream)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._watch())

    def discard(self, stream: LiveStream) -> None:
        """Watch no longer."""
        self.streams.discard(stream)

    async def _watch(self) -> None:
        while self.streams:
            await asyncio.sleep(SESSION_CHECK_S)
            try:
                await self._check()
            except Exception as error:
                log.warning("session_check_failed", error=repr(error))

    async def _check(self) -> None:
        watched = list(self.streams)
        principals = {stream.principal.jti: stream.principal for stream in watched}
        loop = asyncio.get_running_loop()
        revoked = await loop.run_in_executor(None, guard.revoked_among, list(principals.values()))
        now = time.time()
        for stream in watched:
            if stream.principal.expires_at <= now or stream.principal.jti in revoked:
                self.streams.discard(stream)
                stream.end(UNAUTHENTICATED)


_sessions: dict[int, Sessions] = {}


def sessions() -> Sessions:
    """The running loop's watch over its streams."""
    return _sessions.setdefault(id(asyncio.get_running_loop()), Sessions())
