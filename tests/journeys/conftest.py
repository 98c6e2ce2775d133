"""One running product for all journeys."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.product import Product


@pytest.fixture(scope="package")
def product() -> Iterator[Product]:
    """The whole product, with demo data, as its users run it."""
    running = Product(settings.DATA_DIR / "journey")
    running.clear()
    try:
        yield running.start()
    finally:
        running.stop()
