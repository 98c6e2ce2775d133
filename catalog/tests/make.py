"""Products, categories and holds for tests, made the way the catalogue makes them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from catalog import services
from catalog.models import Category, Product, Reservation
from core.ids import uuid7

VIN = "XTAGFK330JY144213"


def product(*, stock: int | None = 1, kind: str = "vehicle", now: datetime | None = None, **fields: Any) -> Product:
    """A product on sale."""
    defaults = {"sku": f"SKU-{str(uuid7())[-12:]}", "name": "Lada Vesta 2021", "price": Decimal("1500000.00")}
    if kind == "service":
        stock = None
    return services.create_product(
        kind=kind, stock=stock, actor="tests", now=now or timezone.now(), **{**defaults, **fields}
    )


def category(name: str = "Cars", parent: Category | None = None) -> Category:
    """A category below `parent`."""
    return services.create_category(name=name, parent_id=parent.pk if parent else None, now=timezone.now())


def reservation(
    *lines: tuple[UUID, int],
    order_id: UUID | None = None,
    attempt_id: UUID | None = None,
    now: datetime | None = None,
    minutes: int = 30,
    replaces: UUID | None = None,
) -> Reservation:
    """Return what an attempt came to that asked for (product, quantity) lines."""
    now = now or timezone.now()
    return services.reserve_stock(
        order_id=order_id or uuid7(),
        attempt_id=attempt_id or uuid7(),
        lines=lines,
        expires_at=now + timedelta(minutes=minutes),
        now=now,
        replaces=replaces,
    )
