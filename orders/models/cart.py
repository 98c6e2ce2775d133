"""Carts: what somebody means to buy; nothing in them is held or sold."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7


@dataclass(frozen=True)
class Holder:
    """Owner of a cart: the client if there is an id, otherwise the guest who has the token."""

    customer_id: UUID | None = None
    token: str = ""


def compute_digest(token: str) -> str:
    """Return what is kept of a guest's token."""
    return hashlib.sha256(token.encode()).hexdigest()


class CartQuerySet(models.QuerySet["Cart"]):
    """Carts by their holder."""

    def of(self, holder: Holder, now: datetime) -> "CartQuerySet":
        """The holder's cart, if any; one whose time is over is not there, whether purged or not."""
        kept = self.filter(expires_at__gt=now)
        if holder.customer_id is not None:
            return kept.filter(customer_id=holder.customer_id)
        return kept.filter(digest=compute_digest(holder.token)) if holder.token else self.none()


class Cart(models.Model):
    """The cart of a client, or of a guest who is known by a secret token alone; of the token only a digest is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer_id = models.UUIDField(_("customer"), null=True, unique=True)
    digest = models.CharField(max_length=64, null=True, unique=True)
    coupon = models.CharField(_("coupon"), max_length=40, blank=True, default="", db_default="")
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    expires_at = models.DateTimeField(_("kept until"), db_index=True)

    objects = CartQuerySet.as_manager()

    class Meta:
        verbose_name = _("cart")
        verbose_name_plural = _("carts")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(customer_id__isnull=False, digest__isnull=True)
                | Q(customer_id__isnull=True, digest__isnull=False),
                name="cart_of_client_or_guest",
            ),
        ]


class CartItem(models.Model):
    """A product in a cart, and the price it was put in at; what is asked for it is read anew every time."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="items")
    product_id = models.UUIDField()
    quantity = models.PositiveIntegerField(_("quantity"))
    seen_price = models.DecimalField(_("price when added"), max_digits=14, decimal_places=2)
    added_at = models.DateTimeField(_("added at"))

    class Meta:
        verbose_name = _("cart item")
        verbose_name_plural = _("cart items")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(quantity__gte=1, quantity__lte=1000), name="cart_quantity_in_bounds"),
            models.UniqueConstraint(fields=["cart", "product_id"], name="cart_product_once"),
        ]
