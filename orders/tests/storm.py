"""A storm over the live feed: readers that lose their connection again and again while the orders change.

Each reader keeps what a client would keep: the last `position` (or `seq`) it saw, and each order's status and `seq`.
"""

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2
import uvicorn
from django.db import connections
from django.utils import timezone
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from config.asgi import application
from core.ids import uuid7
from core.testing import Api, token_for
from messaging.feeds import feed
from messaging.transport import relay
from orders import services
from orders.models import Order
from orders.services import Actor
from orders.tests import answers, make
from orders.tests.answers import receive
from tests.product import free_port

MANAGER = Actor(uuid7(), frozenset({"manager"}))


@dataclass
class Replica:
    """Replica of what one reader knows."""

    statuses: dict[str, str] = field(default_factory=dict)
    seqs: dict[str, int] = field(default_factory=dict)
    position: int | None = None
    gaps: int = 0
    doubles: int = 0
    resyncs: int = 0

    def take(self, message: dict[str, Any]) -> None:
        """Apply a message as a client does, and count what must not happen."""
        match message["type"]:
            case "snapshot":
                listed = message["order"] if isinstance(message["order"], list) else [message]
                for item in listed:
                    self.statuses[item["order"]["id"]] = item["order"]["status"]
                    self.seqs[item["order"]["id"]] = item["seq"]
                self.position = message["seq"]
            case "resync_required":
                self.resyncs += 1
            case "order.status":
                known = self.seqs.get(message["order_id"], 0)
                self.doubles += message["seq"] <= known
                self.gaps += message["seq"] > known + 1
                self.seqs[message["order_id"]] = message["seq"]
                self.statuses[message["order_id"]] = message["status"]
                self.position = message["position"]


class Reader:
    """One client; a subclass says what carries its feed."""

    def __init__(self, storm: "Storm", token: str, path: str, ids: list[str]) -> None:
        self.storm, self.token, self.path, self.ids = storm, token, path, ids
        self.replica = Replica()

    async def run(self) -> None:
        """Connect, listen for a while, lose the connection; until the storm is over and all is known."""
        while not self.is_done():
            patience = 30.0 if self.storm.is_calm.is_set() else random.uniform(0.0, self.storm.longest)
            with suppress(OSError, ConnectionClosed, InvalidHandshake, httpx2.HTTPError, TimeoutError):
                async with asyncio.timeout(patience):
                    await self.listen()
            self.storm.count_disconnect()
            await asyncio.sleep(random.uniform(0, 0.05))

    def is_done(self) -> bool:
        """Tell whether the storm is over and this reader knows as much as the database, or has had time enough."""
        if not self.storm.is_calm.is_set():
            return False
        expected = self.storm.truth
        return all(self.replica.seqs.get(one) == expected[one][1] for one in self.ids) or self.storm.is_late()

    async def listen(self) -> None:
        """Read until cut off, or until done."""
        raise NotImplementedError

    def query(self) -> str:
        """Return where to go on."""
        return "" if self.replica.position is None else f"?since={self.replica.position}"


class SocketReader(Reader):
    """`/ws/orders/` and `/ws/manager/`, by position."""

    async def listen(self) -> None:
        address = f"ws://127.0.0.1:{self.storm.server.port}{self.path}{self.query()}"
        async with connect(address, subprotocols=["bearer", self.token], close_timeout=0.1) as socket:  # type: ignore[list-item]
            try:
                while not self.is_done():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.5):
                            self.replica.take(json.loads(await socket.recv()))
            finally:
                socket.transport.abort()


class OrderReader(SocketReader):
    """`/ws/orders/{id}/`, by seq."""

    def query(self) -> str:
        seq = self.replica.seqs.get(self.ids[0])
        return "" if seq is None else f"?since={seq}"


class StreamReader(Reader):
    """Server-sent events, by Last-Event-ID."""

    async def listen(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
        if self.replica.position is not None:
            headers["Last-Event-ID"] = str(self.replica.position)
        address = f"http://127.0.0.1:{self.storm.server.port}{self.path}"
        async with httpx2.AsyncClient(timeout=1) as client, client.stream("GET", address, headers=headers) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    self.replica.take(json.loads(line[6:]))
                if self.is_done():
                    return


class PageReader(Reader):
    """Pages, by `after`; now and then the answer is lost on the way."""

    async def listen(self) -> None:
        api = Api()
        api.headers = {"Authorization": f"Bearer {self.token}"}
        page = await asyncio.to_thread(_closing, lambda: api.get(f"{self.path}?after={self.replica.position or 0}"))
        if page.status_code == 200 and (random.random() > 0.3 or self.storm.is_calm.is_set()):
            for row in page.json()["results"]:
                self.replica.take(row)


def _closing(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connections.close_all()


class Server:
    """The ASGI application on a port of its own, in a thread; may be stopped and started again."""

    def __init__(self) -> None:
        self.port = free_port()
        self.start()

    def start(self) -> None:
        """Serve, once the port answers."""
        config = uvicorn.Config(
            application, host="127.0.0.1", port=self.port, lifespan="off", log_level="critical",
            ws_per_message_deflate=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """Close every connection."""
        self.server.should_exit = True
        self.thread.join(timeout=20)


class Storm:
    """Orders, writers, a relay that loses every fifth broadcast, and the readers."""

    def __init__(self, *, orders: int, disconnects: int, longest: float = 0.6) -> None:
        self.disconnects, self.longest = disconnects, longest
        self.done = 0
        self.is_calm = threading.Event()
        self.stopping = threading.Event()
        self.truth: dict[str, tuple[str, int]] = {}
        self.calm_at = 0.0
        buyers = [uuid7() for _ in range(max(2, orders // 20))]
        self.orders = [make.order(customer_id=buyers[number % len(buyers)]) for number in range(orders)]
        feed.broadcast("orders", relay.sequence("orders"))
        self.server = Server()
        ids = [str(order.id) for order in self.orders]
        manager = token_for(MANAGER.id, "manager", exp=int(time.time()) + 3600)
        self.readers: list[Reader] = [
            SocketReader(self, manager, "/ws/manager/", ids),
            SocketReader(self, manager, "/ws/orders/", ids),
            StreamReader(self, manager, "/api/v1/orders/events", ids),
            PageReader(self, manager, "/orders/events", ids),
        ]
        for buyer in buyers:
            own = [str(order.id) for order in self.orders if order.customer_id == buyer]
            token = token_for(buyer, exp=int(time.time()) + 3600)
            self.readers += [
                SocketReader(self, token, "/ws/orders/", own),
                OrderReader(self, token, f"/ws/orders/{own[0]}/", own[:1]),
                StreamReader(self, token, "/api/v1/orders/events", own),
                PageReader(self, token, "/orders/events", own),
            ]

    def count_disconnect(self) -> None:
        """One more connection was lost."""
        self.done += 1

    def is_late(self) -> bool:
        """Tell whether the readers had half a minute of calm."""
        return time.monotonic() > self.calm_at + 30

    def run(self) -> None:
        """Let it rage, until all orders are through and enough connections were lost; then let the readers catch up."""
        relaying = threading.Thread(target=self._relay)
        relaying.start()
        writing = threading.Thread(target=_closing, args=(self._write,))
        writing.start()
        asyncio.run(self._read())
        writing.join()
        self.stopping.set()
        relaying.join()
        self.server.stop()

    async def _read(self) -> None:
        async with asyncio.TaskGroup() as group:
            for reader in self.readers:
                group.create_task(reader.run())

    def _relay(self) -> None:
        lost = random.Random(7)
        while not self.stopping.wait(0.01):
            placed = relay.sequence("orders")
            if placed and lost.random() > 0.2:
                feed.broadcast("orders", placed)
        connections.close_all()

    def _write(self) -> None:
        steps = [(order, step) for order in self.orders for step in range(5)]
        for number, (order, step) in enumerate(_shuffled(steps)):
            _change(order, step)
            if number == len(steps) // 2:
                self.server.stop()
                self.server.start()
        while self.done < self.disconnects:
            time.sleep(0.05)
        relay.sequence("orders")
        self.truth = _truth()
        self.calm_at = time.monotonic()
        self.is_calm.set()


def _shuffled(steps: list[tuple[Order, int]]) -> list[tuple[Order, int]]:
    """The steps of all orders mixed, each order's own in their order."""
    mixed = steps.copy()
    random.Random(11).shuffle(mixed)
    following: dict[Any, int] = {}
    for index, (order, _) in enumerate(mixed):
        step = following.get(order.id, 0)
        following[order.id] = step + 1
        mixed[index] = (order, step)
    return mixed


def _change(order: Order, step: int) -> None:
    if step == 0:
        receive(answers.reserved(order))
    elif step == 1:
        receive(answers.paid(order, by_saga=False))
    else:
        status = ("in_progress", "ready", "completed")[step - 2]
        services.move_order(order_id=order.id, status=status, actor=MANAGER, now=timezone.now())


def _truth() -> dict[str, tuple[str, int]]:
    """Status of each order and the `seq` of its last change, from the database."""
    with connections["orders"].cursor() as cursor:
        cursor.execute(
            """SELECT o.id::text, o.status, s.last_seq FROM orders_order o
               JOIN messaging_event_stream s ON s.aggregate = 'order' AND s.aggregate_id = o.id::text"""
        )
        return {order_id: (status, seq) for order_id, status, seq in cursor.fetchall()}
