"""The tree of categories: created, renamed, moved and deleted under one lock for the whole tree."""

from datetime import datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db.models import F, Value
from django.db.models.functions import Concat, Substr
from django.utils.text import slugify

from catalog.errors import CategoryNotEmpty, CategoryTooDeep, SlugTaken, UnknownCategory
from catalog.events import CategoryChanged
from catalog.models import Category
from catalog.models.categories import MAX_LEVEL, subtree_ids
from catalog.queries.cache import forget_categories, forget_products
from core.clock import dealer_day
from core.db import NARROW, Expected, lock, require_version, transaction
from core.errors import NotFound
from core.money.grounds import require_rule
from core.money.vat import VatKind
from messaging.outbox import publish

_LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch _ y _ e iu ia".replace("_", "").split(" "),
        strict=True,
    )
)


class CategoryChanges(TypedDict, total=False):
    """Fields that may change; a `parent_id` of None moves to the top."""

    name: str
    slug: str
    parent_id: UUID | None
    vat_kind: str
    vat_ground: str
    marking: str


def create_category(
    *,
    name: str,
    slug: str = "",
    parent_id: UUID | None = None,
    vat_kind: str = "",
    vat_ground: str = "",
    marking: str = "",
    now: datetime,
) -> Category:
    """Add a category; without a slug one is made of the name.

    Raises UnknownCategory, SlugTaken, CategoryTooDeep, InvalidInput for VAT that no law of the day knows.
    """
    with transaction("catalog"):
        _lock_tree()
        category = Category(name=name, marking=marking, created_at=now, updated_at=now)
        _tax(category, {"vat_kind": vat_kind, "vat_ground": vat_ground}, now)
        category.slug = slug or _free_slug(name, parent_id)
        _refuse_duplicate(category, parent_id)
        category.place_under(_parent(parent_id))
        category.save(force_insert=True)
        _publish(category)
    return category


def update_category(
    *,
    category_id: UUID,
    now: datetime,
    expected_version: Expected = None,
    **changes: Unpack[CategoryChanges],
) -> Category:
    """Rename or move a category with everything below it, or tax or mark its products in another way.

    Raises NotFound, UnknownCategory, SlugTaken, CategoryCycle, CategoryTooDeep, InvalidInput for VAT that no law of
    the day knows.
    """
    with transaction("catalog"):
        _lock_tree()
        category = _get(category_id)
        require_version(category.version, expected_version)
        before = (category.path, category.level)
        rules = category.rules
        _tax(category, changes, now)
        category.marking = changes.get("marking", category.marking)
        category.name = changes.get("name", category.name)
        category.slug = changes.get("slug") or category.slug
        parent_id = changes.get("parent_id", category.parent_id)
        _refuse_duplicate(category, parent_id)
        category.place_under(_parent(parent_id))
        _move_subtree(category, *before)
        category.version, category.updated_at = category.version + 1, now
        category.save(force_update=True)
        _publish(category)
        if rules != category.rules:
            _carry_below(category, now)
    return category


def delete_category(*, category_id: UUID, expected_version: Expected = None) -> None:
    """Delete an empty category. Raises NotFound, CategoryNotEmpty."""
    with transaction("catalog"):
        _lock_tree()
        category = _get(category_id)
        require_version(category.version, expected_version)
        if category.children.exists() or category.products.filter(deleted_at__isnull=True).exists():
            raise CategoryNotEmpty
        category.products.update(category=None)
        forget_products()
        _publish(category, is_deleted=True)
        category.delete()


def lock_category(category_id: UUID) -> Category:
    """A category, locked with the whole tree for the open transaction. Raises NotFound."""
    _lock_tree()
    return _get(category_id)


def _lock_tree() -> None:
    """Two moves at once could make a cycle that neither sees: they take turns."""
    lock("catalog", "catalog.categories", number=NARROW)


def _get(category_id: UUID) -> Category:
    category: Category | None = Category.objects.select_for_update().filter(pk=category_id).first()
    if category is None:
        raise NotFound
    return category


def _parent(parent_id: UUID | None) -> Category | None:
    if parent_id is None:
        return None
    parent: Category | None = Category.objects.filter(pk=parent_id).first()
    if parent is None:
        raise UnknownCategory("parent_id")
    return parent


def _refuse_duplicate(category: Category, parent_id: UUID | None) -> None:
    if Category.objects.filter(parent_id=parent_id, slug=category.slug).exclude(pk=category.pk).exists():
        raise SlugTaken


def _free_slug(name: str, parent_id: UUID | None) -> str:
    latin = "".join(_LATIN.get(letter, letter) for letter in name.lower())
    wanted = slugify(latin)[:70] or "category"
    taken = set(Category.objects.filter(parent_id=parent_id, slug__startswith=wanted).values_list("slug", flat=True))
    candidates = [wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3))]
    return next(slug for slug in candidates if slug not in taken)


def _move_subtree(category: Category, path: str, level: int) -> None:
    """Carry the new path and level to everything below, in one statement."""
    below = [pk for pk in subtree_ids(category.id) if pk != category.id]
    if not below or (category.path, category.level) == (path, level):
        return
    nodes = Category.objects.filter(pk__in=below)
    shift = category.level - level
    if shift > 0 and nodes.filter(level__gt=MAX_LEVEL - shift).exists():
        raise CategoryTooDeep
    nodes.update(path=Concat(Value(category.path), Substr("path", len(path) + 1)), level=F("level") + shift)
    forget_categories()


def _tax(category: Category, changes: CategoryChanges, now: datetime) -> None:
    """Take over how products are taxed; a ground goes when its exemption does. Raises InvalidInput."""
    if not {"vat_kind", "vat_ground"} & changes.keys():
        return
    category.vat_kind = changes.get("vat_kind", category.vat_kind)
    kept = category.vat_ground if category.vat_kind == VatKind.EXEMPT else ""
    category.vat_ground = changes.get("vat_ground", kept)
    require_rule(category.vat_kind, category.vat_ground, dealer_day(now))


def _carry_below(category: Category, now: datetime) -> None:
    """Carry how products are taxed and marked to the categories below, as far as none says otherwise; tell of each."""
    below = Category.objects.filter(pk__in=subtree_ids(category.id)).exclude(pk=category.pk).order_by("level", "id")
    known, changed = {category.pk: category}, []
    for node in below:
        known[node.pk] = node
        if node.parent_id and node.follow(known[node.parent_id]):
            node.version, node.updated_at = node.version + 1, now
            changed.append(node)
    Category.objects.bulk_update(changed, ["taxed_as", "taxed_ground", "marked_as", "version", "updated_at"])
    forget_categories()
    for node in changed:
        _publish(node)


def _publish(category: Category, **fields: Any) -> None:
    publish(
        CategoryChanged(
            category_id=category.id,
            name=category.name,
            parent_id=category.parent_id,
            taxed_as=category.taxed_as,
            taxed_ground=category.taxed_ground,
            marked_as=category.marked_as,
            version_number=category.version,
            **fields,
        )
    )
