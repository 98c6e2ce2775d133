"""Pictures of products."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.products import Product
from core.ids import uuid7

WIDTHS = {"small": 320, "medium": 800, "large": 1600}
"""The renditions of a picture, and how many pixels wide each is at most."""


class ProductImage(models.Model):
    """One picture of a product, kept in several widths; the one with the lowest `position` is its cover.

    `renditions` is {name: path in the media storage}, made from the upload, which itself is not kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="images", db_index=False)
    position = models.PositiveSmallIntegerField(_("position"))
    alt = models.CharField(_("alternative text"), max_length=200, blank=True)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    renditions = models.JSONField(_("renditions"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        indexes: ClassVar = [models.Index(fields=["product", "position", "id"], name="image_by_product")]

    def __str__(self) -> str:
        return self.alt or str(self.id)
