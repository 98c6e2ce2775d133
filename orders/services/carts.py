"""Carts: putting in, changing, taking out, merging at sign-in, ordering what is in them.

A cart is its holder's: a client's by id, a guest's by a secret token. Every write locks the cart first, a guest's
before a client's, so clicks that come at once add up. Nothing here holds stock: the order does.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput, NotFound
from orders.errors import CartEmpty, CartFull, InsufficientStock, PriceChanged, UnknownProduct
from orders.models import Cart, CartItem, Holder, Order, ProductCopy, compute_digest
from orders.queries.promotions import price_goods
from orders.services.history import Actor
from orders.services.lines import MAX_LINES, MAX_QUANTITY, ProductLine, missing, refuse_other_currency
from orders.services.placing import place_order

KEPT_FOR_GUESTS = timedelta(days=14)
KEPT_FOR_CLIENTS = timedelta(days=90)
"""Since the last change."""
PURGED_AT_ONCE = 1000


def add_to_cart(*, holder: Holder, product_id: UUID, quantity: int, now: datetime) -> Holder:
    """Put a quantity of a product in, on top of what is there; return the holder, with a new token for a new guest.

    An unknown token never becomes one: the guest gets another. Raises InvalidInput, UnknownProduct, ProductNotReady,
    InsufficientStock (when already known), CartFull.
    """
    with transaction("orders"):
        cart, holder = _lock_or_make(holder, now)
        items = {item.product_id: item for item in cart.items.all()}
        item = items.get(product_id)
        if item is None:
            if len(items) >= MAX_LINES:
                raise CartFull(limit=MAX_LINES)
            item = CartItem(cart=cart, product_id=product_id, quantity=0, added_at=now)
        _set(item, quantity, quantity + item.quantity)
        _touch(cart, now)
    return holder


def change_cart_item(*, holder: Holder, item_id: UUID, quantity: int, now: datetime) -> None:
    """Give a line of the cart another quantity; its holder has seen today's price by that.

    Raises NotFound, and what `add_to_cart` raises.
    """
    with transaction("orders"):
        cart, item = _lock_item(holder, item_id, now)
        _set(item, quantity, quantity)
        _touch(cart, now)


def remove_cart_item(*, holder: Holder, item_id: UUID, now: datetime) -> None:
    """Take a line out of the cart. Raises NotFound."""
    with transaction("orders"):
        cart, item = _lock_item(holder, item_id, now)
        item.delete()
        _touch(cart, now)


def merge_cart(*, token: str, customer_id: UUID, now: datetime) -> bool:
    """Move what a guest's cart holds into the client's, and end the guest's: a second merge finds none and is False.

    Quantities add up to what can be had, or to the larger of the two where that is more already; lines beyond what a
    cart holds are left behind.
    """
    with transaction("orders"):
        guest = _find(Holder(token=token), now)
        if guest is None:
            return False
        cart, _ = _lock_or_make(Holder(customer_id), now)
        _move(list(guest.items.all()), cart)
        guest.delete()
        _touch(cart, now)
    return True


def check_out_cart(*, customer_id: UUID, now: datetime, actor: Actor, **terms: Any) -> Order:
    """Order what is in the actor's cart for `customer_id`, and empty it; `terms` are those of `place_order`.

    Without `expected_total` the prices must be those at which the goods were put in. Raises CartEmpty, PriceChanged,
    and what `place_order` raises; the cart then stays as it was.
    """
    with transaction("orders"):
        cart = _find(Holder(actor.id), now)
        items = list(cart.items.all()) if cart is not None else []
        if cart is None or not items:
            raise CartEmpty
        if terms.get("expected_total") is None:
            _refuse_changed_prices(items)
        lines = [ProductLine(item.product_id, item.quantity) for item in items]
        terms["coupon"] = terms.get("coupon") or cart.coupon
        order = place_order(customer_id=customer_id, actor=actor, lines=lines, now=now, **terms)
        cart.items.all().delete()
        cart.coupon = ""
        _touch(cart, now)
    return order


def set_cart_coupon(*, holder: Holder, coupon: str, now: datetime) -> None:
    """Put a coupon into the cart, or take it out by an empty one. Raises CartEmpty, InvalidInput (it does not hold)."""
    with transaction("orders"):
        cart = _find(holder, now)
        items = list(cart.items.all()) if cart is not None else []
        if cart is None or not items:
            raise CartEmpty
        if coupon:
            _refuse_coupon(items, coupon, holder, now)
        cart.coupon = coupon.strip().upper()
        _touch(cart, now)


def purge_carts(*, now: datetime) -> int:
    """Delete the carts that nobody changed for as long as they are kept; return how many."""
    total = 0
    while True:
        with transaction("orders"):
            due = Cart.objects.filter(expires_at__lte=now).order_by("expires_at").select_for_update(skip_locked=True)
            ids = list(due.values_list("pk", flat=True)[:PURGED_AT_ONCE])
            Cart.objects.filter(pk__in=ids).delete()
        total += len(ids)
        if len(ids) < PURGED_AT_ONCE:
            return total


# Finding and locking --------------------------------------------------------------------------------------------------
def _find(holder: Holder, now: datetime) -> Cart | None:
    """The holder's cart, locked."""
    return Cart.objects.of(holder, now).select_for_update().first()


def _lock_or_make(holder: Holder, now: datetime) -> tuple[Cart, Holder]:
    cart = _find(holder, now)
    if cart is not None:
        return cart, holder
    if holder.customer_id is not None:
        Cart.objects.filter(customer_id=holder.customer_id, expires_at__lte=now).delete()
        new = Cart(customer_id=holder.customer_id, created_at=now, updated_at=now, expires_at=now + KEPT_FOR_CLIENTS)
        Cart.objects.bulk_create([new], ignore_conflicts=True)
        return Cart.objects.select_for_update().get(customer_id=holder.customer_id), holder
    holder = Holder(token=secrets.token_urlsafe(32))
    digest = compute_digest(holder.token)
    cart = Cart(digest=digest, created_at=now, updated_at=now, expires_at=now + KEPT_FOR_GUESTS)
    cart.save(force_insert=True)
    return cart, holder


def _lock_item(holder: Holder, item_id: UUID, now: datetime) -> tuple[Cart, CartItem]:
    cart = _find(holder, now)
    item = cart.items.filter(pk=item_id).first() if cart is not None else None
    if cart is None or item is None:
        raise NotFound
    return cart, item


def _touch(cart: Cart, now: datetime) -> None:
    cart.updated_at = now
    cart.expires_at = now + (KEPT_FOR_GUESTS if cart.customer_id is None else KEPT_FOR_CLIENTS)
    cart.save(update_fields=["coupon", "updated_at", "expires_at"])


# What may be in it ----------------------------------------------------------------------------------------------------
def _set(item: CartItem, asked: int, quantity: int) -> None:
    if not 1 <= asked <= MAX_QUANTITY or quantity > MAX_QUANTITY:
        raise InvalidInput(
            "quantity",
            "invalid",
            _("A whole number from 1 to %(most)s in all.") % {"most": MAX_QUANTITY},
        )
    item.seen_price = _on_sale(item.product_id, quantity).price
    item.quantity = quantity
    item.save()


def _on_sale(product_id: UUID, quantity: int) -> ProductCopy:
    product = ProductCopy.objects.filter(pk=product_id).first()
    if product is None:
        raise missing("product_id", product_id)
    if not product.is_active:
        raise UnknownProduct("product_id")
    refuse_other_currency(product)
    if product.kind != "service" and quantity > product.available:
        short = {"product_id": str(product_id), "requested": quantity, "available": max(0, product.available)}
        raise InsufficientStock(shortfalls=[short])
    return product


def _move(guests: Sequence[CartItem], cart: Cart) -> None:
    own = {item.product_id: item for item in cart.items.all()}
    products = ProductCopy.objects.in_bulk([item.product_id for item in guests])
    for item in guests:
        there = own.get(item.product_id)
        if there is not None:
            limit = _limit(products.get(item.product_id))
            there.quantity = min(there.quantity + item.quantity, max(limit, there.quantity, item.quantity))
            there.save(update_fields=["quantity"])
        elif len(own) < MAX_LINES:
            item.cart = cart
            item.save(update_fields=["cart"])
            own[item.product_id] = item


def _limit(product: ProductCopy | None) -> int:
    if product is None or product.kind == "service":
        return MAX_QUANTITY
    return min(MAX_QUANTITY, max(0, product.available))


def _refuse_coupon(items: Sequence[CartItem], coupon: str, holder: Holder, now: datetime) -> None:
    products = ProductCopy.objects.in_bulk([item.product_id for item in items])
    wanted = [(item.product_id, item.quantity) for item in items if item.product_id in products]
    price_goods(wanted, products, coupon=coupon, customer_id=holder.customer_id, day=dealer_day(now))


def _refuse_changed_prices(items: Sequence[CartItem]) -> None:
    products = ProductCopy.objects.in_bulk([item.product_id for item in items])
    changed = [
        {"product_id": str(item.product_id), "was": str(item.seen_price), "is": str(products[item.product_id].price)}
        for item in items
        if item.product_id in products and products[item.product_id].price != item.seen_price
    ]
    if changed:
        raise PriceChanged(changed=changed)
