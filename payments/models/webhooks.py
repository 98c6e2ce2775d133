"""What providers have told us."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7


class WebhookOutcome(models.TextChoices):
    """What a provider's message came to."""

    APPLIED = "applied", _("applied")
    OLD_NEWS = "old_news", _("already known")
    UNKNOWN_PAYMENT = "unknown_payment", _("unknown payment")
    MISMATCH = "mismatch", _("another amount or currency")
    IGNORED = "ignored", _("of no interest")


class WebhookEvent(models.Model):
    """A message of a provider, kept so that the same one is never applied twice."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(_("provider"), max_length=20)
    event_id = models.CharField(_("provider's id"), max_length=120)
    type = models.CharField(_("type"), max_length=60)
    payment_id = models.UUIDField(_("payment"), null=True, db_index=True)
    outcome = models.CharField(_("outcome"), max_length=20, choices=WebhookOutcome)
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("webhook received")
        verbose_name_plural = _("webhooks received")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="webhook_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["-received_at", "-id"], name="webhook_newest")]
