"""Access tokens (RS256, read by anyone with the public key) and the opaque refresh tokens behind them."""

import hashlib
import secrets
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken as BaseAccessToken

from accounts.models import ApiKey, RefreshToken, User
from core.ids import find_uuid
from core.secrecy import secret_keys
from gateway.access import policy
from gateway.access.keyring import signing_key


def signing_key_id() -> str:
    """`kid` of the key that signs."""
    return signing_key()[0]


class _SigningBackend(TokenBackend):
    """simplejwt's backend, signing with today's key and naming it, so that two keys can live during a rotation."""

    def encode(self, payload: dict[str, Any]) -> str:
        claims = payload | {"aud": self.audience, "iss": self.issuer}
        kid, pem = signing_key()
        return jwt.encode(claims, _loaded(pem), algorithm=self.algorithm, headers={"kid": kid})


@lru_cache(maxsize=2)
def _loaded(pem: str) -> Any:
    """Reading a PEM costs as much as signing."""
    return serialization.load_pem_private_key(pem.encode(), password=None)


@lru_cache(maxsize=1)
def _backend() -> _SigningBackend:
    return _SigningBackend(
        api_settings.ALGORITHM, signing_key="", audience=api_settings.AUDIENCE, issuer=api_settings.ISSUER
    )


class AccessToken(BaseAccessToken):
    """Token a caller shows with each request; `jti` is the id of the refresh token given out with it."""

    @classmethod
    def beside(cls, refresh: RefreshToken, user: User) -> "AccessToken":
        """The access token of one refresh token; made twice, it is the same to the last byte."""
        token = cls._build(user, refresh.id, refresh.created_at, refresh.access_expires_at)
        if (proved_at := refresh.session.proved_at) is not None:
            token["auth_time"] = int(proved_at.timestamp())
        return token

    @classmethod
    def for_key(cls, key: ApiKey, expires_at: datetime) -> "AccessToken":
        """The access token that an API key stands for: no more than its scopes."""
        assert key.token_jti is not None
        issued_at = expires_at - api_settings.ACCESS_TOKEN_LIFETIME
        return cls._build(key.user, key.token_jti, issued_at, expires_at, scopes=key.scopes)

    @classmethod
    def _build(
        cls, user: User, jti: UUID, issued_at: datetime, expires_at: datetime, *, scopes: list[str] | None = None
    ) -> "AccessToken":
        standing = policy.token_standing(user.roles, has_factor=user.mfa_enabled_at is not None, scopes=scopes)
        token = cls()
        token["sub"], token["email"], token["roles"] = str(user.id), user.email, list(standing.roles)
        token["user_id"] = token["sub"]
        token["email_verified"] = user.is_email_proved
        token["jti"], token["iat"], token["exp"] = str(jti), int(issued_at.timestamp()), int(expires_at.timestamp())
        if standing.scopes is not None:
            token["scope"] = " ".join(standing.scopes)
        return token

    def get_token_backend(self) -> TokenBackend:
        return _backend()


def new_secret() -> str:
    """Randomness: the first refresh token of a session, or the salt of a later one."""
    return secrets.token_hex(32)


def child_secret(parent_secret: str, salt: str) -> str:
    """The refresh token that follows another: computable only with both, and the secret key."""
    return secret_keys.sign(_descent(parent_secret, salt))


def known_child_secret(parent_secret: str, salt: str, child_digest: str) -> str | None:
    """The refresh token that followed another, whether today's secret key made it or a former one; None if neither."""
    made = secret_keys.signatures(_descent(parent_secret, salt))
    return next((secret for secret in made if digest(secret) == child_digest), None)


def _descent(parent_secret: str, salt: str) -> str:
    return f"accounts.refresh\n{salt}\n{parent_secret}"


def digest(secret: str) -> str:
    """Return what is stored of a refresh token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def access_expiry(issued_at: datetime, asked_s: int | None = None) -> datetime:
    """Return the moment at which an access token issued now expires, where its client asked for `asked_s` seconds.

    More than AUTOSALON_CONTRACT_TOKEN_SECONDS_MAX nobody gets, whatever was allowed when the session began.
    """
    if asked_s is not None:
        return issued_at + timedelta(seconds=min(asked_s, settings.CONTRACT_TOKEN_SECONDS_MAX))
    expiry: datetime = issued_at + api_settings.ACCESS_TOKEN_LIFETIME
    return expiry


def refresh_expiry(issued_at: datetime) -> datetime:
    """Return the moment at which a refresh token issued now expires."""
    expiry: datetime = issued_at + api_settings.REFRESH_TOKEN_LIFETIME
    return expiry


def as_id(text: str) -> UUID:
    """The id that a text from outside names; of anything else, an id that nothing has."""
    return find_uuid(text) or UUID(int=0)
