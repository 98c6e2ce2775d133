"""Share what the catalogue's tests need."""

import pytest


@pytest.fixture(autouse=True)
def _no_rate_limits(settings):
    """Many tests read without a token: they would use up one address's requests together."""
    settings.RATE_LIMITS_ON = False
