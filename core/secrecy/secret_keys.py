"""Today's secret key and the former ones: what a former key signed stays good, so that a rotation signs nobody out."""

import hmac

from django.conf import settings


def sign(message: str) -> str:
    """A code over a message that only a holder of today's secret key can make; the message names its purpose."""
    return _code(settings.SECRET_KEY, message)


def signatures(message: str) -> list[str]:
    """The code under today's key, then under each former one: any of them is believed."""
    return [_code(key, message) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _code(key: str, message: str) -> str:
    return hmac.digest(key.encode(), message.encode(), "sha256").hex()
