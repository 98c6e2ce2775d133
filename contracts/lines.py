"""Read the lines of an order whose products a client of a contract names by text, each at a price that it expects."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from contracts.mapping import Shape, money, refuse_unless_amount, take
from contracts.products import Wish, find_product
from contracts.trips import Trip
from core.errors import InvalidInput

MOST = 100


def find_lines(
    trip: Trip, given: Any, *, name: str, stated: Decimal | None = None
) -> tuple[list[dict[str, Any]], Decimal]:
    """Return the lines as our API takes them, and what they come to; `name` is the field that names a product.

    Raises InvalidInput, also where the sum that is `stated` is another one, UnknownProduct, PriceChanged,
    InsufficientStock.
    """
    if not isinstance(given, list) or not 1 <= len(given) <= MOST:
        raise InvalidInput("items", "invalid", _("One to %(most)s items.") % {"most": MOST})
    shape = take(name, "quantity", price=money)
    wishes = [_read_wish(trip, shape, item, name, f"items.{place}") for place, item in enumerate(given)]
    total = sum((wish.price * wish.quantity for wish in wishes), Decimal(0))
    if stated is not None and stated != total:
        raise InvalidInput("total_price", "invalid", _("The items come to %(total)s.") % {"total": total})
    products = [find_product(trip, wish) for wish in wishes]
    lines = [
        {"product_id": product["id"], "quantity": wish.quantity} for product, wish in zip(products, wishes, strict=True)
    ]
    return lines, total


def _read_wish(trip: Trip, shape: Shape, item: Any, name: str, place: str) -> Wish:
    taken = shape.back(item, trip.reading, f"{place}.")
    for field in shape.fields:
        if taken.get(field) is None:
            raise InvalidInput(f"{place}.{field}", "required", _("This field is required."))
    quantity = taken["quantity"]
    if not isinstance(quantity, int) or isinstance(quantity, bool):
        raise InvalidInput(f"{place}.quantity", "invalid", _("A whole number."))
    price = refuse_unless_amount(taken["price"], f"{place}.price")
    return Wish(taken[name], price, quantity, f"{place}.{name}")
