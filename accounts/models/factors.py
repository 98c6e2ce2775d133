"""Store what else proves who somebody is: second factors, identities elsewhere, API keys."""

from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from core.ids import uuid7


class Totp(models.Model):
    """A person's authenticator (RFC 6238: SHA-1, 6 digits, 30 seconds). It counts once it is confirmed by a code.

    `secret` is sealed (`sealing`). `last_step` is the 30-second step of the last code that was accepted: no
    code of that step or an earlier one is accepted again.
    """

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="totp")
    secret = models.BinaryField()
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.user_id)


class RecoveryCode(models.Model):
    """A code that stands in for the authenticator once. `digest` is a keyed hash: the code itself is not stored."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_unique")]

    def __str__(self) -> str:
        return str(self.id)


class Identity(models.Model):
    """A person as an OpenID provider knows them. `subject` never changes there; the e-mail may.

    `is_verified`: the provider vouched, when it was linked or since, that the account's e-mail is theirs. Without it
    the identity may be that of a stranger who took the address first: a new password ends it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="identities", verbose_name=_("user"))
    issuer = models.CharField(_("issuer"), max_length=255)
    subject = models.CharField(_("subject"), max_length=255)
    email = models.EmailField(_("e-mail"), blank=True, default="")
    is_verified = models.BooleanField(_("e-mail verified"), default=False, db_default=False)
    linked_at = models.DateTimeField(_("linked at"))
    last_used_at = models.DateTimeField(_("last used at"))

    class Meta:
        verbose_name = _("linked identity")
        verbose_name_plural = _("linked identities")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="identity_unique"),
            models.UniqueConstraint(fields=["user", "issuer"], name="identity_once_per_issuer"),
        ]

    def __str__(self) -> str:
        return f"{self.issuer} {self.subject}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """API keys, by whether they still work."""

    def live(self, now: datetime) -> "ApiKeyQuerySet":
        """Neither revoked nor expired, of people who may sign in."""
        not_expired = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now)
        return self.filter(not_expired, revoked_at__isnull=True, user__is_active=True)


class ApiKey(models.Model):
    """A key for a program that acts for a person within `scopes`.

    The key is shown once; `digest`, its SHA-256, is what is kept. It stands for a signed token of `token_jti`, which
    accounts renews before `token_expires_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("begins with"), max_length=16)
    digest = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=40), verbose_name=_("scopes"))
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"), null=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True)
    token_jti = models.UUIDField(null=True)
    token_expires_at = models.DateTimeField(null=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["digest"], name="api_key_digest_unique"),
            models.CheckConstraint(condition=models.Q(scopes__len__gt=0), name="api_key_has_scopes"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "created_at", "id"], name="api_key_of_user"),
            models.Index(fields=["id"], condition=models.Q(revoked_at__isnull=True), name="api_key_not_revoked"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"
