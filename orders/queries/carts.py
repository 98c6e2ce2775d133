"""Show a cart: its lines at the prices and the availability of this moment."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from core.money import DEFAULT_CURRENCY, ZERO, line_total
from orders.models import Cart, CartItem, Holder, ProductCopy
from orders.queries.reading import Moment


class CartLine(msgspec.Struct):
    """A product in the cart. `unit_price` is today's, `seen_price` that at which it was put in.

    `changed` names what differs since: `price`, `availability` (there is less than `quantity`, or it is off sale).
    """

    id: UUID
    product_id: UUID
    sku: str
    name: str
    kind: str
    quantity: int
    unit_price: Decimal
    line_total: Decimal
    seen_price: Decimal
    available: int | None
    is_available: bool
    changed: list[str]


class CartDocument(msgspec.Struct):
    """A cart as the API shows it; `total_amount` is of everything in it, `token` is told a new guest once."""

    items: list[CartLine]
    currency: str
    total_amount: Decimal
    total_quantity: int
    changed: bool
    expires_at: Moment | None
    token: str | None = None


def read_cart(holder: Holder, *, now: datetime, token: str | None = None) -> CartDocument:
    """The holder's cart; without one an empty one."""
    cart = Cart.objects.of(holder, now).first()
    items = list(cart.items.all()) if cart is not None else []
    products = ProductCopy.objects.in_bulk([item.product_id for item in items])
    lines = [_line(item, products[item.product_id]) for item in items if item.product_id in products]
    return CartDocument(
        items=lines,
        currency=DEFAULT_CURRENCY,
        total_amount=sum((line.line_total for line in lines), ZERO),
        total_quantity=sum(line.quantity for line in lines),
        changed=any(line.changed for line in lines),
        expires_at=cart.expires_at if cart is not None else None,
        token=token,
    )


def _line(item: CartItem, product: ProductCopy) -> CartLine:
    is_counted = product.kind != "service"
    is_enough = not is_counted or item.quantity <= product.available
    is_available = product.is_active and product.currency == DEFAULT_CURRENCY and is_enough
    changes = {"price": product.price != item.seen_price, "availability": not is_available}
    return CartLine(
        id=item.id,
        product_id=item.product_id,
        sku=product.sku,
        name=product.name,
        kind=product.kind,
        quantity=item.quantity,
        unit_price=product.price,
        line_total=line_total(product.price, item.quantity),
        seen_price=item.seen_price,
        available=max(0, product.available) if is_counted else None,
        is_available=is_available,
        changed=[name for name, is_so in changes.items() if is_so],
    )
