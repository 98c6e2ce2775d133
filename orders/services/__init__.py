"""Everything orders can do."""

from orders.services.changing import delete_order, edit_comment, move_order
from orders.services.checkout import react
from orders.services.copies import copy_products, copy_stock_levels
from orders.services.history import Actor
from orders.services.news import note_news
from orders.services.placing import FreeLine, ProductLine, place_order
from orders.services.steering import (
    CheckoutView,
    attend_checkouts,
    steer_checkout,
    view_checkout,
)

__all__ = [
    "Actor",
    "CheckoutView",
    "FreeLine",
    "ProductLine",
    "attend_checkouts",
    "copy_products",
    "copy_stock_levels",
    "delete_order",
    "edit_comment",
    "move_order",
    "note_news",
    "place_order",
    "react",
    "steer_checkout",
    "view_checkout",
]
