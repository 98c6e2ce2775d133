"""A sandbox provider for the run: the real application on a free port, with a short temper and its own book."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import pytest
import uvicorn

from payments.sandbox.app import Options, Sandbox
from payments.sandbox.book import Book

LATE_S = 3.0


@dataclass
class Twin:
    """The running provider: its address, and its book opened a second time to look into."""

    url: str
    book: Book

    def rows(self, payment):
        """Movements of one payment, as the provider shows them."""
        return [row for row in self.book.page(0, 100_000)["rows"] if str(payment.id) in row["key"]] + [
            row
            for row in self.book.page(0, 100_000)["rows"]
            if row["kind"] == "refund" and str(payment.id) in row["charge_key"]
        ]

    def webhooks(self, payment):
        """Messages about one payment that wait to be delivered."""
        return [item for item in self.book.due_webhooks(100_000) if str(payment.id) in item.body]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_healthy(url, is_alive=lambda: True):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and is_alive():
        try:
            if httpx2.get(f"{url}/health", timeout=1, trust_env=False).status_code == 200:
                return
        except httpx2.HTTPError:
            time.sleep(0.02)
    raise AssertionError("the sandbox did not start")


@contextmanager
def serving(folder, **options):
    """A sandbox of its own, in a thread of its own."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    book = folder / "book.sqlite3"
    chosen = {"webhook_url": "", "webhook_secret": "whsec_dGVzdA==", "late_s": LATE_S} | options
    config = Options(book=book, public_url=url, **chosen)

    async def build():
        return Sandbox(config)

    server = uvicorn.Server(
        uvicorn.Config(asyncio.run(build()), host="127.0.0.1", port=port, log_level="critical", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until_healthy(url)
    yield Twin(url, Book(book))
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="session")
def running_twin(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("sandbox")) as twin:
        yield twin


@pytest.fixture(autouse=True)
def twin(running_twin, settings):
    settings.SANDBOX_URL = running_twin.url
    settings.PROVIDER_TIMEOUT_S = 1.5
    settings.SANDBOX_WEBHOOK_SECRET = "whsec_dGVzdA=="
    return running_twin
