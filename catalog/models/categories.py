"""The tree of categories."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import connections, models
from django.utils.translation import gettext_lazy as _

from catalog.errors import CategoryCycle, CategoryTooDeep
from core.ids import uuid7

MAX_LEVEL = 100
"""Deepest level: bounds recursion in whoever reads the tree as nested JSON."""

_SUBTREE = """
WITH RECURSIVE down AS (
    SELECT id FROM catalog_category WHERE id = %s
    UNION SELECT c.id FROM catalog_category AS c JOIN down ON c.parent_id = down.id
) SELECT id FROM down
"""


class Category(models.Model):
    """A node of the tree. `level` counts from 0; `path` joins the slugs from the root by `/`.

    Both are kept by the services that create, rename and move, under one lock for the whole tree.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    parent = models.ForeignKey(
        "self", blank=True, null=True, on_delete=models.PROTECT, verbose_name=_("parent"), related_name="children"
    )
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("slug"), max_length=80, allow_unicode=True)
    level = models.PositiveSmallIntegerField(_("level"), default=0, editable=False)
    path = models.TextField(_("path"), editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), editable=False)
    updated_at = models.DateTimeField(_("updated at"), editable=False)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["parent", "slug"], nulls_distinct=False, name="category_slug_unique_among_siblings"
            ),
            models.CheckConstraint(condition=~models.Q(parent=models.F("id")), name="category_not_its_own_parent"),
        ]
        indexes: ClassVar = [models.Index(fields=["name", "id"], name="category_by_name")]

    def __str__(self) -> str:
        return self.name

    def place_under(self, parent: "Category | None") -> None:
        """Set parent, level and path; the caller holds the tree's lock. Raises CategoryTooDeep, CategoryCycle."""
        if parent is not None and not self._state.adding and parent.id in subtree_ids(self.id):
            raise CategoryCycle
        self.parent = parent
        self.level = parent.level + 1 if parent else 0
        self.path = f"{parent.path}/{self.slug}" if parent else self.slug
        if self.level > MAX_LEVEL:
            raise CategoryTooDeep


def subtree_ids(category_id: UUID) -> list[UUID]:
    """Ids of a category and everything below it; the cost is that of the subtree, not of the tree."""
    with connections["catalog"].cursor() as cursor:
        cursor.execute(_SUBTREE, [category_id])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [row[0] for row in rows]
