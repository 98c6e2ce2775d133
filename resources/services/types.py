"""Types of resources."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from django.db import IntegrityError

from core.db import Expected, require_version, transaction
from resources.errors import RoleInUse, TypeExists, TypeInUse, TypeNotFound
from resources.models import Resource, ResourceType


class TypeFields(TypedDict, total=False):
    """Fields that a manager may write on a type."""

    name: str
    description: str
    test_drive_role: str
    is_handover_place: bool


def add_type(*, fields: TypeFields, now: datetime) -> ResourceType:
    """Add a type. Raises TypeExists."""
    try:
        with transaction("resources"):
            return ResourceType.objects.create(**fields, created_at=now)
    except IntegrityError as error:
        raise TypeExists from error


def update_type(*, type_id: UUID, changes: TypeFields, expected_version: Expected = None) -> ResourceType:
    """Change a type. Raises TypeNotFound, TypeExists, RoleInUse, StaleVersion."""
    try:
        with transaction("resources"):
            found = _lock(type_id, expected_version)
            _require_same_role(found, changes)
            for name, value in changes.items():
                setattr(found, name, value)
            found.version += 1
            found.save()
    except IntegrityError as error:
        raise TypeExists from error
    return found


def delete_type(*, type_id: UUID, expected_version: Expected = None) -> None:
    """Delete a type no resource ever had. Raises TypeInUse, TypeNotFound, StaleVersion."""
    with transaction("resources"):
        found = _lock(type_id, expected_version)
        if Resource.objects.filter(type=found).exists():
            raise TypeInUse
        found.delete()


def _require_same_role(found: ResourceType, changes: TypeFields) -> None:
    role = changes.get("test_drive_role", found.test_drive_role)
    if role != found.test_drive_role and Resource.objects.filter(type=found).exists():
        raise RoleInUse


def _lock(type_id: UUID, expected_version: Expected) -> ResourceType:
    found = ResourceType.objects.select_for_update().filter(pk=type_id).first()
    if found is None:
        raise TypeNotFound
    require_version(found.version, expected_version)
    return found
