import pytest
from django.core.cache import cache

from storefront.tests.make import Visitor


@pytest.fixture(autouse=True)
def quick(settings):
    """A cheap hash, the demonstration's test cards, no rate limit and no counts of an earlier test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.RATE_LIMITS_ON = False
    settings.DEBUG = True
    cache.clear()


@pytest.fixture
def buyer():
    return Visitor("client")


@pytest.fixture
def manager():
    return Visitor("manager")
