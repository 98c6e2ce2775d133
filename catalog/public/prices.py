"""Prices of products that went down, as pages show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from catalog.models import PriceChange
from catalog.public import ProductView

SHOWN = timedelta(days=30)
"""For so long a lower price is news."""


@dataclass(frozen=True)
class PriceDrop:
    """A price's fall by `amount`, in major units of its currency."""

    amount: Decimal
    at: datetime


def price_drops(products: Sequence[ProductView], *, now: datetime) -> dict[UUID, PriceDrop]:
    """Return for each product whose last change of price, in the last 30 days, lowered it to what it costs now.

    One statement for all of them. A change of currency is no fall.
    """
    if not products:
        return {}
    costs = {product.id: (product.price, product.currency) for product in products}
    changes = PriceChange.objects.filter(product__in=list(costs), at__gt=now - SHOWN).order_by("product", "-at", "-id")
    return {
        change.product_id: PriceDrop(change.old_price - change.new_price, change.at)
        for change in changes.distinct("product")
        if change.new_price < change.old_price and costs[change.product_id] == (change.new_price, change.currency)
    }
