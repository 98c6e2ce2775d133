"""Outgoing webhooks: who wants which facts, each fact's delivery to each of them, and every attempt at it."""

import random
from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.secrecy.sealed import SealedTextField

DELAYS_S = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds before each try, as Standard Webhooks recommends: the last one comes about three days after the first."""

JITTER = 0.2
MAX_RETRY_AFTER_S = 86_400
"""A receiver may ask to be left alone for a day, not longer."""

FAILING_FOR = timedelta(days=5)
FRESH_TRIES = 3
"""Tries of one delivery that must have failed before its endpoint is judged: a hiccup after a quiet season is none."""

SECRET_GRACE = timedelta(hours=24)
"""How long the previous secret signs along, so that a receiver can change over without losing anything."""

SLOTS = 2
"""Deliveries to one receiver that may be under way at once."""

TEST_EVENT = "webhook.test"


class EndpointState(models.TextChoices):
    """State of a receiver."""

    ENABLED = "enabled", _("enabled")
    DISABLED = "disabled", _("disabled")


class DisabledReason(models.TextChoices):
    """Why nothing is sent."""

    BY_HAND = "by_hand", _("switched off by hand")
    GONE = "gone", _("the receiver answered 410 Gone")
    FAILING = "failing", _("nothing but failures for five days")


class WebhookEndpoint(models.Model):
    """A receiver: an address, the facts it wants, and the secrets that sign what it gets.

    `events` holds public names, `*`, or a family such as `order.*`. `failing_since` is the first failure after the
    last success.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    url = models.CharField(_("address"), max_length=2048)
    events = ArrayField(models.CharField(max_length=80), verbose_name=_("events"))
    description = models.CharField(_("description"), max_length=500, blank=True, default="")
    owner_id = models.UUIDField(_("owner"))
    secret = SealedTextField(_("secret"))
    previous_secret = SealedTextField(_("previous secret"), blank=True, default="")
    previous_secret_expires_at = models.DateTimeField(_("previous secret valid until"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=EndpointState, default=EndpointState.ENABLED)
    disabled_reason = models.CharField(
        _("why it is off"), max_length=10, choices=DisabledReason, blank=True, default=""
    )
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state=EndpointState.ENABLED, disabled_reason="")
                | (Q(state=EndpointState.DISABLED) & ~Q(disabled_reason="")),
                name="webhook_off_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_secret_expires_at__isnull=True)
                | (~Q(previous_secret="") & Q(previous_secret_expires_at__isnull=False)),
                name="webhook_previous_secret_expires",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at", "id"], name="webhook_endpoint_newest"),
            models.Index(fields=["state", "created_at", "id"], name="webhook_endpoint_by_state"),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def is_enabled(self) -> bool:
        """Tell whether anything is sent."""
        return self.state == EndpointState.ENABLED

    def wants(self, event_type: str) -> bool:
        """Tell whether a kind of fact was asked for."""
        return any(
            pattern in ("*", event_type) or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))
            for pattern in self.events
        )

    def secrets_at(self, now: datetime) -> list[str]:
        """The secrets that sign at a moment, the newest first."""
        is_previous_valid = self.previous_secret_expires_at is not None and now < self.previous_secret_expires_at
        return [self.secret, self.previous_secret] if is_previous_valid else [self.secret]

    def rotate(self, secret: str, *, now: datetime) -> None:
        """Sign with a new secret, and for a day with the one before it as well."""
        self.previous_secret, self.secret = self.secret, secret
        self.previous_secret_expires_at = now + SECRET_GRACE

    def enable(self) -> None:
        """Send again, with a clean record."""
        self.state, self.disabled_reason, self.failing_since = EndpointState.ENABLED, "", None

    def disable(self, reason: DisabledReason) -> None:
        """Send nothing any more."""
        self.state, self.disabled_reason = EndpointState.DISABLED, reason

    def touch(self, *, now: datetime) -> None:
        """Become a new version."""
        self.updated_at = now
        self.version += 1

    def is_given_up(self, delivery: "WebhookDelivery", *, now: datetime) -> bool:
        """Tell whether a failed delivery is one too many."""
        return (
            self.is_enabled
            and self.failing_since is not None
            and now - self.failing_since >= FAILING_FOR
            and delivery.tries >= FRESH_TRIES
        )


class DeliveryState(models.TextChoices):
    """State of a delivery."""

    PENDING = "pending", _("pending")
    RETRYING = "retrying", _("to be tried again")
    DELIVERED = "delivered", _("delivered")
    EXHAUSTED = "exhausted", _("given up")


WAITING_STATES = (DeliveryState.PENDING, DeliveryState.RETRYING)


class WebhookDelivery(models.Model):
    """One fact for one receiver, at most once. `body` is sent and signed as it stands, on every try.

    `attempts` counts all tries ever; `tries` those of the present schedule, which a redelivery begins anew.
    `lease_until` is set while a worker is sending: should it die, another may send after that moment.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.DO_NOTHING, db_index=False, verbose_name=_("webhook"))
    event_id = models.UUIDField(_("event"))
    event_type = models.CharField(_("kind"), max_length=80)
    subject = models.CharField(_("subject"), max_length=64)
    body = models.BinaryField(_("body"))
    state = models.CharField(_("state"), max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_delivery_once_per_event"),
            models.CheckConstraint(
                condition=Q(state__in=WAITING_STATES, next_attempt_at__isnull=False, finished_at__isnull=True)
                | (~Q(state__in=WAITING_STATES) & Q(next_attempt_at__isnull=True, finished_at__isnull=False)),
                name="webhook_delivery_waits_or_is_over",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["endpoint", "next_attempt_at"], condition=Q(state__in=WAITING_STATES), name="webhook_due"
            ),
            models.Index(
                fields=["endpoint", "lease_until"], condition=Q(lease_until__isnull=False), name="webhook_leased"
            ),
            models.Index(fields=["endpoint", "created_at", "id"], name="webhook_delivery_newest"),
            models.Index(fields=["endpoint", "state", "created_at", "id"], name="webhook_delivery_by_state"),
            models.Index(fields=["endpoint", "event_type", "created_at", "id"], name="webhook_delivery_by_kind"),
            models.Index(fields=["created_at", "id"], name="webhook_delivery_all"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"

    def lease(self, *, until: datetime) -> None:
        """Count a try and keep other workers off until it is over."""
        self.attempts += 1
        self.tries += 1
        self.lease_until = until

    def record_delivered(self, *, now: datetime) -> None:
        """The receiver has it."""
        self._finish(DeliveryState.DELIVERED, now)

    def record_failed(self, *, is_final: bool, retry_after_s: float | None, now: datetime) -> None:
        """Plan the next try, not before the receiver wants it, or give up after the last one."""
        if is_final or self.event_type == TEST_EVENT or self.tries >= len(DELAYS_S):
            self._finish(DeliveryState.EXHAUSTED, now)
            return
        delay = DELAYS_S[self.tries] * random.uniform(1 - JITTER, 1 + JITTER)
        wanted = min(retry_after_s or 0.0, MAX_RETRY_AFTER_S)
        self.state, self.lease_until = DeliveryState.RETRYING, None
        self.next_attempt_at = now + timedelta(seconds=max(delay, wanted))

    def renew(self, *, now: datetime) -> None:
        """Begin the schedule anew: to be sent at once, under the same id."""
        self.state, self.tries, self.next_attempt_at, self.finished_at = DeliveryState.PENDING, 0, now, None

    def _finish(self, state: DeliveryState, now: datetime) -> None:
        self.state, self.finished_at = state, now
        self.next_attempt_at = self.lease_until = None


class WebhookAttempt(models.Model):
    """One try: when, how long (milliseconds), and what came back. `error` names what kept an answer from coming."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(
        WebhookDelivery, models.DO_NOTHING, related_name="log", db_index=False, verbose_name=_("delivery")
    )
    number = models.PositiveIntegerField(_("number"))
    at = models.DateTimeField(_("at"))
    status_code = models.PositiveSmallIntegerField(_("status code"), null=True, blank=True)
    duration_ms = models.PositiveIntegerField(_("duration, ms"))
    error = models.CharField(_("error"), max_length=500, blank=True, default="")
    response_excerpt = models.TextField(_("response"), blank=True, default="")

    class Meta:
        verbose_name = _("webhook attempt")
        verbose_name_plural = _("webhook attempts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "number"], name="webhook_attempt_once"),
        ]

    def __str__(self) -> str:
        return f"#{self.number}: {self.status_code or self.error}"
