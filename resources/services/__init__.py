"""Every write to resources, their types and allocations."""

from resources.services.allocations import allocate, release, release_for_happening
from resources.services.inventory import ResourceFields, add_resource, delete_resource, update_resource
from resources.services.types import TypeFields, add_type, delete_type, update_type

__all__ = [
    "ResourceFields",
    "TypeFields",
    "add_resource",
    "add_type",
    "allocate",
    "delete_resource",
    "delete_type",
    "release",
    "release_for_happening",
    "update_resource",
    "update_type",
]
