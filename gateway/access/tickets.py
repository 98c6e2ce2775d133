"""One-use tickets that open a WebSocket: access tokens never stand in a URL, where logs would keep them."""

import hmac
import secrets
import time
from typing import Any

import msgspec
import redis
from django.conf import settings
from django.utils.crypto import salted_hmac

from core.errors import Unavailable
from gateway.guards.guard import client, is_revoked
from gateway.principal import Principal

LIFETIME_S = 30


def _key(ticket: str) -> str:
    return f"{settings.REDIS_PREFIX}:ticket:{ticket}"


def issue_ticket(principal: Principal) -> str:
    """A ticket for this caller, good once within 30 seconds. Raises Unavailable when Valkey is away."""
    ticket = secrets.token_urlsafe(32)
    try:
        client().set(_key(ticket), _sealed(ticket, principal), ex=LIFETIME_S)
    except redis.RedisError as error:
        raise Unavailable(retry_after=2) from error
    return ticket


def redeem_ticket(ticket: str) -> Principal | None:
    """The caller a ticket was issued to, the first time it is asked; None ever after.

    None, too, for one who signed out or whose access token expired since, and for what none of our processes wrote.
    """
    try:
        found = client().getdel(_key(ticket))
    except redis.RedisError:
        return None
    principal = _unsealed(ticket, found) if found else None
    if principal is None or principal.expires_at <= time.time() or is_revoked(principal):
        return None
    return principal


def _sealed(ticket: str, principal: Principal) -> bytes:
    """Encode the caller with a code over it and its ticket: whoever only writes to Valkey cannot make one up."""
    plain: dict[str, Any] = msgspec.to_builtins(principal)
    return msgspec.json.encode(plain | {"mac": _mac(str(settings.SECRET_KEY), ticket, principal)})


def _unsealed(ticket: str, found: bytes | str) -> Principal | None:
    try:
        given = msgspec.json.decode(found, type=dict[str, Any])
        mac, principal = str(given.pop("mac", "")), msgspec.convert(given, Principal)
    except msgspec.DecodeError:
        return None
    keys = [str(settings.SECRET_KEY), *map(str, settings.SECRET_KEY_FALLBACKS)]
    return principal if any(hmac.compare_digest(mac, _mac(key, ticket, principal)) for key in keys) else None


def _mac(key: str, ticket: str, principal: Principal) -> str:
    said = ticket.encode() + msgspec.json.encode(principal, order="deterministic")  # sets have no order of their own
    return salted_hmac("gateway.tickets", said, secret=key, algorithm="sha256").hexdigest()
