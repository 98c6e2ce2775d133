import pytest


@pytest.fixture(autouse=True)
def no_rate_limit(settings) -> None:
    settings.RATE_LIMITS_ON = False


@pytest.fixture(autouse=True)
def mail_at_once(settings) -> None:
    """Let mail go out without waiting for what may follow; `test_gathered_mail.py` lets it wait."""
    settings.MAIL_GATHER_SECONDS = 0
