"""A sandbox provider for the run: the real application on a free port, with a short temper and its own store."""

from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from sandbox import testing as sandboxes
from sandbox.bank.app import Bank, Options
from sandbox.bank.store import Store

LATE_S = 3.0


@dataclass
class Sandbox:
    """The running provider: its address, and its store opened a second time to look into."""

    url: str
    store: Store

    def rows(self, payment):
        """Movements of one payment, as the provider shows them."""
        return [row for row in self.store.page(0, 100_000)["rows"] if str(payment.id) in row["key"]] + [
            row
            for row in self.store.page(0, 100_000)["rows"]
            if row["kind"] == "refund" and str(payment.id) in row["charge_key"]
        ]

    def webhooks(self, payment):
        """Messages about one payment that wait to be delivered."""
        return [item for item in self.store.due_webhooks(100_000) if str(payment.id) in item.body]


@contextmanager
def serving(folder, **options):
    """A sandbox of its own, in a thread of its own."""
    store = folder / "book.sqlite3"
    chosen = {"webhook_url": "", "webhook_secret": "whsec_dGVzdA==", "late_s": LATE_S} | options
    with sandboxes.serving(lambda url: Bank(Options(store=store, public_url=url, **chosen))) as url:
        yield Sandbox(url, Store(store))


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def sandbox(running_sandbox, settings):
    settings.SANDBOX_URL = running_sandbox.url
    settings.PROVIDER_TIMEOUT_S = 1.5
    settings.SANDBOX_WEBHOOK_SECRET = "whsec_dGVzdA=="
    return running_sandbox
