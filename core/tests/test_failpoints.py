"""Failpoints: silent unless armed, counted across processes, never outside debug."""

import os
import signal
import subprocess
import sys

import pytest
from django.conf import settings

from core.running import failpoints
from core.running.failpoints import FailpointError, Fault, parse, reach


@pytest.fixture
def arm(tmp_path, monkeypatch):
    monkeypatch.setattr(failpoints, "_armed", None)
    return lambda text: failpoints.arm(text, tmp_path)


def test_unarmed_nothing_happens():
    assert failpoints._armed is None
    reach("relay.before_cursor", "orders")


def test_it_reads_places_faults_and_counts():
    assert parse("a.b=kill@3, c.d:x.y=freeze:30 e=error@2-4") == {
        "a.b": Fault("a.b", "kill", 0, 3, 3),
        "c.d:x.y": Fault("c.d:x.y", "freeze", 30, 1, 1),
        "e": Fault("e", "error", 0, 2, 4),
    }


@pytest.mark.parametrize("text", ["a.b", "a.b=explode", "a.b=kill@x", "=kill"])
def test_it_refuses_what_it_cannot_read(text):
    with pytest.raises(ValueError, match="no failpoint"):
        parse(text)


def test_a_fault_strikes_at_its_count_only(arm):
    arm("here=error@2")
    reach("here")
    with pytest.raises(FailpointError):
        reach("here")
    reach("here")


def test_a_detail_narrows_a_place(arm):
    arm("here:orders=error")
    reach("here", "catalog")
    with pytest.raises(FailpointError):
        reach("here", "orders")


def test_a_file_is_read_anew_each_time(arm, tmp_path):
    armed = tmp_path / "armed"
    arm(f"@{armed}")
    reach("here")
    armed.write_text("here=error")
    with pytest.raises(FailpointError):
        reach("here")


def test_a_kill_is_final_and_happens_once_per_installation(tmp_path):
    program = (
        "import pathlib, sys, core.running.failpoints as f; f.arm('x=kill', pathlib.Path(sys.argv[1])); f.reach('x')"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    codes = [subprocess.run(command, cwd=settings.BASE_DIR).returncode for _ in range(2)]
    assert codes == [-signal.SIGKILL, 0]


def test_settings_refuse_failpoints_outside_debug():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTOSALON_")}
    environment |= {"AUTOSALON_TEST_RUN": "on", "AUTOSALON_SECRET_KEY": "x" * 50, "AUTOSALON_FAILPOINTS": "x=kill"}
    command = [sys.executable, "-c", "import config.settings"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "AUTOSALON_FAILPOINTS is for debug only" in done.stderr
