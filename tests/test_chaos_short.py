"""A short storm and a short standard run through real processes, in every run of the tests.

`make chaos` has the long ones and each failpoint; AUTOSALON_CHAOS_SECONDS makes this standard run as long as wished.
"""

import os
import random
from collections.abc import Iterator

import pytest

from tests.chaos.rig import Rig
from tests.chaos.rolling import ONES, SECONDS, Fleet, rolling
from tests.chaos.storm import rage
from tests.product import ROOT

pytestmark = pytest.mark.proof

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


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    running = Fleet(ROOT / ".data" / f"rolling-short-{os.getpid()}")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.mark.timeout(0)
def test_two_of_every_process_rolled_twice_cost_no_purchase_and_no_answer(fleet):
    seed = int(os.environ.get("AUTOSALON_CHAOS_SEED") or random.randrange(10**6))
    seen = rolling(fleet, seed=seed, seconds=float(os.environ.get("AUTOSALON_CHAOS_SECONDS") or 0), buyers=2)
    assert seen.wrong == [], str(seen)
    assert seen.report.purchases > 0
    assert min(seen.rolled.values()) >= 2
    assert set(seen.rolled) == {*ONES, *SECONDS}
