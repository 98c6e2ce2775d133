"""Answer what other apps may ask the catalogue, in dataclasses and never in rows."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections
from django.db.models import Q
from django.utils.translation import gettext as _

from catalog.models import Acquisition, Category, PriceBand, Product, ProductSearch, Reservation, ReservationStatus
from catalog.models.categories import subtree_ids
from catalog.models.facets import Facet, FacetValue, count_facets
from catalog.public.copies import (
    CategoryTax,
    ProductState,
    VehicleState,
    category_taxes,
    product_costs,
    product_states,
    vehicle_states,
)
from catalog.public.disagreements import stock_disagreements, tree_disagreements
from catalog.public.on_sale import OnSale, find_on_sale
from core.errors import InvalidInput
from messaging.peering.reads import answers

__all__ = [
    "MOST_COMPARED",
    "CategoryNode",
    "CategoryTax",
    "ComparedRow",
    "Comparison",
    "Facet",
    "FacetValue",
    "OnSale",
    "PriceBand",
    "ProductPage",
    "ProductSearch",
    "ProductState",
    "ProductView",
    "VehicleState",
    "category_branch",
    "category_taxes",
    "category_tree",
    "compare_products",
    "facets",
    "find_on_sale",
    "get_product",
    "get_products",
    "latest",
    "open_reservations",
    "prices_between",
    "product_costs",
    "product_grounds",
    "product_states",
    "require_product",
    "search_products",
    "stock_disagreements",
    "tree_disagreements",
    "vehicle_states",
]

ORDERINGS = {
    "newest": ("id", False),
    "price": ("price", True),
    "-price": ("price", False),
    "year": ("year_or_0", True),
    "-year": ("year_or_0", False),
    "mileage": ("mileage", True),
    "relevance": ("distance", True),
}
CHUNK = 2000


@dataclass(frozen=True)
class ProductView:
    """A product as shown: price in `currency`, mileage in km, engine in litres; `available` can be bought now."""

    id: UUID
    sku: str
    external_id: str
    name: str
    kind: str
    price: Decimal
    currency: str
    stock: int
    available: int
    category_id: UUID | None
    make: str
    model: str
    year: int | None
    vin: str
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
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class ProductPage:
    """A page of a list; `next` is the `after` of the following one, empty on the last."""

    items: list[ProductView]
    next: str


@dataclass(frozen=True)
class ComparedRow:
    """One field of the compared products, in their order; an attribute is named `attributes.<key>`."""

    name: str
    values: list[Any]
    differs: bool


@dataclass(frozen=True)
class Comparison:
    """Products side by side; fields that none of them has are left out."""

    products: list[ProductView]
    rows: list[ComparedRow]


class CategoryNode(msgspec.Struct, frozen=True):
    """A category with those below it; `path` joins the slugs from the root. Ten thousand are made in some ms."""

    id: UUID
    name: str
    slug: str
    path: str
    level: int
    parent_id: UUID | None
    children: list["CategoryNode"] = msgspec.field(default_factory=list)


def get_product(product_id: UUID) -> ProductView | None:
    """A product on sale; None when there is none."""
    product = Product.objects.on_sale().filter(pk=product_id).first()
    return _view(product) if product else None


@answers("financing", "orders")
def get_products(ids: list[UUID]) -> dict[UUID, ProductView]:
    """Products by id, on sale or not; those that were deleted are left out."""
    return {item.pk: _view(item) for item in Product.objects.present().filter(pk__in=ids)}


@answers("orders")
def product_grounds(ids: list[UUID]) -> dict[UUID, tuple[str, UUID | None]]:
    """Make and category of products by id, whatever became of them: by these campaigns choose."""
    rows = Product.objects.filter(pk__in=ids).values_list("pk", "make", "category_id")
    return {pk: (make, category_id) for pk, make, category_id in rows}


@answers("orders")
def category_branch(category_id: UUID) -> list[UUID]:
    """Ids of a category and all below it; none where there is no such category."""
    return subtree_ids(category_id) if Category.objects.filter(pk=category_id).exists() else []


@answers("resources")
def require_product(product_id: UUID, field: str) -> None:
    """Refuse a product that is not in the catalogue. Raises InvalidInput, which names `field`."""
    if not Product.objects.present().filter(pk=product_id).exists():
        raise InvalidInput(field, "unknown_product", _("There is no such product."))


COMPARED = (
    "price", "currency", "available", "make", "model", "year", "mileage", "condition", "body", "fuel", "engine_volume",
    "power_hp", "transmission", "drive", "color",
)  # fmt: skip

MOST_COMPARED = 4
MOST_PRICES = 5000
"""Products that fit side by side."""


def compare_products(ids: list[UUID]) -> Comparison | None:
    """Products on sale field by field, in the order asked for; None when one of them is not on sale."""
    found = {item.pk: _view(item) for item in Product.objects.on_sale().filter(pk__in=ids)}
    if found.keys() != set(ids):
        return None
    products = [found[pk] for pk in ids]
    table = {name: [getattr(product, name) for product in products] for name in COMPARED}
    for key in sorted({key for product in products for key in product.attributes}):
        table[f"attributes.{key}"] = [product.attributes.get(key) for product in products]
    filled = ((name, values) for name, values in table.items() if any(value not in (None, "") for value in values))
    return Comparison(
        products, [ComparedRow(name, values, any(value != values[0] for value in values)) for name, values in filled]
    )


def latest(limit: int = 12, *, kind: str = "vehicle") -> list[ProductView]:
    """The newest products that can be bought now."""
    return [_view(item) for item in Product.objects.on_sale().in_stock().filter(kind=kind).order_by("-id")[:limit]]


def search_products(search: ProductSearch, *, ordering: str = "", after: str = "", limit: int = 20) -> ProductPage:
    """A page of the products on sale that match, as deep as one likes at the cost of the first.

    `ordering` is one of ORDERINGS (default: relevance with free text, else newest; an unknown one is the default),
    `after` the `next` of the page before. A page mark that is none starts at the first page.
    """
    column, ascending = _order(search, ordering)
    found = search.apply(Product.objects.on_sale(), is_ranked=column == "distance")
    if column == "mileage":
        found = found.filter(mileage__isnull=False)
    mark = _read_mark(after, column)
    if mark:
        found = found.filter(_beyond(column, ascending, *mark))
    sign = "" if ascending else "-"
    rows = list(found.order_by(*([f"{sign}id"] if column == "id" else [f"{sign}{column}", f"{sign}id"]))[: limit + 1])
    has_more = len(rows) > limit
    return ProductPage([_view(row) for row in rows[:limit]], _mark(rows[limit - 1], column) if has_more else "")


def prices_between(ranges: Sequence[tuple[Decimal, Decimal]], *, currency: str) -> list[Decimal]:
    """Return the different prices of cars on sale within some narrow ranges, both ends included."""
    within = reduce(or_, [Q(price__gte=low, price__lte=high) for low, high in ranges])
    cars = Product.objects.on_sale().filter(within, kind="vehicle", currency=currency)
    return list(cars.order_by("price").values_list("price", flat=True).distinct()[:MOST_PRICES])


def facets(search: ProductSearch) -> list[Facet]:
    """Count by each of the groups FACETS, each group without its own filter."""
    return count_facets(search)


def category_tree() -> list[CategoryNode]:
    """All categories as trees, by name."""
    rows = Category.objects.order_by("name", "id").values_list("id", "name", "slug", "path", "level", "parent_id")
    nodes = [CategoryNode(*row) for row in rows]
    by_id = {node.id.int: node for node in nodes}  # a whole number is hashed much sooner than a UUID
    for node in nodes:
        if node.parent_id is not None:
            by_id[node.parent_id.int].children.append(node)
    return [node for node in nodes if node.parent_id is None]


def open_reservations() -> Iterator[tuple[UUID, UUID, str]]:
    """(order, attempt, status) of everything held or sold, some thousands at a time."""
    reached = UUID(int=0)
    open_rows = Reservation.objects.exclude(status=ReservationStatus.RELEASED).order_by("id")
    while rows := list(open_rows.filter(id__gt=reached).values_list("id", "order_id", "attempt_id", "status")[:CHUNK]):
        reached = rows[-1][0]
        yield from (row[1:] for row in rows)


def vehicles_taken_in() -> dict[UUID, tuple[Decimal, bool]]:
    """Read every car that an order brought in exchange: its cost, and whether it went back to its owner."""
    rows = Acquisition.objects.values_list("order_id", "cost", "ended_at")
    return {order_id: (cost, ended_at is not None) for order_id, cost, ended_at in rows}


_SOLD = """
SELECT p.id FROM catalog_product AS p WHERE p.id = ANY(%s) AND p.on_hand = 0 AND p.kind = 'vehicle' AND EXISTS (
    SELECT 1 FROM catalog_reservationline AS l JOIN catalog_reservation AS r ON r.id = l.reservation_id
    WHERE l.product_id = p.id AND r.status = 'sold')
"""


def sold_vehicles(ids: Iterable[UUID]) -> set[UUID]:
    """Return those of these vehicles that have their buyer, the last piece of them sold."""
    with connections["catalog"].cursor() as cursor:
        cursor.execute(_SOLD, [list(ids)])
        return {row[0] for row in cursor.fetchall()}


# Pages ----------------------------------------------------------------------------------------------------------------
def _view(product: Product) -> ProductView:
    own = {name: getattr(product, name) for name in ProductView.__dataclass_fields__ if name != "stock"}
    return ProductView(stock=product.on_hand, **own)


def _order(search: ProductSearch, ordering: str) -> tuple[str, bool]:
    default = "relevance" if search.q.strip() else "newest"
    if ordering not in ORDERINGS or (ordering == "relevance" and not search.q.strip()):
        ordering = default
    return ORDERINGS[ordering]


def _beyond(column: str, ascending: bool, value: Any, product_id: UUID) -> Q:
    way = "gt" if ascending else "lt"
    later_id = Q(**{f"id__{way}": product_id})
    if column == "id":
        return later_id
    return Q(**{f"{column}__{way}": value}) | Q(**{column: value}) & later_id


def _mark(product: Product, column: str) -> str:
    value = getattr(product, column)
    return base64.urlsafe_b64encode(msgspec.json.encode([column, str(value), product.id])).decode()


def _read_mark(mark: str, column: str) -> tuple[Any, UUID] | None:
    try:
        known, value, product_id = msgspec.json.decode(
            base64.urlsafe_b64decode(mark.encode()), type=tuple[str, str, UUID]
        )
        number = Decimal(0) if column == "id" else Decimal(value)
    except (ValueError, InvalidOperation, msgspec.DecodeError):
        return None
    return (number, product_id) if known == column and number.is_finite() else None
