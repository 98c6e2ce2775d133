"""Copies of how goods are taxed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.money.grounds import LENGTH


class CategoryTaxCopy(models.Model):
    """Copy of how products of a category that name no kind of VAT are taxed, kept by catalog's events.

    Empty where they are taxed as usual.
    """

    category_id = models.UUIDField(primary_key=True)
    taxed_as = models.CharField(max_length=8, blank=True, default="")
    taxed_ground = models.CharField(max_length=LENGTH, blank=True, default="")
    version = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("copy of a category's VAT")
        verbose_name_plural = _("copies of categories' VAT")
