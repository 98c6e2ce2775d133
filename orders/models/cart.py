"""Carts: what somebody means to buy; nothing in them is held or sold."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7


class Cart(models.Model):
    """The cart of a client, or of a guest who is known by a secret token alone; of the token only a digest is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer_id = models.UUIDField(_("customer"), null=True, unique=True)
    digest = models.CharField(max_length=64, null=True, unique=True)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    expires_at = models.DateTimeField(_("kept until"), db_index=True)

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
