"""Pictures of products."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.products import Product
from core.ids import uuid7

WIDTHS = {"small": 320, "medium": 800, "large": 1600}
"""The renditions of a picture, and how many pixels wide each is at most."""
ORIGINAL, ORIGINAL_WIDTH = "original", 2560
"""What is kept of the upload, and made into the renditions: upright, without what cameras add."""
FORMATS = ("avif", "webp")
"""What each rendition is made in besides JPEG, the smallest first."""
MOST_RENDERINGS = 3
"""How often a picture is tried: one that no worker survives is shown as it was sent."""


class ProductImage(models.Model):
    """One picture of a product, kept in several widths; the one with the lowest `position` is its cover.

    `renditions` is {name: path in the media storage}: `original`, and for each width `small` (JPEG), `small.avif` and
    `small.webp`. A worker makes them after the upload; until then all widths are the original. `render_at` is when
    they may be made, or, while they are, when another worker may take over; empty once nothing is left to do.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="images", db_index=False)
    position = models.PositiveSmallIntegerField(_("position"))
    alt = models.CharField(_("alternative text"), max_length=200, blank=True)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    renditions = models.JSONField(_("renditions"))
    render_at = models.DateTimeField(_("renditions due at"), null=True)
    renderings = models.PositiveSmallIntegerField(_("attempts at the renditions"), default=0, db_default=0)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        indexes: ClassVar = [
            models.Index(fields=["product", "position", "id"], name="image_by_product"),
            models.Index(fields=["render_at"], condition=models.Q(render_at__isnull=False), name="image_to_render"),
        ]

    def __str__(self) -> str:
        return self.alt or str(self.id)

    @property
    def source(self) -> str:
        """The path of what renditions are made from; pictures from before originals were kept have the largest."""
        return str(self.renditions.get(ORIGINAL) or self.renditions["large"])

    @property
    def is_tried_out(self) -> bool:
        """Tell whether no worker is to try it any more."""
        return self.renderings >= MOST_RENDERINGS

    def queue_rendering(self, *, now: datetime) -> None:
        """Have the renditions made, whatever was tried before."""
        self.render_at, self.renderings = now, 0

    def lease_rendering(self, *, until: datetime) -> None:
        """Leave the renditions to one worker until then."""
        self.render_at, self.renderings = until, self.renderings + 1

    def end_rendering(self) -> None:
        """Leave the renditions as they are."""
        self.render_at = None
