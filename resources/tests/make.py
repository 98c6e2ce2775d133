"""Resources for tests, made the way the product makes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from resources import services
from resources.models import Allocation, Blackout, Resource, ResourceType

NOON = datetime(2031, 5, 1, 12, tzinfo=UTC)


def at(hours: float) -> datetime:
    """So many hours after noon of a day to come."""
    return NOON + timedelta(hours=hours)


def kind(name: str = "Car", role: str = "") -> ResourceType:
    """A type of resources, with its part in test drives."""
    found = ResourceType.objects.filter(name=name).first()
    return found or services.add_type(fields={"name": name, "test_drive_role": role}, now=timezone.now())


def resource(quantity: int = 1, **fields: Any) -> Resource:
    """A resource."""
    given = {"name": "Vesta", "quantity": quantity, **fields}
    if "type_id" not in given:
        given["type_id"] = kind().id
    return services.add_resource(fields=given, now=timezone.now())


def allocation(resource: Resource, start: float, end: float, quantity: int = 1, **options: Any) -> Allocation:
    """A booking from `start` to `end` hours after noon."""
    return services.allocate(
        resource_id=resource.id, start=at(start), end=at(end), quantity=quantity, now=timezone.now(), **options
    )


def blackout(resource: Resource, start: float, end: float) -> Blackout:
    """A closure from `start` to `end` hours after noon."""
    made, _ = services.close(resource_id=resource.id, start=at(start), end=at(end), reason="repair", now=timezone.now())
    return made


def crew(cars: int = 1, places: int = 1, staff: int = 1) -> dict[str, list[Resource]]:
    """Make what test drives take: role → resources."""
    wanted = {"car": cars, "place": places, "staff": staff}
    return {
        role: [resource(name=f"{role} {number}", type_id=kind(role, role).id) for number in range(count)]
        for role, count in wanted.items()
    }
