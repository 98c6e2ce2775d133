"""Decide what a session may do: one answer for the API, the pages, the admin and the sockets.

Accounts asks it when it signs a token, and pages when they look who is there. Who must still enrol a second factor is a
client everywhere, whatever roles are kept for them; a token of theirs is limited to enrolling, besides.
"""

import time
from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

import msgspec
from django.conf import settings

from gateway.principal import CLIENT, MFA_SCOPE, STAFF, Principal


class Standing(msgspec.Struct, frozen=True):
    """The roles in force, and the scopes that limit a token; None: no limit."""

    roles: tuple[str, ...]
    scopes: tuple[str, ...] | None = None


class Visitor(Protocol):
    """Visitor as a page's session knows them; `effective_roles` is this module's own answer, kept by the model."""

    id: UUID
    email: str

    @property
    def effective_roles(self) -> tuple[str, ...]: ...

    @property
    def is_email_proved(self) -> bool: ...


def must_enroll(roles: Iterable[str], *, has_factor: bool) -> bool:
    """Tell whether these roles oblige to a second factor that is not there (`MFA_REQUIRED_FOR_STAFF`)."""
    return settings.MFA_REQUIRED_FOR_STAFF and not has_factor and not STAFF.isdisjoint(roles)


def roles_in_force(roles: Iterable[str], *, has_factor: bool) -> tuple[str, ...]:
    """The roles that count now: of somebody who must enrol first, a client's alone."""
    given = tuple(roles)
    return (CLIENT,) if must_enroll(given, has_factor=has_factor) else given


def token_standing(roles: Iterable[str], *, has_factor: bool, scopes: Iterable[str] | None = None) -> Standing:
    """Return what an access token may say; `scopes` are those of an API key. Whoever must enrol may do only that."""
    given = tuple(roles)
    if must_enroll(given, has_factor=has_factor):
        return Standing((CLIENT,), (MFA_SCOPE,))
    return Standing(given, None if scopes is None else tuple(scopes))


def page_principal(visitor: Visitor, *, jti: str, lifetime_s: int) -> Principal:
    """The visitor of a page as a caller of the API would be seen, for so many seconds; `jti` names the session."""
    now = int(time.time())
    return Principal(
        id=visitor.id,
        email=visitor.email,
        roles=frozenset(visitor.effective_roles),
        jti=jti,
        issued_at=now,
        expires_at=now + lifetime_s,
        email_verified=visitor.is_email_proved,
    )
