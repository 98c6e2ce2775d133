"""The sandboxes that `make up` plays the companies outside with: all in one process, which loads none of the shop."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from config.management.commands.up import SANDBOXES
from tests.product import ROOT, Product, wait_for

MOST_MB = 80


@pytest.fixture
def product(tmp_path) -> Product:
    return Product(tmp_path)


@pytest.fixture
def sandboxes(product) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "sandbox", *SANDBOXES], cwd=ROOT, env=product.env)
    yield process
    process.kill()
    process.wait()


def is_well(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
    except httpx2.TransportError:
        return False


def test_one_small_process_plays_them_all_and_ends_when_told(product, sandboxes):
    ports = product.sandbox_port, product.insurers_port, product.banks_port, product.sms_port
    assert len(ports) == len(SANDBOXES)
    wait_for(lambda: all(map(is_well, ports)), 60, "a sandbox does not answer")
    memory = Path(f"/proc/{sandboxes.pid}/smaps_rollup").read_text().partition("\nPss:")[2].split()[0]
    assert int(memory) < MOST_MB * 1000
    sandboxes.send_signal(signal.SIGTERM)
    assert sandboxes.wait(20) == 0
    assert not any(map(is_well, ports))
