"""Small read-only copies of what other apps know, kept by their events; older news never overwrites newer.

The newest news heard again does: so a replay repairs a copy, and never shows what was true before.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connections

from catalog.events import (
    CategoryChanged,
    ProductCostChanged,
    ProductCreated,
    ProductDeleted,
    ProductUpdated,
    StockLevel,
)
from core.db import transaction

_UPSERT = """
INSERT INTO orders_productcopy AS c
    (product_id, sku, name, kind, price, currency, available, stock_version, version, is_active, vin, make,
     category_id, vat_kind, margin_cost, vat_ground, marking)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::numeric[], %s::text[], %s::int[],
                     %s::bigint[], %s::bigint[], %s::bool[], %s::text[], %s::text[], %s::uuid[], %s::text[],
                     %s::numeric[], %s::text[], %s::text[])
ON CONFLICT (product_id) DO UPDATE SET
    sku = excluded.sku, name = excluded.name, kind = excluded.kind, price = excluded.price,
    currency = excluded.currency, version = excluded.version, is_active = excluded.is_active,
    vin = excluded.vin, make = excluded.make, category_id = excluded.category_id,
    vat_kind = CASE WHEN c.product_id = ANY(%s) THEN excluded.vat_kind ELSE c.vat_kind END,
    margin_cost = CASE WHEN c.product_id = ANY(%s) THEN excluded.margin_cost ELSE c.margin_cost END,
    vat_ground = CASE WHEN c.product_id = ANY(%s) THEN excluded.vat_ground ELSE c.vat_ground END,
    marking = CASE WHEN c.product_id = ANY(%s) THEN excluded.marking ELSE c.marking END,
    available = CASE WHEN excluded.stock_version >= c.stock_version THEN excluded.available ELSE c.available END,
    stock_version = greatest(excluded.stock_version, c.stock_version)
WHERE excluded.version >= c.version
"""


def copy_products(*, events: Sequence[ProductCreated | ProductUpdated | ProductDeleted]) -> None:
    """Copy the newest state of each product named in the events."""
    changed = {item.product_id: item for item in events if not isinstance(item, ProductDeleted)}
    deleted = [item.product_id for item in events if isinstance(item, ProductDeleted)]
    rows = sorted(changed.values(), key=lambda item: item.product_id)
    told = [item.product_id for item in rows if item.vat_kind is not None]
    columns: list[Any] = [
        [item.product_id for item in rows],
        [item.sku for item in rows],
        [item.name for item in rows],
        [item.kind for item in rows],
        [item.price for item in rows],
        [item.currency for item in rows],
        [item.available for item in rows],
        [item.stock_version for item in rows],
        [item.version_number for item in rows],
        [item.is_active for item in rows],
        [item.vin for item in rows],
        [item.make for item in rows],
        [item.category_id for item in rows],
        [item.vat_kind or "" for item in rows],
        [item.margin_cost for item in rows],
        [item.vat_ground or "" for item in rows],
        [item.marking or "" for item in rows],
        told,
        told,
        [item.product_id for item in rows if item.vat_ground is not None],
        [item.product_id for item in rows if item.marking is not None],
    ]
    with transaction("orders"), connections["orders"].cursor() as cursor:
        if rows:
            cursor.execute(_UPSERT, columns)
        if deleted:
            cursor.execute("UPDATE orders_productcopy SET is_active = false WHERE product_id = ANY(%s)", [deleted])


def copy_category_taxes(*, events: Sequence[CategoryChanged]) -> None:
    """Copy how each category's products are taxed and marked by the newest news; older releases say nothing of it."""
    told = sorted((item for item in events if item.taxed_as is not None), key=lambda item: item.version_number)
    newest = {item.category_id: item for item in told}
    rows = [newest[category_id] for category_id in sorted(newest)]
    with transaction("orders"), connections["orders"].cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_categorytaxcopy AS c (category_id, taxed_as, taxed_ground, version, marked_as)
               SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::text[])
               ON CONFLICT (category_id) DO UPDATE SET taxed_as = excluded.taxed_as,
                   taxed_ground = excluded.taxed_ground, version = excluded.version,
                   marked_as = CASE WHEN c.category_id = ANY(%s) THEN excluded.marked_as ELSE c.marked_as END
               WHERE excluded.version >= c.version""",
            [
                [r.category_id for r in rows],
                ["" if r.is_deleted else r.taxed_as for r in rows],
                ["" if r.is_deleted else r.taxed_ground for r in rows],
                [r.version_number for r in rows],
                ["" if r.is_deleted else r.marked_as or "" for r in rows],
                [r.category_id for r in rows if r.is_deleted or r.marked_as is not None],
            ],
        )


def copy_costs(*, events: Sequence[ProductCostChanged]) -> None:
    """Copy what each product cost by the newest news."""
    newest = {item.product_id: item for item in sorted(events, key=lambda item: item.version_number)}
    rows = [newest[product_id] for product_id in sorted(newest)]
    with transaction("orders"), connections["orders"].cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_productcost AS c (product_id, cost, version, said_by)
               SELECT * FROM unnest(%s::uuid[], %s::numeric[], %s::bigint[], %s::uuid[])
               ON CONFLICT (product_id) DO UPDATE
               SET cost = excluded.cost, version = excluded.version, said_by = excluded.said_by
               WHERE excluded.version >= c.version""",
            [
                [r.product_id for r in rows],
                [r.cost for r in rows],
                [r.version_number for r in rows],
                [r.said_by for r in rows],
            ],
        )


def copy_stock_levels(*, levels: Sequence[StockLevel]) -> None:
    """Copy how much of each product can be had."""
    rows = sorted(levels, key=lambda item: item.product_id)
    if not rows:
        return
    with transaction("orders"), connections["orders"].cursor() as cursor:
        cursor.execute(
            """UPDATE orders_productcopy AS c SET available = t.available, stock_version = t.version
               FROM unnest(%s::uuid[], %s::int[], %s::bigint[]) AS t(product_id, available, version)
               WHERE c.product_id = t.product_id AND t.version >= c.stock_version""",
            [[r.product_id for r in rows], [r.available for r in rows], [r.version for r in rows]],
        )
