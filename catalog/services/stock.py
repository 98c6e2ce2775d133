"""Stock: counted by hand, held for orders, sold, given back.

Locks are taken in one order everywhere: the attempt, the products by id, the reservations by id. Whoever needs
goods first releases the holds on them that have expired, so that the clock decides and not a job.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import structlog
from django.db import connections

from catalog.errors import ReservationUnknown, StockGone, UnknownProduct
from catalog.events import (
    Line,
    ProductUpdated,
    Shortfall,
    StockLevel,
    StockLow,
    StockRejected,
    StockReleased,
    StockReserved,
    StockSold,
)
from catalog.models import (
    MovementKind,
    Product,
    Reservation,
    ReservationLine,
    ReservationStatus,
    StockMovement,
)
from catalog.models.stock import EXPIRED
from catalog.services.products import product_state, record_movement
from core.db import transaction
from messaging.outbox import publish

MIN_HOLD = timedelta(minutes=5)
"""A request that waited long in a queue still gets this much time."""
EXPIRED_BATCH = 100
UNKNOWN, SHORT, CANCELLED, OUT = "unknown_product", "insufficient_stock", "attempt_cancelled", "vehicle_out"
REPLACED = "replaced"
ORDERS = "orders"
Demand = dict[UUID, int]
log = structlog.get_logger(__name__)


def database_now() -> datetime:
    """The moment by the database's clock: the one clock that all who hold and want goods share."""
    with connections["catalog"].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    return cast(datetime, now)


def adjust_stock(*, product_id: UUID, delta: int, reason: str, actor: str, now: datetime) -> Product:
    """Count pieces in or out by hand. Raises UnknownProduct, StockNotTracked, InsufficientStock."""
    with transaction("catalog"):
        product = _lock_products([product_id], now).get(product_id)
        if product is None or product.deleted_at:
            raise UnknownProduct
        before = product.available
        product.adjust(delta)
        product.version, product.updated_at = product.version + 1, now
        product.save(update_fields=["on_hand", "stock_version", "version", "updated_at"])
        record_movement(product, delta, kind=MovementKind.MANUAL, reason=reason, actor=actor, now=now)
        publish(ProductUpdated(**product_state(product)))
        _warn_if_low(product, before)
    return product


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
            _lock_attempt(one)
        known = _find(order_id, attempt_id)
        if known is not None:
            _answer_again(known)
            return known
        demand = _sum(lines)
        old = _find(order_id, replaces) if replaces else None
        products = _lock_products({*demand, *_products_of([old.pk] if old else [])}, now)
        reservation = Reservation(order_id=order_id, attempt_id=attempt_id, created_at=now)
        reservation.expires_at = max(expires_at, now + MIN_HOLD)
        given_back = _give_way(old, products)
        refusal = _refusal(demand, products, now)
        if refusal:
            _reject(reservation, *refusal, now=now)
            return reservation
        if given_back:
            _release(given_back, products, reason=REPLACED, now=now, is_let_go=True)
        _hold(reservation, demand, products)
    return reservation


def _give_way(reservation: Reservation | None, products: Mapping[UUID, Product]) -> Reservation | None:
    """Count a hold that is to be replaced as given back, saving nothing yet; None if it holds nothing."""
    if reservation is None:
        return None
    held = Reservation.objects.select_for_update().filter(pk=reservation.pk, status=ReservationStatus.HELD).first()
    for line in held.lines.all() if held else ():
        products[line.product_id].let_go(line.quantity)
    return held


def release_stock(*, order_id: UUID, attempt_id: UUID, reason: str, now: datetime) -> None:
    """Give back what an attempt holds or had been sold; nothing held is fine too. Publishes stock.released.

    A release that comes before its request leaves a tombstone, so that the request will be refused.
    """
    with transaction("catalog"):
        _lock_attempt(attempt_id)
        products, reservation = _lock_all(order_id, attempt_id, now)
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
            _release(reservation, products, reason=reason, now=now)
            return
        publish(StockReleased(order_id=order_id, attempt_id=attempt_id, reason=reason, levels=[]))


def extend_reservation(*, order_id: UUID, attempt_id: UUID, expires_at: datetime) -> None:
    """Keep what an attempt holds until the later `expires_at`; a hold that is gone stays gone."""
    with transaction("catalog"):
        _lock_attempt(attempt_id)
        reservation = _find(order_id, attempt_id)
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
        _lock_attempt(attempt_id)
        products, reservation = _lock_all(order_id, attempt_id, now, keep=True)
        if reservation is None:
            raise ReservationUnknown
        if reservation.status == ReservationStatus.RELEASED:
            if reservation.reason != EXPIRED:
                log.warning("paid_after_release", order_id=str(order_id), attempt_id=str(attempt_id))
                return
            _take_again(reservation, products)
        if reservation.status == ReservationStatus.HELD:
            _sell(reservation, products, now)


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
        products = _locked(_products_of(ids))
        return _release_expired(ids, products, now)


# Locks ----------------------------------------------------------------------------------------------------------------
def _lock_attempt(attempt_id: UUID) -> None:
    """One service at a time works on an attempt, also before it has a row."""
    with connections["catalog"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(attempt_id)])


def _lock_products(ids: Iterable[UUID], now: datetime, *, but: UUID | None = None) -> dict[UUID, Product]:
    """Lock products by id and free them of expired holds (except the reservation `but`)."""
    wanted = set(ids)
    due = Reservation.objects.filter(status=ReservationStatus.HELD, expires_at__lte=now)
    others = due.exclude(pk=but) if but else due
    expired = list(others.filter(lines__product__in=wanted).distinct().values_list("pk", flat=True))
    products = _locked(wanted | _products_of(expired))
    if expired:
        _release_expired(expired, products, now)
    return products


def _locked(ids: Iterable[UUID]) -> dict[UUID, Product]:
    rows = Product.objects.filter(pk__in=set(ids)).order_by("pk").select_for_update(no_key=True)
    return {product.pk: product for product in rows}


def _products_of(reservation_ids: Sequence[UUID]) -> set[UUID]:
    if not reservation_ids:
        return set()
    lines = ReservationLine.objects.filter(reservation__in=reservation_ids)
    return set(lines.values_list("product_id", flat=True))


def _lock_all(
    order_id: UUID, attempt_id: UUID, now: datetime, *, keep: bool = False
) -> tuple[dict[UUID, Product], Reservation | None]:
    """The reservation and its products, locked; with `keep`, other holds on them that have expired are freed."""
    reservation = _find(order_id, attempt_id)
    if reservation is None:
        return {}, None
    ids = _products_of([reservation.pk])
    products = _lock_products(ids, now, but=reservation.pk) if keep else _locked(ids)
    return products, Reservation.objects.select_for_update().get(pk=reservation.pk)


def _find(order_id: UUID, attempt_id: UUID) -> Reservation | None:
    return Reservation.objects.filter(order_id=order_id, attempt_id=attempt_id).first()


# Decisions ------------------------------------------------------------------------------------------------------------
def _sum(lines: Sequence[tuple[UUID, int]]) -> Demand:
    demand: Demand = {}
    for product_id, quantity in lines:
        demand[product_id] = demand.get(product_id, 0) + quantity
    return demand


def _refusal(
    demand: Demand, products: Mapping[UUID, Product], now: datetime
) -> tuple[str, str, list[Shortfall]] | None:
    sellable = {pk: item for pk, item in products.items() if item.is_active and item.deleted_at is None}
    unknown = _shortfalls(demand, lambda pk, _: 0 if pk not in sellable else None)
    if unknown:
        return UNKNOWN, "A product is unknown or no longer on sale.", unknown
    out = _shortfalls(demand, lambda pk, _: 0 if sellable[pk].is_out(now) else None)
    if out:
        return OUT, "The vehicle is away on a test drive.", out
    short = _shortfalls(
        demand, lambda pk, quantity: sellable[pk].available if quantity > sellable[pk].available else None
    )
    return (SHORT, "There is not enough of a product.", short) if short else None


def _shortfalls(demand: Demand, missing: Callable[[UUID, int], int | None]) -> list[Shortfall]:
    found = ((pk, quantity, missing(pk, quantity)) for pk, quantity in demand.items())
    return [
        Shortfall(product_id=pk, requested=quantity, available=available)
        for pk, quantity, available in found
        if available is not None
    ]


def _reject(reservation: Reservation, code: str, detail: str, shortfalls: list[Shortfall], *, now: datetime) -> None:
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


def _answer_again(reservation: Reservation) -> None:
    """The same request once more: the same answer, no second effect."""
    if reservation.status == ReservationStatus.RELEASED:
        code = reservation.reason if reservation.reason in (UNKNOWN, SHORT, OUT) else CANCELLED
        _publish_rejected(reservation, code, reservation.detail or "This attempt was cancelled.", [])
        return
    lines = list(reservation.lines.all())
    products = Product.objects.in_bulk([line.product_id for line in lines])
    _publish_reserved(reservation, {line.product_id: line.quantity for line in lines}, products)


# Effects --------------------------------------------------------------------------------------------------------------
def _hold(reservation: Reservation, demand: Demand, products: Mapping[UUID, Product]) -> None:
    before = {pk: products[pk].available for pk in demand}
    for pk, quantity in demand.items():
        products[pk].hold(quantity)
    _save_stock(products[pk] for pk in demand)
    reservation.status = ReservationStatus.HELD
    reservation.save(force_insert=True)
    ReservationLine.objects.bulk_create(
        ReservationLine(reservation=reservation, product_id=pk, quantity=quantity) for pk, quantity in demand.items()
    )
    _publish_reserved(reservation, demand, products)
    for pk in demand:
        _warn_if_low(products[pk], before[pk])


def _publish_reserved(reservation: Reservation, demand: Demand, products: Mapping[UUID, Product]) -> None:
    publish(
        StockReserved(
            order_id=reservation.order_id,
            attempt_id=reservation.attempt_id,
            lines=[Line(product_id=pk, quantity=quantity) for pk, quantity in demand.items()],
            levels=_levels(products[pk] for pk in demand),
            expires_at=reservation.expires_at,
        )
    )


def _release_expired(ids: Sequence[UUID], products: Mapping[UUID, Product], now: datetime) -> int:
    """Release those of the named holds that are still held and still expired; their products are locked."""
    due = Reservation.objects.filter(pk__in=ids, status=ReservationStatus.HELD, expires_at__lte=now)
    reservations = list(due.order_by("pk").select_for_update())
    for reservation in reservations:
        _release(reservation, products, reason=EXPIRED, now=now)
    return len(reservations)


def _release(
    reservation: Reservation, products: Mapping[UUID, Product], *, reason: str, now: datetime, is_let_go: bool = False
) -> None:
    was_sold = reservation.status == ReservationStatus.SOLD
    lines = list(reservation.lines.all())
    for line in lines:
        product = products[line.product_id]
        if was_sold:
            product.take_back(line.quantity)
        elif not is_let_go:
            product.let_go(line.quantity)
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


def _take_again(reservation: Reservation, products: Mapping[UUID, Product]) -> None:
    lines = list(reservation.lines.all())
    if any(line.quantity > products[line.product_id].available for line in lines):
        raise StockGone
    for line in lines:
        products[line.product_id].hold(line.quantity)
    reservation.status = ReservationStatus.HELD


def _sell(reservation: Reservation, products: Mapping[UUID, Product], now: datetime) -> None:
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


def _warn_if_low(product: Product, before: int) -> None:
    if product.became_low(before):
        publish(
            StockLow(
                product_id=product.id,
                sku=product.sku,
                available=product.available,
                threshold=product.low_stock_threshold or 0,
            )
        )
