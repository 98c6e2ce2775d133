"""Encryption at rest, for the few secrets that must be read again: authenticator seeds, exports of personal data.

Fernet (AES-128-CBC with HMAC-SHA256) under keys derived from `settings.SEALING_KEYS`: the first one seals, every one of
them opens, so a key is replaced by putting a new one before it.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unopenable(ValueError):
    """Sealed with a key that is no longer known, too long ago, or tampered with."""


def seal(data: bytes) -> bytes:
    """Encrypt and authenticate."""
    return _box(tuple(settings.SEALING_KEYS)).encrypt(data)


def unseal(sealed: bytes, *, max_age_s: int | None = None) -> bytes:
    """Return what was sealed, no longer ago than `max_age_s` seconds. Raises Unopenable."""
    try:
        return _box(tuple(settings.SEALING_KEYS)).decrypt(sealed, ttl=max_age_s)
    except InvalidToken as error:
        raise Unopenable("sealed with another key, too long ago, or changed since") from error


@lru_cache(maxsize=4)
def _box(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derive(secret)) for secret in secrets])


def _derive(secret: str) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"autosalon.sealing").derive(secret.encode())
    return base64.urlsafe_b64encode(key)
