"""The sessions people have open, and the refresh tokens they live by."""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from core.ids import uuid7


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions, by who and whether they still live."""

    def live(self, user_id: UUID, now: datetime) -> "SessionQuerySet":
        """A person's sessions that can still be refreshed."""
        return self.filter(user_id=user_id, revoked_at__isnull=True, expires_at__gt=now)


class Session(models.Model):
    """A sign-in that lives on by refreshing: a family of refresh tokens, each the child of the one before.

    Ended by its owner, by an administrator, or by the second use of a spent token, which means that one was stolen.
    `proved_at` is when its owner last gave a password or a code: by signing in, or when asked again.
    `access_token_seconds` is the life its client asked for its access tokens; without it they live as the house's do.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions", verbose_name=_("user"))
    device = models.CharField(_("device"), max_length=200, blank=True)
    address = models.CharField(_("address"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used at"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires at"))
    proved_at = models.DateTimeField(_("identity proved at"), null=True, editable=False)
    access_token_seconds = models.PositiveIntegerField(null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    revoked_because = models.CharField(_("reason"), max_length=20, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes: ClassVar = [
            models.Index(fields=["user", "last_used_at", "id"], name="session_by_user"),
            models.Index(fields=["expires_at"], name="session_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.device}"

    def is_live(self, now: datetime) -> bool:
        """Tell whether the session can still be refreshed."""
        return self.revoked_at is None and self.expires_at > now


class RefreshToken(models.Model):
    """One link of a session's chain. The token itself is not stored: `digest` is its SHA-256.

    `id` is also the `jti` of the access token given out with it. `salt` makes a child's token computable only from
    its parent's token, this row and the secret key together, so that a repeated refresh gets the same child.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.ForeignKey(Session, models.CASCADE, related_name="tokens")
    parent = models.OneToOneField("self", models.SET_NULL, null=True, related_name="child")
    digest = models.CharField(max_length=64)
    salt = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    access_expires_at = models.DateTimeField()
    access_revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["digest"], name="refresh_token_digest_unique")]
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], name="refresh_token_by_expiry"),
            models.Index(
                fields=["access_expires_at"],
                name="refresh_token_access_revoked",
                condition=models.Q(access_revoked_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def is_in_grace(self, now: datetime) -> bool:
        """Tell whether a repeated use is the same client asking twice, not a thief."""
        return self.used_at is not None and now - self.used_at <= timedelta(seconds=settings.REFRESH_GRACE_S)
