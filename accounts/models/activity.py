"""Store what happened to an account: the log its owner and administrators read."""

from typing import ClassVar

from django.db import models
from django.db.models.fields.json import KT
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from core.ids import uuid7
from core.postgres.history import Lapse, OnlyAdded


class ActivityKind(models.TextChoices):
    """Kind of thing that happened."""

    REGISTERED = "registered", _("registered")
    CREATED = "created", _("account created")
    SIGNED_IN = "signed_in", _("signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("sign-in failed")
    SIGNED_OUT = "signed_out", _("session ended")
    PROVED = "proved", _("identity proved again")
    PROFILE_CHANGED = "profile_changed", _("profile changed")
    ROLES_CHANGED = "roles_changed", _("roles changed")
    CLOSED = "closed", _("account closed")
    REOPENED = "reopened", _("account reopened")
    ERASED = "erased", _("personal data erased")
    EMAIL_ASKED = "email_asked", _("new e-mail given")
    EMAIL_CHANGED = "email_changed", _("e-mail changed")
    EMAIL_RESTORED = "email_restored", _("change of e-mail taken back")
    EMAIL_VERIFIED = "email_verified", _("e-mail verified")
    PASSWORD_CHANGED = "password_changed", _("password changed")
    PASSWORD_RESET = "password_reset", _("password reset by mail")
    MFA_ENABLED = "mfa_enabled", _("two-factor switched on")
    MFA_DISABLED = "mfa_disabled", _("two-factor switched off")
    MFA_RESET = "mfa_reset", _("two-factor taken off by an administrator")
    RECOVERY_CODE_USED = "recovery_code_used", _("recovery code used")
    IDENTITY_LINKED = "identity_linked", _("identity linked")
    API_KEY_CREATED = "api_key_created", _("API key created")
    API_KEY_REVOKED = "api_key_revoked", _("API key revoked")
    DATA_EXPORTED = "data_exported", _("personal data exported")


class Activity(models.Model):
    """One thing that happened to an account. Rows are only added; erasing a person blanks what tells of them.

    A failed sign-in to an account that does not exist is a row without a user: it costs what any other failure costs,
    so that the time of the answer gives nothing away.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="activity", verbose_name=_("user"))
    kind = models.CharField(_("what"), max_length=24, choices=ActivityKind)
    at = models.DateTimeField(_("at"))
    address = models.CharField(_("address"), max_length=64, blank=True, default="")
    device = models.CharField(_("device"), max_length=200, blank=True, default="")
    details = models.JSONField(_("details"), default=dict)
    request_id = models.CharField(_("request id"), max_length=128, blank=True, default="")
    only_added: ClassVar = OnlyAdded(
        words=("address", "device", "details"), lapses=(Lapse("at", 365), Lapse("at", 30, without="user_id"))
    )

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activity")
        indexes: ClassVar = [
            models.Index(fields=["user", "at", "id"], name="activity_of_user"),
            models.Index(fields=["user", "kind", "at", "id"], name="activity_of_user_by_kind"),
            models.Index(fields=["at", "id"], name="activity_by_at"),
            models.Index(
                KT("details__by"), "at", "id", condition=models.Q(details__has_key="by"), name="activity_by_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind}"
