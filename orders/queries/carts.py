"""Show a cart: its lines at the prices and the availability of this moment."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec
from django.db.models import Sum

from core.clock import dealer_day
from core.errors import InvalidInput
from core.money import DEFAULT_CURRENCY, ZERO
from orders.models import Cart, CartItem, Holder, OrderLine, ProductCopy
from orders.queries.promotions import price_goods
from orders.queries.reading import LineDiscount, Moment
from orders.rules.prices import sum_discounts


class CartLine(msgspec.Struct):
    """A product in the cart. `unit_price` is today's `list_price` less `discounts`, `seen_price` the list's at which it
    was put in.

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
    list_price: Decimal
    discounts: list[LineDiscount] = []


class CartDocument(msgspec.Struct):
    """A cart as the API shows it; `total_amount` is of everything in it, `token` is told a new guest once.

    `coupon_refusal` says why the coupon that was put in takes nothing off any more.
    """

    items: list[CartLine]
    currency: str
    total_amount: Decimal
    total_quantity: int
    changed: bool
    expires_at: Moment | None
    token: str | None = None
    coupon: str = ""
    coupon_refusal: str = ""
    discount_total: Decimal = ZERO


def read_cart(holder: Holder, *, now: datetime, token: str | None = None) -> CartDocument:
    """The holder's cart; without one an empty one."""
    cart = Cart.objects.of(holder, now).first()
    items = list(cart.items.all()) if cart is not None else []
    products = ProductCopy.objects.in_bulk([item.product_id for item in items])
    items = [item for item in items if item.product_id in products]
    priced, refusal = _price(cart, items, products, now)
    lines = [_line(item, products[item.product_id], at) for item, at in zip(items, priced, strict=True)]
    return CartDocument(
        items=lines,
        currency=DEFAULT_CURRENCY,
        total_amount=sum((line.line_total for line in lines), ZERO),
        total_quantity=sum(line.quantity for line in lines),
        changed=any(line.changed for line in lines),
        expires_at=cart.expires_at if cart is not None else None,
        token=token,
        coupon=cart.coupon if cart is not None else "",
        coupon_refusal=refusal,
        discount_total=sum_discounts(priced),
    )


def count_in_cart(holder: Holder, *, now: datetime) -> int:
    """Count the goods in the holder's cart, by one statement."""
    carts = Cart.objects.of(holder, now)
    return CartItem.objects.filter(cart__in=carts).aggregate(total=Sum("quantity"))["total"] or 0


def _price(
    cart: Cart | None, items: list[CartItem], products: dict[UUID, ProductCopy], now: datetime
) -> tuple[list[OrderLine], str]:
    """Return what the items would be ordered at, and why the cart's coupon does not hold, if it does not."""
    if cart is None:
        return [], ""
    wanted, day = [(item.product_id, item.quantity) for item in items], dealer_day(now)
    try:
        return price_goods(wanted, products, coupon=cart.coupon, customer_id=cart.customer_id, day=day), ""
    except InvalidInput as refusal:
        return price_goods(wanted, products, day=day), str(refusal.errors[0]["detail"])


def _line(item: CartItem, product: ProductCopy, priced: OrderLine) -> CartLine:
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
        unit_price=priced.unit_price,
        line_total=priced.line_total,
        list_price=product.price,
        discounts=msgspec.convert(priced.discounts, list[LineDiscount], strict=False),
        seen_price=item.seen_price,
        available=max(0, product.available) if is_counted else None,
        is_available=is_available,
        changed=[name for name, is_so in changes.items() if is_so],
    )
