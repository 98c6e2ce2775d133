"""Everything the catalogue can be asked to do."""

from catalog.services.acquisitions import give_back_vehicle, publish_vehicle, take_in_vehicle
from catalog.services.arrivals import match_saved_searches
from catalog.services.attributes import create_attribute, delete_attribute, update_attribute
from catalog.services.categories import create_category, delete_category, update_category
from catalog.services.counts import add_found, cancel_count, confirm_count, record_counts, settle_agreed, start_count
from catalog.services.facets import fold_facets
from catalog.services.fetching import (
    FETCH_PHOTOS,
    Wanted,
    claim_photos,
    fetch_again,
    is_photo_due,
    postpone_photo,
    refuse_photo,
    store_photo,
)
from catalog.services.images import add_image, delete_image, describe_images, order_images
from catalog.services.import_runs import repeat_import, run_import, start_import
from catalog.services.imports import import_file
from catalog.services.pictures import RENDER_PICTURES
from catalog.services.prices import apply_scheduled_prices, cancel_scheduled_price, later_price_agreed, schedule_price
from catalog.services.products import create_product, delete_product, price_agreed, update_product
from catalog.services.renditions import (
    claim_rendering,
    is_rendering_due,
    make_renditions,
    queue_renditions,
    store_renditions,
)
from catalog.services.revisions import apply_prices, discard_prices, preview_prices, revision_agreed
from catalog.services.saved import (
    add_favourite,
    delete_search,
    look_at_search,
    remove_favourite,
    save_search,
)
from catalog.services.stock import (
    adjust_stock,
    count_out_agreed,
    extend_reservation,
    release_expired_reservations,
    release_stock,
    reserve_stock,
    sell_reservation,
    take_back_part,
)
from catalog.services.units import bring_back, change_stage, hand_over, take_out

__all__ = [
    "FETCH_PHOTOS",
    "RENDER_PICTURES",
    "Wanted",
    "add_favourite",
    "add_found",
    "add_image",
    "adjust_stock",
    "apply_prices",
    "apply_scheduled_prices",
    "bring_back",
    "cancel_count",
    "cancel_scheduled_price",
    "change_stage",
    "claim_photos",
    "claim_rendering",
    "confirm_count",
    "count_out_agreed",
    "create_attribute",
    "create_category",
    "create_product",
    "delete_attribute",
    "delete_category",
    "delete_image",
    "delete_product",
    "delete_search",
    "describe_images",
    "discard_prices",
    "extend_reservation",
    "fetch_again",
    "fold_facets",
    "give_back_vehicle",
    "hand_over",
    "import_file",
    "is_photo_due",
    "is_rendering_due",
    "later_price_agreed",
    "look_at_search",
    "make_renditions",
    "match_saved_searches",
    "order_images",
    "postpone_photo",
    "preview_prices",
    "price_agreed",
    "publish_vehicle",
    "queue_renditions",
    "record_counts",
    "refuse_photo",
    "release_expired_reservations",
    "release_stock",
    "remove_favourite",
    "repeat_import",
    "reserve_stock",
    "revision_agreed",
    "run_import",
    "save_search",
    "schedule_price",
    "sell_reservation",
    "settle_agreed",
    "start_count",
    "start_import",
    "store_photo",
    "store_renditions",
    "take_back_part",
    "take_in_vehicle",
    "take_out",
    "update_attribute",
    "update_category",
    "update_product",
]
