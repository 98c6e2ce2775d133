"""One-use tickets that open a WebSocket: access tokens never stand in a URL, where logs would keep them."""

import secrets
import time

import msgspec
import redis
from django.conf import settings

from core.errors import Unavailable
from gateway.guard import client, is_revoked
from gateway.principal import Principal

LIFETIME_S = 30


def _key(ticket: str) -> str:
    return f"{settings.REDIS_PREFIX}:ticket:{ticket}"


def issue_ticket(principal: Principal) -> str:
    """A ticket for this caller, good once within 30 seconds. Raises Unavailable when Valkey is away."""
    ticket = secrets.token_urlsafe(32)
    try:
        client().set(_key(ticket), msgspec.json.encode(principal), ex=LIFETIME_S)
    except redis.RedisError as error:
        raise Unavailable(retry_after=2) from error
    return ticket


def redeem_ticket(ticket: str) -> Principal | None:
    """The caller a ticket was issued to, the first time it is asked; None ever after.

    None, too, for one who signed out or whose access token expired since.
    """
    try:
        found = client().getdel(_key(ticket))
    except redis.RedisError:
        return None
    if not found:
        return None
    principal = msgspec.json.decode(found, type=Principal)
    if principal.expires_at <= time.time() or is_revoked(principal):
        return None
    return principal
