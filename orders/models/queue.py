"""Places in the queue behind a car that somebody else holds, and the offer that each may come to."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from orders.errors import OfferOver, WrongPlaceState
from orders.models.goods import ProductCopy
from orders.models.order import OPEN, OrderLine


class PlaceState(models.TextChoices):
    """State of a place in a queue, or how it ended."""

    WAITING = "waiting", _("waiting")
    ASKED = "asked", _("the car is being kept for it")
    OFFERED = "offered", _("offered")
    TAKEN = "taken", _("ordered")
    LEFT = "left", _("left")
    DECLINED = "declined", _("declined")
    LAPSED = "lapsed", _("not answered")
    SKIPPED = "skipped", _("skipped by a manager")
    SOLD = "sold", _("the car is sold")
    GONE = "gone", _("the car is no longer on sale")
    CLOSED = "closed", _("the account is closed")


LIVE = (PlaceState.WAITING, PlaceState.ASKED, PlaceState.OFFERED)
KEPT = (PlaceState.ASKED, PlaceState.OFFERED)
"""States in which the car is kept for this place, or is about to be."""
_ENDS = frozenset(PlaceState) - frozenset(LIVE)
NEXT: dict[str, frozenset[str]] = {
    PlaceState.WAITING: _ENDS - {PlaceState.TAKEN, PlaceState.DECLINED, PlaceState.LAPSED} | {PlaceState.ASKED},
    PlaceState.ASKED: _ENDS - {PlaceState.TAKEN, PlaceState.DECLINED, PlaceState.LAPSED}
    | {PlaceState.OFFERED, PlaceState.WAITING},
    PlaceState.OFFERED: _ENDS - {PlaceState.LEFT} | {PlaceState.WAITING},
}
"""Every step of a place; an ended one makes none."""


class QueuePlaceQuerySet(models.QuerySet["QueuePlace"]):
    """Places, by what is asked about them."""

    def live(self) -> "QueuePlaceQuerySet":
        """Those that may still come to an offer."""
        return self.filter(state__in=LIVE)

    def with_ahead(self) -> "QueuePlaceQuerySet":
        """Count in `ahead` those of the same car who come before each place."""
        before = Q(joined_at__lt=OuterRef("joined_at")) | Q(joined_at=OuterRef("joined_at"), id__lt=OuterRef("id"))
        others = QueuePlace.objects.filter(before, product_id=OuterRef("product_id"), state__in=LIVE)
        counted = others.order_by().values("product_id").annotate(number=Count("pk")).values("number")
        return self.annotate(ahead=Coalesce(Subquery(counted), 0))


class QueuePlace(models.Model):
    """One person's place in the queue for one car. `/queue` in the API.

    `offer_id` is the id that the order will have, `attempt_id` the attempt that the catalogue keeps the car under for
    it. `told_at` is when the offer's end was announced.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    product_id = models.UUIDField(_("car"))
    name = models.CharField(_("name"), max_length=255)
    customer_id = models.UUIDField(_("customer"))
    state = models.CharField(_("state"), max_length=10, choices=PlaceState, default=PlaceState.WAITING)
    joined_at = models.DateTimeField(_("joined at"))
    asked_at = models.DateTimeField(null=True)
    offer_id = models.UUIDField(_("order of the offer"), null=True, unique=True)
    attempt_id = models.UUIDField(null=True)
    offer_expires_at = models.DateTimeField(_("offered until"), null=True)
    told_at = models.DateTimeField(null=True)
    reason = models.TextField(_("reason"), blank=True, default="")
    ended_by = models.UUIDField(_("ended by"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    version = models.PositiveIntegerField(default=1)

    objects = QueuePlaceQuerySet.as_manager()

    class Meta:
        verbose_name = _("place in a queue")
        verbose_name_plural = _("places in queues")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["product_id", "customer_id"],
                condition=Q(state__in=["waiting", "asked", "offered"]),
                name="queue_place_one_per_person",
            ),
            models.UniqueConstraint(
                fields=["product_id"], condition=Q(state__in=["asked", "offered"]), name="queue_one_offer_per_car"
            ),
            models.CheckConstraint(condition=Q(state__in=PlaceState.values), name="queue_state_known"),
            models.CheckConstraint(
                condition=~Q(state="offered") | Q(offer_id__isnull=False, offer_expires_at__isnull=False),
                name="queue_offer_has_its_end",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["product_id", "joined_at", "id"],
                condition=Q(state__in=["waiting", "asked", "offered"]),
                name="queue_of_car",
            ),
            models.Index(fields=["customer_id", "-joined_at", "-id"], name="queue_of_person"),
            models.Index(fields=["-joined_at", "-id"], name="queue_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.get_state_display()}"

    @property
    def is_live(self) -> bool:
        """Tell whether it may still come to an offer."""
        return self.state in LIVE

    def move(self, state: str, *, now: datetime) -> None:
        """Go on to `state`. Raises WrongPlaceState with what is allowed."""
        allowed = NEXT.get(self.state, frozenset())
        if state not in allowed:
            raise WrongPlaceState(current=self.state, allowed=sorted(str(one) for one in allowed))
        self.state = state
        self.version += 1
        if state not in LIVE:
            self.ended_at = now

    def ask(self, *, now: datetime) -> None:
        """Begin to keep the car for this place, under a new order's id. Raises WrongPlaceState."""
        self.move(PlaceState.ASKED, now=now)
        self.offer_id, self.attempt_id, self.asked_at = uuid7(), uuid7(), now
        self.offer_expires_at = self.told_at = None

    def offer(self, until: datetime, *, now: datetime) -> None:
        """The car is kept for this place until a moment. Raises WrongPlaceState."""
        self.move(PlaceState.OFFERED, now=now)
        self.offer_expires_at = until

    def wait_again(self, *, now: datetime) -> None:
        """Nothing is kept for it any more; its turn comes again. Raises WrongPlaceState."""
        self.move(PlaceState.WAITING, now=now)
        self.offer_expires_at = None

    def take(self, *, now: datetime) -> UUID:
        """Order the car that is offered; returns the order's id. Raises WrongPlaceState, OfferOver."""
        if self.state == PlaceState.OFFERED and self.offer_expires_at is not None and now >= self.offer_expires_at:
            raise OfferOver
        self.move(PlaceState.TAKEN, now=now)
        if self.offer_id is None:
            raise WrongPlaceState(current=self.state, allowed=[])
        return self.offer_id

    def end(self, state: str, *, now: datetime, reason: str = "", by: UUID | None = None) -> None:
        """End it without an order. Raises WrongPlaceState."""
        self.move(state, now=now)
        self.reason, self.ended_by = reason, by


def is_held(car: ProductCopy, queue: Sequence[QueuePlace], *, besides: UUID) -> bool:
    """Tell whether another buyer's open order, or an offer to another, keeps the car from everybody else."""
    if car.kind != "vehicle" or car.available > 0:
        return False
    if any(place.state in KEPT for place in queue):
        return True
    holders = OrderLine.objects.filter(product_id=car.product_id, order__status__in=OPEN)
    found = set(holders.values_list("order__customer_id", flat=True))
    return bool(found) and besides not in found
