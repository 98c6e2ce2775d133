"""Everything the catalogue can be asked to do."""

from catalog.services.categories import create_category, delete_category, update_category
from catalog.services.imports import import_file, open_imports, refused_rows_of, run_import, start_import
from catalog.services.products import create_product, delete_product, update_product
from catalog.services.stock import (
    adjust_stock,
    extend_reservation,
    release_expired_reservations,
    release_stock,
    reserve_stock,
    sell_reservation,
)

__all__ = [
    "adjust_stock",
    "create_category",
    "create_product",
    "delete_category",
    "delete_product",
    "extend_reservation",
    "import_file",
    "open_imports",
    "refused_rows_of",
    "release_expired_reservations",
    "release_stock",
    "reserve_stock",
    "run_import",
    "sell_reservation",
    "start_import",
    "update_category",
    "update_product",
]
