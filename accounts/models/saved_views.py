"""Store what members of staff chose on lists of the admin, under names of their own."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from core.ids import uuid7


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    """Saved views, by who may open them."""

    def seen_by(self, user: User) -> "SavedViewQuerySet":
        """One's own, and those that colleagues share."""
        return self.filter(Q(user=user) | Q(is_shared=True))


class SavedView(models.Model):
    """Filters, search and order of one list of the admin (`app.model`), under a name that is its owner's once a list.

    `query` is what the list's address ends with. It may hold a search for a person; it goes with its owner.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="saved_views", verbose_name=_("saved by"))
    listing = models.CharField(_("which list"), max_length=100)
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(_("kept choices"), max_length=1000, blank=True)
    is_shared = models.BooleanField(_("shared with colleagues"), default=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now, editable=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints: ClassVar = [
            models.UniqueConstraint("user", "listing", Lower("name"), name="saved_view_name_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="saved_view_has_name"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["listing", "name"], condition=Q(is_shared=True), name="saved_view_shared"),
        ]

    def __str__(self) -> str:
        return self.name

    def rename(self, name: str, *, is_shared: bool, now: datetime) -> None:
        """Give it another name, and say who sees it."""
        self.name, self.is_shared, self.updated_at = name, is_shared, now
