"""Buyers who come one after another, whether or not those before them have paid; and as many as can be served."""

import json
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg

from benchmarks import load
from core.ids import uuid7
from tests.chaos.rig import Rig

LOOK_S = 0.02
PATIENCE_S = 120
THREADS = 32
_PAID = "SELECT id::text FROM orders_order WHERE id = ANY(%s::uuid[]) AND status = 'paid'"


@dataclass
class Buyers:
    """Buyers of one product by card, and how long each waited from their click to `paid`, in s."""

    rig: Rig
    vehicle: str
    began: dict[str, float] = field(default_factory=dict)
    paid: dict[str, float] = field(default_factory=dict)
    is_over: bool = False

    def come(self, per_second: float, seconds: float) -> list[float]:
        """Let buyers come so often for so long; return how long each waited, the shortest first."""
        with self, ThreadPoolExecutor(THREADS) as pool:
            start, clicks = time.monotonic(), list[Future[None]]()
            for number in range(round(per_second * seconds)):
                time.sleep(max(0.0, start + number / per_second - time.monotonic()))
                clicks.append(pool.submit(self._click))
            for click in clicks:
                click.result()
            self._wait_for(len(clicks))
        return sorted(at - self.began[order] for order, at in self.paid.items())

    def crowd(self, at_once: int, seconds: float) -> float:
        """Let a new buyer come whenever one of so many has paid; return the purchases paid in a second."""
        with self, ThreadPoolExecutor(THREADS) as pool:
            start, clicks = time.monotonic(), list[Future[None]]()
            while time.monotonic() < start + seconds:
                if len(clicks) - len(self.paid) < at_once:
                    clicks.append(pool.submit(self._click))
                else:
                    time.sleep(LOOK_S)
            served = len(self.paid) / (time.monotonic() - start)
            for click in clicks:
                click.result()
            self._wait_for(len(clicks))
        return served

    def __enter__(self) -> "Buyers":
        """Begin to look who has paid."""
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self.is_over = True

    def _click(self) -> None:
        card = {"method": "card", "token": "tok_success"}
        body = json.dumps({"items": [{"product_id": self.vehicle, "quantity": 1}], "payment": card}).encode()
        head = (
            f"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.rig.token()}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: {uuid7()}\r\n\r\n"
        )
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.rig.port), timeout=30) as connection:
            connection.sendall(head.encode() + body)
            status, answer = load.read_response(connection)
        if b" 201 " not in status.split(b"\r\n", 1)[0]:
            raise SystemExit(f"an order was refused: {answer[:500]!r}")
        self.began[json.loads(answer)["id"]] = began

    def _look(self) -> None:
        with psycopg.connect(self.rig.servers.postgres_url("autosalon_orders"), autocommit=True) as connection:
            while not self.is_over:
                waiting = [order for order in tuple(self.began) if order not in self.paid]
                found = connection.execute(_PAID, [waiting]).fetchall() if waiting else []
                self.paid.update((order, time.monotonic()) for (order,) in found)
                time.sleep(LOOK_S)

    def _wait_for(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while len(self.paid) < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"{count - len(self.paid)} of {count} purchases are not paid after {PATIENCE_S} s")
            time.sleep(LOOK_S)
