"""Declare the histories of catalog that the audit search reads, and which goods a VIN or SKU stands for."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Q

from catalog.models import PriceChange, Product, StockMovement
from core.postgres.trails import Audit, Trail

MOST = 50


def _find_goods(text: str) -> Iterator[UUID]:
    spelt = text.upper()
    for condition in (Q(sku=text), Q(vin=spelt) & ~Q(vin="")):
        yield from Product.objects.filter(condition).order_by("-pk").values_list("pk", flat=True)[:MOST]


AUDIT = Audit(
    trails=(
        Trail(
            model=PriceChange,
            at="at",
            by=("actor",),
            things={"product_id": "product"},
            tells=("old_price", "new_price", "currency", "reason"),
        ),
        Trail(
            model=StockMovement,
            at="created_at",
            by=("actor",),
            things={"product_id": "product", "order_id": "order"},
            what="kind",
            tells=("delta", "on_hand_after", "reason"),
        ),
    ),
    find_things=_find_goods,
)
