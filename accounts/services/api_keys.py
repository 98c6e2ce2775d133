"""API keys: made, listed, revoked, and kept standing for a short-lived signed token (`gateway.access.api_keys`)."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from uuid import UUID

import redis
import structlog

from accounts.errors import ApiKeyNotFound, TooManyApiKeys, UserNotFound
from accounts.models import ActivityKind, ApiKey, User
from accounts.queries import tokens
from accounts.services.activity import record
from accounts.services.proofs import require_proof
from core.db import on_commit, transaction
from core.ids import uuid7
from gateway.access import api_keys

MOST_KEYS = 20
RENEW_BEFORE = 0.5
"""Share of a token's life that is left when it is renewed."""
log = structlog.get_logger(__name__)


def create_api_key(
    *, user_id: UUID, name: str, scopes: Iterable[str], expires_at: datetime | None, address: str, now: datetime
) -> tuple[ApiKey, str]:
    """Make a key; return its row and the key, which nobody can read again.

    Raises StepUpRequired, UserNotFound, TooManyApiKeys.
    """
    require_proof(now=now)
    prefix = f"{api_keys.PREFIX}{secrets.token_hex(4)}"
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    with transaction("accounts"):
        user = User.objects.select_for_update().filter(pk=user_id, is_active=True).first()
        if user is None:
            raise UserNotFound
        if ApiKey.objects.live(now).filter(user=user).count() >= MOST_KEYS:
            raise TooManyApiKeys
        row = ApiKey.objects.create(
            user=user,
            name=name,
            prefix=prefix,
            digest=api_keys.compute_digest(key),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=expires_at,
        )
        record(ActivityKind.API_KEY_CREATED, user_id, now=now, address=address, name=name, prefix=prefix)
        on_commit("accounts", partial(_publish, user_id, now))
    return row, key


def revoke_api_key(*, user_id: UUID, key_id: UUID, address: str, now: datetime) -> None:
    """Let a key work no more, from the next request on. Raises ApiKeyNotFound."""
    with transaction("accounts"):
        key = ApiKey.objects.select_for_update().filter(pk=key_id, user_id=user_id, revoked_at__isnull=True).first()
        if key is None:
            raise ApiKeyNotFound
        _revoke([key], now)
        record(ActivityKind.API_KEY_REVOKED, user_id, now=now, address=address, name=key.name, prefix=key.prefix)


def revoke_all_api_keys(*, user_id: UUID, now: datetime) -> None:
    """Let none of a person's keys work any more."""
    with transaction("accounts"):
        _revoke(list(ApiKey.objects.select_for_update().filter(user_id=user_id, revoked_at__isnull=True)), now)


def renew_api_keys(*, user_id: UUID, now: datetime) -> None:
    """Let a person's keys stand for tokens with the roles of today, and refuse those with the roles of before."""
    with transaction("accounts"):
        for key in ApiKey.objects.select_for_update().filter(user_id=user_id, token_jti__isnull=False):
            on_commit("accounts", partial(_withdraw, key.digest, key.token_jti, key.token_expires_at))
            key.token_jti = key.token_expires_at = None
            key.save(update_fields=["token_jti", "token_expires_at"])
        on_commit("accounts", partial(_publish, user_id, now))


def publish_api_keys(*, now: datetime, user_id: UUID | None = None) -> int:
    """Give every working key, or one person's, a token that will live for a while; return how many got a new one.

    Run every few seconds, it renews what is about to expire and restores what Valkey lost.
    """
    with transaction("accounts"):
        keys = _renewed(now, user_id)
    by_digest = {key.digest: key for key in keys}
    missing = set(by_digest) - api_keys.present(list(by_digest))
    fresh = {key.digest for key in keys if key.token_expires_at == tokens.access_expiry(now)}
    wanted = [by_digest[digest] for digest in missing | fresh]
    if wanted:
        api_keys.put({key.digest: (_sign(key), _expiry(key)) for key in wanted})
    return len(wanted)


def push_key_revocations(*, now: datetime) -> None:
    """Tell Valkey again of keys revoked a moment ago, in case it did not hear: their tokens may still live."""
    for key in ApiKey.objects.filter(revoked_at__isnull=False, token_expires_at__gt=now):
        _withdraw(key.digest, key.token_jti, key.token_expires_at)


def _renewed(now: datetime, user_id: UUID | None) -> list[ApiKey]:
    found = ApiKey.objects.live(now).select_related("user").order_by("pk")
    if user_id is not None:
        found = found.filter(user_id=user_id)
    keys = list(found.select_for_update(of=("self",), skip_locked=user_id is None))
    lifetime = tokens.access_expiry(now) - now
    due = [key for key in keys if key.token_expires_at is None or key.token_expires_at - now < lifetime * RENEW_BEFORE]
    for key in due:
        key.token_jti, key.token_expires_at = uuid7(), tokens.access_expiry(now)
    ApiKey.objects.bulk_update(due, ["token_jti", "token_expires_at"], batch_size=500)
    return keys


def _expiry(key: ApiKey) -> datetime:
    assert key.token_expires_at is not None
    return min(key.token_expires_at, key.expires_at or key.token_expires_at)


def _sign(key: ApiKey) -> str:
    return str(tokens.AccessToken.for_key(key, expires_at=_expiry(key)))


def _revoke(keys: list[ApiKey], now: datetime) -> None:
    for key in keys:
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        on_commit("accounts", partial(_withdraw, key.digest, key.token_jti, key.token_expires_at))


def _publish(user_id: UUID, now: datetime) -> None:
    try:
        publish_api_keys(now=now, user_id=user_id)
    except redis.RedisError as error:
        log.warning("api_key_publication_delayed", error=repr(error))


def _withdraw(digest: str, jti: UUID | None, expires_at: datetime | None) -> None:
    try:
        api_keys.withdraw(digest, jti, expires_at)
    except redis.RedisError as error:
        log.warning("api_key_withdrawal_delayed", error=repr(error))
