"""Products: created, edited with a history of prices, taken out of the catalogue."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict, Unpack, cast
from uuid import UUID

from django.db import IntegrityError
from django.utils.translation import gettext as _

from catalog.errors import (
    ExternalIdTaken,
    InvalidAttributes,
    OneVehicleOneVin,
    SkuTaken,
    UnknownCategory,
    UnknownProduct,
    VinTaken,
)
from catalog.events import ProductCostChanged, ProductCreated, ProductDeleted, ProductUpdated
from catalog.models import Category, MovementKind, PriceChange, Product, ProductKind, Stage, StockMovement
from catalog.models.categories import list_attributes
from catalog.models.marking import Marking
from catalog.services.photos import follow_photo, forget_waiting_photo, queue_photos
from catalog.services.seconding import admit_price
from core.clock import dealer_day
from core.db import Expected, require_version, transaction
from core.errors import DomainError, InvalidInput
from core.ids import find_uuid
from core.money.grounds import require_rule
from core.money.vat import VatKind
from core.vin import WRONG, fold_vin, is_vin
from gateway.approvals import require_permit
from messaging.outbox import publish


class ProductFields(TypedDict, total=False):
    """Fields an editor may set; money in major units, mileage in kilometres, engine in litres."""

    sku: str
    external_id: str
    name: str
    price: Decimal
    currency: str
    category_id: UUID | None
    make: str
    model: str
    trim: str
    year: int | None
    vin: str
    plate: str
    location: str
    is_test_drive_car: bool
    mileage: int | None
    condition: str
    body: str
    fuel: str
    transmission: str
    drive: str
    color: str
    engine_volume: Decimal | None
    power_hp: int | None
    description: str
    image_url: str
    attributes: dict[str, Any]
    is_active: bool
    low_stock_threshold: int | None
    vat_kind: str
    vat_ground: str
    margin_cost: Decimal | None
    marking: str
    cost: Decimal | None


_TAKEN: dict[str, type[DomainError]] = {
    "product_sku_unique": SkuTaken,
    "product_external_id_unique": ExternalIdTaken,
    "product_vin_unique": VinTaken,
}


@contextmanager
def named_conflicts() -> Iterator[None]:
    """Name the conflict when a unique index refuses what was written at the same moment elsewhere."""
    try:
        yield
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if constraint not in _TAKEN:
            raise
        raise _TAKEN[constraint] from error


def create_product(
    *, kind: str, stock: int | None = None, actor: str, now: datetime, **fields: Unpack[ProductFields]
) -> Product:
    """Add a product with `stock` pieces on hand (default: one vehicle, no accessories; services have none).

    Raises SkuTaken, ExternalIdTaken, VinTaken, UnknownCategory, InvalidInput for a VIN that is not whole or VAT of no
    law.
    """
    with named_conflicts(), transaction("catalog"):
        product = Product(kind=kind, created_at=now, updated_at=now)
        _assign(product, fields, now)
        product.name = product.name or " ".join(
            str(part) for part in (product.make, product.model, product.year) if part
        )
        if not product.name:
            raise InvalidInput("name", "required", _("A product needs a name."))
        product.on_hand = _first_stock(product, stock)
        if kind == ProductKind.ACCESSORY and "low_stock_threshold" not in fields:
            product.low_stock_threshold = 0
        _refuse_duplicates(product)
        product.save(force_insert=True)
        if product.on_hand:
            record_movement(product, product.on_hand, kind=MovementKind.INITIAL, actor=actor, now=now)
        queue_photos([product], now=now)
        publish(ProductCreated(**product_state(product)))
        if product.cost is not None:
            publish_cost(product, actor)
    return product


def update_product(
    *,
    product_id: UUID,
    actor: str,
    now: datetime,
    reason: str = "",
    expected_version: Expected = None,
    **changes: Unpack[ProductFields],
) -> Product:
    """Edit a product; a new price is kept in its history. Changing nothing changes nothing.

    Raises what `create_product` does, UnknownProduct, StaleVersion, and Waits:
    a person who lowers prices further than they may alone.
    """
    with named_conflicts(), transaction("catalog"):
        product = lock_product(product_id)
        require_version(product.version, expected_version)
        before = {field: getattr(product, field) for field in changes}
        _assign(product, changes, now)
        if all(getattr(product, field) == value for field, value in before.items()):
            return product
        _refuse_duplicates(product)
        if "price" in before and before["price"] != product.price:
            admit_price(product, before["price"], actor, reason, changes, now)
            _record_price(product, before, actor=actor, reason=reason, now=now)
        product.version, product.updated_at = product.version + 1, now
        product.save(force_update=True)
        if before.get("image_url", product.image_url) != product.image_url:
            follow_photo(product, now=now)
        publish(ProductUpdated(**product_state(product)))
        if before.get("cost", product.cost) != product.cost:
            publish_cost(product, actor)
    return product


def price_agreed(
    *,
    subject_id: UUID,
    maker_id: UUID,
    approver_id: UUID,
    now: datetime,
    changes: ProductFields,
    reason: str,
) -> None:
    """Edit a product as one person asked and a second agreed. Raises what `update_product` does."""
    update_product(product_id=subject_id, actor=str(maker_id), reason=reason, now=now, **changes)


def delete_product(*, product_id: UUID, now: datetime, expected_version: Expected = None) -> None:
    """Take a product out of the catalogue for good; its history stays. Raises UnknownProduct, ProductReserved."""
    with transaction("catalog"):
        product = lock_product(product_id)
        require_version(product.version, expected_version)
        product.refuse_if_reserved()
        product.is_active, product.deleted_at = False, now
        product.version, product.updated_at = product.version + 1, now
        product.save(force_update=True)
        forget_waiting_photo(product)
        publish(ProductDeleted(product_id=product.id, version_number=product.version))


def lock_product(product_id: UUID) -> Product:
    """The product, locked for the open transaction. Raises UnknownProduct."""
    product = Product.objects.present().select_for_update(no_key=True).filter(pk=product_id).first()
    if product is None:
        raise UnknownProduct
    return product


def product_state(product: Product) -> dict[str, Any]:
    """Fields of `product.created` and `product.updated`."""
    return {
        "product_id": product.id,
        "sku": product.sku,
        "name": product.name,
        "kind": product.kind,
        "price": product.price,
        "currency": product.currency,
        "available": product.available,
        "stock_version": product.stock_version,
        "version_number": product.version,
        "vin": product.vin,
        "make": product.make,
        "model": product.model,
        "year": product.year,
        "is_active": product.is_active,
        "power_hp": product.power_hp or 0,
        "category_id": product.category_id,
        "vat_kind": product.vat_kind,
        "margin_cost": product.margin_cost,
        "vat_ground": product.vat_ground,
        "marking": product.marking,
    }


def publish_cost(product: Product, actor: str = "") -> None:
    """Tell what a piece cost, and which person says so: to those alone who reckon with it."""
    said_by = find_uuid(actor)
    publish(
        ProductCostChanged(product_id=product.id, cost=product.cost, version_number=product.version, said_by=said_by)
    )


def record_movement(
    product: Product,
    delta: int,
    *,
    kind: MovementKind,
    actor: str,
    now: datetime,
    reason: str = "",
    order_id: UUID | None = None,
    attempt_id: UUID | None = None,
) -> None:
    """Add the row that explains a change of stock on hand. Raises Undeclared for what leaves by no sale."""
    if delta < 0 and kind in (MovementKind.MANUAL, MovementKind.COUNT, MovementKind.TRADE_IN):
        require_permit("catalog")
    StockMovement.objects.create(
        product=product,
        delta=delta,
        kind=kind,
        reason=reason[:200],
        order_id=order_id,
        attempt_id=attempt_id,
        actor=actor,
        on_hand_after=product.on_hand,
        created_at=now,
    )


def _assign(product: Product, fields: ProductFields, now: datetime) -> None:
    for name, value in fields.items():
        setattr(product, name, value)
    if "vin" in fields:
        product.vin = fold_vin(fields["vin"])
        if product.vin and not is_vin(product.vin):
            raise InvalidInput("vin", "invalid_vin", str(WRONG))
        if product.vin and product.on_hand > 1:
            raise InvalidInput("vin", OneVehicleOneVin.code, str(OneVehicleOneVin.detail))
    if "plate" in fields:
        product.plate = fold_vin(fields["plate"])
    _check_tax(product, fields, now)
    if product.marking not in ("", Marking.NONE) and product.kind != ProductKind.ACCESSORY:
        raise InvalidInput("marking", "not_allowed", _("Only accessories are marked piece by piece."))
    category_id = fields.get("category_id")
    if category_id and not Category.objects.filter(pk=category_id).exists():
        raise UnknownCategory("category_id")
    if product.category_id and {"category_id", "attributes"} & fields.keys():
        _check_attributes(product)


def _check_tax(product: Product, fields: ProductFields, now: datetime) -> None:
    """Judge how a product is taxed; a ground goes when its exemption does. Raises InvalidInput."""
    if (product.vat_kind == VatKind.MARGIN) != (product.margin_cost is not None):
        detail = _("The price it was bought for goes with the margin scheme, and with that alone.")
        raise InvalidInput("margin_cost", "required" if product.margin_cost is None else "not_allowed", detail)
    if product.vat_kind == VatKind.MARGIN and product.kind != ProductKind.VEHICLE:
        raise InvalidInput("vat_kind", "not_allowed", _("Only vehicles are sold by the margin scheme."))
    if product.vat_kind != VatKind.EXEMPT and "vat_ground" not in fields:
        product.vat_ground = ""
    if {"vat_kind", "vat_ground"} & fields.keys():
        require_rule(product.vat_kind, product.vat_ground, dealer_day(now))


def _check_attributes(product: Product) -> None:
    """Attributes are as the category says; those it does not know are free."""
    for attribute in list_attributes(cast(UUID, product.category_id)):
        if attribute.key not in product.attributes:
            if attribute.is_required:
                raise InvalidAttributes(attribute.key, _("required"))
        elif reason := attribute.why_not(product.attributes[attribute.key]):
            raise InvalidAttributes(attribute.key, reason)


def _first_stock(product: Product, stock: int | None) -> int:
    if not product.tracks_stock:
        if stock:
            raise InvalidInput("stock", "stock_not_tracked", _("A service has no stock."))
        return 0
    if product.vin and (stock or 0) > 1:
        raise InvalidInput("stock", OneVehicleOneVin.code, str(OneVehicleOneVin.detail))
    return stock if stock is not None else int(product.kind == ProductKind.VEHICLE)


def _refuse_duplicates(product: Product) -> None:
    """Say plainly what a unique index would refuse; the index stays behind for those who come at once."""
    others = Product.objects.present().exclude(pk=product.pk)
    if others.filter(sku=product.sku).exists():
        raise SkuTaken
    if product.external_id and others.filter(external_id=product.external_id).exists():
        raise ExternalIdTaken
    others = others.filter(vin=product.vin, is_active=True).exclude(stage=Stage.HANDED_OVER)
    if product.vin and product.is_live and others.exists():
        raise VinTaken


def _record_price(product: Product, before: dict[str, Any], *, actor: str, reason: str, now: datetime) -> None:
    old_currency = before.get("currency", product.currency)
    PriceChange.objects.create(
        product=product,
        old_price=before["price"],
        new_price=product.price,
        currency=product.currency,
        old_currency=old_currency if old_currency != product.currency else "",
        actor=actor,
        reason=reason[:200],
        at=now,
    )
