"""Copies of the catalogue's goods, and of how they are taxed."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.money.grounds import LENGTH
from core.vin import VIN_LENGTH


class ProductCopy(models.Model):
    """Copy of a product, kept by catalog's events; older news than `version` is dropped.

    `make` is empty where there is none, and null until a release tells it with the category.
    """

    product_id = models.UUIDField(primary_key=True)
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=20)
    price = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    available = models.IntegerField()
    stock_version = models.BigIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    vin = models.CharField(max_length=VIN_LENGTH, blank=True, default="", db_default="")
    is_active = models.BooleanField(default=True)
    make = models.CharField(max_length=60, null=True)
    category_id = models.UUIDField(null=True)
    is_campaign_time = False
    cost: Decimal | None = None
    cost_by: UUID | None = None
    vat_kind = models.CharField(max_length=8, blank=True, default="", db_default="")
    margin_cost = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    vat_ground = models.CharField(max_length=LENGTH, blank=True, default="", db_default="")
    marking = models.CharField(max_length=8, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("product copy")
        verbose_name_plural = _("product copies")
        indexes: ClassVar = [models.Index(fields=["vin"], condition=~Q(vin=""), name="product_copy_by_vin")]


class CategoryTaxCopy(models.Model):
    """Copy of how products of a category that say nothing themselves are taxed and marked, kept by catalog's events.

    Empty where they are taxed as usual, or not marked.
    """

    category_id = models.UUIDField(primary_key=True)
    taxed_as = models.CharField(max_length=8, blank=True, default="")
    taxed_ground = models.CharField(max_length=LENGTH, blank=True, default="")
    marked_as = models.CharField(max_length=8, blank=True, default="", db_default="")
    version = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("copy of a category's VAT")
        verbose_name_plural = _("copies of categories' VAT")
