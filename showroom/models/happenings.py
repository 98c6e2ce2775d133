"""Happenings and who comes to them."""

import secrets
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.money import DEFAULT_CURRENCY
from showroom.errors import (
    EndsBeforeStart,
    HappeningIsCancelled,
    HappeningIsOver,
    NoTimeToPay,
    RegistrationIsCancelled,
    SeatsTaken,
)

MAX_OFFER_HOURS = 14 * 24
"""Hours a seat may be kept for one person."""

USUAL_TIME_ZONE = "Europe/Moscow"
USUAL_OFFER_HOURS = 24
"""What the database fills in for a release that does not know the columns; a setting must not make a migration."""


def dealer_time_zone() -> str:
    """Return the time zone in which the dealership's clocks hang."""
    return settings.DEALER_TIME_ZONE


class EventCategory(models.Model):
    """A shelf for happenings: a presentation, a master class, a test drive."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("event category")
        verbose_name_plural = _("event categories")
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="event_category_name_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="event_category_name_given"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["name", "id"], name="event_category_by_name"),
            models.Index(fields=["created_at", "id"], name="event_category_newest"),
        ]

    def __str__(self) -> str:
        return self.name


class HappeningKind(models.TextChoices):
    """Kind of visit that one comes for."""

    EVENT = "event", _("event")
    TEST_DRIVE = "test_drive", _("test drive")


class HappeningStatus(models.TextChoices):
    """State of a happening: it takes place, or not."""

    SCHEDULED = "scheduled", _("scheduled")
    CANCELLED = "cancelled", _("cancelled")


class HappeningQuerySet(models.QuerySet["Happening"]):
    """Filters of happenings."""

    def present(self) -> "HappeningQuerySet":
        """Happenings that nobody deleted."""
        return self.filter(deleted_at__isnull=True)


class Happening(models.Model):
    """Something people register for, over [starts_at, ends_at). `/events` in the API.

    `taken` and `waiting` count its registrations and change under its row lock only, so the database itself
    refuses one seat too many.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    title = models.CharField(_("title"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")
    kind = models.CharField(_("kind"), max_length=12, choices=HappeningKind, default=HappeningKind.EVENT)
    category = models.ForeignKey(
        EventCategory, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("category")
    )
    location = models.CharField(_("location"), max_length=255, blank=True, default="")
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    time_zone = models.CharField(_("time zone"), max_length=64, default=dealer_time_zone, db_default=USUAL_TIME_ZONE)
    capacity = models.PositiveIntegerField(_("capacity"))
    price = models.DecimalField(
        _("price of a seat"), max_digits=14, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00")
    )
    currency = models.CharField(_("currency"), max_length=3, default=DEFAULT_CURRENCY, db_default=DEFAULT_CURRENCY)
    offer_hours = models.PositiveSmallIntegerField(
        _("hours a seat is kept for its payer or the next in line"), db_default=USUAL_OFFER_HOURS
    )
    reminded_at = models.DateTimeField(_("reminded at"), null=True, blank=True)
    taken = models.PositiveIntegerField(_("seats taken"), default=0)
    waiting = models.PositiveIntegerField(_("waiting"), default=0)
    status = models.CharField(_("status"), max_length=10, choices=HappeningStatus, default=HappeningStatus.SCHEDULED)
    cancel_reason = models.TextField(_("reason"), blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)

    objects = HappeningQuerySet.as_manager()

    class Meta:
        verbose_name = _("happening")
        verbose_name_plural = _("happenings")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="happening_lasts"),
            models.CheckConstraint(condition=Q(capacity__gte=1), name="happening_has_seats"),
            models.CheckConstraint(condition=Q(price__gte=0), name="happening_price_not_negative"),
            models.CheckConstraint(
                condition=Q(offer_hours__lte=MAX_OFFER_HOURS) & (Q(price=0) | Q(offer_hours__gte=1)),
                name="happening_offer_lasts",
            ),
            models.CheckConstraint(condition=Q(taken__lte=F("capacity")), name="happening_not_overbooked"),
            models.CheckConstraint(
                condition=Q(status=HappeningStatus.SCHEDULED) | Q(taken=0, waiting=0), name="happening_cancelled_empty"
            ),
            models.CheckConstraint(condition=Q(kind__in=HappeningKind.values), name="happening_kind_known"),
            models.CheckConstraint(condition=~Q(title=""), name="happening_title_given"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["starts_at", "id"], name="happening_by_start"),
            models.Index(fields=["created_at", "id"], name="happening_newest"),
            models.Index(fields=["kind", "starts_at", "id"], name="happening_by_kind"),
            models.Index(fields=["status", "starts_at", "id"], name="happening_by_status"),
            models.Index(fields=["category", "starts_at", "id"], name="happening_by_category"),
            models.Index(
                fields=["starts_at"],
                condition=Q(reminded_at__isnull=True, status="scheduled"),
                name="happening_to_remind",
            ),
            GinIndex(OpClass(Upper("title"), "gin_trgm_ops"), name="happening_title_search"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def seats_left(self) -> int:
        """Seats nobody has."""
        return self.capacity - self.taken

    @property
    def is_scheduled(self) -> bool:
        """Tell whether it takes place."""
        return self.status == HappeningStatus.SCHEDULED

    def require_open(self, now: datetime) -> None:
        """Raise HappeningIsCancelled or HappeningIsOver unless people may still come and go."""
        self.require_scheduled()
        if now >= self.ends_at:
            raise HappeningIsOver

    def require_scheduled(self) -> None:
        """Raise HappeningIsCancelled unless it takes place."""
        if self.status == HappeningStatus.CANCELLED:
            raise HappeningIsCancelled

    def offer_ends(self, now: datetime) -> datetime | None:
        """Until when a seat given now is only kept; None when it is theirs at once. Never beyond the start."""
        if not self.offer_hours:
            return None
        return max(now, min(now + timedelta(hours=self.offer_hours), self.starts_at))

    def check_plan(self) -> None:
        """Raise EndsBeforeStart, SeatsTaken or NoTimeToPay when time, size or price make no sense."""
        if self.price and not self.offer_hours:
            raise NoTimeToPay
        if self.ends_at <= self.starts_at:
            raise EndsBeforeStart
        if self.capacity < self.taken:
            raise SeatsTaken(taken=self.taken)

    def cancel(self, *, reason: str, now: datetime) -> None:
        """Call it off. Raises HappeningIsCancelled."""
        self.require_scheduled()
        self.status, self.cancel_reason = HappeningStatus.CANCELLED, reason
        self.taken = self.waiting = 0
        self.touch(now)

    def touch(self, now: datetime) -> None:
        """Record that the plan changed; registrations do not touch it, or no manager could ever save an edit."""
        self.updated_at = now
        self.version += 1


class RegistrationStatus(models.TextChoices):
    """State of a registration; an offered seat counts as taken."""

    CONFIRMED = "confirmed", _("confirmed")
    OFFERED = "offered", _("offered")
    WAITLISTED = "waitlisted", _("on the waiting list")
    CANCELLED = "cancelled", _("cancelled")


_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, 1, I and O, which people mistake for one another."""
SEATED = frozenset({RegistrationStatus.CONFIRMED, RegistrationStatus.OFFERED})


class PaymentState(models.TextChoices):
    """State of the price of a seat."""

    NONE = "none", _("nothing paid")
    PENDING = "pending", _("being paid")
    FAILED = "failed", _("payment refused")
    PAID = "paid", _("paid")
    REFUNDING = "refunding", _("being refunded")
    REFUNDED = "refunded", _("refunded")


class Registration(models.Model):
    """One person's seat, or place in the waiting list: `position` counts from 1 while they wait.

    An offered seat is kept until `offer_expires_at`; a seat with a price is confirmed by paying it. Who has a
    confirmed seat shows `check_in_code` at the door.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    happening = models.ForeignKey(
        Happening, on_delete=models.PROTECT, related_name="registrations", verbose_name=_("happening")
    )
    user_id = models.UUIDField(_("user"))
    status = models.CharField(_("status"), max_length=10, choices=RegistrationStatus)
    position = models.PositiveIntegerField(_("position"), null=True, blank=True)
    offer_expires_at = models.DateTimeField(_("kept until"), null=True, blank=True)
    price = models.DecimalField(
        _("price"), max_digits=14, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00")
    )
    currency = models.CharField(_("currency"), max_length=3, default=DEFAULT_CURRENCY, db_default=DEFAULT_CURRENCY)
    payment_state = models.CharField(
        _("payment"), max_length=9, choices=PaymentState, default=PaymentState.NONE, db_default=PaymentState.NONE
    )
    payment_request_id = models.UUIDField(_("payment request"), null=True, blank=True)
    payment_failure = models.CharField(
        _("why the payment failed"), max_length=100, blank=True, default="", db_default=""
    )
    check_in_code = models.CharField(_("code for the door"), max_length=8, blank=True, default="", db_default="")
    checked_in_at = models.DateTimeField(_("came at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("registration")
        verbose_name_plural = _("registrations")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["happening", "user_id"],
                condition=~Q(status=RegistrationStatus.CANCELLED),
                name="registration_once_per_user",
            ),
            models.CheckConstraint(
                condition=Q(status=RegistrationStatus.WAITLISTED, position__gte=1)
                | (~Q(status=RegistrationStatus.WAITLISTED) & Q(position__isnull=True)),
                name="registration_position_while_waiting",
            ),
            models.CheckConstraint(
                condition=Q(status=RegistrationStatus.OFFERED, offer_expires_at__isnull=False)
                | (~Q(status=RegistrationStatus.OFFERED) & Q(offer_expires_at__isnull=True)),
                name="registration_offer_has_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(status=RegistrationStatus.CONFIRMED) | Q(price=0) | Q(payment_state=PaymentState.PAID),
                name="registration_confirmed_is_paid",
            ),
            models.CheckConstraint(
                condition=Q(checked_in_at__isnull=True) | Q(status=RegistrationStatus.CONFIRMED),
                name="registration_checked_in_is_confirmed",
            ),
            models.UniqueConstraint(
                fields=["happening", "check_in_code"],
                condition=~Q(check_in_code=""),
                name="registration_code_unique",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["happening", "created_at", "id"], name="registration_of_happening"),
            models.Index(fields=["happening", "status", "created_at", "id"], name="registration_by_status"),
            models.Index(fields=["user_id", "created_at"], name="registration_of_user"),
            models.Index(
                fields=["happening", "position"],
                condition=Q(status=RegistrationStatus.WAITLISTED),
                name="registration_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {timezone.localtime(self.created_at):%d.%m.%Y %H:%M}"

    @property
    def is_seated(self) -> bool:
        """Tell whether it holds a seat."""
        return self.status in SEATED

    def offer(self, *, until: datetime, now: datetime) -> None:
        """Keep the seat for this person until a moment."""
        self.status, self.position, self.offer_expires_at = RegistrationStatus.OFFERED, None, until
        self.updated_at = now

    def confirm(self, *, now: datetime) -> None:
        """Give the seat."""
        self.status, self.position, self.offer_expires_at = RegistrationStatus.CONFIRMED, None, None
        self.check_in_code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))
        self.updated_at = now

    def cancel(self, *, now: datetime) -> None:
        """Give up the seat or the place in the list. Raises RegistrationIsCancelled."""
        if self.status == RegistrationStatus.CANCELLED:
            raise RegistrationIsCancelled
        self.status, self.position, self.offer_expires_at = RegistrationStatus.CANCELLED, None, None
        self.checked_in_at, self.updated_at = None, now
