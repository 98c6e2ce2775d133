"""Accounts of people: how they come to be, change, close and are forgotten."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.errors import (
    EmailTaken,
    LastAdmin,
    OpenObligations,
    RoleNotAllowed,
    UserNotFound,
    WeakPassword,
)
from accounts.events import (
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserRegistered,
    UserRoleChanged,
    UserStayed,
    UserUpdated,
)
from accounts.models import ActivityKind, ApiKey, Identity, PersonalDataExport, Role, Session, User
from accounts.services.activity import forget_details, record
from accounts.services.agreements import Agreement, publish_agreement
from accounts.services.api_keys import renew_api_keys, revoke_all_api_keys
from accounts.services.factors import forget_factors
from accounts.services.proofs import require_proof
from accounts.services.saved_views import forget_views_about
from accounts.services.sessions import end_page_sessions, end_sessions, refuse_access_tokens
from accounts.services.uniqueness import unique_names
from accounts.services.verification import get_account_facts, notify_former_mailbox, request_verification
from core.db import Expected, require_version, transaction
from core.errors import AccountClosing
from core.ids import uuid7
from messaging.outbox import publish
from messaging.peering import reads
from messaging.people.personal import erase

Profile = dict[str, str]
CLOSING = timedelta(minutes=10)
"""Longer than any attempt to erase a person takes."""


def register(
    *,
    email: str,
    password: str,
    now: datetime,
    role: str = Role.CLIENT,
    agreement: Agreement | None = None,
    **profile: str,
) -> User:
    """Sign a person up as a client. `profile`: full_name, first_name, last_name, username, phone.

    An `agreement` is told of in the same transaction. Raises RoleNotAllowed, WeakPassword, EmailTaken, UsernameTaken.
    """
    if role != Role.CLIENT:
        raise RoleNotAllowed
    user = _new_user(profile | {"email": email}, password, [Role.CLIENT], now)
    with transaction("accounts"):
        insert_user(user, UserRegistered, now=now)
        if agreement is not None:
            publish_agreement(user_id=user.id, agreement=agreement)
    return user


def create_user(
    *, email: str, password: str, now: datetime, roles: Iterable[str] = (Role.CLIENT,), **profile: str
) -> User:
    """Make an account for somebody else; one with a staff role wants a fresh proof of who makes it.

    Raises StepUpRequired, WeakPassword, EmailTaken, UsernameTaken.
    """
    user = _new_user(profile | {"email": email}, password, list(roles), now)
    if user.holds_staff_role:
        require_proof(now=now)
    return insert_user(user, UserCreated, now=now)


def update_user(
    *,
    user_id: UUID,
    changes: Profile,
    now: datetime,
    is_active: bool | None = None,
    expected_version: Expected = None,
) -> User:
    """Change user name, names or phone, and whether the person may sign in; ask for another e-mail.

    Another e-mail wants a fresh proof of who changes it, and waits until its mailbox is proved.

    Raises StepUpRequired, UserNotFound, UserErased, StaleVersion, EmailTaken, UsernameTaken, LastAdmin.
    """
    if _opens_another_mailbox(user_id, changes):
        require_proof(now=now)
    with unique_names(), transaction("accounts"):
        admins = [] if is_active is None else _lock_admins()
        user = _lock(user_id, expected_version)
        names = {name: value for name, value in changes.items() if name != "email"}
        is_changed = user.change_profile(names, now=now)
        is_asked = "email" in changes and _ask_for_email(user, changes["email"], now)
        if is_active is False:
            _close(user, admins, now)
        is_reopened = is_active is True and user.set_active(True, now=now)
        if is_changed:
            record(ActivityKind.PROFILE_CHANGED, user.id, now=now, fields=sorted(names))
        if is_reopened:
            record(ActivityKind.REOPENED, user.id, now=now)
            renew_api_keys(user_id=user.id, now=now)
        if is_changed or is_reopened:
            user.save()
            publish(UserUpdated(**get_account_facts(user)))
        elif is_asked:
            user.save()
    return user


def change_roles(*, user_id: UUID, roles: Iterable[str], now: datetime, expected_version: Expected = None) -> User:
    """Set what a person may do; access tokens that promise more are refused, and pages signed out, at once.

    Raises StepUpRequired, UserNotFound, UserErased, StaleVersion, LastAdmin.
    """
    require_proof(now=now)
    with transaction("accounts"):
        admins = _lock_admins()
        user = _lock(user_id, expected_version)
        previous = list(user.roles)
        if not user.change_roles(list(roles), now=now):
            return user
        if Role.ADMIN in previous and Role.ADMIN not in user.roles:
            _require_another_admin(admins, user)
        user.save()
        record(ActivityKind.ROLES_CHANGED, user.id, now=now, roles=user.roles, previous=previous)
        facts = get_account_facts(user)
        own = {name: facts[name] for name in ("user_id", "roles", "version_number", "email", "username")}
        publish(UserRoleChanged(**own, previous=previous))
        renew_api_keys(user_id=user.id, now=now)
        if set(previous) - set(user.roles):
            refuse_access_tokens(user_id=user.id, now=now)
            end_page_sessions(user_id=user.id, because="roles_changed", now=now)
    return user


def close_account(*, user_id: UUID, now: datetime) -> User:
    """Sign a person out everywhere and let them in no more. Raises UserNotFound, UserErased, LastAdmin."""
    return update_user(user_id=user_id, changes={}, is_active=False, now=now)


def reopen_account(*, user_id: UUID, now: datetime) -> User:
    """Let a person sign in again. Raises UserNotFound, UserErased."""
    return update_user(user_id=user_id, changes={}, is_active=True, now=now)


def erase_user(*, user_id: UUID, now: datetime, expected_version: Expected = None) -> None:
    """Close an account and forget the person; the id stays, so that the books keep their meaning.

    Erasing twice changes nothing. It waits for what ties the person and us: a running loan, an order on its way, a
    policy in force, an open claim; from the question on nothing new begins for them in any app. Raises StepUpRequired,
    UserNotFound, StaleVersion, LastAdmin, OpenObligations, AccountClosing while somebody else is erasing them, and
    PeerAway while an app that may know of a tie cannot be asked.
    """
    require_proof(now=now)
    closing_id = _begin_closing(user_id, expected_version, now)
    if closing_id is None:
        return
    try:
        found = reads.leaving(user_id, closing_id)  # outside transactions: other databases, or other machines, answer
        if found:
            raise OpenObligations(found)
        with transaction("accounts"):
            admins = _lock_admins()
            user = _lock(user_id, expected_version)
            if user.closing_id != closing_id:
                raise AccountClosing
            forget_person(user, admins, now)
    except Exception:
        stay(user_id=user_id, closing_id=closing_id)
        raise


def _begin_closing(user_id: UUID, expected_version: Expected, now: datetime) -> UUID | None:
    """Name an attempt to erase; the last one to begin is the one that counts. None: it was done before."""
    with transaction("accounts"):
        admins = _lock_admins()
        user = _lock(user_id, expected_version)
        if user.erased_at is not None:
            return None
        _require_another_admin(admins, user)
        user.closing_id, user.closing_at = uuid7(), now
        user.save(update_fields=["closing_id", "closing_at"])
        return user.closing_id


def stay(*, user_id: UUID, closing_id: UUID) -> None:
    """An attempt to erase came to nothing: tell every app, of this attempt and of no later one."""
    with transaction("accounts"):
        going = User.objects.filter(pk=user_id, closing_id=closing_id, erased_at__isnull=True)
        going.update(closing_id=None, closing_at=None)
        publish(UserStayed(user_id=user_id, closing_id=closing_id))


def end_closings(*, now: datetime) -> int:
    """Let those stay whose erasure was broken off, by a crash say; return how many."""
    left = User.objects.filter(closing_at__lt=now - CLOSING, erased_at__isnull=True).order_by("closing_at")
    found = [(user_id, closing) for user_id, closing in left.values_list("pk", "closing_id")[:1000] if closing]
    for user_id, closing_id in found:
        stay(user_id=user_id, closing_id=closing_id)
    return len(found)


def forget_again(*, user_id: UUID, now: datetime) -> None:
    """Erase somebody who was erased before, and whom a backup brought back. Raises UserNotFound, LastAdmin."""
    with transaction("accounts"):
        admins = _lock_admins()
        user = _lock(user_id, None)
        if user.erased_at is None:
            forget_person(user, admins, now)


def forget_person(user: User, admins: list[User], now: datetime) -> None:
    """Leave nothing of a locked person but the id, and tell every app to do the same. Raises LastAdmin, UserErased."""
    _close(user, admins, now)
    forget_views_about(user)
    user.erase(now=now)
    user.save()
    Session.objects.filter(user_id=user.id).update(device="", address="")
    Identity.objects.filter(user_id=user.id).delete()
    ApiKey.objects.filter(user_id=user.id).update(name="")
    forget_factors(user)
    PersonalDataExport.objects.filter(user_id=user.id).delete()
    forget_details(user.id)
    record(ActivityKind.ERASED, user.id, now=now)
    LogEntry.objects.filter(object_id=str(user.id)).update(object_repr=str(user.id))
    erase("accounts", user.id)
    publish(UserDeleted(user_id=user.id))


def check_password_strength(password: str, user: User, *, field: str = "password") -> None:
    """Apply Django's validators, which compare with the person's names too. Raises WeakPassword."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(field, error) from error


def _new_user(profile: Profile, password: str, roles: list[str], now: datetime) -> User:
    user = User(roles=[role for role in Role.values if role in roles], created_at=now, updated_at=now)
    user.change_profile(profile, now=now)
    user.version = 1
    check_password_strength(password, user)
    user.set_password(password)
    return user


def insert_user(user: User, fact: type[UserRegistered] | type[UserCreated], *, now: datetime) -> User:
    """Keep a new account and tell of it. Raises EmailTaken, UsernameTaken."""
    is_own = fact is UserRegistered
    with unique_names(), transaction("accounts"):
        user.save(force_insert=True)
        record(ActivityKind.REGISTERED if is_own else ActivityKind.CREATED, user.id, now=now)
        publish(fact(**get_account_facts(user)))
        if is_own and user.email_verified_at is None:
            request_verification(user, now=now)
    return user


def _opens_another_mailbox(user_id: UUID, changes: Profile) -> bool:
    wanted = changes.get("email", "").strip().lower()
    return bool(wanted) and not User.objects.filter(pk=user_id, email=wanted).exists()


def _ask_for_email(user: User, email: str, now: datetime) -> bool:
    """Let it wait, mail its link, and tell the proved mailbox of before. Raises EmailTaken."""
    if not user.ask_for_email(email, now=now):
        return False
    if User.objects.filter(email=user.pending_email).exists():
        raise EmailTaken
    record(ActivityKind.EMAIL_ASKED, user.id, now=now)
    request_verification(user, now=now)
    notify_former_mailbox(user, now=now)
    return True


def _lock(user_id: UUID, expected_version: Expected) -> User:
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise UserNotFound
    require_version(user.version, expected_version)
    return user


def _lock_admins() -> list[User]:
    """All active administrators, so that two of them cannot remove each other at once."""
    active = User.objects.select_for_update().filter(roles__contains=[Role.ADMIN], is_active=True)
    return list(active.order_by("pk"))


def _close(user: User, admins: list[User], now: datetime) -> None:
    if user.set_active(False, now=now):
        _require_another_admin(admins, user)
        user.save()
        record(ActivityKind.CLOSED, user.id, now=now)
        publish(UserDeactivated(user_id=user.id, version_number=user.version))
        revoke_all_api_keys(user_id=user.id, now=now)
        end_sessions(user_id=user.id, because="deactivated", now=now)


def _require_another_admin(admins: list[User], leaving: User) -> None:
    if [admin.pk for admin in admins] == [leaving.pk]:
        raise LastAdmin
