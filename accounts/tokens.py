"""Access tokens (RS256, read by anyone with the public key) and the opaque refresh tokens behind them."""

import hashlib
import hmac
import secrets
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken as BaseAccessToken

from accounts.models import RefreshToken, User
from gateway.principal import key_id


@lru_cache(maxsize=1)
def signing_key_id() -> str:
    """`kid` of the key that signs: a fingerprint of its public half."""
    private = serialization.load_pem_private_key(settings.JWT_PRIVATE_KEY.encode(), password=None)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return key_id(public.decode())


class _SigningBackend(TokenBackend):
    """simplejwt's backend, naming the key in the header so that two keys can live during a rotation."""

    def encode(self, payload: dict[str, Any]) -> str:
        claims = payload | {"aud": self.audience, "iss": self.issuer}
        headers = {"kid": signing_key_id()}
        return jwt.encode(claims, self.prepared_signing_key, algorithm=self.algorithm, headers=headers)


@lru_cache(maxsize=1)
def _backend() -> _SigningBackend:
    return _SigningBackend(
        api_settings.ALGORITHM,
        api_settings.SIGNING_KEY,
        api_settings.VERIFYING_KEY,
        api_settings.AUDIENCE,
        api_settings.ISSUER,
    )


class AccessToken(BaseAccessToken):
    """What a caller shows with each request; `jti` is the id of the refresh token given out with it."""

    @classmethod
    def beside(cls, refresh: RefreshToken, user: User) -> "AccessToken":
        """The access token of one refresh token; made twice, it is the same to the last byte."""
        token = cls()
        token["sub"], token["email"], token["roles"] = str(user.id), user.email, list(user.roles)
        token["jti"] = str(refresh.id)
        token["iat"] = int(refresh.created_at.timestamp())
        token["exp"] = int(refresh.access_expires_at.timestamp())
        return token

    def get_token_backend(self) -> TokenBackend:
        return _backend()


def new_secret() -> str:
    """Randomness: the first refresh token of a session, or the salt of a later one."""
    return secrets.token_hex(32)


def child_secret(parent_secret: str, salt: str) -> str:
    """The refresh token that follows another: computable only with both, and the secret key."""
    message = f"accounts.refresh\n{salt}\n{parent_secret}".encode()
    return hmac.digest(settings.SECRET_KEY.encode(), message, "sha256").hex()


def digest(secret: str) -> str:
    """What is stored of a refresh token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def access_lifetime_s() -> int:
    """Seconds an access token lives."""
    return int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds())


def access_expiry(issued_at: datetime) -> datetime:
    """When an access token issued now expires."""
    expiry: datetime = issued_at + api_settings.ACCESS_TOKEN_LIFETIME
    return expiry


def refresh_expiry(issued_at: datetime) -> datetime:
    """When a refresh token issued now expires."""
    expiry: datetime = issued_at + api_settings.REFRESH_TOKEN_LIFETIME
    return expiry


def as_id(text: str) -> UUID:
    """The id that a text from outside names; of anything else, an id that nothing has."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
