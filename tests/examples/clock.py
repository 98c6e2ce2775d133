"""One day for all examples, so that no date, price or instalment in them depends on when they were recorded."""

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import time_machine

from tests.examples import VARIABLE

DAY = datetime(2027, 3, 1, 9, tzinfo=UTC)
"""A Monday at noon of the dealer, when everything is open. PostgreSQL goes on living today."""

BEFORE = DAY - timedelta(hours=1)
"""When the tests are read."""


def set_apart() -> None:
    """Begin before the tests are read, which make tokens and dates while they are; nothing in a usual run."""
    if VARIABLE in os.environ:
        time_machine.travel(BEFORE, tick=True).start()


@contextlib.contextmanager
def at_the_day() -> Iterator[None]:
    """Begin the day anew."""
    if VARIABLE not in os.environ:
        yield
        return
    with time_machine.travel(DAY, tick=True):
        yield
