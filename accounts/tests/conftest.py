import pytest

from gateway.guards.guard import client


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch):
    """A cheap hash and no rate limit, except where a test is about them; wrong passwords are forgotten.

    Everybody calls from one address: locks count failures by it.
    """
    monkeypatch.setattr("core.testing._address", lambda user_id: "127.0.0.1")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.RATE_LIMITS_ON = False
    for name in client().scan_iter(f"{settings.REDIS_PREFIX}:failures:*"):
        client().delete(name)
