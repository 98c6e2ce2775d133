"""Tables of the catalogue: categories, products, their stock and its history, imports."""

from catalog.models.categories import Attribute, AttributeKind, Category
from catalog.models.images import ProductImage
from catalog.models.imports import Import, ImportStatus, RowError
from catalog.models.products import Condition, PriceChange, Product, ProductKind, ScheduledPrice, Stage
from catalog.models.saved import Favourite, SavedSearch
from catalog.models.search import FACETS, ProductSearch
from catalog.models.stock import MovementKind, Reservation, ReservationLine, ReservationStatus, StockMovement

__all__ = [
    "FACETS",
    "Attribute",
    "AttributeKind",
    "Category",
    "Condition",
    "Favourite",
    "Import",
    "ImportStatus",
    "MovementKind",
    "PriceChange",
    "Product",
    "ProductImage",
    "ProductKind",
    "ProductSearch",
    "Reservation",
    "ReservationLine",
    "ReservationStatus",
    "RowError",
    "SavedSearch",
    "ScheduledPrice",
    "Stage",
    "StockMovement",
]
