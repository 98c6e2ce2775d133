"""The goods of an order: writing its lines with what follows from them, and asking the catalogue for their hold."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from catalog.commands import HoldStock, WantedLine
from core.ids import uuid7
from core.money import ZERO
from messaging.outbox import send
from orders.models import CheckoutLeg, LegKind, LegState, LineKind, Order, OrderLine
from orders.rules.requests import FormerLine, PoliciesRequest, StockRequest
from orders.services.excess import return_excess
from orders.services.holds import GRACE
from orders.services.locking import LockedOrder


def plain(line: OrderLine) -> dict[str, Any]:
    """Return a line as the timeline keeps it and the API shows it."""
    names = ("id", "product_id", "sku", "name", "vin", "kind", "quantity", "unit_price", "line_total")
    shown: dict[str, Any] = msgspec.to_builtins({name: getattr(line, name) for name in names})
    return shown


def write_lines(
    saga: LockedOrder, lines: list[OrderLine], *, gone: Sequence[OrderLine], before: list[dict[str, Any]]
) -> None:
    """Write the lines and the totals that follow from them; `gone` are deleted, `before` is what the timeline keeps."""
    saga.trail.know("items", before)
    OrderLine.objects.filter(pk__in=[line.pk for line in gone]).delete()
    for line in lines:
        line.order_id = saga.order.id
        line.save()
    saga.set_lines(lines)
    saga.items = [plain(line) for line in lines]
    saga.order.total_amount = sum((line.line_total for line in lines), ZERO)
    saga.order.total_quantity = sum(line.quantity for line in lines)
    saga.order.touch(saga.now)


def ask_for_stock(saga: LockedOrder) -> None:
    """Ask the catalogue to hold the lines, in place of what an earlier attempt holds if the leg names one."""
    lines = [WantedLine(product_id=line.product_id, quantity=line.quantity) for line in saga.lines if line.product_id]
    send(
        HoldStock(
            order_id=saga.order.id,
            attempt_id=saga.stock.attempt_id,
            lines=lines,
            expires_at=(saga.order.reservation_expires_at or saga.now) + GRACE,
            replaces=StockRequest.of(saga.stock).replaces,
        )
    )


def ask_for_other_stock(
    saga: LockedOrder, before: list[FormerLine], *, agreed: Decimal, quotes: list[dict[str, Any]]
) -> None:
    """Ask the catalogue to swap what the last attempt holds for the new lines.

    If it refuses, the lines become what they were `before`, with the policies of their quotes, and the buyer's word
    for so much more is taken back.
    """
    leg = saga.stock
    StockRequest(replaces=leg.attempt_id, revert=before, agreed=agreed, quotes=quotes).store(leg)
    leg.attempt_id, leg.finished_at = uuid7(), None
    saga.mark(leg, LegState.RUNNING)
    leg.attempts += 1
    ask_for_stock(saga)


def take_back_change(saga: LockedOrder, *, code: str, detail: str, **extra: Any) -> None:
    """Put the old lines back, as the catalogue refused the new ones, and ask what became of their hold."""
    leg, request = saga.stock, StockRequest.of(saga.stock)
    now_there = {line.id: line for line in saga.order.lines.all()}
    before = [plain(line) for line in now_there.values()]
    lines = [_restored(saga.order, now_there.get(item.id), item) for item in request.revert]
    kept = {line.pk for line in lines}
    write_lines(saga, lines, gone=[line for line in now_there.values() if line.pk not in kept], before=before)
    saga.agree_to_more(-request.agreed)
    if request.quotes:
        ask_for_policies(saga, saga.legs[LegKind.POLICIES], request.quotes)
    leg.attempt_id, leg.request = request.replaces or leg.attempt_id, {}
    saga.mark(leg, LegState.RUNNING)
    saga.note("order.change_refused", reason=detail, data={"code": code} | extra)
    saga.publish_updated()
    ask_for_stock(saga)


def ask_for_policies(saga: LockedOrder, leg: CheckoutLeg, quotes: list[dict[str, Any]]) -> None:
    """Let the policies' leg ask for these quotes when its turn comes; without any it is left out."""
    request = PoliciesRequest.of(leg)
    request.quotes = quotes
    request.store(leg)
    saga.mark(leg, LegState.PENDING if quotes else LegState.SKIPPED)


def _restored(order: Order, line: OrderLine | None, item: FormerLine) -> OrderLine:
    if line is None:
        line = OrderLine(id=item.id, order=order, kind=item.kind, name=item.name, sku=item.sku)
        line.vin, line.position, line.product_id = item.vin, item.position, item.product_id
    line.quantity, line.unit_price, line.line_total = item.quantity, item.unit_price, item.line_total
    return line


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
