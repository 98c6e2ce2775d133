import pytest


@pytest.fixture(autouse=True)
def no_rate_limit(settings) -> None:
    settings.RATE_LIMITS_ON = False
