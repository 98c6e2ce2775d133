"""Locking goods and their holds, in one order; whoever locks goods frees them of holds that have expired."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from catalog.models import (
    Product,
    Reservation,
    ReservationLine,
    ReservationStatus,
)
from catalog.models.stock import EXPIRED
from catalog.services.stock_effects import give_back
from core.db import lock


def lock_attempt(attempt_id: UUID) -> None:
    """One service at a time works on an attempt, also before it has a row."""
    lock("catalog", str(attempt_id))


def lock_products(ids: Iterable[UUID], now: datetime, *, but: UUID | None = None) -> dict[UUID, Product]:
    """Lock products by id and free them of expired holds (except the reservation `but`)."""
    wanted = set(ids)
    due = Reservation.objects.filter(status=ReservationStatus.HELD, expires_at__lte=now)
    others = due.exclude(pk=but) if but else due
    expired = list(others.filter(lines__product__in=wanted).distinct().values_list("pk", flat=True))
    products = lock_rows(wanted | list_reserved_products(expired))
    if expired:
        release_expired(expired, products, now)
    return products


def lock_rows(ids: Iterable[UUID]) -> dict[UUID, Product]:
    """Lock products in the order of their ids, as everybody does."""
    rows = Product.objects.filter(pk__in=set(ids)).order_by("pk").select_for_update(no_key=True)
    return {product.pk: product for product in rows}


def list_reserved_products(reservation_ids: Sequence[UUID]) -> set[UUID]:
    """The products that reservations are about."""
    if not reservation_ids:
        return set()
    lines = ReservationLine.objects.filter(reservation__in=reservation_ids)
    return set(lines.values_list("product_id", flat=True))


def lock_held(
    order_id: UUID, attempt_id: UUID, now: datetime, *, keep: bool = False
) -> tuple[dict[UUID, Product], Reservation | None]:
    """The reservation and its products, locked; with `keep`, other holds on them that have expired are freed."""
    reservation = find_reservation(order_id, attempt_id)
    if reservation is None:
        return {}, None
    ids = list_reserved_products([reservation.pk])
    products = lock_products(ids, now, but=reservation.pk) if keep else lock_rows(ids)
    return products, Reservation.objects.select_for_update().get(pk=reservation.pk)


def find_reservation(order_id: UUID, attempt_id: UUID) -> Reservation | None:
    """Find what an attempt holds, held or was refused; not locked."""
    return Reservation.objects.filter(order_id=order_id, attempt_id=attempt_id).first()


def release_expired(ids: Sequence[UUID], products: Mapping[UUID, Product], now: datetime) -> int:
    """Release those of the named holds that are still held and still expired; their products are locked."""
    due = Reservation.objects.filter(pk__in=ids, status=ReservationStatus.HELD, expires_at__lte=now)
    reservations = list(due.order_by("pk").select_for_update())
    for reservation in reservations:
        give_back(reservation, products, reason=EXPIRED, now=now)
    return len(reservations)
