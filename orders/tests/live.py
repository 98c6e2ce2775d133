"""Share what tests of the live feed need: sockets of a test's own loop, and a relay that runs when told."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from config.sockets import websockets
from core.testing import Socket, token_for
from gateway.access.tickets import issue_ticket
from gateway.principal import read_token
from messaging.feeds import feed, live
from messaging.feeds import hub as hub_module
from messaging.transport import relay


@contextmanager
def fresh_hub(monkeypatch: pytest.MonkeyPatch, threads: int = 1) -> Iterator[None]:
    """A hub and a pool of each test's own, since each has its own loop and its own rows."""
    pool = ThreadPoolExecutor(max_workers=threads)
    monkeypatch.setattr(hub_module, "_pool", pool)
    monkeypatch.setattr(hub_module, "_hubs", {})
    monkeypatch.setattr(live, "_sessions", {})
    monkeypatch.setattr(live, "_seats", live._Seats())
    yield
    together = threading.Barrier(threads)
    for _ in range(threads):
        pool.submit(_close, together)
    pool.shutdown()


def _close(together: threading.Barrier) -> None:
    """Each thread of the pool closes its own connections."""
    together.wait(timeout=10)
    connections.close_all()


async def in_thread(function: Any, *arguments: Any, **options: Any) -> Any:
    return await asyncio.to_thread(lambda: _closing(function, *arguments, **options))


def _closing(function: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return function(*arguments, **options)
    finally:
        connections.close_all()


def ticket(user: UUID, *roles: str) -> str:
    return issue_ticket(read_token(token_for(user, *roles)))


async def opened(
    path: str, subprotocols: list[str] | None = None, origin: str = "http://testserver"
) -> tuple[Socket, str | None]:
    socket = Socket(websockets, path, subprotocols, origin=origin)
    return socket, await socket.connect()


async def opened_by(user: UUID, path: str, *roles: str) -> Socket:
    """A socket with a ticket of this user's."""
    mark = "&" if "?" in path else "?"
    socket, _ = await opened(f"{path}{mark}ticket={await in_thread(ticket, user, *roles)}")
    return socket


def relayed() -> None:
    """Place what waits, and broadcast it."""
    feed.broadcast("orders", relay.sequence("orders"))


def placed() -> None:
    """Place what waits, and lose the broadcast."""
    relay.sequence("orders")
