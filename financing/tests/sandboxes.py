"""The banks' sandboxes at a port of their own, and the turns of a clock that makes their calls due."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from messaging.delivery import calls
from messaging.testing import drain_outbox
from sandbox.lenders.app import Lenders
from sandbox.lenders.store import FaultScript, Store
from sandbox.testing import serving


@contextmanager
def running(*, silent_s: float = 1.0, thinks_s: float = 0.05) -> Iterator[tuple[str, Store]]:
    """The sandboxes' address and store."""
    store = Store(":memory:", thinks_s=thinks_s, script=FaultScript())
    with serving(lambda _: Lenders(store, silent_s=silent_s)) as url:
        yield url, store


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
