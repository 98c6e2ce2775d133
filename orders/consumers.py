"""Sockets of the live feed: join the hub, send what was missed or a snapshot, then forward. They decide nothing."""

import asyncio
import time
from collections import deque
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
import structlog
from channels.generic.websocket import AsyncWebsocketConsumer

from gateway import guard
from gateway.principal import InvalidToken, Principal, read_token
from gateway.tickets import redeem_ticket
from messaging.feed import FeedRow
from messaging.hub import hub, in_database_thread
from orders import feed
from orders.feed import FeedItem, item_of

UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, SLOW, FLOOD = 4401, 4403, 4404, 4408, 4429
QUEUE = 256
SEND_TIMEOUT_S = 30.0
MAX_MESSAGES_A_SECOND = 20
MAX_MESSAGE = 4096
REVOCATION_CHECK_S = 1.0
log = structlog.get_logger(__name__)


class FeedConsumer(AsyncWebsocketConsumer):
    """What all feeds share; a subclass says what is seen and how it is resumed."""

    principal: Principal

    async def connect(self) -> None:
        self.queue: asyncio.Queue[str | int] = asyncio.Queue(QUEUE)
        self.tasks: list[asyncio.Task[None]] = []
        self.buffered: list[FeedItem] | None = []
        self.received: deque[float] = deque(maxlen=MAX_MESSAGES_A_SECOND)
        principal, subprotocol = await self._authenticate()
        await self.accept(subprotocol)
        if principal is None:
            await self.close(code=UNAUTHENTICATED)
            return
        self.principal = principal
        refusal = await self.refusal()
        if refusal:
            await self.close(code=refusal)
            return
        await hub("orders").join(self)
        self.tasks = [asyncio.create_task(self._send_queued()), asyncio.create_task(self._watch_session())]
        since = parse_qs(self.scope["query_string"].decode()).get("since", [""])[0]
        await self.start(int(since) if since.isdecimal() and len(since) < 19 else None)

    async def disconnect(self, code: int) -> None:
        hub("orders").leave(self)
        for task in getattr(self, "tasks", []):
            task.cancel()

    async def _authenticate(self) -> tuple[Principal | None, str | None]:
        """By one-use ticket in the query, or by the subprotocols `bearer, <token>`; only the first is echoed."""
        ticket = parse_qs(self.scope["query_string"].decode(errors="replace")).get("ticket", [""])[0]
        offered = self.scope.get("subprotocols") or []
        subprotocol = offered[0] if offered else None
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
        return (None if is_revoked or not principal.may("orders:read") else principal), subprotocol

    # What a subclass says ------------------------------------------------------------------------------------------
    async def refusal(self) -> int:
        """Close code when this caller may not listen here, else 0."""
        return 0

    async def read_missed(self, since: int) -> list[FeedItem] | None:
        """What was missed after `since`."""
        raise NotImplementedError

    async def read_snapshot(self) -> dict[str, Any]:
        """What stands now."""
        raise NotImplementedError

    def concerns(self, item: FeedItem) -> bool:
        """Whether a row is for this socket."""
        raise NotImplementedError

    def is_news(self, item: FeedItem) -> bool:
        """Whether a row was not sent before; remembers it."""
        raise NotImplementedError

    # Forwarding ----------------------------------------------------------------------------------------------------
    async def start(self, since: int | None) -> None:
        """Send what was missed, or a snapshot; then what arrived meanwhile; then go on live."""
        self.buffered = self.buffered if self.buffered is not None else []
        missed = await self.read_missed(since) if since is not None else None
        if missed is None:
            if since is not None:
                self.put('{"type":"resync_required"}')
            self.put(msgspec.json.encode(await self.read_snapshot()).decode())
        else:
            for item in missed:
                self._forward(item)
        waiting, self.buffered = self.buffered or [], None
        for item in waiting:
            self._forward(item)

    def offer(self, row: FeedRow) -> None:
        """Called by the hub for every row of the feed."""
        item = item_of(row)
        if not self.concerns(item):
            return
        if self.buffered is not None:
            self.buffered.append(item)
        else:
            self._forward(item)

    def _forward(self, item: FeedItem) -> None:
        if self.is_news(item):
            self.put(item.text)

    def put(self, text: str) -> None:
        """Queue a frame; a reader that does not keep up is cut off, and can resume."""
        try:
            self.queue.put_nowait(text)
        except asyncio.QueueFull:
            hub("orders").leave(self)
            asyncio.get_running_loop().create_task(self.close(code=SLOW))

    async def _send_queued(self) -> None:
        while True:
            text = await self.queue.get()
            try:
                await asyncio.wait_for(self.send(text_data=str(text)), timeout=SEND_TIMEOUT_S)
            except TimeoutError:
                await self.close(code=SLOW)
                return

    async def _watch_session(self) -> None:
        """End the socket when its token expires or is revoked."""
        loop = asyncio.get_running_loop()
        while self.principal.expires_at > time.time():
            await asyncio.sleep(min(REVOCATION_CHECK_S, max(0.0, self.principal.expires_at - time.time())))
            if await loop.run_in_executor(None, guard.is_revoked, self.principal):
                break
        await self.close(code=UNAUTHENTICATED)

    # What a client may say -------------------------------------------------------------------------------------------
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        now = time.monotonic()
        if len(self.received) == MAX_MESSAGES_A_SECOND and now - self.received[0] < 1:
            await self.close(code=FLOOD)
            return
        self.received.append(now)
        try:
            await self._obey(self._parse(text_data))
        except ValueError as error:
            self.put(msgspec.json.encode({"type": "error", "code": str(error)}).decode())

    def _parse(self, text: str | None) -> dict[str, Any]:
        if text is None or len(text) > MAX_MESSAGE:
            raise ValueError("malformed")
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise ValueError("malformed") from None
        if not isinstance(message, dict):
            raise ValueError("malformed")
        return message

    async def _obey(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "ping"}:
                self.put('{"type":"pong"}')
            case {"type": "resume", "since": int(since)} if not isinstance(since, bool) and 0 <= since < 2**62:
                await self.resume(since)
            case {"type": "resume"}:
                raise ValueError("invalid_since")
            case _:
                raise ValueError("unknown_type")

    async def resume(self, since: int) -> None:
        """Go back to `since` and come forward again."""
        self.buffered = []
        self.rewind(since)
        await self.start(since)

    def rewind(self, since: int) -> None:
        """Forget what was sent after `since`."""
        raise NotImplementedError


class OrderConsumer(FeedConsumer):
    """`/ws/orders/{id}/`: one order, resumed by `seq`."""

    async def refusal(self) -> int:
        self.order_id = UUID(self.scope["url_route"]["kwargs"]["order_id"])
        self.last_seq = 0
        snapshot = await in_database_thread(feed.snapshot_of_order, self.order_id, self.principal)
        return 0 if snapshot else NOT_FOUND

    async def read_missed(self, since: int) -> list[FeedItem] | None:
        self.last_seq = since
        return await in_database_thread(feed.missed_of_order, self.order_id, since)

    async def read_snapshot(self) -> dict[str, Any]:
        snapshot = await in_database_thread(feed.snapshot_of_order, self.order_id, self.principal)
        if snapshot is None:
            await self.close(code=NOT_FOUND)
            return {"type": "error", "code": "not_found"}
        self.last_seq = snapshot["seq"]
        return snapshot

    def concerns(self, item: FeedItem) -> bool:
        return item.order_id == self.order_id

    def is_news(self, item: FeedItem) -> bool:
        if item.seq <= self.last_seq:
            return False
        self.last_seq = item.seq
        return True

    def rewind(self, since: int) -> None:
        self.last_seq = since


class OrdersConsumer(FeedConsumer):
    """`/ws/orders/`: all of the caller's orders (a manager's: all), resumed by `position`."""

    async def refusal(self) -> int:
        self.position = 0
        self.seqs: dict[UUID, int] = {}
        return 0

    async def read_missed(self, since: int) -> list[FeedItem] | None:
        self.position = since
        return await in_database_thread(feed.missed_of_all, since, self.principal)

    async def read_snapshot(self) -> dict[str, Any]:
        snapshot, self.seqs = await in_database_thread(feed.snapshot_of_all, self.principal)
        self.position = snapshot["position"]
        return snapshot

    def concerns(self, item: FeedItem) -> bool:
        return self.principal.is_staff or item.customer_id == self.principal.id

    def is_news(self, item: FeedItem) -> bool:
        if item.position is None or item.position <= self.position or item.seq <= self.seqs.get(item.order_id, 0):
            return False
        self.position = item.position
        return True

    def rewind(self, since: int) -> None:
        self.position = since
        self.seqs = {}


class ManagerConsumer(OrdersConsumer):
    """`/ws/manager/`: the whole shop floor, for managers only."""

    async def refusal(self) -> int:
        await super().refusal()
        return 0 if self.principal.is_staff else FORBIDDEN
