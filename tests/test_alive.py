"""Signs of life: the health checks of docker-compose.yml, run as they stand against processes that hang."""

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from messaging.transport import relay, relay_loop
from tests.live import Web
from tests.product import ROOT, wait_for

SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
pytestmark = [pytest.mark.proof, pytest.mark.django_db(databases=["catalog"], transaction=True)]


def is_healthy(name: str, file: Path, seconds: int) -> bool:
    """Return what the container's check says, about another file and a shorter time."""
    check = SERVICES[name]["healthcheck"]["test"][1].replace("$$", "$").replace("/tmp/alive", shlex.quote(str(file)))
    assert "-60 seconds" in check
    done = subprocess.run(
        ["sh", "-c", check.replace("-60 seconds", f"-{seconds} seconds")], stderr=subprocess.DEVNULL, check=False
    )
    return done.returncode == 0


@contextmanager
def running(name: str, file: Path, *changes: tuple[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The container's command, touching another file, on this run's databases."""
    words = [str(file) if word == "/tmp/alive" else word for word in SERVICES[name]["command"]]
    words = [dict(changes).get(word, word) for word in words]
    program = [sys.executable] if words[0] == "python" else [sys.executable, "-m", words[0]]
    env = Web({"AUTOSALON_SERVICES": "catalog"}).env | {"AUTOSALON_DEBUG": "on"}
    process = subprocess.Popen(
        [*program, *words[1:]], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.terminate()
        process.wait(timeout=40)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("name", "changes"),
    [("relay", ()), ("worker-sales", (("q.orders,q.catalog", "q.nobody-sends-here"), ("4", "1")))],
)
def test_a_process_that_hangs_is_found_by_its_containers_check(name, changes, tmp_path):
    file = tmp_path / "alive"
    assert not is_healthy(name, file, 10)
    with running(name, file, *changes) as process:
        wait_for(lambda: is_healthy(name, file, 10), 90, f"{name} gives no sign of life")
        os.kill(process.pid, signal.SIGSTOP)
        wait_for(lambda: not is_healthy(name, file, 10), 30, "a stopped process passes for alive")
        os.kill(process.pid, signal.SIGCONT)
        wait_for(lambda: is_healthy(name, file, 10), 30, "it does not recover")


def test_a_relay_with_one_thread_that_hangs_gives_no_sign(monkeypatch):
    monkeypatch.setattr(relay_loop, "HUNG_S", 1.5)
    release, sequence = threading.Event(), relay.sequence
    mover = relay_loop.Relay(["catalog"])
    mover.start()
    try:
        wait_for(mover.is_moving, 10, "it never moved")
        monkeypatch.setattr(relay, "sequence", lambda source: release.wait(30) and sequence(source))
        wait_for(lambda: not mover.is_moving(), 20, "a thread that hangs goes unnoticed")
        release.set()
        wait_for(mover.is_moving, 20, "it does not recover")
    finally:
        release.set()
        mover.stop()
    assert not mover.is_moving(), "threads that ended move nothing"
