"""The life of a vehicle unit: its stages, and its absence on test drives."""

from datetime import datetime, timedelta
from uuid import UUID

from catalog.events import ProductUpdated
from catalog.models import Product, ProductKind, Reservation, ReservationStatus, Stage
from catalog.queries.cache import forget_products
from catalog.services.products import lock_product, named_conflicts, product_state
from core.db import Expected, require_version, transaction
from messaging.outbox import publish

LONGEST_DRIVE = timedelta(days=1)
"""A car that nobody brought back in the books is on sale again after this."""


def change_stage(*, product_id: UUID, stage: Stage, now: datetime, expected_version: Expected = None) -> Product:
    """Move a unit on: in transit, in preparation, on sale, handed over; only one on sale can be bought.

    Raises UnknownProduct, WrongStage with `allowed`, ProductReserved, VinTaken when a unit that comes back from its
    owner is in the catalogue anew.
    """
    with named_conflicts(), transaction("catalog"):
        product = lock_product(product_id)
        require_version(product.version, expected_version)
        product.enter(stage)
        _save(product, now)
    return product


def take_out(*, product_id: UUID, now: datetime) -> None:
    """A unit leaves for a test drive: until it is back nobody can reserve it. One that is gone is left alone."""
    with transaction("catalog"):
        product = Product.objects.select_for_update(no_key=True).filter(pk=product_id).first()
        if product is not None and product.kind == ProductKind.VEHICLE:
            product.out_until = now + LONGEST_DRIVE
            product.save(update_fields=["out_until"])


def bring_back(*, product_id: UUID) -> None:
    """A unit is back from its test drive."""
    with transaction("catalog"):
        Product.objects.filter(pk=product_id, out_until__isnull=False).update(out_until=None)
        forget_products()


def hand_over(*, order_id: UUID, now: datetime) -> None:
    """The keys of an order's vehicles are with their owner; those that came back meanwhile stay where they are."""
    sold = Reservation.objects.filter(order_id=order_id, status=ReservationStatus.SOLD)
    with transaction("catalog"):
        units = Product.objects.filter(
            reservation_lines__reservation__in=sold, kind=ProductKind.VEHICLE, stage=Stage.ON_SALE, on_hand=0
        )
        for pk in sorted(units.values_list("pk", flat=True)):
            product = Product.objects.select_for_update(no_key=True).get(pk=pk)
            if product.stage == Stage.ON_SALE and not product.on_hand:
                product.enter(Stage.HANDED_OVER)
                _save(product, now)


def _save(product: Product, now: datetime) -> None:
    product.version, product.updated_at = product.version + 1, now
    product.save(update_fields=["stage", "stock_version", "version", "updated_at"])
    if product.deleted_at is None:
        publish(ProductUpdated(**product_state(product)))
