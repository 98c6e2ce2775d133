"""Find goods that can be sold now, for staff who make a deal."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from catalog.models import Product, ProductSearch
from messaging.peering.reads import answers


@dataclass(frozen=True)
class OnSale:
    """Goods that can be sold now: what tells them from others, and what they cost by the list."""

    id: UUID
    name: str
    number: str
    price: Decimal
    currency: str
    available: int


@answers("orders")
def find_on_sale(term: str, limit: int) -> list[OnSale]:
    """Find goods in stock by name, make, VIN, plate or SKU, the nearest first."""
    found = ProductSearch(q=term, in_stock=True).apply(Product.objects.on_sale(), is_ranked=True)
    named = found.order_by(*(["distance"] if term.strip() else []), "-id")
    exact = Product.objects.on_sale().in_stock().filter(sku__in={term.strip(), term.strip().upper()})[:limit]
    rows = {product.pk: product for product in [*exact, *named[:limit]]}
    return [
        OnSale(one.pk, one.name, one.vin or one.sku, one.price, one.currency, one.available)
        for one in list(rows.values())[:limit]
    ]
