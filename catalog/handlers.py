"""What catalog does when it hears of something."""

from django.utils import timezone

from catalog import services
from core.db import database_now
from messaging.subscriptions import subscribe
from orders.events import (
    OrderCompleted,
    OrderPaid,
    StockExtensionRequested,
    StockReleaseRequested,
    StockRequested,
    StockReturnRequested,
)
from showroom.events import DriveEnded, DriveStarted

Wish = StockRequested | StockReleaseRequested | StockReturnRequested | StockExtensionRequested | OrderPaid


@subscribe(
    StockRequested,
    StockReleaseRequested,
    StockReturnRequested,
    StockExtensionRequested,
    OrderPaid,
    name="catalog.serve_checkout",
    lane="order_id",
    on_parked="continue",
)
def serve_checkout(event: Wish) -> None:
    """Hold, give back, keep longer, hand out. One handler for all, so that one order's wishes come in their order.

    A parked wish does not stop later ones: each is decided by what its attempt holds then.
    """
    now = database_now("catalog")
    order = {"order_id": event.order_id, "attempt_id": event.attempt_id}
    match event:
        case StockRequested():
            lines = [(line.product_id, line.quantity) for line in event.lines]
            services.reserve_stock(lines=lines, expires_at=event.expires_at, replaces=event.replaces, now=now, **order)
        case StockReleaseRequested():
            services.release_stock(reason=event.reason, mileage=event.mileage, now=now, **order)
        case StockReturnRequested():
            lines = [(line.product_id, line.quantity) for line in event.lines]
            services.take_back_part(lines=lines, reason=event.reason, now=now, **order)
        case StockExtensionRequested():
            services.extend_reservation(expires_at=event.expires_at, **order)
        case OrderPaid():
            services.sell_reservation(now=now, **order)


@subscribe(OrderCompleted, lane="order_id", on_parked="continue")
def hand_over_units(event: OrderCompleted) -> None:
    """The vehicles of a completed order are with their owner."""
    services.hand_over(order_id=event.order_id, now=timezone.now())


@subscribe(DriveStarted, DriveEnded, lane="car_id", on_parked="continue")
def follow_test_drives(event: DriveStarted | DriveEnded) -> None:
    """A car on a test drive cannot be sold until it is back."""
    if event.product_id is None:
        return
    if isinstance(event, DriveStarted):
        services.take_out(product_id=event.product_id, now=database_now("catalog"))
    else:
        services.bring_back(product_id=event.product_id)
