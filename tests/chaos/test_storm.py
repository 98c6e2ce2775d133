"""The storm: AUTOSALON_CHAOS_KILLS random faults (200), chosen by AUTOSALON_CHAOS_SEED, which is printed."""

import os
import random

import pytest

from tests.chaos.storm import rage


@pytest.mark.timeout(1800)
def test_nothing_is_lost_doubled_or_stuck_in_a_storm(rig, capsys):
    seed = int(os.environ.get("AUTOSALON_CHAOS_SEED") or random.randrange(10**6))
    faults = int(os.environ.get("AUTOSALON_CHAOS_KILLS") or 200)
    rig.restarts.clear()
    with capsys.disabled():
        print(f"\nstorm: AUTOSALON_CHAOS_SEED={seed} AUTOSALON_CHAOS_KILLS={faults}", flush=True)
        report = rage(rig, seed=seed, faults=faults, say=lambda text: print(f"  {text}", flush=True))
        print(report)
    assert report.wrong == []
