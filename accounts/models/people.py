"""People who may sign in."""

import re
import unicodedata
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.errors import OddEmail, UserErased
from accounts.events import UserCreated
from core.db import transaction
from core.ids import uuid7
from gateway.access import policy
from gateway.principal import STAFF
from messaging.outbox import publish

USERNAME_PATTERN = r"\A[\w.+-]*\Z"
PHONE_PATTERN = r"\A(\+?[\d\s().-]{5,32})?\Z"


class Role(models.TextChoices):
    """Role of a person: it decides what they may do."""

    CLIENT = "client", _("client")
    MANAGER = "manager", _("manager")
    ADMIN = "admin", _("administrator")


class UserManager(BaseUserManager["User"]):
    """Finds people by what they type to sign in."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())

    def by_identifier(self, identifier: str) -> "User | None":
        """The person with this e-mail or user name, whatever its case."""
        wanted = identifier.strip().lower()
        if "@" in wanted:
            return self.filter(email=wanted).first()
        named = self.exclude(username="").annotate(lower=Lower("username"))
        return named.filter(lower=wanted).first() if wanted else None

    def search(self, text: str) -> "models.QuerySet[User]":
        """People whose name, e-mail, user name or phone contains every word of `text`; the erased are not found."""
        found = self.filter(erased_at__isnull=True)
        for word in text.lower().split():
            found = found.filter(search_text__contains=word)
        return found

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """Create an administrator (`manage.py createsuperuser`), publishing UserCreated."""
        user = self.model(email=plain_email(email), roles=[Role.ADMIN], **extra)
        user.set_password(password)
        with transaction("accounts"):
            user.save(using=self._db)
            publish(UserCreated(user_id=user.id, email=user.email, full_name=user.full_name, roles=user.roles))
        return user


class User(AbstractBaseUser):
    """A person who may sign in. The id is all that other apps may know them by.

    E-mail and user name are unique whatever their case. `roles` alone decide what a person may do, in the API and in
    the admin. `version` grows with every change of profile, roles or activity.

    While it is asked what ties the person, `closing_id` names the attempt to erase them: meanwhile nothing new begins.

    Another e-mail waits in `pending_email` until its mailbox is proved. Whoever reads `former_email`, which was proved,
    may take the change back for a week.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(_("e-mail"))
    username = models.CharField(
        _("user name"),
        max_length=150,
        blank=True,
        validators=[RegexValidator(USERNAME_PATTERN, _("Letters, digits and . + - _ only."))],
    )
    full_name = models.CharField(_("full name"), max_length=310, blank=True)
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    phone = models.CharField(
        _("phone"),
        max_length=32,
        blank=True,
        validators=[RegexValidator(PHONE_PATTERN, _("A phone number, such as +7 900 123-45-67."))],
    )
    roles = ArrayField(models.CharField(max_length=10, choices=Role), default=list, verbose_name=_("roles"))
    is_active = models.BooleanField(_("active"), default=True)
    pending_email = models.EmailField(
        _("new e-mail, not confirmed yet"), blank=True, editable=False, default="", db_default=""
    )
    former_email = models.EmailField(_("e-mail before"), blank=True, editable=False, default="", db_default="")
    email_asked_at = models.DateTimeField(_("new e-mail given at"), null=True, blank=True, editable=False)
    email_verified_at = models.DateTimeField(_("e-mail verified at"), null=True, blank=True, editable=False)
    mfa_enabled_at = models.DateTimeField(_("two-factor since"), null=True, blank=True, editable=False)
    search_text = models.TextField(editable=False, default="")
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now, editable=False)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True, editable=False)
    closing_id = models.UUIDField(null=True, editable=False)
    closing_at = models.DateTimeField(null=True, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email"], name="user_email_unique"),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower"),
            models.UniqueConstraint(Lower("username"), name="user_username_unique", condition=~models.Q(username="")),
            models.CheckConstraint(
                condition=models.Q(pending_email=Lower("pending_email")) & ~models.Q(pending_email=models.F("email")),
                name="user_pending_email_is_another",
            ),
            models.CheckConstraint(condition=~models.Q(username__contains="@"), name="user_username_is_no_email"),
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=Role.values) & models.Q(roles__len__gt=0),
                name="user_roles_known",
            ),
            models.CheckConstraint(
                condition=models.Q(erased_at__isnull=True) | models.Q(is_active=False), name="user_erased_is_inactive"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["closing_at"], condition=models.Q(closing_at__isnull=False), name="user_closing"),
            models.Index(fields=["created_at", "id"], name="user_by_created_at"),
            models.Index(fields=["full_name", "id"], name="user_by_full_name"),
            GinIndex(fields=["roles"], name="user_by_role"),
            GinIndex(fields=["search_text"], opclasses=["gin_trgm_ops"], name="user_by_search_text"),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.search_text = "\n".join(
            [self.email, self.username, self.full_name, self.phone, re.sub(r"\D", "", self.phone)]
        ).lower()
        super().save(*args, **kwargs)

    def get_full_name(self) -> str:
        """Full name, or an empty text."""
        return self.full_name

    def get_short_name(self) -> str:
        """Return the name by which a page greets the person."""
        return self.first_name or self.full_name or self.email

    # What Django's admin asks -------------------------------------------------------------------------------------
    @property
    def effective_roles(self) -> tuple[str, ...]:
        """The roles in force: until staff who must have a second factor enrol one, a client's."""
        return policy.roles_in_force(self.roles, has_factor=self.mfa_enabled_at is not None)

    @property
    def holds_staff_role(self) -> bool:
        """Tell whether a staff role was given at all: what duties go by, never what is allowed."""
        return not STAFF.isdisjoint(self.roles)

    @property
    def is_email_proved(self) -> bool:
        """Tell whether the mailbox is known to be the person's own."""
        return self.email_verified_at is not None

    @property
    def is_staff(self) -> bool:
        """Managers and administrators may open the admin, once they have the second factor they must have."""
        return not STAFF.isdisjoint(self.effective_roles)

    @property
    def is_superuser(self) -> bool:
        """Administrators may do everything."""
        return Role.ADMIN in self.effective_roles

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        """Administrators: all. Managers: anything but deleting, in every app but accounts."""
        app_label, _, codename = perm.partition(".")
        return self.has_module_perms(app_label) and (self.is_superuser or not codename.startswith("delete_"))

    def has_perms(self, perm_list: Any, obj: object | None = None) -> bool:
        """Tell whether all of the permissions are given."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Tell whether the admin shows an app to this person."""
        if not self.is_active or not self.is_staff:
            return False
        return self.is_superuser or app_label not in FRAMEWORK_APPS

    @property
    def must_enroll(self) -> bool:
        """Staff without a second factor, where the settings insist on one: they may do nothing but enrol."""
        return policy.must_enroll(self.roles, has_factor=self.mfa_enabled_at is not None)

    # Transitions --------------------------------------------------------------------------------------------------
    def change_profile(self, changes: dict[str, str], *, now: datetime) -> bool:
        """Set user name, names and phone, and a new person's e-mail; return whether anything differs.

        A full name that was only first and last name put together follows them. Raises UserErased, OddEmail.
        """
        self._refuse_erased()
        before = [getattr(self, name) for name in PROFILE_FIELDS]
        was_composed = self.full_name in ("", _composed(self.first_name, self.last_name))
        for name in PROFILE_FIELDS & changes.keys():
            setattr(self, name, changes[name].strip())
        self.email = plain_email(self.email)
        if (was_composed and "full_name" not in changes) or not self.full_name:
            self.full_name = _composed(self.first_name, self.last_name)
        return self._touch(now) if before != [getattr(self, name) for name in PROFILE_FIELDS] else False

    def change_roles(self, roles: list[str], *, now: datetime) -> bool:
        """Set the roles, sorted from client to admin; return whether they differ. Raises UserErased."""
        self._refuse_erased()
        ordered = [role for role in Role.values if role in roles]
        if ordered == self.roles:
            return False
        self.roles = ordered
        return self._touch(now)

    def set_active(self, is_active: bool, *, now: datetime) -> bool:
        """Close or reopen the account; return whether that is a change. Raises UserErased."""
        self._refuse_erased()
        if is_active == self.is_active:
            return False
        self.is_active = is_active
        return self._touch(now)

    def ask_for_email(self, email: str, *, now: datetime) -> bool:
        """Let another e-mail wait for its proof; return whether it is news. Raises UserErased, OddEmail."""
        self._refuse_erased()
        email = plain_email(email)
        if email in (self.email, self.pending_email):
            return False
        self.pending_email, self.email_asked_at = email, now
        self.former_email = self.email if self.is_email_proved else ""
        return self._touch(now)

    def verify_email(self, email: str, *, now: datetime) -> bool:
        """The person owns this mailbox, the present one or the one that waits; return whether that is news.

        Raises UserErased.
        """
        self._refuse_erased()
        if email == self.pending_email:
            self.email, self.pending_email = email, ""
        elif email != self.email or self.is_email_proved:
            return False
        self.email_verified_at = now
        return self._touch(now)

    def restore_email(self, former: str, unwanted: str, *, now: datetime) -> bool:
        """Go back to the mailbox of before, whose owner did not want the change; return whether that was possible."""
        self._refuse_erased()
        if not former or former != self.former_email or unwanted not in (self.pending_email, self.email):
            return False
        self.email, self.email_verified_at = former, now
        self.pending_email = self.former_email = ""
        self.email_asked_at = None
        return self._touch(now)

    def erase(self, *, now: datetime) -> None:
        """Forget the person and keep the id. Raises UserErased when that was done before."""
        self._refuse_erased()
        self.email = f"{self.id}@erased.invalid"
        self.pending_email = self.former_email = ""
        self.username = self.full_name = self.first_name = self.last_name = self.phone = ""
        self.set_unusable_password()
        self.is_active, self.erased_at, self.last_login = False, now, None
        self.closing_id = self.closing_at = None
        self.email_verified_at = self.mfa_enabled_at = self.email_asked_at = None
        self._touch(now)

    def _refuse_erased(self) -> None:
        if self.erased_at is not None:
            raise UserErased

    def _touch(self, now: datetime) -> bool:
        self.version += 1
        self.updated_at = now
        return True


PROFILE_FIELDS = frozenset({"email", "username", "full_name", "first_name", "last_name", "phone"})
FRAMEWORK_APPS = frozenset({"accounts", "auth", "admin", "sessions", "contenttypes"})
"""Apps of the admin that only administrators see."""


def plain_email(email: str) -> str:
    """The address in small letters. Raises OddEmail for one with characters that another address could be taken for.

    Before the @ only ASCII: Django's own check lets through what folds to it, such as U+017F for s. After it, names of
    other scripts too, if they are written as names are (RFC 5892: nothing invisible, nothing that NFKC would replace).
    """
    local, _at, domain = email.strip().partition("@")
    is_plain = all(letter.isalnum() or letter in "-.[]:" for letter in domain)
    if not local.isascii() or not is_plain or unicodedata.normalize("NFKC", domain.lower()) != domain.lower():
        raise OddEmail
    return f"{local}@{domain}".lower()


def _composed(first_name: str, last_name: str) -> str:
    return f"{first_name} {last_name}".strip()
