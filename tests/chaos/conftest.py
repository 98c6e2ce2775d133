"""One rig for all scenarios; each begins and ends with every role running, nothing armed and nothing under way."""

import os
from collections.abc import Iterator

import pytest

from tests.chaos.audit import audit, mark
from tests.chaos.rig import Rig
from tests.chaos.roles import USUAL
from tests.product import ROOT


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first scenario also pays for the servers and migrations of all."""
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def installation() -> Iterator[Rig]:
    """One rig for all sound scenarios."""
    running = Rig(ROOT / ".data" / f"chaos-{os.getpid()}")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def rig(installation: Rig) -> Iterator[Rig]:
    """The running product. Whatever a scenario did, it ends in a clean audit."""
    since = mark(installation)
    yield installation
    restore(installation)
    installation.settle(90)
    assert audit(installation, since) == []


def restore(rig: Rig) -> None:
    """Everything runs, nothing is armed."""
    rig.disarm()
    rig.servers.start(fsync=False)
    for role in list(rig.roles):
        if role not in USUAL:
            rig.end(role)
    for role in USUAL:
        if role not in rig.roles:
            rig.run(role)
    rig.ready()
    rig.forget_leases()
