"""Write the lines of an order with what follows from them, and take its policies out or in."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from core.money import ZERO
from orders.models import CheckoutLeg, LegState, LineKind, OrderLine
from orders.rules.prices import show_discounts, sum_discounts
from orders.rules.requests import PoliciesRequest
from orders.services.excess import return_excess
from orders.services.locking import LockedOrder
from orders.services.taxing import tax_again


def plain(line: OrderLine) -> dict[str, Any]:
    """Return a line as the timeline keeps it and the API shows it."""
    names = ("id", "product_id", "sku", "name", "vin", "kind", "quantity", "unit_price", "line_total")
    taxed = ("vat_rate", "vat_amount") if line.vat_amount is not None else ()
    shown: dict[str, Any] = msgspec.to_builtins({name: getattr(line, name) for name in (*names, *taxed)})
    return shown | show_discounts(line) if line.discount_amount else shown


def write_lines(
    saga: LockedOrder, lines: list[OrderLine], *, gone: Sequence[OrderLine], before: list[dict[str, Any]]
) -> None:
    """Write the lines and the totals that follow from them; `gone` are deleted, `before` is what the timeline keeps."""
    saga.trail.know("items", before)
    OrderLine.objects.filter(pk__in=[line.pk for line in gone]).delete()
    tax_again(saga, lines)
    for line in lines:
        line.order_id = saga.order.id
        line.save()
    saga.set_lines(lines)
    saga.items = [plain(line) for line in lines]
    saga.order.total_amount = sum((line.line_total for line in lines), ZERO)
    saga.order.total_quantity = sum(line.quantity for line in lines)
    saga.order.discount_total = sum_discounts(lines)
    saga.order.touch(saga.now)


def premiums(saga: LockedOrder) -> Decimal:
    """Return what the order's policies cost."""
    return sum((line.line_total for line in saga.order.lines.all() if line.kind == LineKind.POLICY), ZERO)


def drop_premiums(saga: LockedOrder) -> None:
    """Take the policies out of the order, and give back what was paid for them."""
    lines = list(saga.order.lines.all())
    gone = [line for line in lines if line.kind == LineKind.POLICY]
    if not gone:
        return
    write_lines(saga, [line for line in lines if line not in gone], gone=gone, before=[plain(line) for line in lines])
    saga.publish_updated()
    return_excess(saga, "policies_skipped")


def ask_for_policies(saga: LockedOrder, leg: CheckoutLeg, quotes: list[dict[str, Any]]) -> None:
    """Let the policies' leg ask for these quotes when its turn comes; without any it is left out."""
    request = PoliciesRequest.of(leg)
    request.quotes = quotes
    request.store(leg)
    saga.mark(leg, LegState.PENDING if quotes else LegState.SKIPPED)
