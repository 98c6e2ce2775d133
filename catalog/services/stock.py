"""Stock: counted by hand, held for orders, sold, given back.

Locks are taken in one order everywhere: the attempt, the products by id, the reservations by id. Whoever needs
goods first releases the holds on them that have expired, so that the clock decides and not a job.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import structlog

from catalog.errors import OneVehicleOneVin, ReservationUnknown, UnknownProduct
from catalog.events import (
    ProductUpdated,
    StockReleased,
)
from catalog.models import (
    MovementKind,
    Product,
    Reservation,
    ReservationStatus,
)
from catalog.models.stock import EXPIRED
from catalog.services.products import product_state, record_movement
from catalog.services.seconding import admit_count_out
from catalog.services.stock_decisions import answer_again, find_refusal, reject, sum_demand
from catalog.services.stock_effects import (
    find_bound_vins,
    give_back,
    give_back_part,
    hand_out,
    hold,
    take_again,
    warn_if_low,
)
from catalog.services.stock_locks import (
    find_reservation,
    list_reserved_products,
    lock_attempt,
    lock_held,
    lock_products,
    lock_rows,
    release_expired,
)
from core.db import transaction
from messaging.outbox import publish

MIN_HOLD = timedelta(minutes=5)
"""A request that waited long in a queue still gets this much time."""
EXPIRED_BATCH = 100
REPLACED = "replaced"
log = structlog.get_logger(__name__)


def adjust_stock(*, product_id: UUID, delta: int, reason: str, actor: str, now: datetime) -> Product:
    """Count pieces in or out by hand.

    Raises UnknownProduct, StockNotTracked, InsufficientStock, OneVehicleOneVin for a vehicle that has its buyer, Waits.
    """
    with transaction("catalog"):
        product = lock_products([product_id], now).get(product_id)
        if product is None or product.deleted_at:
            raise UnknownProduct
        before = product.available
        if delta > 0 and find_bound_vins([product.vin]):
            raise OneVehicleOneVin
        product.adjust(delta)
        admit_count_out(product, delta, actor, reason, now)
        product.version, product.updated_at = product.version + 1, now
        product.save(update_fields=["on_hand", "stock_version", "version", "updated_at"])
        record_movement(product, delta, kind=MovementKind.MANUAL, reason=reason, actor=actor, now=now)
        publish(ProductUpdated(**product_state(product)))
        warn_if_low(product, before)
    return product


def count_out_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, delta: int, reason: str
) -> None:
    """Count pieces out as one person asked and a second agreed. Raises what `adjust_stock` does."""
    adjust_stock(product_id=subject_id, delta=delta, reason=reason, actor=str(maker_id), now=now)


def reserve_stock(
    *,
    order_id: UUID,
    attempt_id: UUID,
    lines: Sequence[tuple[UUID, int]],
    expires_at: datetime,
    now: datetime,
    replaces: UUID | None = None,
) -> Reservation:
    """Hold all lines (product, quantity) for an attempt, or refuse it whole; asked again, answer the same.

    Publishes stock.reserved or stock.rejected. An attempt that was released before it was asked for stays released.
    What the order's attempt `replaces` holds is given back in the same step, or kept if the new lines are refused.
    """
    with transaction("catalog"):
        for one in sorted({attempt_id, replaces or attempt_id}):
            lock_attempt(one)
        known = find_reservation(order_id, attempt_id)
        if known is not None:
            answer_again(known)
            return known
        demand = sum_demand(lines)
        old = find_reservation(order_id, replaces) if replaces else None
        products = lock_products({*demand, *list_reserved_products([old.pk] if old else [])}, now)
        reservation = Reservation(order_id=order_id, attempt_id=attempt_id, created_at=now)
        reservation.expires_at = max(expires_at, now + MIN_HOLD)
        given_back = _give_way(old, products)
        bound = find_bound_vins((products[pk].vin for pk in demand if pk in products), but=old.pk if old else None)
        refusal = find_refusal(demand, products, now, bound_vins=bound)
        if refusal:
            reject(reservation, *refusal, now=now)
            return reservation
        if given_back:
            give_back(given_back, products, reason=REPLACED, now=now, is_released=True)
        hold(reservation, demand, products)
    return reservation


def _give_way(reservation: Reservation | None, products: Mapping[UUID, Product]) -> Reservation | None:
    """Count a hold that is to be replaced as given back, saving nothing yet; None if it holds nothing."""
    if reservation is None:
        return None
    held = Reservation.objects.select_for_update().filter(pk=reservation.pk, status=ReservationStatus.HELD).first()
    for line in held.lines.all() if held else ():
        products[line.product_id].release(line.quantity)
    return held


def release_stock(
    *,
    order_id: UUID,
    attempt_id: UUID,
    reason: str,
    now: datetime,
    mileage: int | None = None,
    costs: Mapping[UUID, Decimal] | None = None,
) -> None:
    """Give back what an attempt holds or had been sold; nothing held is fine too. Publishes stock.released.

    A vehicle that comes back from its owner has `mileage` km, and cost what `costs` say.

    A release that comes before its request leaves a tombstone, so that the request will be refused.
    """
    with transaction("catalog"):
        lock_attempt(attempt_id)
        products, reservation = lock_held(order_id, attempt_id, now)
        if reservation is None:
            Reservation.objects.create(
                order_id=order_id,
                attempt_id=attempt_id,
                status=ReservationStatus.RELEASED,
                reason=reason[:200],
                expires_at=now,
                created_at=now,
                closed_at=now,
            )
        elif reservation.status != ReservationStatus.RELEASED:
            give_back(reservation, products, reason=reason, now=now, mileage=mileage, costs=costs or {})
            return
        publish(StockReleased(order_id=order_id, attempt_id=attempt_id, reason=reason, levels=[]))


def take_back_part(
    *, order_id: UUID, attempt_id: UUID, lines: Sequence[tuple[UUID, int]], reason: str, now: datetime
) -> None:
    """Take back part (product, quantity) of what an attempt was sold. Publishes stock.returned.

    What is not sold, or not so many of it, is left alone: everything was given back meanwhile.
    """
    with transaction("catalog"):
        lock_attempt(attempt_id)
        products, reservation = lock_held(order_id, attempt_id, now)
        if reservation is not None and reservation.status == ReservationStatus.SOLD:
            give_back_part(reservation, sum_demand(lines), products, reason=reason, now=now)


def extend_reservation(*, order_id: UUID, attempt_id: UUID, expires_at: datetime) -> None:
    """Keep what an attempt holds until the later `expires_at`; a hold that is gone stays gone."""
    with transaction("catalog"):
        lock_attempt(attempt_id)
        reservation = find_reservation(order_id, attempt_id)
        if reservation is None or reservation.status != ReservationStatus.HELD:
            return
        Reservation.objects.filter(pk=reservation.pk, status=ReservationStatus.HELD, expires_at__lt=expires_at).update(
            expires_at=expires_at
        )


def sell_reservation(*, order_id: UUID, attempt_id: UUID, now: datetime) -> None:
    """An order is paid: what its attempt holds leaves the stock. Publishes stock.sold; a second call does nothing.

    A hold that had expired is taken again if the goods are still there. Raises ReservationUnknown, StockGone.
    """
    with transaction("catalog"):
        lock_attempt(attempt_id)
        products, reservation = lock_held(order_id, attempt_id, now, keep=True)
        if reservation is None:
            raise ReservationUnknown
        if reservation.status == ReservationStatus.RELEASED:
            if reservation.reason != EXPIRED:
                log.warning("paid_after_release", order_id=str(order_id), attempt_id=str(attempt_id))
                return
            take_again(reservation, products)
        if reservation.status == ReservationStatus.HELD:
            hand_out(reservation, products, now)


def release_expired_reservations(*, now: datetime) -> int:
    """Put goods whose hold has run out back on sale; return how many holds there were."""
    total = 0
    while released := _release_some_expired(now):
        total += released
    return total


def _release_some_expired(now: datetime) -> int:
    with transaction("catalog"):
        due = Reservation.objects.filter(status=ReservationStatus.HELD, expires_at__lte=now)
        ids = list(due.order_by("expires_at").values_list("pk", flat=True)[:EXPIRED_BATCH])
        products = lock_rows(list_reserved_products(ids))
        return release_expired(ids, products, now)
