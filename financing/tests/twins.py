"""The banks' twins at a port of their own, and the turns of a clock that makes their calls due."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import uvicorn
from django.db import connections

from financing.twins.app import Twins
from financing.twins.book import Book, FaultScript
from messaging import calls
from messaging.testing import drain_outbox


@contextmanager
def running(*, silent_s: float = 1.0, thinks_s: float = 0.05) -> Iterator[tuple[str, Book]]:
    """The twins' address and book."""
    book = Book(":memory:", thinks_s=thinks_s, script=FaultScript())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(
        Twins(book, silent_s=silent_s), host="127.0.0.1", port=port, log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            httpx2.get(f"{url}/health", timeout=1, trust_env=False)
            break
        except httpx2.HTTPError:
            time.sleep(0.02)
    yield url, book
    server.should_exit = True
    thread.join(timeout=10)


def calls_come_due() -> None:
    """Repeats and questions about the undecided, without the alarms."""
    with connections["financing"].cursor() as cursor:
        cursor.execute("UPDATE messaging_external_call SET next_at = statement_timestamp() WHERE finished_at IS NULL")


def time_is_up() -> None:
    """The alarms about banks that do not answer, and the calls they left open."""
    with connections["financing"].cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_timer SET due_at = statement_timestamp() WHERE handler = 'financing.stop_asking'"
        )
    for _ in range(2):
        calls_come_due()
        drain_outbox("financing")


def asked_once_more() -> None:
    """Every call that is open is made once."""
    calls_come_due()
    for key in calls.due_calls("financing", limit=1000):
        calls.execute_call("financing", key)


def answered(application) -> object:
    """Let calls be made until no bank is waited for."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        asked_once_more()
        if not application.offers.filter(status="asked").exists():
            application.refresh_from_db()
            return application
    raise AssertionError("the banks do not decide")
