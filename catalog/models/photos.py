"""Photos that a price list names by their address: fetched once, and then pictures of our own."""

import random
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.images import ProductImage
from catalog.models.products import Product
from core.ids import uuid7

DELAYS_S = (60, 600, 3_600, 4 * 3_600, 12 * 3_600)
"""Pauses between the tries of one photo whose host is away; after the last try it is parked."""
HOST_FIRST_S, HOST_LONGEST_S = 5.0, 3_600.0
"""How long a host that gave no answer is left alone, doubled each time it fails again."""


class PhotoState(models.TextChoices):
    """State of a photo."""

    WAITING = "waiting", _("to be fetched")
    FETCHED = "fetched", _("fetched")
    REFUSED = "refused", _("not usable")
    PARKED = "parked", _("given up")


class PhotoHost(models.Model):
    """A host that photos are fetched from: one at a time, none before `next_at`, later after each failure in a row."""

    host = models.CharField(_("host"), max_length=255, primary_key=True)
    next_at = models.DateTimeField(_("next at"))
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)

    class Meta:
        verbose_name = _("host of photos")
        verbose_name_plural = _("hosts of photos")

    def __str__(self) -> str:
        return self.host

    def record_answer(self) -> None:
        """It spoke to us, whatever it said."""
        self.failures = 0

    def record_silence(self, *, wait_s: float | None, now: datetime) -> None:
        """It did not serve us: it is left alone for as long as it wishes, or longer each time."""
        own = min(HOST_LONGEST_S, HOST_FIRST_S * 2 ** min(self.failures, 16))
        self.failures += 1
        self.next_at = now + timedelta(seconds=max(own, min(wait_s or 0.0, HOST_LONGEST_S)))


class OutsidePhoto(models.Model):
    """The photo of one product at an address elsewhere; fetched, it is `image`, a picture like any other.

    One a product: another address is another photo, and takes the place of the first. `next_at` is when it may be
    tried, or, while it is being fetched, when another worker may take it over. `image` is empty again once a
    manager has deleted the picture: it is not fetched anew.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    product = models.OneToOneField(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="outside_photo"
    )
    address = models.URLField(_("address"), max_length=500)
    host = models.CharField(_("host"), max_length=255)
    state = models.CharField(_("state"), max_length=8, choices=PhotoState, default=PhotoState.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt at"), null=True)
    error = models.CharField(_("error"), max_length=300, blank=True, default="")
    image = models.OneToOneField(ProductImage, verbose_name=_("image"), null=True, on_delete=models.SET_NULL)
    asked_at = models.DateTimeField(_("asked for at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("photo from elsewhere")
        verbose_name_plural = _("photos from elsewhere")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=PhotoState.values), name="outside_photo_state_known"),
            models.CheckConstraint(
                condition=Q(state=PhotoState.WAITING, next_at__isnull=False, finished_at__isnull=True)
                | (~Q(state=PhotoState.WAITING) & Q(next_at__isnull=True, finished_at__isnull=False)),
                name="outside_photo_waits_or_is_over",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["host", "next_at"], condition=Q(state=PhotoState.WAITING), name="outside_photo_due"),
            models.Index(fields=["state", "-id"], name="outside_photo_by_state"),
        ]

    def __str__(self) -> str:
        return self.address

    def renew(self, *, now: datetime) -> None:
        """To be fetched, from the first try on."""
        self.state, self.attempts, self.next_at, self.finished_at, self.error = PhotoState.WAITING, 0, now, None, ""

    def lease(self, *, until: datetime) -> None:
        """Count a try and keep other workers off until it must be over."""
        self.attempts += 1
        self.next_at = until

    def record_fetched(self, image_id: UUID, *, now: datetime) -> None:
        """It is a picture of ours."""
        self.image_id = image_id
        self._finish(PhotoState.FETCHED, "", now)

    def record_refused(self, error: str, *, now: datetime) -> None:
        """Record that the address holds no picture for us; asking again would not change that."""
        self._finish(PhotoState.REFUSED, error, now)

    @property
    def is_tried_out(self) -> bool:
        """Tell whether its tries are used up."""
        return self.attempts > len(DELAYS_S)

    def park(self, error: str, *, now: datetime) -> None:
        """Leave it to people."""
        self._finish(PhotoState.PARKED, error, now)

    def record_silence(self, error: str, *, now: datetime) -> None:
        """Nothing came: to be tried later, or parked after the last try."""
        if self.is_tried_out:
            self.park(error, now=now)
            return
        delay_s = DELAYS_S[max(0, self.attempts - 1)] * random.uniform(0.8, 1.2)
        self.next_at, self.error = now + timedelta(seconds=delay_s), error[:300]

    def _finish(self, state: PhotoState, error: str, now: datetime) -> None:
        self.state, self.error, self.next_at, self.finished_at = state, error[:300], None, now
