"""Answer how the attributes of products are called."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from catalog.models.categories import list_attributes


@dataclass(frozen=True)
class AttributeName:
    """Name of an attribute, and the unit of its values."""

    label: str
    unit: str


def attribute_names(category_ids: Iterable[UUID | None]) -> dict[str, AttributeName]:
    """The attributes by key that the products of these categories are described by."""
    known = {pk for pk in category_ids if pk is not None}
    return {one.key: AttributeName(one.label, one.unit) for one in list_attributes(*known)} if known else {}
