"""A short storm through real processes, in every run of the tests; `make chaos` has the long one and each failpoint."""

import os
import random
from collections.abc import Iterator

import pytest

from tests.chaos.rig import Rig
from tests.chaos.storm import rage
from tests.product import ROOT

FAULTS = 12


@pytest.fixture
def rig() -> Iterator[Rig]:
    running = Rig(ROOT / ".data" / f"chaos-short-{os.getpid()}")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.mark.timeout(900)
def test_twelve_faults_cost_no_purchase(rig):
    seed = int(os.environ.get("AUTOSALON_CHAOS_SEED") or random.randrange(10**6))
    report = rage(rig, seed=seed, faults=FAULTS, buyers=2, say=lambda text: None, hurry=True)
    assert report.wrong == [], str(report)
    assert report.purchases > 0
    assert {channel for channel, state, _ in report.told if state == "sent"} == {"in_app", "email", "sms"}
