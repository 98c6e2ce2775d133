"""Check what orders copies of the catalogue, and what payments and insurance copy of orders, against their sources."""

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from uuid import UUID

from catalog.public import CategoryTax, ProductState, category_taxes, product_costs, product_states
from insurance.public import known_orders as insured_orders
from messaging.upkeep.copies import declare_check
from orders.models import CategoryTaxCopy, ProductCopy, ProductCost
from orders.public import OrderedGoods, OrderState, order_states, ordered_goods
from payments.public import known_orders

CHUNK = 2000
_COLUMNS = (
    "product_id",
    "sku",
    "name",
    "kind",
    "price",
    "currency",
    "available",
    "is_active",
    "vat_kind",
    "margin_cost",
    "vat_ground",
    "marking",
)


def copied_products() -> Iterator[tuple[UUID, ProductState]]:
    """Every product that orders has heard of, by id, some thousands at a time."""
    reached = UUID(int=0)
    copies = ProductCopy.objects.order_by("product_id").values_list(*_COLUMNS)
    while rows := list(copies.filter(product_id__gt=reached)[:CHUNK]):
        reached = rows[-1][0]
        yield from ((row[0], ProductState(*row[1:])) for row in rows)


def copied_costs() -> Iterator[tuple[UUID, Decimal]]:
    """Every cost that orders has heard of, by id, some thousands at a time."""
    reached, known = UUID(int=0), ProductCost.objects.filter(cost__isnull=False).order_by("product_id")
    while rows := list(known.filter(product_id__gt=reached).values_list("product_id", "cost")[:CHUNK]):
        reached = rows[-1][0]
        yield from ((product_id, cost) for product_id, cost in rows if cost is not None)


def copied_category_taxes() -> Iterator[tuple[UUID, CategoryTax]]:
    """Every category that orders has heard is taxed or marked in a way of its own, by id, some thousands at a time."""
    reached, taxed = UUID(int=0), CategoryTaxCopy.objects.exclude(taxed_as="", marked_as="").order_by("category_id")
    columns = ("category_id", "taxed_as", "taxed_ground", "marked_as")
    while rows := list(taxed.filter(category_id__gt=reached).values_list(*columns)[:CHUNK]):
        reached = rows[-1][0]
        yield from ((category_id, CategoryTax(*told)) for category_id, *told in rows)


def orders_of_payments() -> Iterator[tuple[UUID, OrderState]]:
    """Read every order that payments has heard of, by id."""
    return ((order_id, OrderState(**asdict(known))) for order_id, known in known_orders())


def orders_of_insurance() -> Iterator[tuple[UUID, OrderedGoods]]:
    """Read every order that insurance has heard of, by id; what it does not know of its goods is nothing."""
    return ((order_id, OrderedGoods(known.customer_id, known.products)) for order_id, known in insured_orders())


declare_check("insurance.OrderCopy", source=ordered_goods, copy=orders_of_insurance, handlers=[], command="fill_orders")
declare_check("payments.OrderCopy", source=order_states, copy=orders_of_payments, handlers=["payments.copy_orders"])
declare_check(
    "orders.CategoryTaxCopy",
    source=category_taxes,
    copy=copied_category_taxes,
    handlers=["orders.copy_category_taxes"],
)
declare_check("orders.ProductCost", source=product_costs, copy=copied_costs, handlers=["orders.copy_costs"])
declare_check(
    "orders.ProductCopy",
    source=product_states,
    copy=copied_products,
    handlers=["orders.copy_products", "orders.copy_stock_levels"],
)
