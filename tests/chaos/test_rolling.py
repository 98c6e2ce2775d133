"""The standard run, at length: AUTOSALON_CHAOS_SECONDS (300) of purchases while everything is rolled, two of each."""

import os
import random

import pytest

from tests.chaos.rolling import Fleet, rolling
from tests.product import ROOT


@pytest.mark.timeout(0)
def test_nobody_notices_that_everything_is_rolled(capfd):
    seed = int(os.environ.get("AUTOSALON_CHAOS_SEED") or random.randrange(10**6))
    fleet = Fleet(ROOT / ".data" / f"rolling-{os.getpid()}")
    try:
        seconds = float(os.environ.get("AUTOSALON_CHAOS_SECONDS") or 300)
        seen = rolling(fleet.start(), seed=seed, seconds=seconds, buyers=4)
    finally:
        fleet.stop()
    with capfd.disabled():
        print(f"\n{seen}", flush=True)
    assert seen.wrong == [], str(seen)
