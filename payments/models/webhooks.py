"""Store what providers have told us."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7


class WebhookOutcome(models.TextChoices):
    """Result of a provider's message."""

    RECEIVED = "received", _("waiting")
    ASKED = "asked", _("provider asked")
    APPLIED = "applied", _("applied")
    OLD_NEWS = "old_news", _("already known")
    UNKNOWN_PAYMENT = "unknown_payment", _("unknown payment")
    MISMATCH = "mismatch", _("another amount or currency")
    UNMATCHED = "unmatched", _("needs a person")
    IGNORED = "ignored", _("of no interest")


class WebhookEvent(models.Model):
    """A message of a provider, kept so that the same one is never applied twice.

    `notice` is what we understood of it (`payments.providers.port.Notice`), never the raw body.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(_("provider"), max_length=20)
    event_id = models.CharField(_("provider's id"), max_length=120)
    type = models.CharField(_("type"), max_length=60)
    payment_id = models.UUIDField(_("payment"), null=True, db_index=True)
    outcome = models.CharField(_("outcome"), max_length=20, choices=WebhookOutcome)
    notice = models.JSONField(_("notice"), default=dict, db_default={})
    detail = models.CharField(_("detail"), max_length=255, blank=True, default="", db_default="")
    processed_at = models.DateTimeField(_("processed at"), null=True)
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("webhook received")
        verbose_name_plural = _("webhooks received")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="webhook_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-received_at", "-id"], name="webhook_newest"),
            models.Index(fields=["outcome", "-received_at"], name="webhook_by_outcome"),
        ]
