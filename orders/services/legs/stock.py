"""Hold the goods in the catalogue, all lines or none, until the order is paid or called off."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from catalog.commands import CameBack, HoldStock, ReleaseStock, WantedLine
from catalog.events import StockRejected, StockReleased, StockReserved
from core.ids import uuid7
from core.money import ZERO
from messaging.outbox import send
from orders.models import CheckoutLeg, LegKind, LegState, Order, OrderLine, OrderReturn, ReturnState, Status
from orders.rules.requests import FormerLine, StockRequest
from orders.services.goods import ask_for_policies, plain, write_lines
from orders.services.history import SYSTEM_ACTOR, record_status
from orders.services.holds import GRACE
from orders.services.legs.base import Done, Failed, Leg, Undone, answer
from orders.services.locking import LockedOrder


class StockLeg(Leg):
    """The goods. No deadline: while the catalogue is away orders are still taken, and decided when it is back."""

    kind = LegKind.STOCK
    place = 0
    title = _("Reservation")
    asks = (HoldStock,)
    takes_back = (ReleaseStock,)

    def ask(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Ask the catalogue to hold the lines, in place of what an earlier attempt holds if the leg names one."""
        ask_for_stock(saga)

    @answer
    def reserved(self, saga: LockedOrder, event: StockReserved) -> Done | None:
        """Let the buyer pay; a change of lines is told once the catalogue agreed to it."""
        if not saga.is_running(self.kind, event.attempt_id):
            return None
        if saga.order.status == Status.CREATED:
            previous = saga.order.move(Status.AWAITING_PAYMENT, roles=SYSTEM_ACTOR.roles, now=saga.now)
            record_status(saga, previous, actor=SYSTEM_ACTOR, reason="", now=saga.now)
        if saga.stock.request:
            saga.stock.request = {}
            saga.publish_updated()
        saga.is_newly_held = True
        return Done()

    @answer
    def rejected(self, saga: LockedOrder, event: StockRejected) -> Failed | None:
        """Call the order off, or only a change of its lines."""
        if not saga.is_running(self.kind, event.attempt_id):
            return None
        shortfalls = [
            {"product_id": str(item.product_id), "requested": item.requested, "available": item.available}
            for item in event.shortfalls
        ]
        if not StockRequest.of(saga.stock).revert:
            return Failed(event.code, event.detail, {"shortfalls": shortfalls})
        take_back_change(saga, code=event.code, detail=event.detail, shortfalls=shortfalls)
        return None

    @answer
    def released(self, saga: LockedOrder, event: StockReleased) -> Failed | Undone | None:
        """Hear that the hold is undone, or that it ran out before the payment came."""
        leg = saga.stock
        if event.reason != "expired" or leg.attempt_id != event.attempt_id or leg.state != LegState.SUCCEEDED:
            return Undone(event.attempt_id)
        if saga.order.status != Status.AWAITING_PAYMENT:
            return None
        leg.state = LegState.FAILED
        return Failed("reservation_expired", "The reservation expired before the payment arrived.")

    def undo(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Ask for the goods back on sale; a car that comes back from its owner has its kilometres."""
        taken_back = OrderReturn.objects.filter(order_id=saga.order.id, state=ReturnState.ACCEPTED).first()
        send(
            ReleaseStock(
                order_id=saga.order.id,
                attempt_id=row.attempt_id,
                reason="returned" if taken_back else saga.cause,
                mileage=taken_back.mileage if taken_back and sum(bool(line.vin) for line in saga.lines) == 1 else None,
                costs=_cost_back(saga) if taken_back else [],
            )
        )


def _cost_back(saga: LockedOrder) -> list[CameBack]:
    """Say what cars came back for: their price, less the VAT that comes back with it."""
    return [
        CameBack(product_id=line.product_id, cost=line.line_total - (line.vat_amount or ZERO))
        for line in saga.lines
        if line.vin and line.product_id is not None
    ]


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
    saga.record("order.change_refused", reason=detail, data={"code": code} | extra)
    saga.publish_updated()
    ask_for_stock(saga)


def _restored(order: Order, line: OrderLine | None, item: FormerLine) -> OrderLine:
    if line is None:
        line = OrderLine(id=item.id, order=order, kind=item.kind, name=item.name, sku=item.sku)
        line.vin, line.position, line.product_id = item.vin, item.position, item.product_id
        line.vat_kind, line.vat_ground, line.margin_cost = item.vat_kind, item.vat_ground, item.margin_cost
        line.cost, line.cost_by = item.cost, item.cost_by
    line.quantity, line.unit_price, line.line_total = item.quantity, item.unit_price, item.line_total
    line.list_price = line.list_price if item.list_price is None else item.list_price
    line.discount_amount, line.discounts = item.discount_amount, item.discounts
    return line
