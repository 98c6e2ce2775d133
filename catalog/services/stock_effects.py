"""Hold, sell and give back: the effects on goods, movements and events. All rows are locked by the caller."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from catalog.errors import StockGone
from catalog.events import (
    Line,
    ProductUpdated,
    StockLevel,
    StockLow,
    StockReleased,
    StockReserved,
    StockReturned,
    StockSold,
)
from catalog.models import (
    MovementKind,
    Product,
    Reservation,
    ReservationLine,
    ReservationStatus,
    Stage,
    StockMovement,
)
from catalog.services.products import product_state, publish_cost
from messaging.outbox import publish

ORDERS = "orders"
"""The actor of movements that an order causes."""


def hold(reservation: Reservation, demand: Mapping[UUID, int], products: Mapping[UUID, Product]) -> None:
    """Take goods for a reservation and save it; publishes stock.reserved, and stock.low where it became so."""
    before = {pk: products[pk].available for pk in demand}
    for pk, quantity in demand.items():
        products[pk].hold(quantity)
    _save_stock(products[pk] for pk in demand)
    reservation.status = ReservationStatus.HELD
    reservation.save(force_insert=True)
    ReservationLine.objects.bulk_create(
        ReservationLine(reservation=reservation, product_id=pk, quantity=quantity, vin=products[pk].vin)
        for pk, quantity in demand.items()
    )
    publish_reserved(reservation, demand, products)
    for pk in demand:
        warn_if_low(products[pk], before[pk])


def find_bound_vins(vins: Iterable[str], *, but: UUID | None = None) -> set[str]:
    """Return which of the VINs are held or sold and not handed over, leaving out the reservation `but`."""
    wanted = {vin for vin in vins if vin}
    if not wanted:
        return set()
    lines = ReservationLine.objects.filter(vin__in=wanted, binds=True)
    return set(
        lines.exclude(reservation=but).values_list("vin", flat=True) if but else lines.values_list("vin", flat=True)
    )


def publish_reserved(reservation: Reservation, demand: Mapping[UUID, int], products: Mapping[UUID, Product]) -> None:
    """Publish stock.reserved with the levels left."""
    publish(
        StockReserved(
            order_id=reservation.order_id,
            attempt_id=reservation.attempt_id,
            lines=[Line(product_id=pk, quantity=quantity) for pk, quantity in demand.items()],
            levels=_levels(products[pk] for pk in demand),
            expires_at=reservation.expires_at,
        )
    )


def give_back(
    reservation: Reservation,
    products: Mapping[UUID, Product],
    *,
    reason: str,
    now: datetime,
    is_released: bool = False,
    mileage: int | None = None,
    costs: Mapping[UUID, Decimal] = MappingProxyType({}),
) -> None:
    """Close a hold or a sale as released; publishes stock.released. `is_released`: its goods are already free.

    Vehicles that were handed over come back used, with `mileage` km, at what `costs` say; publishes product.updated
    for each, and product.cost_changed.
    """
    was_sold = reservation.status == ReservationStatus.SOLD
    lines = list(reservation.lines.all())
    for line in lines:
        product = products[line.product_id]
        if was_sold:
            product.take_back(line.quantity)
            if product.stage == Stage.HANDED_OVER:
                _bring_home(product, mileage, costs.get(product.id, product.cost), now)
        elif not is_released:
            product.release(line.quantity)
    _save_stock(products[line.product_id] for line in lines)
    if was_sold:
        _record(MovementKind.RETURN, reservation, lines, products, reason=reason, now=now)
    reservation.close(ReservationStatus.RELEASED, reason, now)
    reservation.save(force_update=True)
    publish(
        StockReleased(
            order_id=reservation.order_id,
            attempt_id=reservation.attempt_id,
            reason=reason,
            levels=_levels(products[line.product_id] for line in lines),
        )
    )


def give_back_part(
    reservation: Reservation,
    back: Mapping[UUID, int],
    products: Mapping[UUID, Product],
    *,
    reason: str,
    now: datetime,
) -> None:
    """Return part of a sale to the stock; publishes stock.returned."""
    returned = [line for line in reservation.lines.all() if 0 < back.get(line.product_id, 0) <= line.quantity]
    if not returned:
        return
    for line in returned:
        left, line.quantity = line.quantity - back[line.product_id], back[line.product_id]
        products[line.product_id].take_back(line.quantity)
        kept = ReservationLine.objects.filter(pk=line.pk)
        if left:
            kept.update(quantity=left)
        else:
            kept.delete()
    _save_stock(products[line.product_id] for line in returned)
    _record(MovementKind.RETURN, reservation, returned, products, reason=reason, now=now)
    levels = _levels(products[line.product_id] for line in returned)
    publish(StockReturned(order_id=reservation.order_id, attempt_id=reservation.attempt_id, levels=levels))


def _bring_home(product: Product, mileage: int | None, cost: Decimal | None, now: datetime) -> None:
    duplicates = Product.objects.present().exclude(pk=product.pk).filter(vin=product.vin, is_active=True)
    is_duplicate_live = bool(product.vin) and duplicates.exclude(stage=Stage.HANDED_OVER).exists()
    product.come_back(mileage=mileage, is_off_sale=is_duplicate_live)
    is_cost_new, product.cost, product.updated_at = cost != product.cost, cost, now
    product.save(
        update_fields=[
            "cost", "stage", "condition", "mileage", "is_active", "version", "updated_at",
            "on_hand", "reserved", "stock_version",
        ]
    )  # fmt: skip
    if product.deleted_at is None:
        publish(ProductUpdated(**product_state(product)))
        if is_cost_new:
            publish_cost(product)


def take_again(reservation: Reservation, products: Mapping[UUID, Product]) -> None:
    """Hold once more what a hold that ran out had held, saving nothing yet. Raises StockGone."""
    lines = list(reservation.lines.all())
    if any(line.quantity > products[line.product_id].available for line in lines):
        raise StockGone
    if find_bound_vins((line.vin for line in lines), but=reservation.pk):
        raise StockGone
    for line in lines:
        products[line.product_id].hold(line.quantity)
    reservation.status = ReservationStatus.HELD


def hand_out(reservation: Reservation, products: Mapping[UUID, Product], now: datetime) -> None:
    """Let what is held leave the stock; publishes stock.sold."""
    lines = list(reservation.lines.all())
    for line in lines:
        products[line.product_id].hand_out(line.quantity)
    _save_stock(products[line.product_id] for line in lines)
    _record(MovementKind.SALE, reservation, lines, products, reason="", now=now)
    reservation.close(ReservationStatus.SOLD, "", now)
    reservation.save(force_update=True)
    publish(
        StockSold(
            order_id=reservation.order_id,
            attempt_id=reservation.attempt_id,
            levels=_levels(products[line.product_id] for line in lines),
        )
    )


def _save_stock(products: Iterable[Product]) -> None:
    for product in products:
        if product.tracks_stock:
            product.save(update_fields=["on_hand", "reserved", "stock_version"])


def _record(
    kind: MovementKind,
    reservation: Reservation,
    lines: Sequence[ReservationLine],
    products: Mapping[UUID, Product],
    *,
    reason: str,
    now: datetime,
) -> None:
    StockMovement.objects.bulk_create(
        StockMovement(
            product_id=line.product_id,
            delta=-line.quantity if kind == MovementKind.SALE else line.quantity,
            kind=kind,
            reason=reason[:200],
            order_id=reservation.order_id,
            attempt_id=reservation.attempt_id,
            actor=ORDERS,
            on_hand_after=products[line.product_id].on_hand,
            created_at=now,
        )
        for line in lines
        if products[line.product_id].tracks_stock
    )


def _levels(products: Iterable[Product]) -> list[StockLevel]:
    return [
        StockLevel(product_id=item.id, on_hand=item.on_hand, available=item.available, version=item.stock_version)
        for item in products
    ]


def warn_if_low(product: Product, before: int) -> None:
    """Publish stock.low if that became true since `before` was available."""
    if product.became_low(before):
        publish(
            StockLow(
                product_id=product.id,
                sku=product.sku,
                available=product.available,
                threshold=product.low_stock_threshold or 0,
            )
        )
