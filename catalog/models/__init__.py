"""Tables of the catalogue: categories, products, their stock and its history, imports."""

from catalog.models.categories import Category
from catalog.models.imports import Import, ImportStatus, RowError
from catalog.models.products import Condition, PriceChange, Product, ProductKind
from catalog.models.search import FACETS, ProductSearch
from catalog.models.stock import MovementKind, Reservation, ReservationLine, ReservationStatus, StockMovement

__all__ = [
    "FACETS",
    "Category",
    "Condition",
    "Import",
    "ImportStatus",
    "MovementKind",
    "PriceChange",
    "Product",
    "ProductKind",
    "ProductSearch",
    "Reservation",
    "ReservationLine",
    "ReservationStatus",
    "RowError",
    "StockMovement",
]
