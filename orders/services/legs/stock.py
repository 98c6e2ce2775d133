"""Hold the goods in the catalogue, all lines or none, until the order is paid or called off."""

from django.utils.translation import gettext_lazy as _

from catalog.commands import HoldStock, ReleaseStock
from catalog.events import StockRejected, StockReleased, StockReserved
from messaging.outbox import send
from orders.models import CheckoutLeg, LegKind, LegState, OrderReturn, ReturnState, Status
from orders.rules.requests import StockRequest
from orders.services.goods import ask_for_stock, take_back_change
from orders.services.history import SYSTEM_ACTOR, record_status
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
            )
        )
