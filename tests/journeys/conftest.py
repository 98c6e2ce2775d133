"""One running product for all journeys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import ROOT, Product


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The whole product, with demo data, as its users run it."""
    running = Product(ROOT / ".data" / f"journey-{tmp_path_factory.mktemp('run').name}-{Path.cwd().stat().st_ino}")
    try:
        yield running.start()
    finally:
        running.stop()
