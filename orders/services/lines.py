"""The lines of an order: what they cost, and what cannot be sold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from msgspec import UNSET

from core.db import fetch
from core.errors import Forbidden, InvalidInput
from core.ids import uuid7
from core.money import DEFAULT_CURRENCY, line_total
from core.money.vat import VatKind
from orders.errors import CurrencyMismatch, InsufficientStock, ProductNotReady, UnknownProduct
from orders.events import OrderLine as LineFact
from orders.models import LineKind, OrderLine, ProductCopy
from orders.rules.offers import OfferedGoods, price_as_offered
from orders.rules.prices import Bargain
from orders.rules.requests import ChosenPolicy, Policies
from orders.services.history import Actor
from payments.commands import Supplier

MAX_QUANTITY = 1000
MAX_LINES = 100
VEHICLE = "vehicle"
NO_CODES: Mapping[UUID, Sequence[str]] = {}
_COLUMNS = [field.attname for field in ProductCopy._meta.concrete_fields]
_COPIES = f"""SELECT {", ".join(f"c.{name}" for name in _COLUMNS)}, k.cost, k.said_by, EXISTS (
    SELECT FROM orders_promotion WHERE code = '' AND is_active AND ends_on >= current_date - 1
), coalesce(t.taxed_as, ''), coalesce(t.taxed_ground, '')
FROM orders_productcopy c LEFT JOIN orders_productcost k USING (product_id)
LEFT JOIN orders_categorytaxcopy t ON t.category_id = c.category_id AND c.vat_kind = ''
WHERE product_id = ANY(%s)"""
"""With what they cost, whether any campaign runs, or will: what it takes off is worked out only then; and how the
category taxes those that say nothing of it."""


@dataclass(frozen=True)
class ProductLine:
    """A quantity of a product from the catalogue, at its price or at that of a manager's `bargain`."""

    product_id: UUID
    quantity: int
    bargain: Bargain | None = None


@dataclass(frozen=True)
class OfferedLine(ProductLine):
    """Goods of a written offer, at its prices."""

    goods: OfferedGoods | None = None
    manager_id: UUID | None = None


@dataclass(frozen=True)
class FreeLine:
    """A manager's own line; `unit_price` in the order's currency."""

    name: str
    unit_price: Decimal
    quantity: int


def build_lines(
    lines: Sequence[ProductLine | FreeLine], actor: Actor, start: int = 0, *, kept: UUID | None = None
) -> list[OrderLine]:
    """Lines at the catalogue's prices, from position `start` on; managers' own at theirs.

    One piece of `kept` is held for this buyer already.

    Raises UnknownProduct, ProductNotReady, CurrencyMismatch, InsufficientStock (when already known), InvalidInput,
    Forbidden.
    """
    if not 1 <= len(lines) <= MAX_LINES:
        raise InvalidInput("items", "invalid", _("An order has 1 to %(most)s lines.") % {"most": MAX_LINES})
    copies = _products([line.product_id for line in lines if isinstance(line, ProductLine)])
    _refuse_shortfall(lines, copies, kept)
    built = [_build_line(index, line, copies, actor) for index, line in enumerate(lines)]
    for index, line in enumerate(built):
        line.position = start + index
    return built


def add_policies(built: list[OrderLine], policies: Policies) -> list[ChosenPolicy]:
    """Add the chosen policies, each at its premium; return them."""
    chosen = [ChosenPolicy(*each) for each in policies]
    for name, premium, supplier in chosen:
        built.append(
            OrderLine(
                position=len(built),
                kind=LineKind.POLICY,
                name=name,
                quantity=1,
                unit_price=premium,
                line_total=premium,
                supplier=supplier,
            )
        )
    return chosen


def refuse_other_cars(built: Sequence[OrderLine], insurance: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a policy of a car that is not the order's; a new car has its VIN only later. Raises InvalidInput."""
    if found := strangers(built, insurance):
        vins = sorted({line.vin for line in built if line.vin})
        detail = _("The car of this order has the VIN %(vin)s.") % {"vin": ", ".join(vins)}
        detail = detail if vins else _("This VIN is that of another car.")
        raise InvalidInput(f"insurance.{found[0]}.vehicle_vin", "not_the_orders", detail)


def strangers(
    lines: Sequence[OrderLine], insurance: Sequence[Mapping[str, Any]], *, of_a_car: bool = False
) -> list[int]:
    """Find the policies of cars that the lines do not sell; lines without a car say nothing of any.

    A car that has no VIN yet may have any that is not another car's of the catalogue. With `of_a_car` the policies were
    bought with a car: lines without one leave all of them behind.
    """
    vins = {line.vin for line in lines if line.vin}
    others = [place for place, one in enumerate(insurance) if one.get("vehicle_vin") not in vins]
    if others and has_new_car(lines):
        told = [insurance[place].get("vehicle_vin") for place in others]
        known = set(ProductCopy.objects.filter(vin__in=told).values_list("vin", flat=True))
        return [place for place, vin in zip(others, told, strict=True) if vin in known]
    return others if vins or of_a_car else []


def has_new_car(lines: Sequence[OrderLine]) -> bool:
    """Tell whether the lines sell a car that has no VIN yet."""
    unnamed = [line.product_id for line in lines if line.product_id is not None and not line.vin]
    return bool(unnamed) and ProductCopy.objects.filter(product_id__in=unnamed, kind=VEHICLE).exists()


def _products(ids: list[UUID]) -> dict[UUID, ProductCopy]:
    if not ids:
        return {}
    found = {}
    for *row, cost, said_by, is_campaign_time, taxed_as, taxed_ground in fetch("orders", _COPIES, [ids]):
        copy = ProductCopy.from_db("orders", _COLUMNS, row)
        copy.cost, copy.cost_by, copy.is_campaign_time = cost, said_by, is_campaign_time
        if taxed_as:
            copy.vat_kind, copy.vat_ground = taxed_as, taxed_ground
        found[copy.product_id] = copy
    return found


def _build_line(index: int, wish: ProductLine | FreeLine, copies: dict[UUID, ProductCopy], actor: Actor) -> OrderLine:
    if not 1 <= wish.quantity <= MAX_QUANTITY:
        raise InvalidInput(
            f"items.{index}.quantity",
            "invalid",
            _("A whole number from 1 to %(most)s.") % {"most": MAX_QUANTITY},
        )
    if isinstance(wish, FreeLine):
        return _build_free_line(index, wish, actor)
    product = copies.get(wish.product_id)
    if product is None:
        raise missing(f"items.{index}.product_id", wish.product_id)
    if not product.is_active:
        raise UnknownProduct(f"items.{index}.product_id")
    refuse_other_currency(product)
    line = OrderLine(
        position=index,
        product_id=product.product_id,
        sku=product.sku,
        name=product.name,
        vin=product.vin,
        quantity=wish.quantity,
        unit_price=product.price,
        list_price=product.price,
        line_total=line_total(product.price, wish.quantity),
        vat_kind=product.vat_kind,
        vat_ground=product.vat_ground,
        margin_cost=product.margin_cost,
        cost=product.cost,
        cost_by=product.cost_by,
    )
    line.is_campaign_time = product.is_campaign_time
    if isinstance(wish, OfferedLine) and wish.goods is not None:
        line.is_campaign_time = False
        line.offered_by = wish.manager_id
        price_as_offered(line, wish.goods)
    return line


def refuse_other_currency(product: ProductCopy) -> None:
    """Refuse a price that cannot be added to an order's, which is in the dealership's currency.

    Raises CurrencyMismatch.
    """
    if product.currency != DEFAULT_CURRENCY:
        raise CurrencyMismatch(
            product_id=str(product.product_id), product_currency=product.currency, currency=DEFAULT_CURRENCY
        )


def missing(field: str, product_id: UUID) -> Exception:
    """Return the error for an id that orders does not know.

    A product made moments ago may not have been heard of; an older or foreign id is unknown. The id itself tells its
    age: UUIDv7 begins with the milliseconds of its making.
    """
    age_ms = (uuid7().int >> 80) - (product_id.int >> 80)
    if product_id.version == 7 and 0 <= age_ms < 60_000:
        return ProductNotReady(retry_after=2)
    return UnknownProduct(field)


def _build_free_line(index: int, line: FreeLine, actor: Actor) -> OrderLine:
    if not actor.is_staff:
        raise Forbidden(_("Only managers add lines of their own."))
    if line.unit_price < 0:
        raise InvalidInput(f"items.{index}.unit_price", "invalid", _("A price is never negative."))
    return OrderLine(
        position=index,
        kind=LineKind.FREE,
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        line_total=line_total(line.unit_price, line.quantity),
    )


def _refuse_shortfall(
    lines: Sequence[ProductLine | FreeLine], copies: dict[UUID, ProductCopy], kept: UUID | None
) -> None:
    """Refuse at once what is already known to be short; demand is summed per product first."""
    demand: dict[UUID, int] = {}
    for line in lines:
        if isinstance(line, ProductLine) and line.quantity > 0:
            demand[line.product_id] = demand.get(line.product_id, 0) + line.quantity
    short = [
        {"product_id": str(product_id), "requested": quantity, "available": max(0, copies[product_id].available)}
        for product_id, quantity in demand.items()
        if product_id in copies
        and copies[product_id].kind != "service"
        and quantity > copies[product_id].available + (product_id == kept)
        and quantity <= MAX_QUANTITY
    ]
    if short:
        raise InsufficientStock(shortfalls=short)


def line_facts(lines: Sequence[OrderLine], codes: Mapping[UUID, Sequence[str]] = NO_CODES) -> list[LineFact]:
    """Lines as the events tell them, with the `codes` of those whose pieces are marked."""
    return [
        LineFact(
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            line_total=line.line_total,
            product_id=line.product_id,
            sku=line.sku,
            kind=line.kind if line.kind == LineKind.POLICY else "",
            vat_kind="" if line.taxed_as == VatKind.STANDARD else line.taxed_as.value,
            vat_amount=UNSET if line.vat_amount is None or line.taxed_as != VatKind.MARGIN else line.vat_amount,
            supplier=Supplier(**line.supplier) if line.supplier else UNSET,
            marks=list(codes[line.id]) if line.id in codes else UNSET,
        )
        for line in lines
    ]
