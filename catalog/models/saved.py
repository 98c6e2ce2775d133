"""Keep what clients save: searches that tell them of new cars, and favourites."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.products import Product
from catalog.models.search import ProductSearch
from core.ids import uuid7

MOST_NEW = 99
"""Counted no further: there are many."""


class SavedSearch(models.Model):
    """A search of one client. `query` has the parameters of GET /products; news before `seen_until` were told.

    `new_count` is how many came since its owner last looked, up to MOST_NEW.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField(_("client"))
    name = models.CharField(_("name"), max_length=120)
    query = models.JSONField(_("query"))
    is_notifying = models.BooleanField(_("tells of new cars"), default=True)
    seen_until = models.DateTimeField(_("looked at until"))
    new_count = models.PositiveSmallIntegerField(_("new"), default=0, db_default=0)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("saved search")
        verbose_name_plural = _("saved searches")
        indexes: ClassVar = [
            models.Index(fields=["user_id", "-id"], name="saved_search_by_user"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def search(self) -> ProductSearch:
        """Return what the saved query looks for."""
        category = self.query.get("category")
        return ProductSearch(**{**self.query, "category": UUID(category)} if category else self.query)


class Favourite(models.Model):
    """A product that a client keeps an eye on."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField(_("client"))
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="favourites")
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("favourite")
        verbose_name_plural = _("favourites")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id", "product"], name="favourite_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["user_id", "-id"], name="favourite_by_user")]

    def __str__(self) -> str:
        return str(self.product_id)
