"""The supervisor: what dies comes back, what it started ends with it, and one checkout has one of it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.embedded import command_line, wait_for
from devtools.supervisor import AlreadyRunning, Program, Supervisor, end_leftovers

SLEEPER = (sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)")


@pytest.fixture
def supervisor(tmp_path: Path):
    supervisor = Supervisor(tmp_path, dict)
    supervisor.claim()
    yield supervisor
    supervisor.stop()


def pids(supervisor: Supervisor) -> dict[str, int]:
    return json.loads((supervisor.data_dir / "run" / "processes.json").read_text())


def tick_until(supervisor: Supervisor, condition) -> bool:
    def ticked() -> bool:
        supervisor.tick()
        return condition()

    return wait_for(ticked, 10)


def test_a_killed_child_comes_back(supervisor: Supervisor, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor.add([Program("sleeper", SLEEPER)])
    before = pids(supervisor)["sleeper"]
    os.kill(before, signal.SIGKILL)
    assert tick_until(supervisor, lambda: pids(supervisor).get("sleeper", before) != before)
    assert "sleeper was killed by SIGKILL; starting it again in 0.5 s" in capsys.readouterr().out


def test_a_child_that_keeps_dying_waits_longer_each_time(supervisor: Supervisor) -> None:
    supervisor.add([Program("broken", (sys.executable, "-c", "raise SystemExit(3)"))])
    assert tick_until(supervisor, lambda: supervisor.children[0].deaths == 3)
    assert supervisor.children[0].bury().endswith(f"in 4 s (log: {supervisor.data_dir}/logs/broken.log)")


def test_it_prints_what_children_say(supervisor: Supervisor, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor.add([Program("sleeper", SLEEPER)])
    said: list[str] = []
    assert tick_until(supervisor, lambda: said.append(capsys.readouterr().out) or "sleeper | here" in "".join(said))


def test_an_interrupt_that_got_lost_is_raised_at_the_next_round(supervisor: Supervisor) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    supervisor.end_on(signal.SIGUSR1)
    try:
        with contextlib.suppress(KeyboardInterrupt):  # as the interpreter drops it inside a hook of fork
            os.kill(os.getpid(), signal.SIGUSR1)
        with pytest.raises(KeyboardInterrupt):
            supervisor.tick()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_stopping_leaves_nobody(supervisor: Supervisor) -> None:
    supervisor.add([Program("sleeper", SLEEPER)])
    pid = pids(supervisor)["sleeper"]
    supervisor.stop()
    assert not command_line(pid)
    assert not (supervisor.data_dir / "run" / "processes.json").exists()


def test_a_second_supervisor_is_told_who_runs(supervisor: Supervisor) -> None:
    with pytest.raises(AlreadyRunning, match=str(os.getpid())):
        Supervisor(supervisor.data_dir, dict).claim()


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from devtools.supervisor import Program, Supervisor
supervisor = Supervisor(Path({str(tmp_path)!r}), dict)
supervisor.claim()
supervisor.add([Program("sleeper", {SLEEPER!r})])
supervisor.run()
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
    file = tmp_path / "run" / "processes.json"
    assert wait_for(file.exists, 10)
    child = json.loads(file.read_text())["sleeper"]
    parent.kill()
    parent.wait()
    assert wait_for(lambda: not command_line(child), 5)


def test_leftovers_are_known_by_their_mark(tmp_path: Path) -> None:
    marked = os.environ | {"AUTOSALON_SUPERVISED": str(tmp_path)}
    leftover = subprocess.Popen(SLEEPER, env=marked, stdout=subprocess.DEVNULL)
    stranger = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: SLEEPER[1] in command_line(leftover.pid), 5)
        end_leftovers(tmp_path)
        assert leftover.wait(5) == -signal.SIGTERM
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
