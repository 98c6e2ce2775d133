"""Signing in and out: passwords become sessions, sessions live by rotating refresh tokens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.errors import InvalidRefreshToken, SessionNotFound, WrongCredentials
from accounts.events import UserLoggedIn, UserLoggedOut
from accounts.models import ActivityKind, RefreshToken, Session, User
from accounts.queries import tokens
from accounts.services import lockout
from accounts.services.activity import record
from accounts.services.codes import check_second_factor, read_pending
from core.db import on_commit, transaction
from gateway.guards import guard
from gateway.principal import Principal
from messaging.outbox import publish

PAGE_SESSION = "accounts_session"
"""Where a page's session of Django keeps the id of its session here."""

KEEP_ENDED_SESSIONS = timedelta(days=30)
NOTE_USE_EVERY = timedelta(minutes=1)
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TokenPair:
    """Tokens a client holds after signing in; `expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    session_id: UUID
    user_id: UUID
    token_type: str = "bearer"


def authenticate(*, identifier: str, password: str, address: str, now: datetime, otp: str = "") -> User:
    """The active person with this e-mail or user name, password and, where one is enrolled, second factor.

    Raises WrongCredentials, after as much work for unknown names as for known ones, TooManyFailures, MfaRequired and
    WrongOtp. Failures are forgotten only when every factor was right.
    """
    user = User.objects.by_identifier(identifier)
    account = str(user.id) if user else identifier.strip().lower()
    lockout.refuse_waiting(account, address)
    if user is None:
        User().set_password(password)
    if user is None or not user.check_password(password) or not user.is_active:
        record(ActivityKind.SIGN_IN_FAILED, user.id if user else None, now=now, address=address, reason="password")
        lockout.count_failure(account, address)
        raise WrongCredentials
    lockout.refuse_waiting(account, address)
    check_second_factor(user=user, otp=otp, address=address, now=now)
    lockout.forget_failures(account, address)
    return user


def authenticate_pending(*, mfa_token: str, otp: str, address: str, now: datetime) -> User:
    """The person whose first factor was right a moment ago, now with the second one.

    Raises WrongCredentials for a token that is forged or too old, TooManyFailures, MfaRequired, WrongOtp.
    """
    user = User.objects.filter(pk=read_pending(mfa_token) or UUID(int=0), is_active=True).first()
    if user is None:
        raise WrongCredentials
    lockout.refuse_waiting(str(user.id), address)
    check_second_factor(user=user, otp=otp, address=address, now=now)
    lockout.forget_failures(str(user.id), address)
    return user


def sign_in(
    *,
    identifier: str,
    password: str,
    device: str,
    address: str,
    now: datetime,
    otp: str = "",
    access_token_seconds: int | None = None,
) -> TokenPair:
    """Check a password, and a second factor, and open a session. Raises what `authenticate` raises."""
    user = authenticate(identifier=identifier, password=password, otp=otp, address=address, now=now)
    return issue_tokens(
        user_id=user.id, device=device, address=address, now=now, access_token_seconds=access_token_seconds
    )


def issue_tokens(
    *, user_id: UUID, device: str, address: str, now: datetime, access_token_seconds: int | None = None
) -> TokenPair:
    """Open a session and give out its first tokens; all its access tokens live for the seconds asked for.

    Raises WrongCredentials when the account was closed.
    """
    secret = tokens.new_secret()
    with transaction("accounts"):
        session = open_session(
            user_id=user_id, device=device, address=address, now=now, access_token_seconds=access_token_seconds
        )
        token = _add_token(session, secret, salt="", parent=None, now=now)
    return _pair(session.user, token, secret)


def open_session(
    *, user_id: UUID, device: str, address: str, now: datetime, access_token_seconds: int | None = None
) -> Session:
    """Open a session for somebody whose identity is proved. Raises WrongCredentials when the account was closed."""
    with transaction("accounts"):
        user = User.objects.select_for_update().filter(pk=user_id, is_active=True).first()
        if user is None:
            raise WrongCredentials
        session = Session(user=user, device=device[:200], address=address, created_at=now, last_used_at=now)
        session.proved_at, session.access_token_seconds = now, access_token_seconds
        session.expires_at = _expiry(session, now)
        session.save(force_insert=True)
        user.last_login = now
        user.save(update_fields=["last_login"])
        record(ActivityKind.SIGNED_IN, user.id, now=now, address=address, device=device, session_id=str(session.id))
        publish(UserLoggedIn(user_id=user.id, session_id=session.id))
    return session


def use_session(*, user_id: UUID, session_id: UUID, now: datetime) -> bool:
    """Tell whether a page's session still lives; using it lets it live on, which is written once a minute."""
    found = Session.objects.live(user_id, now).filter(pk=session_id).select_related("user")
    session = next((one for one in found if _expiry(one, now) > now), None)
    if session is not None and now - session.last_used_at > NOTE_USE_EVERY:
        expires_at = _expiry(session, now)
        Session.objects.live(user_id, now).filter(pk=session_id).update(last_used_at=now, expires_at=expires_at)
    return session is not None


def refresh(*, refresh_token: str, address: str, now: datetime) -> TokenPair:
    """Spend a refresh token and return its child.

    Within the grace a spent token gives the same child again; after it, the whole session ends, since one of the two
    who hold the token stole it. Raises InvalidRefreshToken.
    """
    with transaction("accounts"):
        token = _lock_token(refresh_token, now)
        pair = _rotate(token, refresh_token, address, now)
        if pair is None:
            log.warning("refresh_token_reused", user_id=str(token.session.user_id), session_id=str(token.session_id))
            _end([token.session], because="reuse", now=now)
    if pair is None:
        raise InvalidRefreshToken
    return pair


def sign_out(*, principal: Principal, refresh_token: str, now: datetime) -> None:
    """End the session of the access token, and that of the refresh token if it is the caller's own."""
    named = RefreshToken.objects.filter(Q(digest=tokens.digest(refresh_token)) | Q(pk=tokens.as_id(principal.jti)))
    with transaction("accounts"):
        own = Session.objects.live(principal.id, now).filter(pk__in=named.values("session_id"))
        _end(_locked(own), because="signed_out", now=now)
        on_commit("accounts", partial(guard.revoke_token, principal.jti, principal.expires_at))


def revoke_session(*, user_id: UUID, session_id: UUID, now: datetime, because: str = "revoked") -> None:
    """End one of a person's sessions. Raises SessionNotFound."""
    with transaction("accounts"):
        found = _locked(Session.objects.live(user_id, now).filter(pk=session_id))
        if not found:
            raise SessionNotFound
        _end(found, because=because, now=now)


def end_sessions(*, user_id: UUID, because: str, now: datetime, keep_jti: str = "") -> None:
    """End all of a person's sessions, except the one that an access token belongs to, or the page's of that id."""
    kept = RefreshToken.objects.filter(pk=tokens.as_id(keep_jti)).values("session_id")
    with transaction("accounts"):
        others = Session.objects.live(user_id, now).exclude(pk__in=kept).exclude(pk=tokens.as_id(keep_jti))
        _end(_locked(others), because=because, now=now)


def refuse_access_tokens(*, user_id: UUID, now: datetime) -> None:
    """Refuse the access tokens a person holds now, everywhere; the sessions live on and refresh to new ones."""
    with transaction("accounts"):
        _refuse(RefreshToken.objects.filter(session__user_id=user_id), {user_id}, now)


def end_page_sessions(*, user_id: UUID, because: str, now: datetime) -> None:
    """End a person's sessions on pages, and with them the sockets those opened with the roles of before."""
    given = RefreshToken.objects.filter(session=OuterRef("pk"))
    with transaction("accounts"):
        pages = Session.objects.live(user_id, now).filter(~Exists(given))
        _end(_locked(pages), because=because, now=now)


def push_revocations(*, now: datetime, user_id: UUID | None = None) -> int:
    """Tell the guards of refused access tokens that could still be shown; return how many. Repeating is harmless.

    Of one person, or of everybody: what Valkey loses, this restores.
    """
    refused = RefreshToken.objects.filter(access_revoked_at__isnull=False, access_expires_at__gt=now)
    if user_id is not None:
        refused = refused.filter(session__user_id=user_id)
    rows = list(refused.values_list("pk", "access_expires_at"))
    for jti, expires_at in rows:
        guard.revoke_token(str(jti), int(expires_at.timestamp()) + 1)
    return len(rows)


def purge_expired(*, now: datetime) -> int:
    """Delete sessions and spent refresh tokens that can never be used again; return how many rows went."""
    with transaction("accounts"):
        sessions = Session.objects.filter(expires_at__lt=now - KEEP_ENDED_SESSIONS).delete()[0]
        return sessions + RefreshToken.objects.filter(expires_at__lt=now).delete()[0]


def _expiry(session: Session, now: datetime) -> datetime:
    """Until when a session lives that is used now: that of staff no longer than its day, whatever was said before."""
    sliding = tokens.refresh_expiry(now)
    if not session.user.holds_staff_role:
        return sliding
    return min(sliding, session.created_at + timedelta(hours=settings.STAFF_SESSION_HOURS))


def _add_token(session: Session, secret: str, *, salt: str, parent: RefreshToken | None, now: datetime) -> RefreshToken:
    return RefreshToken.objects.create(
        session=session,
        parent=parent,
        digest=tokens.digest(secret),
        salt=salt,
        created_at=now,
        expires_at=tokens.refresh_expiry(now),
        access_expires_at=min(tokens.access_expiry(now, session.access_token_seconds), _expiry(session, now)),
    )


def _pair(user: User, token: RefreshToken, secret: str) -> TokenPair:
    return TokenPair(
        access_token=str(tokens.AccessToken.beside(token, user)),
        refresh_token=secret,
        expires_in=int((token.access_expires_at - token.created_at).total_seconds()),
        session_id=token.session_id,
        user_id=user.id,
    )


def _lock_token(secret: str, now: datetime) -> RefreshToken:
    """The token, read after its session is locked: parallel refreshes see each other's work."""
    digest = tokens.digest(secret)
    family = RefreshToken.objects.filter(digest=digest).values("session_id")
    session = Session.objects.select_for_update(of=("self",)).select_related("user").filter(pk__in=family).first()
    if session is None or not session.is_live(now) or not session.user.is_active or _expiry(session, now) <= now:
        raise InvalidRefreshToken
    token = RefreshToken.objects.get(digest=digest)
    token.session = session
    if token.expires_at <= now:
        raise InvalidRefreshToken
    return token


def _rotate(token: RefreshToken, secret: str, address: str, now: datetime) -> TokenPair | None:
    """The pair after this one; None when the token was spent too long ago."""
    child_secret: str | None
    if token.used_at is None:
        child_secret, child = _spend(token, secret, address, now)
    elif token.is_in_grace(now):
        child = token.child
        child.session = token.session
        child_secret = tokens.known_child_secret(secret, child.salt, child.digest)
    else:
        child_secret = None
    return _pair(token.session.user, child, child_secret) if child_secret else None


def _spend(token: RefreshToken, secret: str, address: str, now: datetime) -> tuple[str, RefreshToken]:
    session, salt = token.session, tokens.new_secret()
    child_secret = tokens.child_secret(secret, salt)
    child = _add_token(session, child_secret, salt=salt, parent=token, now=now)
    token.used_at = now
    token.save(update_fields=["used_at"])
    session.last_used_at, session.address, session.expires_at = now, address, _expiry(session, now)
    session.save(update_fields=["last_used_at", "address", "expires_at"])
    return child_secret, child


def _locked(sessions: QuerySet[Session]) -> list[Session]:
    return list(sessions.select_for_update().order_by("pk"))


def _end(sessions: list[Session], *, because: str, now: datetime) -> None:
    """End locked sessions, with every access token they gave out."""
    for session in sessions:
        session.revoked_at, session.revoked_because = now, because
        session.save(update_fields=["revoked_at", "revoked_because"])
        record(ActivityKind.SIGNED_OUT, session.user_id, now=now, because=because, session_id=str(session.id))
        publish(UserLoggedOut(user_id=session.user_id, session_id=session.id))
        on_commit("accounts", partial(_revoke_page, session.id, now))
    _refuse(RefreshToken.objects.filter(session__in=sessions), {session.user_id for session in sessions}, now)


def _refuse(given: QuerySet[RefreshToken], owners: set[UUID], now: datetime) -> None:
    given.filter(access_revoked_at__isnull=True, access_expires_at__gt=now).update(access_revoked_at=now)
    for user_id in owners:
        on_commit("accounts", partial(_push, user_id, now))


def _revoke_page(session_id: UUID, now: datetime) -> None:
    """A page speaks for its session by the session's own id: the sockets it opened close."""
    guard.revoke_token(str(session_id), int(tokens.access_expiry(now).timestamp()))


def _push(user_id: UUID, now: datetime) -> None:
    push_revocations(user_id=user_id, now=now)
