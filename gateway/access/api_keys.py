"""API keys as bearers: accounts keeps a short-lived signed token behind each key in Valkey, where every service looks.

The key itself proves nothing: what counts is the token, which is verified with the public key like any other, so that
whoever could write to Valkey still could not make a caller up. Withdrawing a key deletes the entry and revokes the
token, and works with the next request. While Valkey is away a process goes by the tokens it saw, until they expire.
"""

import hashlib
import time
from datetime import datetime
from typing import Any
from uuid import UUID

import redis
import structlog
from django.conf import settings

from gateway.guards.guard import client, revoke_token

PREFIX = "ask_"
REMEMBERED = 1_000
log = structlog.get_logger(__name__)
_remembered: dict[str, str] = {}


def compute_digest(key: str) -> str:
    """Return what is stored of a key, here and in the database."""
    return hashlib.sha256(key.encode()).hexdigest()


def token_behind(key: str) -> str | None:
    """The access token that a key stands for now; None for a key that is unknown, withdrawn or expired."""
    digest = compute_digest(key)
    try:
        found: Any = client().get(_name(digest))
    except redis.RedisError as error:
        log.warning("api_keys_fallback", error=repr(error))
        return _remembered.get(digest)
    if found is None:
        _remembered.pop(digest, None)
        return None
    if len(_remembered) >= REMEMBERED:
        _remembered.clear()
    _remembered[digest] = found.decode()
    return _remembered[digest]


def present(digests: list[str]) -> set[str]:
    """Those of the keys that have a token in Valkey."""
    pipe = client().pipeline(transaction=False)
    for digest in digests:
        pipe.exists(_name(digest))
    return {digest for digest, is_there in zip(digests, pipe.execute(), strict=True) if is_there}


def put(tokens: dict[str, tuple[str, datetime]]) -> None:
    """Let keys, by digest, stand for these tokens until the tokens expire."""
    pipe = client().pipeline(transaction=False)
    for digest, (token, expires_at) in tokens.items():
        pipe.set(_name(digest), token, exat=int(expires_at.timestamp()))
    pipe.execute()


def withdraw(digest: str, jti: UUID | None, expires_at: datetime | None) -> None:
    """Let a key stand for nothing, and refuse the token it stood for."""
    client().delete(_name(digest))
    if jti is not None and expires_at is not None and expires_at.timestamp() > time.time():
        revoke_token(str(jti), int(expires_at.timestamp()) + 1)


def _name(digest: str) -> str:
    return f"{settings.REDIS_PREFIX}:apikey:{digest}"
