"""What people are told, how they want to be told, and where they are reached."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7


class Kind(models.TextChoices):
    """What it is about: the public name of the event behind it."""

    ORDER = "order.status_changed", _("order status")
    PAYMENT_COMPLETED = "payment.completed", _("payment received")
    PAYMENT_FAILED = "payment.failed", _("payment failed")
    PAYMENT_REFUNDED = "payment.refunded", _("payment refunded")
    REGISTRATION_CREATED = "event.registration.created", _("registration for an event")
    REGISTRATION_PROMOTED = "event.registration.promoted", _("seat from the waiting list")
    REGISTRATION_CANCELLED = "event.registration.cancelled", _("registration cancelled")
    HAPPENING_CANCELLED = "event.cancelled", _("event cancelled")
    WEBHOOK_DISABLED = "webhook.disabled", _("webhook switched off")


class Channel(models.TextChoices):
    """How it reaches a person."""

    IN_APP = "in_app", _("in the app")
    EMAIL = "email", _("e-mail")
    SMS = "sms", _("SMS")


OFFERED_CHANNELS = (Channel.IN_APP, Channel.EMAIL)
"""Channels that are connected; nothing is promised over the others."""


class Recipient(models.Model):
    """What notifications knows of a person, from the events of accounts; older news than `version` is dropped.

    The row may come before its address: its lock orders a notification against the news of the address.
    """

    user_id = models.UUIDField(primary_key=True, editable=False)
    email = models.EmailField(_("e-mail"), blank=True, default="")
    full_name = models.CharField(_("name"), max_length=301, blank=True, default="")
    language = models.CharField(
        _("language"), max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )
    version = models.PositiveBigIntegerField(default=0)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True)

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")

    def __str__(self) -> str:
        return self.full_name or self.email or str(self.user_id)

    def follow(self, *, email: str, full_name: str, version: int) -> bool:
        """Take over a profile unless it is older news or was erased; tell whether it was taken."""
        if version <= self.version or self.erased_at is not None:
            return False
        self.email, self.full_name, self.version = email, full_name, version
        return True

    def erase(self, now: datetime) -> None:
        """Forget who it was."""
        self.email, self.full_name, self.erased_at = "", "", self.erased_at or now


class Preference(models.Model):
    """Over which channels a person wants one kind of news; without a row, over all that are offered."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField(_("user"))
    kind = models.CharField(_("kind"), max_length=40, choices=Kind)
    in_app = models.BooleanField(_("in the app"), default=True)
    email = models.BooleanField(_("e-mail"), default=True)

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "kind"], name="preference_once_per_kind"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    def wants(self, channel: Channel) -> bool:
        """Whether this kind may come over the channel."""
        return {Channel.IN_APP: self.in_app, Channel.EMAIL: self.email}.get(channel, False)


class Delivery(models.TextChoices):
    """Where a message stands; what is shown in the app is delivered by being there."""

    WAITING = "waiting", _("waiting for an address")
    QUEUED = "queued", _("queued")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")


class Notification(models.Model):
    """One piece of news for one person over one channel, at most once per event."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event_key = models.CharField(_("event"), max_length=80)
    user_id = models.UUIDField(_("user"))
    kind = models.CharField(_("kind"), max_length=40, choices=Kind)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    title = models.CharField(_("title"), max_length=300)
    body = models.TextField(_("text"))
    data = models.JSONField(_("data"), default=dict)
    delivery = models.CharField(_("delivery"), max_length=10, choices=Delivery)
    error = models.TextField(_("error"), blank=True, default="")
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event_key", "user_id", "channel"], name="notification_once_per_channel"),
            models.CheckConstraint(
                condition=Q(delivery=Delivery.SENT, sent_at__isnull=False)
                | (~Q(delivery=Delivery.SENT) & Q(sent_at__isnull=True)),
                name="notification_sent_has_moment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["user_id", "created_at", "id"], condition=Q(channel=Channel.IN_APP), name="notification_of_user"
            ),
            models.Index(
                fields=["user_id", "kind", "created_at", "id"],
                condition=Q(channel=Channel.IN_APP),
                name="notification_by_kind",
            ),
            models.Index(
                fields=["user_id", "created_at", "id"],
                condition=Q(channel=Channel.IN_APP, read_at__isnull=True),
                name="notification_unread",
            ),
            models.Index(fields=["user_id"], condition=Q(delivery=Delivery.WAITING), name="notification_waiting"),
            models.Index(fields=["created_at", "id"], name="notification_newest"),
        ]

    def __str__(self) -> str:
        return self.title

    def read(self, *, now: datetime) -> None:
        """Mark as read; the first reading counts."""
        self.read_at = self.read_at or now

    def record_sent(self, *, now: datetime) -> None:
        """Record that the message went out."""
        self.delivery, self.sent_at, self.error = Delivery.SENT, now, ""

    def record_failed(self, error: str) -> None:
        """Record that the message cannot be sent."""
        self.delivery, self.error = Delivery.FAILED, error[:2000]
