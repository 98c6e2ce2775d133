"""Costs of goods to the dealer, kept apart from the copies that buyers are shown prices from."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ProductCost(models.Model):
    """Cost of a piece of a product, without the VAT that is deducted, and the person who said so, if one did.

    Older news than `version` is dropped.
    """

    product_id = models.UUIDField(primary_key=True)
    cost = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    said_by = models.UUIDField(null=True)
    version = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("cost of a product")
        verbose_name_plural = _("costs of products")
