"""Stock: who holds what until when, and every movement that made it what it is."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.products import Product
from core.ids import uuid7
from core.postgres.history import OnlyAdded
from core.vin import VIN_LENGTH

EXPIRED = "expired"
"""Reason of a release that the clock made."""


class MovementKind(models.TextChoices):
    """Why stock on hand changed."""

    INITIAL = "initial", _("first count")
    IMPORT = "import", _("import")
    MANUAL = "manual", _("by hand")
    SALE = "sale", _("sale")
    RETURN = "return", _("return")
    COUNT = "count", _("stock-taking")
    TRADE_IN = "trade_in", _("trade-in")


class StockMovement(models.Model):
    """One change of stock on hand. Rows are only added (a trigger refuses the rest); their sum is `on_hand`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.PROTECT, related_name="movements", db_index=False
    )
    delta = models.IntegerField(_("change"))
    kind = models.CharField(_("kind"), max_length=10, choices=MovementKind)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    order_id = models.UUIDField(_("order"), null=True)
    attempt_id = models.UUIDField(_("attempt"), null=True)
    actor = models.CharField(_("actor"), max_length=80)
    on_hand_after = models.PositiveIntegerField(_("on hand after"))
    created_at = models.DateTimeField(_("created at"))
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("stock movement")
        verbose_name_plural = _("stock movements")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(delta=0), name="movement_moves"),
            models.CheckConstraint(condition=Q(kind__in=MovementKind.values), name="movement_kind_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["product", "-id"], name="movement_by_product"),
            models.Index(fields=["created_at", "id"], name="movement_by_created_at"),
            models.Index(fields=["actor", "created_at", "id"], name="movement_by_actor"),
            models.Index(fields=["order_id"], condition=Q(order_id__isnull=False), name="movement_by_order"),
        ]

    def __str__(self) -> str:
        return f"{self.delta:+d}"

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused: history is only added to."""
        raise TypeError("stock movements are never deleted")


class ReservationStatus(models.TextChoices):
    """State of a hold."""

    HELD = "held", _("held")
    SOLD = "sold", _("sold")
    RELEASED = "released", _("released")


class Reservation(models.Model):
    """Goods that one attempt of an order holds, all lines or none.

    A released row without lines is a tombstone: a refusal, or a release that arrived before its request and wins.
    A hold past `expires_at` binds nobody: whoever needs the goods releases it first.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order_id = models.UUIDField(_("order"))
    attempt_id = models.UUIDField(_("attempt"))
    status = models.CharField(_("status"), max_length=10, choices=ReservationStatus)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    detail = models.CharField(max_length=255, blank=True)
    expires_at = models.DateTimeField(_("expires at"))
    created_at = models.DateTimeField(_("created at"))
    closed_at = models.DateTimeField(_("closed at"), null=True)

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order_id", "attempt_id"], name="reservation_once_per_attempt"),
            models.CheckConstraint(condition=Q(status__in=ReservationStatus.values), name="reservation_status_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], condition=Q(status="held"), name="reservation_due"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.status}"

    def close(self, status: ReservationStatus, reason: str, now: datetime) -> None:
        """Leave the held state, or return from sold to released."""
        self.status, self.reason, self.closed_at = status, reason[:200], now


class ReservationLine(models.Model):
    """A quantity of one product in a reservation; one line a product.

    `vin` is the vehicle's at that moment. While `binds`, no other line may have the same VIN, whichever product names
    it: from the hold until it is released or the keys are handed over. Triggers keep `binds` (migration
    guard_vin_by_one_line), so that it follows the reservation whoever writes it.
    """

    id = models.BigAutoField(primary_key=True)
    reservation = models.ForeignKey(Reservation, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="reservation_lines")
    quantity = models.PositiveIntegerField(_("quantity"))
    vin = models.CharField(_("VIN"), max_length=VIN_LENGTH, blank=True, default="", db_default="")
    binds = models.BooleanField(default=True, db_default=True, editable=False)

    class Meta:
        verbose_name = _("reservation line")
        verbose_name_plural = _("reservation lines")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reservation", "product"], name="reservation_line_once_per_product"),
            models.UniqueConstraint(
                fields=["vin"], condition=Q(binds=True) & ~Q(vin=""), name="reservation_line_one_owner_per_vin"
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="reservation_line_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} × {self.quantity}"
