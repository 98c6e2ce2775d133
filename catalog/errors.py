"""Refusals of the catalogue."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, InvalidInput, NotFound


class CategoryCycle(DomainError):
    """A category cannot be moved below itself."""

    code = "category_cycle"
    detail = _("A category cannot be moved below itself.")


class CategoryTooDeep(DomainError):
    """The tree would become deeper than its readers can bear."""

    code = "category_too_deep"
    detail = _("The tree of categories would become too deep.")


class CategoryNotEmpty(DomainError):
    """A category with subcategories or products cannot be deleted."""

    code = "category_not_empty"
    detail = _("The category has subcategories or products.")


class SlugTaken(DomainError):
    """A sibling has the same slug."""

    code = "slug_taken"
    detail = _("Another category beside it has this slug.")


class UnknownCategory(InvalidInput):
    """The named category does not exist."""

    def __init__(self, field: str) -> None:
        super().__init__(field, "unknown_category", _("There is no such category."))


class SkuTaken(DomainError):
    """Another product has this SKU."""

    code = "sku_taken"
    detail = _("Another product has this SKU.")


class ExternalIdTaken(DomainError):
    """Another product has this external id."""

    code = "external_id_taken"
    detail = _("Another product has this external id.")


class VinTaken(DomainError):
    """Another product on sale has this VIN."""

    code = "vin_taken"
    detail = _("Another product on sale has this VIN.")


class OneVehicleOneVin(DomainError):
    """A vehicle with a VIN is one unit with one owner."""

    code = "one_vehicle_one_vin"
    detail = _("A VIN belongs to one vehicle: it is in stock once, and sold to one buyer.")


class ProductReserved(DomainError):
    """A product held for an order cannot be deleted."""

    code = "product_reserved"
    detail = _("The product is reserved for an order.")


class InsufficientStock(DomainError):
    """Less can be taken than was asked for."""

    code = "insufficient_stock"
    detail = _("There is not enough of this product.")


class StockNotTracked(DomainError):
    """A service has no stock."""

    code = "stock_not_tracked"
    detail = _("A service has no stock.")


class ReservationUnknown(DomainError):
    """An order was paid whose stock was never asked for; the event is retried, then parked."""

    code = "reservation_unknown"
    detail = _("This attempt never reserved anything.")


class StockGone(DomainError):
    """A paid order's hold had expired and its goods were sold to someone else: people must decide."""

    code = "stock_gone"
    detail = _("The reservation had expired and the goods are gone.")


class UnknownProduct(NotFound):
    """The product does not exist, or is not for the caller to see."""


class WrongStage(DomainError):
    """A vehicle cannot go from its stage to that one; `allowed` names those it can."""

    code = "wrong_stage"
    detail = _("The vehicle cannot go from its stage to that one.")


class VehicleOut(DomainError):
    """The vehicle is away on a test drive."""

    code = "vehicle_out"
    detail = _("The vehicle is away on a test drive.")


class InvalidImage(InvalidInput):
    """A file that is not an image we can show safely."""

    def __init__(self, detail: str) -> None:
        super().__init__("file", "invalid_image", detail)


class TooManyImages(DomainError):
    """A product has as many images as it may."""

    code = "too_many_images"
    detail = _("The product has as many images as it may have.")


class InvalidAttributes(InvalidInput):
    """An attribute is not what the product's category says it is."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__("attributes", "invalid_attribute", f"{key}: {detail}")


class TooMuchSaved(DomainError):
    """Nobody may save more searches or favourites than this."""

    code = "too_much_saved"
    detail = _("Delete some before you save more.")


class AttributeKeyTaken(DomainError):
    """The category, one above it or one below it has an attribute with this key."""

    code = "attribute_key_taken"
    detail = _("The category, one above or one below it has an attribute with this key.")


class TooManyProducts(DomainError):
    """More products than can be worked on at once; `most` is how many can."""

    code = "too_many_products"
    detail = _("These are too many products at once: choose fewer.")


class NothingToChange(DomainError):
    """A change of prices that would change none."""

    code = "nothing_to_change"
    detail = _("No price would change: nothing was found, or every price stays as it is.")


class RevisionClosed(DomainError):
    """A change of prices that was applied or discarded already."""

    code = "revision_closed"
    detail = _("This change of prices was applied or discarded already.")


class NothingToCount(DomainError):
    """A stock-taking of a place where the books have nothing."""

    code = "nothing_to_count"
    detail = _("The books have nothing there.")


class CountOpen(DomainError):
    """Another stock-taking of the same place is under way."""

    code = "count_open"
    detail = _("This place is being counted already: settle or give up that sheet first.")


class CountClosed(DomainError):
    """A stock-taking that was settled or given up already."""

    code = "count_closed"
    detail = _("This stock-taking was settled or given up already.")


class UnitSold(DomainError):
    """A vehicle that was sold cannot be counted in."""

    code = "unit_sold"
    detail = _("This vehicle was sold: it belongs to its buyer, and is not counted in.")
