"""Show what other apps copy of the catalogue as it is now, for checking their copies against it."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from catalog.models import Category, Product, ProductKind

CHUNK = 2000


@dataclass(frozen=True)
class ProductState:
    """Part of a product that other apps keep a copy of; `is_active` is whether it can be bought."""

    sku: str
    name: str
    kind: str
    price: Decimal
    currency: str
    available: int
    is_active: bool
    vat_kind: str
    margin_cost: Decimal | None
    vat_ground: str = ""
    marking: str = ""


def product_states() -> Iterator[tuple[UUID, ProductState]]:
    """Every product there ever was, by id, some thousands at a time."""
    reached = UUID(int=0)
    while rows := list(Product.objects.filter(id__gt=reached).order_by("id")[:CHUNK]):
        reached = rows[-1].id
        yield from ((row.id, _state(row)) for row in rows)


def _state(row: Product) -> ProductState:
    is_active = row.is_active and row.deleted_at is None
    tax = (row.vat_kind, row.margin_cost, row.vat_ground, row.marking)
    return ProductState(row.sku, row.name, row.kind, row.price, row.currency, row.available, is_active, *tax)


def product_costs() -> Iterator[tuple[UUID, Decimal]]:
    """Cost of every product that has one, by id, some thousands at a time."""
    reached, known = UUID(int=0), Product.objects.filter(cost__isnull=False).order_by("id")
    while rows := list(known.filter(id__gt=reached).values_list("id", "cost")[:CHUNK]):
        reached = rows[-1][0]
        yield from ((product_id, cost) for product_id, cost in rows if cost is not None)


@dataclass(frozen=True)
class CategoryTax:
    """VAT of products of a category that name no kind of it, by which ground they are exempt, and how marked."""

    taxed_as: str
    taxed_ground: str
    marked_as: str = ""


def category_taxes() -> Iterator[tuple[UUID, CategoryTax]]:
    """Every category whose products are taxed or marked in a way of their own, by id, some thousands at a time."""
    reached, taxed = UUID(int=0), Category.objects.exclude(taxed_as="", marked_as="").order_by("id")
    columns = ("id", "taxed_as", "taxed_ground", "marked_as")
    while rows := list(taxed.filter(id__gt=reached).values_list(*columns)[:CHUNK]):
        reached = rows[-1][0]
        yield from ((category_id, CategoryTax(*told)) for category_id, *told in rows)


@dataclass(frozen=True)
class VehicleState:
    """Part of a car that is copied to insure it: `power_hp` is 0 where nobody knows it."""

    vin: str
    make: str
    year: int | None
    power_hp: int
    price: Decimal
    currency: str
    is_active: bool


def vehicle_states() -> Iterator[tuple[UUID, VehicleState]]:
    """Every car there ever was, by id, some thousands at a time."""
    reached, cars = UUID(int=0), Product.objects.filter(kind=ProductKind.VEHICLE).order_by("id")
    while rows := list(cars.filter(id__gt=reached)[:CHUNK]):
        reached = rows[-1].id
        yield from ((row.id, _vehicle(row)) for row in rows)


def _vehicle(row: Product) -> VehicleState:
    is_active = row.is_active and row.deleted_at is None
    return VehicleState(row.vin, row.make, row.year, row.power_hp or 0, row.price, row.currency, is_active)
