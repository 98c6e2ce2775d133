import pytest

from payments.tests.conftest import serving


@pytest.fixture(scope="session")
def running_bank(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("bank")) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def quick(settings, running_bank):
    """The bank of the demonstration, a cheap hash, and no limits but in the tests of them."""
    settings.SANDBOX_URL = running_bank.url
    settings.PROVIDER_TIMEOUT_S = 1.5
    settings.SANDBOX_WEBHOOK_SECRET = "whsec_dGVzdA=="
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.RATE_LIMITS_ON = False
