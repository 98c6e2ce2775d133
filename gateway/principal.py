"""Who is calling: read from the token alone, with the public key; nobody asks accounts."""

import hashlib
import time
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from django.conf import settings

from core.errors import DomainError

CLIENT, MANAGER, ADMIN = "client", "manager", "admin"
ROLES = (CLIENT, MANAGER, ADMIN)
STAFF = frozenset({MANAGER, ADMIN})


class Principal(msgspec.Struct, frozen=True):
    """A signed-in caller. `id` is the user's id, `jti` the access token's, `expires_at` Unix seconds."""

    id: UUID
    email: str
    roles: frozenset[str]
    jti: str
    issued_at: int
    expires_at: int
    is_authenticated: bool = True

    @property
    def pk(self) -> UUID:
        """What Django's and DRF's code call the id."""
        return self.id

    @property
    def is_staff(self) -> bool:
        """Managers and admins see everything in the business."""
        return bool(self.roles & STAFF)

    @property
    def is_admin(self) -> bool:
        """Admins manage users and roles, and delete."""
        return ADMIN in self.roles


class InvalidToken(DomainError):
    """The access token is missing, malformed, forged, expired or revoked."""

    code = "invalid_token"
    status = 401
    detail = "The access token is missing or not valid."


class NotAuthenticated(InvalidToken):
    """No token was sent where one is needed."""

    code = "not_authenticated"
    detail = "Authentication credentials were not provided."


def key_id(public_pem: str) -> str:
    """`kid` of a key: a fingerprint of its public half."""
    return hashlib.sha256(public_pem.strip().encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def public_keys() -> dict[str, Any]:
    """Verification keys by `kid`."""
    return {key_id(pem): serialization.load_pem_public_key(pem.encode()) for pem in settings.JWT_PUBLIC_KEYS}


_cache: dict[str, Principal] = {}
_CACHE_SIZE = 10_000


def read_token(token: str) -> Principal:
    """Verify an access token and return its bearer; remembered until it expires. Raises InvalidToken."""
    known = _cache.get(token)
    if known is None:
        known = _verify(token)
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        _cache[token] = known
    if known.expires_at <= time.time():
        _cache.pop(token, None)
        raise InvalidToken("The access token has expired.")
    return known


def _verify(token: str) -> Principal:
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        keys = public_keys()
        key = keys[kid] if kid else next(iter(keys.values()))
        claims = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=settings.JWT_AUDIENCE,
            issuer=settings.JWT_ISSUER,
            options={"require": ["exp", "iat", "sub", "jti"]},
        )
        if claims.get("token_type", "access") != "access":
            raise InvalidToken
        return Principal(
            id=UUID(claims["sub"]),
            email=claims.get("email", ""),
            roles=frozenset(claims.get("roles") or [CLIENT]),
            jti=claims["jti"],
            issued_at=int(claims["iat"]),
            expires_at=int(claims["exp"]),
        )
    except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken from error


def read_header(header: str) -> Principal | None:
    """Return the bearer named by an Authorization header; None when it names none. Raises InvalidToken."""
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token or " " in token.strip():
        raise InvalidToken
    return read_token(token.strip())
