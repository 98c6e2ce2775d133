"""Read products as the API shows them, one or a page, without making models of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.core.exceptions import EmptyResultSet
from django.db import connections

from catalog.models.products import ProductQuerySet, count_available, name_state
from core.db import fetch

SHOWN = (
    "id", "sku", "external_id", "name", "kind", "price", "currency", "stock", "available", "category_id",
    "make", "model", "trim", "year", "vin", "mileage", "condition", "body", "fuel", "transmission", "drive",
    "color", "engine_volume", "power_hp", "description", "image_url", "attributes", "is_active",
    "low_stock_threshold", "location", "state", "is_test_drive_car", "created_at", "updated_at", "version",
)  # fmt: skip
"""Members of a product, in the order in which the API shows them."""
_READ_AS = {"stock": "on_hand", "available": "reserved", "state": "stage", "attributes": "attributes::text"}
_COLUMNS = ", ".join(f"p.{_READ_AS.get(name, name)}" for name in SHOWN)
_KIND, _STOCK, _AVAILABLE, _STATE, _ATTRIBUTES = (
    SHOWN.index(name) for name in ("kind", "stock", "available", "state", "attributes")
)
_ONE = f"SELECT {_COLUMNS} FROM catalog_product p WHERE p.id = %s AND p.deleted_at IS NULL"
_PAGE = f"""SELECT {_COLUMNS}, page.* FROM (SELECT found.*, row_number() OVER () AS place FROM (FOUND) AS found) AS page
JOIN catalog_product p ON p.id = page.id ORDER BY page.place"""


class ShownProduct(dict[str, Any]):
    """A product as the API shows it; asked for what it does not show, it tells what it was ordered by."""

    places: Mapping[str, Any] = {}

    def __missing__(self, name: str) -> Any:
        return self.places[name]


def read_product(product_id: UUID, *, is_staff: bool) -> ShownProduct | None:
    """Return a product if the caller may see it: staff sees those that are not on sale too."""
    rows = fetch("catalog", _ONE if is_staff else f"{_ONE} AND p.is_active", [product_id])
    return _show(rows[0]) if rows else None


@dataclass(frozen=True)
class ProductRows:
    """Products that a query set finds, as what a paginator takes for one; a page is one statement."""

    found: ProductQuerySet

    def order_by(self, *names: str) -> "ProductRows":
        """Return the rows in this order."""
        return ProductRows(self.found.order_by(*names))

    def filter(self, **position: Any) -> "ProductRows":
        """Return the rows on one side of a place."""
        return ProductRows(self.found.filter(**position))

    def __getitem__(self, part: slice) -> list[ShownProduct]:
        ordered_by = [name for name in ("year_or_0", "distance") if name in self.found.query.annotations]
        try:
            sql, values = self.found[part].values_list("id", *ordered_by).query.get_compiler("catalog").as_sql()
        except EmptyResultSet:
            return []
        with connections["catalog"].cursor() as cursor:
            cursor.execute(_PAGE.replace("FOUND", sql), values)
            rows = cursor.fetchall()
        pages = [_show(row[: len(SHOWN)]) for row in rows]
        for product, row in zip(pages, rows, strict=True):
            product.places = dict(zip(ordered_by, row[len(SHOWN) + 1 :], strict=False))
        return pages


def _show(row: tuple[Any, ...]) -> ShownProduct:
    fields = list(row)
    kind, on_hand, reserved, stage = (fields[place] for place in (_KIND, _STOCK, _AVAILABLE, _STATE))
    fields[_AVAILABLE] = count_available(kind, on_hand, reserved, stage)
    fields[_STATE] = name_state(kind, on_hand, reserved, stage)
    fields[_ATTRIBUTES] = msgspec.Raw(fields[_ATTRIBUTES])
    return ShownProduct(zip(SHOWN, fields, strict=True))
