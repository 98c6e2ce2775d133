"""Cars taken in exchange: they enter the stock unpublished, and leave it again while nobody was offered them."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from catalog.approvals import GIVEN_BACK
from catalog.commands import TakeInVehicle
from catalog.errors import OneVehicleOneVin
from catalog.events import ProductUpdated, TradeInEntered, TradeInKept, TradeInLeft
from catalog.models import Acquisition, MovementKind, Product, ProductKind, Source, Stage
from catalog.services.products import (
    create_product,
    lock_product,
    named_conflicts,
    product_state,
    publish_cost,
    record_movement,
    update_product,
)
from catalog.services.stock_effects import ORDERS, find_bound_vins
from catalog.services.stock_locks import lock_rows
from catalog.services.units import change_stage
from core.db import lock, transaction
from core.errors import InvalidInput
from core.money.vat import VatKind
from core.vin import fold_vin, is_vin
from gateway.approvals import let
from messaging.outbox import publish


def take_in_vehicle(*, car: TakeInVehicle, now: datetime) -> Acquisition:
    """Own the car given in exchange in an order, once: used, in preparation, on sale to nobody.

    A vehicle that was here before comes back as the same product; a new one is listed at its cost until somebody
    prices it. One bought from a person is sold with the VAT of the difference to its cost. Publishes product.created,
    product.updated, stock.trade_in_entered. Raises OneVehicleOneVin while a car of this VIN is in stock, or its buyer
    has no keys yet.
    """
    with named_conflicts(), transaction("catalog"):
        found = Acquisition.objects.filter(order_id=car.order_id).first()
        if found is not None:
            return found
        stated = fold_vin(car.vin)
        vin = stated if is_vin(stated) else ""
        product = _find_former(vin) or _list(car, {} if vin else {"number": stated}, now)
        for name, value in {"vin": vin, "make": car.make, "model": car.model, "year": car.year}.items():
            setattr(product, name, getattr(product, name) or value)
        product.vat_kind, product.margin_cost = (VatKind.MARGIN, car.cost) if car.from_person else ("", None)
        product.vat_ground, product.cost = "", car.cost
        product.come_back(mileage=car.mileage, is_off_sale=True)
        product.take_back(1)
        found = Acquisition(product=product, source=Source.TRADE_IN, order_id=car.order_id, number=car.number)
        found.cost, found.currency, found.acquired_at = car.cost, car.currency, now
        found.save(force_insert=True)
        _save(product, 1, found, now)
        publish_cost(product)
        publish(TradeInEntered(order_id=car.order_id, product_id=product.id, sku=product.sku, missing=product.missing))
    return found


def _list(car: TakeInVehicle, attributes: dict[str, str], now: datetime) -> Product:
    return create_product(
        kind=ProductKind.VEHICLE,
        stock=0,
        sku=f"TRADE-IN-{car.number}",
        name=" ".join(str(part) for part in (car.make, car.model, car.year) if part) or _("Trade-in %s") % car.number,
        price=car.cost,
        currency=car.currency,
        attributes={name: value for name, value in attributes.items() if value},
        is_active=False,
        actor=ORDERS,
        now=now,
    )


def give_back_vehicle(*, order_id: UUID, now: datetime) -> None:
    """Let the car of an undone order leave the stock, unless it is for sale or sold: then it stays ours.

    Publishes stock.trade_in_left or stock.trade_in_kept, and the same again when asked again.
    """
    with transaction("catalog"):
        found = Acquisition.objects.filter(order_id=order_id).first()
        if found is None:
            publish(TradeInLeft(order_id=order_id))
            return
        product = lock_rows([found.product_id])[found.product_id]
        found.refresh_from_db()
        reason = "" if found.ended_at else _why_kept(found, product)
        if reason:
            publish(TradeInKept(order_id=order_id, product_id=product.id, sku=product.sku, reason=reason))
            return
        if found.ended_at is None:
            let(GIVEN_BACK)
            found.ended_at = now
            found.save(update_fields=["ended_at"])
            product.leave_with_owner()
            _save(product, -1, found, now)
        publish(TradeInLeft(order_id=order_id, product_id=product.id))


def publish_vehicle(*, product_id: UUID, actor: str, now: datetime) -> Product:
    """Offer a vehicle in preparation to buyers, once enough is known of it.

    Raises InvalidInput naming what is missing, UnknownProduct, WrongStage, VinTaken.
    """
    with transaction("catalog"):
        product = lock_product(product_id)
        if product.missing:
            raise InvalidInput(product.missing[0], "required", _("Say first: %s.") % product.missing_labels)
        change_stage(product_id=product_id, stage=Stage.ON_SALE, now=now)
        return update_product(product_id=product_id, is_active=True, actor=actor, now=now)


def _find_former(vin: str) -> Product | None:
    """Find the product that this vehicle was here before, locked. Raises OneVehicleOneVin."""
    if not vin:
        return None
    lock("catalog", vin)
    there = Product.objects.present().filter(kind=ProductKind.VEHICLE, vin=vin)
    former = lock_rows(there.values_list("pk", flat=True)).values()
    if any(product.on_hand for product in former) or find_bound_vins([vin]):
        raise OneVehicleOneVin
    return max(former, key=lambda product: (product.is_live, product.pk), default=None)


def _why_kept(found: Acquisition, product: Product) -> str:
    if not product.on_hand or Acquisition.objects.filter(product=product, acquired_at__gt=found.acquired_at).exists():
        return "sold"
    is_offered = product.is_active or product.stage == Stage.ON_SALE or product.reserved
    return "published" if is_offered else ""


def _save(product: Product, delta: int, found: Acquisition, now: datetime) -> None:
    product.updated_at = now
    product.save(force_update=True)
    reason, order_id = found.number, found.order_id
    record_movement(product, delta, kind=MovementKind.TRADE_IN, actor=ORDERS, now=now, reason=reason, order_id=order_id)
    publish(ProductUpdated(**product_state(product)))
