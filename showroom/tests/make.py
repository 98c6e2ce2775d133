"""Happenings for tests, made the way the product makes them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from core.ids import uuid7
from showroom import services
from showroom.models import EventCategory, Happening, Registration


def category(name: str = "Open days") -> EventCategory:
    """A category."""
    return services.add_category(fields={"name": name}, now=timezone.now())


def happening(**fields: Any) -> Happening:
    """A happening tomorrow, with two seats."""
    start = timezone.now() + timedelta(days=1)
    plan = {"title": "Open day", "starts_at": start, "ends_at": start + timedelta(hours=2), "capacity": 2}
    return services.announce_happening(fields={**plan, **fields}, now=timezone.now())


def registration(happening: Happening, user_id: UUID | None = None) -> Registration:
    """Somebody's seat, or place in the waiting list."""
    return services.register(happening_id=happening.id, user_id=user_id or uuid7(), now=timezone.now())
