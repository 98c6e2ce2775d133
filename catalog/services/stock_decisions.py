"""Decide whether goods can be held: the whole demand is met or refused; asked again, the answer is the same."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from catalog.events import (
    Shortfall,
    StockRejected,
)
from catalog.models import (
    Product,
    Reservation,
    ReservationStatus,
)
from catalog.services.stock_effects import publish_reserved
from messaging.outbox import publish

UNKNOWN, SHORT, CANCELLED, OUT = "unknown_product", "insufficient_stock", "attempt_cancelled", "vehicle_out"
Demand = dict[UUID, int]
"""Quantity by product."""


def sum_demand(lines: Sequence[tuple[UUID, int]]) -> Demand:
    """Quantities by product, so that two lines for one product are asked for together."""
    demand: Demand = {}
    for product_id, quantity in lines:
        demand[product_id] = demand.get(product_id, 0) + quantity
    return demand


def find_refusal(
    demand: Demand, products: Mapping[UUID, Product], now: datetime, *, bound_vins: Collection[str] = ()
) -> tuple[str, str, list[Shortfall]] | None:
    """Say why the whole demand cannot be held: (code, detail, what is missing); None if it can.

    `products` are locked; a vehicle whose VIN is among `bound_vins` has its buyer already, under whatever product.
    """
    sellable = {pk: item for pk, item in products.items() if item.is_active and item.deleted_at is None}
    unknown = _shortfalls(demand, lambda pk, _: 0 if pk not in sellable else None)
    if unknown:
        return UNKNOWN, "A product is unknown or no longer on sale.", unknown
    out = _shortfalls(demand, lambda pk, _: 0 if sellable[pk].is_out(now) else None)
    if out:
        return OUT, "The vehicle is away on a test drive.", out
    left = {pk: 0 if sellable[pk].vin in bound_vins else sellable[pk].available for pk in demand}
    short = _shortfalls(demand, lambda pk, quantity: left[pk] if quantity > left[pk] else None)
    return (SHORT, "There is not enough of a product.", short) if short else None


def _shortfalls(demand: Demand, missing: Callable[[UUID, int], int | None]) -> list[Shortfall]:
    found = ((pk, quantity, missing(pk, quantity)) for pk, quantity in demand.items())
    return [
        Shortfall(product_id=pk, requested=quantity, available=available)
        for pk, quantity, available in found
        if available is not None
    ]


def reject(reservation: Reservation, code: str, detail: str, shortfalls: list[Shortfall], *, now: datetime) -> None:
    """Save a refusal and publish stock.rejected."""
    reservation.close(ReservationStatus.RELEASED, code, now)
    reservation.detail = detail
    reservation.save(force_insert=True)
    _publish_rejected(reservation, code, detail, shortfalls)


def _publish_rejected(reservation: Reservation, code: str, detail: str, shortfalls: list[Shortfall]) -> None:
    publish(
        StockRejected(
            order_id=reservation.order_id,
            attempt_id=reservation.attempt_id,
            code=code,
            detail=detail,
            shortfalls=shortfalls,
        )
    )


def answer_again(reservation: Reservation) -> None:
    """The same request once more: the same answer, no second effect."""
    if reservation.status == ReservationStatus.RELEASED:
        code = reservation.reason if reservation.reason in (UNKNOWN, SHORT, OUT) else CANCELLED
        _publish_rejected(reservation, code, reservation.detail or "This attempt was cancelled.", [])
        return
    lines = list(reservation.lines.all())
    products = Product.objects.in_bulk([line.product_id for line in lines])
    publish_reserved(reservation, {line.product_id: line.quantity for line in lines}, products)
