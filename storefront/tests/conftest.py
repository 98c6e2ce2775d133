import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def quick(settings):
    """A cheap hash, the demonstration's test cards, no rate limit and no counts of an earlier test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.RATE_LIMITS_ON = False
    settings.DEBUG = True
    cache.clear()
