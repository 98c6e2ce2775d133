"""Tables of the catalogue: categories, products, their stock and its history, imports."""

from catalog.models.acquisitions import TO_COMPLETE, Acquisition, Source
from catalog.models.categories import Attribute, AttributeKind, Category
from catalog.models.counts import CountOutcome, CountStatus, StockCount, StockCountLine
from catalog.models.images import ProductImage
from catalog.models.imports import Import, ImportStatus, RowError
from catalog.models.photos import OutsidePhoto, PhotoHost, PhotoState
from catalog.models.prices import PriceChange, ScheduledPrice
from catalog.models.products import Condition, Product, ProductKind, Stage
from catalog.models.revisions import LineOutcome, PriceRevision, PriceRevisionLine, PriceStep, RevisionStatus
from catalog.models.saved import Favourite, SavedSearch
from catalog.models.search import FACETS, PriceBand, ProductSearch
from catalog.models.stock import MovementKind, Reservation, ReservationLine, ReservationStatus, StockMovement

__all__ = [
    "FACETS",
    "TO_COMPLETE",
    "Acquisition",
    "Attribute",
    "AttributeKind",
    "Category",
    "Condition",
    "CountOutcome",
    "CountStatus",
    "Favourite",
    "Import",
    "ImportStatus",
    "LineOutcome",
    "MovementKind",
    "OutsidePhoto",
    "PhotoHost",
    "PhotoState",
    "PriceBand",
    "PriceChange",
    "PriceRevision",
    "PriceRevisionLine",
    "PriceStep",
    "Product",
    "ProductImage",
    "ProductKind",
    "ProductSearch",
    "Reservation",
    "ReservationLine",
    "ReservationStatus",
    "RevisionStatus",
    "RowError",
    "SavedSearch",
    "ScheduledPrice",
    "Source",
    "Stage",
    "StockCount",
    "StockCountLine",
    "StockMovement",
]
