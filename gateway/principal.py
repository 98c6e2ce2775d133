"""Read who is calling from the token alone, with the public key; nobody asks accounts."""

import time
from uuid import UUID

import jwt
import msgspec
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from gateway.access.keyring import public_keys

CLIENT, MANAGER, ADMIN = "client", "manager", "admin"
ROLES = (CLIENT, MANAGER, ADMIN)
STAFF = frozenset({MANAGER, ADMIN})
MFA_SCOPE = "mfa:enroll"
"""The one scope of a token given to staff who have yet to enrol a second factor."""


class Principal(msgspec.Struct, frozen=True):
    """A signed-in caller. `id` is the user's id, `jti` the access token's, `expires_at` Unix seconds.

    `scopes` limits what the roles allow (`orders:read`); None: no limit, as for a person who signed in. `proved_at`:
    when they last gave a password or a code, as far as the token knows (`auth_time`).
    """

    id: UUID
    email: str
    roles: frozenset[str]
    jti: str
    issued_at: int
    expires_at: int
    is_authenticated: bool = True
    scopes: frozenset[str] | None = None
    email_verified: bool = False
    proved_at: int = 0

    @property
    def pk(self) -> UUID:
        """Return the id by the name that Django's and DRF's code call it."""
        return self.id

    @property
    def is_staff(self) -> bool:
        """Managers and admins see everything in the business."""
        return bool(self.roles & STAFF)

    @property
    def owner_id(self) -> UUID | None:
        """The person whose objects alone the caller may touch; None is staff, who may touch everybody's."""
        return None if self.is_staff else self.id

    @property
    def is_admin(self) -> bool:
        """Admins manage users and roles, and delete."""
        return ADMIN in self.roles

    def may(self, scope: str) -> bool:
        """Tell whether the token's scopes, if it has any, include this one."""
        return self.scopes is None or scope in self.scopes


class InvalidToken(DomainError):
    """The access token is missing, malformed, forged, expired or revoked."""

    code = "invalid_token"
    status = 401
    detail = _("The access token is missing or not valid.")


class NotAuthenticated(InvalidToken):
    """No token was sent where one is needed."""

    code = "not_authenticated"
    detail = _("Authentication credentials were not provided.")


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
        raise InvalidToken(_("The access token has expired."))
    return known


def _verify(token: str) -> Principal:
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        keys = public_keys(kid)
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
        scope: str | None = claims.get("scope")
        return Principal(
            id=UUID(claims["sub"]),
            email=claims.get("email", ""),
            roles=frozenset(claims.get("roles") or [CLIENT]),
            jti=claims["jti"],
            issued_at=int(claims["iat"]),
            expires_at=int(claims["exp"]),
            scopes=None if scope is None else frozenset(scope.split()),
            email_verified=claims.get("email_verified") is True,
            proved_at=int(claims.get("auth_time", 0)),
        )
    except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken from error
