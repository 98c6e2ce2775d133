"""Prices below cost: refused, unless whoever agrees to one says so and a second person agrees with them."""

from collections.abc import Iterable

from orders.errors import BelowCost
from orders.models import DiscountSource, OrderLine
from orders.rules.costs import is_below_cost
from orders.rules.prices import get_taken_off


def find_sunk(lines: Iterable[OrderLine]) -> list[OrderLine]:
    """Return the lines that something was taken off of, and that are sold for less than they cost."""
    return [line for line in lines if line.discount_amount and is_below_cost(line)]


def refuse_sunk(lines: Iterable[OrderLine]) -> None:
    """Refuse a new order with lines below cost, unless it is a campaign, coupon or offer that was let on so.

    Raises BelowCost.
    """
    sunk = find_sunk(line for line in lines if line.offered_by is None)
    refuse(line for line in sunk if not line.is_agreed_below_cost or get_taken_off(line, DiscountSource.MANAGER))


def refuse(lines: Iterable[OrderLine]) -> None:
    """Refuse lines below cost, by their places and goods. Raises BelowCost if there are any."""
    named = [{"position": line.position, "product_id": str(line.product_id), "name": line.name} for line in lines]
    if named:
        raise BelowCost(items=named)
