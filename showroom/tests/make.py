"""Happenings for tests, made the way the product makes them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from core.ids import uuid7
from showroom import services
from showroom.models import Drive, DriveCar, EventCategory, Happening, Registration


def category(name: str = "Open days") -> EventCategory:
    """A category."""
    return services.add_category(fields={"name": name}, now=timezone.now())


def happening(**fields: Any) -> Happening:
    """A happening tomorrow, with two seats."""
    start = timezone.now() + timedelta(days=1)
    plan = {"title": "Open day", "starts_at": start, "ends_at": start + timedelta(hours=2)}
    plan |= {"capacity": 2, "offer_hours": 0}
    return services.announce_happening(fields={**plan, **fields}, now=timezone.now())


def registration(happening: Happening, user_id: UUID | None = None) -> Registration:
    """Somebody's seat, or place in the waiting list."""
    return services.register(happening_id=happening.id, user_id=user_id or uuid7(), now=timezone.now())


def car(**fields: Any) -> DriveCar:
    """A car that resources lends."""
    given = {"name": "Vesta", "product_id": uuid7(), "time_zone": "Europe/Moscow", "is_available": True, **fields}
    return DriveCar.objects.create(resource_id=uuid7(), **given)


def drive(car: DriveCar, user_id: UUID | None = None, *, hours: float = 24, **options: Any) -> Drive:
    """A test drive of an hour, so many hours from now."""
    start = timezone.now() + timedelta(hours=hours)
    return services.request_drive(
        user_id=user_id or uuid7(),
        car_id=car.resource_id,
        start=start,
        end=start + timedelta(hours=1),
        now=timezone.now(),
        **options,
    )
