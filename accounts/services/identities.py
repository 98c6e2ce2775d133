"""Signing in by an OpenID provider: out with state, nonce and PKCE, back with a code."""

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError

from accounts.errors import (
    EmailTaken,
    IdentityNotLinked,
    IdentityWithoutEmail,
    SignInNotStarted,
    WrongCredentials,
)
from accounts.events import UserRegistered
from accounts.models import ActivityKind, Identity, Role, User
from accounts.providers import oidc
from accounts.services.activity import record
from accounts.services.codes import check_second_factor
from accounts.services.people import insert_user
from core.db import transaction
from core.secrecy.sealing import Unopenable, seal, unseal

TICKET_S = 600


@dataclass(frozen=True)
class Departure:
    """Address for the browser, and the sealed ticket that it must bring back: its cookie."""

    url: str
    ticket: str


def begin_oidc(*, redirect_uri: str, next_page: str = "") -> Departure:
    """Prepare a sign-in at the provider. Raises IdentityProviderUnavailable."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    url = oidc.authorization_url(redirect_uri=redirect_uri, state=state, nonce=nonce, verifier=verifier)
    ticket = seal(json.dumps([state, nonce, verifier, redirect_uri, next_page]).encode()).decode()
    return Departure(url, ticket)


def finish_oidc(*, ticket: str, state: str, code: str, address: str, now: datetime) -> tuple[User, str]:
    """Return who came back from the provider, and the page they were going to.

    Known by `sub`; by e-mail only when both sides have verified it; else a new account. Raises SignInNotStarted,
    IdentityRefused, IdentityProviderUnavailable, IdentityNotLinked, IdentityWithoutEmail, WrongCredentials (closed
    account), MfaRequired.
    """
    nonce, verifier, redirect_uri, next_page = _open(ticket, state)
    claims = oidc.redeem(code=code, redirect_uri=redirect_uri, verifier=verifier, nonce=nonce)
    user = _person_behind(claims, address, now)
    check_second_factor(user=user, otp="", address=address, now=now)
    return user, next_page


def _open(ticket: str, state: str) -> tuple[str, str, str, str]:
    try:
        wanted, nonce, verifier, redirect_uri, next_page = json.loads(unseal(ticket.encode(), max_age_s=TICKET_S))
    except (Unopenable, ValueError) as error:
        raise SignInNotStarted from error
    if not hmac.compare_digest(wanted.encode(), state.encode()):
        raise SignInNotStarted
    return nonce, verifier, redirect_uri, next_page


def _person_behind(claims: oidc.Claims, address: str, now: datetime) -> User:
    """Two callbacks at once may both find nobody: the second one then finds what the first one made."""
    try:
        return _find_or_register(claims, address, now)
    except (EmailTaken, IntegrityError):
        return _find_or_register(claims, address, now)


def _find_or_register(claims: oidc.Claims, address: str, now: datetime) -> User:
    with transaction("accounts"):
        known = Identity.objects.select_related("user").filter(issuer=claims.issuer, subject=claims.subject).first()
        if known is not None:
            return _returning(known, claims, now)
        if not claims.email:
            raise IdentityWithoutEmail
        user = User.objects.select_for_update().filter(email=claims.email).first()
        if user is None:
            user = _register(claims, now)
        elif not (claims.email_verified and user.email_verified_at is not None and user.is_active):
            raise IdentityNotLinked
        Identity.objects.create(
            user=user,
            issuer=claims.issuer,
            subject=claims.subject,
            email=claims.email,
            is_verified=claims.email_verified,
            linked_at=now,
            last_used_at=now,
        )
        record(ActivityKind.IDENTITY_LINKED, user.id, now=now, address=address, issuer=claims.issuer)
    return user


def _returning(identity: Identity, claims: oidc.Claims, now: datetime) -> User:
    if not identity.user.is_active:
        raise WrongCredentials
    identity.email, identity.last_used_at = claims.email, now
    identity.is_verified |= claims.email_verified and claims.email == identity.user.email
    identity.save(update_fields=["email", "last_used_at", "is_verified"])
    return identity.user


def _register(claims: oidc.Claims, now: datetime) -> User:
    user = User(roles=[Role.CLIENT], created_at=now, updated_at=now)
    user.change_profile({"email": claims.email, "full_name": claims.name}, now=now)
    user.email_verified_at = now if claims.email_verified else None
    user.version = 1
    user.set_unusable_password()
    return insert_user(user, UserRegistered, now=now)
