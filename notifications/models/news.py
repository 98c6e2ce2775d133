"""Store what people are told, how they want to be told, and where they are reached."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from notifications.errors import NotificationNotFailed
from notifications.rules import clock
from notifications.rules.kinds import Kind

STAFF_KINDS = frozenset({Kind.ATTENTION_NEEDED, Kind.STOCK_LOW, Kind.ANSWER_WANTED})
"""News for managers and administrators."""
ADMIN_KINDS = frozenset({Kind.WEBHOOK_DISABLED})
URGENT_KINDS = frozenset(
    {
        Kind.SEAT_OFFERED,
        Kind.CAR_OFFERED,
        Kind.CAR_OFFER_ENDING,
        Kind.OFFER_SENT,
        Kind.REGISTRATION_PROMOTED,
        Kind.HAPPENING_CANCELLED,
        Kind.HAPPENING_REMINDER,
        Kind.DRIVE_CONFIRMED,
        Kind.DRIVE_ENDED,
        Kind.DRIVE_REMINDER,
        Kind.HOLD_ENDING,
        Kind.HANDOVER_CONFIRMED,
        Kind.HANDOVER_ENDED,
        Kind.HANDOVER_REMINDER,
        Kind.PAYMENT_FAILED,
        Kind.AGREEMENT_NEEDED,
        Kind.LOAN_REFUSED,
        Kind.INSTALMENT_OVERDUE,
        Kind.POLICY_SUSPENDED,
        Kind.SIGNED_IN,
        Kind.ATTENTION_NEEDED,
        Kind.WEBHOOK_DISABLED,
    }
)
"""News that would be worth less tomorrow, or that somebody waits for: they go out at once, each by itself."""


def kinds_for(*, is_staff: bool, is_admin: bool) -> list[Kind]:
    """Kinds of news that somebody can be sent, and may choose channels for."""
    hidden = {Kind.DIGEST} | (set() if is_staff else STAFF_KINDS) | (set() if is_admin else ADMIN_KINDS)
    return [kind for kind in Kind if kind not in hidden]


class Channel(models.TextChoices):
    """Channel by which it reaches a person."""

    IN_APP = "in_app", _("in the app")
    EMAIL = "email", _("e-mail")
    SMS = "sms", _("SMS")


def offered_channels() -> tuple[Channel, ...]:
    """Channels that are connected; nothing is promised over the others."""
    return (Channel.IN_APP, Channel.EMAIL, *([Channel.SMS] if settings.SMS_URL else []))


def gathering_time() -> timedelta:
    """Return for what time an e-mail that nobody waits for is kept, so that what follows it comes along."""
    return timedelta(seconds=settings.MAIL_GATHER_SECONDS)


class Recipient(models.Model):
    """Recipient as notifications knows them from the events of accounts; older news than `version` is dropped.

    The row may come before its address: its lock orders a notification against the news of the address. Quiet hours
    are wall-clock times in `time_zone` and may span midnight.
    """

    user_id = models.UUIDField(primary_key=True, editable=False)
    email = models.EmailField(_("e-mail"), blank=True, default="")
    phone = models.CharField(_("phone"), max_length=20, blank=True, default="", db_default="")
    full_name = models.CharField(_("name"), max_length=301, blank=True, default="")
    roles = ArrayField(
        models.CharField(max_length=20), verbose_name=_("roles"), default=list, db_default=[], blank=True
    )
    is_active = models.BooleanField(_("may sign in"), default=True, db_default=True)
    language = models.CharField(
        _("language"), max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="", db_default="")
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    is_digest_wanted = models.BooleanField(_("one e-mail a day"), default=False, db_default=False)
    version = models.PositiveBigIntegerField(default=0)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True)

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="recipient_quiet_hours_have_both_ends",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["user_id"],
                condition=Q(is_active=True, roles__overlap=["manager", "admin"]),
                name="recipient_staff",
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email or str(self.user_id)

    def follow(
        self, *, email: str, full_name: str, phone: str, roles: list[str], is_active: bool, version: int
    ) -> bool:
        """Take over a profile unless it is older news or was erased; tell whether it was taken."""
        if version <= self.version or self.erased_at is not None:
            return False
        self.email, self.full_name, self.phone, self.version = email, full_name, phone, version
        self.roles, self.is_active = roles, is_active
        return True

    def erase(self, now: datetime) -> None:
        """Forget who it was."""
        self.email = self.full_name = self.phone = ""
        self.roles, self.is_active, self.erased_at = [], False, self.erased_at or now

    def address(self, channel: str) -> str:
        """Return where the person is reached over a channel; empty while that is not known."""
        return {Channel.EMAIL: self.email, Channel.SMS: self.phone}.get(Channel(channel), "")

    @property
    def zone(self) -> str:
        """The person's time zone, or else the dealer's."""
        return self.time_zone or settings.DEALER_TIME_ZONE

    def held_until(self, kind: str, channel: str, now: datetime) -> datetime | None:
        """Return when a message may go out that came now; None: at once."""
        moment = now
        if self.is_gathered(kind, channel):
            is_daily = self.is_digest_wanted
            moment = clock.next_at(clock.DIGEST_AT, self.zone, now) if is_daily else now + gathering_time()
        if (
            self.quiet_from
            and self.quiet_until
            and clock.is_within(self.quiet_from, self.quiet_until, self.zone, moment)
        ):
            moment = clock.next_at(self.quiet_until, self.zone, moment)
        return moment if moment > now else None

    def is_gathered(self, kind: str, channel: str) -> bool:
        """Tell whether a message shares an e-mail with others: that of the day, or that of the same minute."""
        is_patient = channel == Channel.EMAIL and kind not in URGENT_KINDS
        return is_patient and (self.is_digest_wanted or bool(gathering_time()))


UNASKED = {Kind.SIGNED_IN: frozenset({Channel.IN_APP, Channel.EMAIL}), Kind.STOCK_LOW: frozenset({Channel.EMAIL})}
"""Channels over which a kind comes only to those who asked for it; SMS always does."""


class Preference(models.Model):
    """Over which channels a person wants one kind of news; without a row, over the usual ones."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField(_("user"))
    kind = models.CharField(_("kind"), max_length=40, choices=Kind)
    in_app = models.BooleanField(_("in the app"), default=True)
    email = models.BooleanField(_("e-mail"), default=True)
    sms = models.BooleanField(_("SMS"), default=False, db_default=False)

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "kind"], name="preference_once_per_kind"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @classmethod
    def usual(cls, kind: str) -> "Preference":
        """Return what holds for those who never chose."""
        unasked = UNASKED.get(Kind(kind), frozenset())
        return cls(kind=kind, in_app=Channel.IN_APP not in unasked, email=Channel.EMAIL not in unasked)

    def wants(self, channel: Channel) -> bool:
        """Tell whether this kind may come over the channel."""
        return {Channel.IN_APP: self.in_app, Channel.EMAIL: self.email, Channel.SMS: self.sms}[channel]


class Delivery(models.TextChoices):
    """State of a message; what is shown in the app is delivered by being there."""

    WAITING = "waiting", _("waiting for an address")
    DEFERRED = "deferred", _("kept for later")
    QUEUED = "queued", _("queued")
    SENT = "sent", _("sent")
    FAILED = "failed", _("failed")
    DROPPED = "dropped", _("no longer wanted")


class Notification(models.Model):
    """One piece of news for one person over one channel, at most once per event.

    `due_at`: when one that was kept for later goes out. `is_for_digest`: if others are due by then, it goes out as a
    part of the e-mail `digest_id`, and shares its fate. `retries` counts how often a manager sent a failed one again.
    """

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
    due_at = models.DateTimeField(_("goes out at"), null=True, blank=True)
    is_for_digest = models.BooleanField(_("for the digest"), default=False, db_default=False)
    digest_id = models.UUIDField(_("digest"), null=True, blank=True)
    retries = models.PositiveSmallIntegerField(_("sent again"), default=0, db_default=0)
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
            models.CheckConstraint(
                condition=Q(delivery=Delivery.DEFERRED, due_at__isnull=False)
                | (~Q(delivery=Delivery.DEFERRED) & Q(due_at__isnull=True)),
                name="notification_deferred_has_moment",
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
            models.Index(fields=["due_at", "id"], condition=Q(delivery=Delivery.DEFERRED), name="notification_due"),
            models.Index(fields=["digest_id"], condition=Q(digest_id__isnull=False), name="notification_in_digest"),
            models.Index(
                fields=["created_at", "id"], condition=Q(delivery=Delivery.FAILED), name="notification_failed"
            ),
            models.Index(fields=["created_at", "id"], name="notification_newest"),
        ]

    def __str__(self) -> str:
        return self.title

    def read(self, *, now: datetime) -> None:
        """Mark as read; the first reading counts."""
        self.read_at = self.read_at or now

    def route(self, recipient: Recipient, *, now: datetime) -> None:
        """Decide what happens to a new message, or to one that waited."""
        self.due_at, self.is_for_digest = None, False
        if self.channel == Channel.IN_APP:
            self.record_sent(now=now)
        elif not recipient.address(self.channel):
            self.delivery = Delivery.WAITING
        elif until := recipient.held_until(self.kind, self.channel, now):
            self.delivery, self.due_at = Delivery.DEFERRED, until
            self.is_for_digest = recipient.is_gathered(self.kind, self.channel)
        else:
            self.queue()

    def drop(self) -> None:
        """Leave it unsent: its reader no longer wants it."""
        self.delivery, self.due_at = Delivery.DROPPED, None

    def queue(self) -> None:
        """Let it go out now."""
        self.delivery, self.due_at, self.error = Delivery.QUEUED, None, ""

    def send_again(self) -> None:
        """Queue a failed message once more; part of a digest goes with its digest. Raises NotificationNotFailed."""
        if self.delivery != Delivery.FAILED or self.digest_id is not None:
            raise NotificationNotFailed
        self.retries += 1
        self.queue()

    def record_sent(self, *, now: datetime) -> None:
        """Record that the message went out."""
        self.delivery, self.sent_at, self.error = Delivery.SENT, now, ""

    def record_failed(self, error: str) -> None:
        """Record that the message cannot be sent."""
        self.delivery, self.error = Delivery.FAILED, error[:2000]
