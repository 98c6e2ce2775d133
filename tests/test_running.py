"""Commands speak to the instance of their own checkout, or say that none runs."""

import os
import subprocess
import sys

import pytest

from config.processes.running import running_address, store_port, supervisor_pid
from devtools.supervisor import Supervisor
from tests.product import ROOT


@pytest.fixture
def claimed(tmp_path):
    supervisor = Supervisor(tmp_path, dict)
    supervisor.claim()
    store_port(tmp_path, 8510)
    yield tmp_path
    supervisor._lock_file.close()


def test_the_address_is_that_of_whoever_runs_here(claimed):
    assert supervisor_pid(claimed) == os.getpid()
    assert running_address(claimed) == "http://127.0.0.1:8510"


def test_what_an_ended_instance_left_is_no_address(tmp_path):
    supervisor = Supervisor(tmp_path, dict)
    supervisor.claim()
    store_port(tmp_path, 8510)
    supervisor._lock_file.close()
    assert (supervisor_pid(tmp_path), running_address(tmp_path)) == (None, "")


def test_nothing_runs_in_a_fresh_checkout(tmp_path):
    assert running_address(tmp_path) == ""


def test_a_command_says_that_nothing_runs(tmp_path):
    told = subprocess.run(
        [sys.executable, "manage.py", "simulate_purchase"], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"AUTOSALON_DATA_DIR": str(tmp_path)},
    )  # fmt: skip
    assert told.returncode == 1
    assert "nothing runs in this checkout" in told.stderr
    assert "Traceback" not in told.stderr
