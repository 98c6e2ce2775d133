"""Prices of products that went down, as pages show it.

A fall is counted from the lowest price of the 30 days before it, as Directive 98/6/EC, art. 6a has it: a price that was
raised for a day to be lowered again fell by nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from catalog.models import PriceChange
from catalog.public import ProductView

SHOWN = timedelta(days=30)
"""For so long a lower price is news."""


@dataclass(frozen=True)
class PriceDrop:
    """A price's fall by `amount`, in major units of its currency."""

    amount: Decimal
    at: datetime


def lowest_prices(products: Sequence[ProductView], *, since: datetime) -> dict[UUID, Decimal]:
    """Return the lowest price that each product has had since a moment, now included, in its currency of now.

    One statement for all of them.
    """
    found = {product.id: product.price for product in products}
    currencies = {product.id: product.currency for product in products}
    changes = PriceChange.objects.filter(product__in=list(found), at__gt=since)
    for product_id, price, old_currency, currency in changes.values_list(
        "product_id", "old_price", "old_currency", "currency"
    ):
        if (old_currency or currency) == currencies[product_id]:
            found[product_id] = min(found[product_id], price)
    return found


def price_drops(products: Sequence[ProductView], *, now: datetime) -> dict[UUID, PriceDrop]:
    """Return for each product whose last change of price, in the last 30 days, made it cost less than ever in the 30
    days before.

    One statement for all of them. Prices of different currencies are not compared.
    """
    if not products:
        return {}
    costs = {product.id: (product.price, product.currency) for product in products}
    before = PriceChange.objects.filter(
        Q(old_currency="", currency=OuterRef("currency")) | Q(old_currency=OuterRef("currency")),
        product=OuterRef("product"),
        at__gt=OuterRef("at") - SHOWN,
        at__lte=OuterRef("at"),
    )
    lowest = before.order_by("old_price").values("old_price")[:1]
    changes = PriceChange.objects.filter(product__in=list(costs), at__gt=now - SHOWN).annotate(lowest=Subquery(lowest))
    return {
        change.product_id: PriceDrop(change.lowest - change.new_price, change.at)
        for change in changes.order_by("product", "-at", "-id").distinct("product")
        if not change.old_currency
        and change.new_price < change.lowest
        and costs[change.product_id] == (change.new_price, change.currency)
    }
