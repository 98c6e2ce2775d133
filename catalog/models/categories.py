"""The tree of categories."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import connections, models
from django.utils.translation import gettext_lazy as _

from catalog.errors import CategoryCycle, CategoryTooDeep
from catalog.models.marking import Marking
from catalog.models.taxes import OF_CATEGORIES, ExemptionGround, SaleTax
from core.ids import uuid7
from core.money.grounds import LENGTH
from core.money.vat import VatKind

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

    Both are kept by the services that create, rename and move, under one lock for the whole tree. So are `taxed_as`
    and `taxed_ground`: the kind of VAT, and the ground of an exemption, of its products that name none. They are its
    own, or else those of the nearest category above that has one; so is `marked_as`, the group of marked goods.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    parent = models.ForeignKey(
        "self", blank=True, null=True, on_delete=models.PROTECT, verbose_name=_("parent"), related_name="children"
    )
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("slug"), max_length=80, allow_unicode=True)
    level = models.PositiveSmallIntegerField(_("level"), default=0, editable=False)
    path = models.TextField(_("path"), editable=False)
    vat_kind = models.CharField(
        _("VAT"), max_length=8, choices=OF_CATEGORIES, blank=True, default="", db_default="",
        help_text=_("Of its products that name none, and of the categories below; empty: as the category above."),
    )  # fmt: skip
    vat_ground = models.CharField(
        _("ground of the exemption"), max_length=LENGTH, choices=ExemptionGround,
        blank=True, default="", db_default="",
    )  # fmt: skip
    taxed_as = models.CharField(
        _("taxed as"), max_length=8, choices=SaleTax, blank=True, editable=False, default="", db_default=""
    )
    taxed_ground = models.CharField(
        _("exempt by"),
        max_length=LENGTH,
        choices=ExemptionGround,
        blank=True,
        editable=False,
        default="",
        db_default="",
    )
    marking = models.CharField(
        _("marked goods"), max_length=8, choices=Marking, blank=True, default="", db_default="",
        help_text=_("Of its products that say nothing, and of the categories below; empty: as the category above."),
    )  # fmt: skip
    marked_as = models.CharField(
        _("marked as"), max_length=8, choices=Marking, blank=True, editable=False, default="", db_default=""
    )
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
            models.CheckConstraint(
                condition=models.Q(vat_kind=VatKind.EXEMPT.value, vat_ground__gt="")
                | ~models.Q(vat_kind=VatKind.EXEMPT.value) & models.Q(vat_ground=""),
                name="category_ground_of_exempt",
                violation_error_message=_("An exemption has its ground, and nothing else has one."),
            ),
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
        self.follow(parent)

    @property
    def rules(self) -> tuple[str, str, str]:
        """Tell how its products that name nothing are taxed, by which ground they are exempt, and how marked."""
        return self.taxed_as, self.taxed_ground, self.marked_as

    def follow(self, parent: "Category | None") -> bool:
        """Settle how its products are taxed and marked, by its own word or by that above; tell whether it changed."""
        before = self.rules
        above = (parent.taxed_as, parent.taxed_ground) if parent else ("", "")
        self.taxed_as, self.taxed_ground = (self.vat_kind, self.vat_ground) if self.vat_kind else above
        self.marked_as = self.marking or (parent.marked_as if parent else "")
        return self.rules != before


_ANCESTORS = """
WITH RECURSIVE up AS (
    SELECT id, parent_id FROM catalog_category WHERE id = ANY(%s)
    UNION SELECT c.id, c.parent_id FROM catalog_category AS c JOIN up ON c.id = up.parent_id
) SELECT id FROM up
"""


class AttributeKind(models.TextChoices):
    """Type of the values an attribute takes."""

    TEXT = "text", _("text")
    NUMBER = "number", _("number")
    YES_NO = "yes_no", _("yes or no")
    CHOICE = "choice", _("one of a list")


class Attribute(models.Model):
    """A typed attribute of the products of a category and of all below it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    category = models.ForeignKey(
        Category, verbose_name=_("category"), on_delete=models.CASCADE, related_name="attributes", db_index=False
    )
    key = models.SlugField(_("key"), max_length=40, db_index=False)
    label = models.CharField(_("label"), max_length=80)
    kind = models.CharField(_("kind"), max_length=8, choices=AttributeKind)
    unit = models.CharField(_("unit"), max_length=20, blank=True)
    choices = models.JSONField(_("choices"), default=list, blank=True)
    is_required = models.BooleanField(_("required"), default=False)

    class Meta:
        verbose_name = _("attribute")
        verbose_name_plural = _("attributes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["category", "key"], name="attribute_once_per_category"),
            models.CheckConstraint(condition=models.Q(kind__in=AttributeKind.values), name="attribute_kind_known"),
        ]

    def __str__(self) -> str:
        return self.label

    def why_not(self, value: Any) -> str:
        """Why a value cannot be this attribute's; empty when it can."""
        match self.kind:
            case AttributeKind.NUMBER:
                is_good = isinstance(value, int | float) and not isinstance(value, bool)
                return "" if is_good else "a number is wanted"
            case AttributeKind.YES_NO:
                return "" if isinstance(value, bool) else "true or false is wanted"
            case AttributeKind.CHOICE:
                return "" if value in self.choices else f"one of {', '.join(map(str, self.choices))} is wanted"
            case _:
                return "" if isinstance(value, str) and len(value) <= 1000 else "a text is wanted"


def list_attributes(*category_ids: UUID) -> list[Attribute]:
    """List the attributes that describe products of these categories: their own and those of the ones above."""
    return list(Attribute.objects.filter(category__in=ancestor_ids(*category_ids)).order_by("key"))


def ancestor_ids(*category_ids: UUID) -> list[UUID]:
    """Ids of categories and everything above them."""
    return _ids(_ANCESTORS, list(category_ids))


def subtree_ids(category_id: UUID) -> list[UUID]:
    """Ids of a category and everything below it; the cost is that of the subtree, not of the tree."""
    return _ids(_SUBTREE, category_id)


def _ids(sql: str, given: UUID | list[UUID]) -> list[UUID]:
    with connections["catalog"].cursor() as cursor:
        cursor.execute(sql, [given])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [row[0] for row in rows]
