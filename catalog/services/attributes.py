"""Define the attributes that describe the products of a category."""

from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID

from django.utils.translation import gettext as _

from catalog.errors import AttributeKeyTaken
from catalog.models import Attribute, AttributeKind, Category
from catalog.models.categories import ancestor_ids, subtree_ids
from catalog.services.categories import lock_category
from core.db import transaction
from core.errors import InvalidInput, NotFound

MOST_CHOICES = 200


class AttributeChanges(TypedDict, total=False):
    """Fields that may change; key and kind never do, since products have values under them."""

    label: str
    unit: str
    choices: list[str]
    is_required: bool


def create_attribute(
    *, category_id: UUID, key: str, kind: str, now: datetime, **fields: Unpack[AttributeChanges]
) -> Attribute:
    """Describe the products of a category, and of all below it, by one thing more.

    Raises NotFound, InvalidInput, AttributeKeyTaken when the category, one above or one below it has the key.
    """
    with transaction("catalog"):
        category = lock_category(category_id)
        line = [*ancestor_ids(category_id), *subtree_ids(category_id)]
        if Attribute.objects.filter(category__in=line, key=key).exists():
            raise AttributeKeyTaken
        attribute = Attribute(category=category, key=key, kind=kind, **fields)
        _check_choices(attribute)
        attribute.save(force_insert=True)
        _touch(category, now)
    return attribute


def update_attribute(
    *, category_id: UUID, attribute_id: UUID, now: datetime, **changes: Unpack[AttributeChanges]
) -> Attribute:
    """Change how a thing is called or what may be chosen; values that products have already stay.

    Raises NotFound, InvalidInput.
    """
    with transaction("catalog"):
        category = lock_category(category_id)
        attribute = _get(category, attribute_id)
        for name, value in changes.items():
            setattr(attribute, name, value)
        _check_choices(attribute)
        attribute.save(force_update=True)
        _touch(category, now)
    return attribute


def delete_attribute(*, category_id: UUID, attribute_id: UUID, now: datetime) -> None:
    """Describe the products by it no longer; values that they have stay, and are free. Raises NotFound."""
    with transaction("catalog"):
        category = lock_category(category_id)
        _get(category, attribute_id).delete()
        _touch(category, now)


def _get(category: Category, attribute_id: UUID) -> Attribute:
    attribute: Attribute | None = category.attributes.filter(pk=attribute_id).first()
    if attribute is None:
        raise NotFound
    return attribute


def _check_choices(attribute: Attribute) -> None:
    choices = attribute.choices
    is_list = isinstance(choices, list) and all(isinstance(one, str) and 0 < len(one) <= 120 for one in choices)
    if not is_list or len(set(choices)) != len(choices) or len(choices) > MOST_CHOICES:
        raise InvalidInput("choices", "invalid", _("A list of different short texts is wanted."))
    if bool(choices) != (attribute.kind == AttributeKind.CHOICE):
        raise InvalidInput("choices", "invalid", _("Choices are for the kind “one of a list”, which needs them."))


def _touch(category: Category, now: datetime) -> None:
    category.version, category.updated_at = category.version + 1, now
    category.save(update_fields=["version", "updated_at"])
