"""Categories of happenings."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from django.db import IntegrityError

from core.db import Expected, require_version, transaction
from showroom.errors import CategoryExists, CategoryInUse, CategoryNotFound
from showroom.models import EventCategory, Happening


class CategoryFields(TypedDict, total=False):
    """Fields that a manager may write on a category."""

    name: str
    description: str


def add_category(*, fields: CategoryFields, now: datetime) -> EventCategory:
    """Add a category. Raises CategoryExists."""
    try:
        with transaction("showroom"):
            return EventCategory.objects.create(**fields, created_at=now)
    except IntegrityError as error:
        raise CategoryExists from error


def update_category(*, category_id: UUID, changes: CategoryFields, expected_version: Expected = None) -> EventCategory:
    """Change a category. Raises CategoryNotFound, CategoryExists, StaleVersion."""
    try:
        with transaction("showroom"):
            category = _lock(category_id, expected_version)
            for name, value in changes.items():
                setattr(category, name, value)
            category.version += 1
            category.save()
    except IntegrityError as error:
        raise CategoryExists from error
    return category


def delete_category(*, category_id: UUID, expected_version: Expected = None) -> None:
    """Delete a category no happening ever had. Raises CategoryInUse, CategoryNotFound, StaleVersion."""
    with transaction("showroom"):
        category = _lock(category_id, expected_version)
        if Happening.objects.filter(category=category).exists():
            raise CategoryInUse
        category.delete()


def _lock(category_id: UUID, expected_version: Expected) -> EventCategory:
    category = EventCategory.objects.select_for_update().filter(pk=category_id).first()
    if category is None:
        raise CategoryNotFound
    require_version(category.version, expected_version)
    return category
