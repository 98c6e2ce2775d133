"""Everything orders can do."""

from orders.services.changing import delete_order, edit_comment, move_order
from orders.services.checkout import react
from orders.services.copies import copy_products, copy_stock_levels
from orders.services.counting import fold_stats
from orders.services.editing import LineChange, Preview, change_lines, preview_lines
from orders.services.history import Actor
from orders.services.lines import FreeLine, ProductLine
from orders.services.news import note_news
from orders.services.placing import place_order
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
    "LineChange",
    "Preview",
    "ProductLine",
    "attend_checkouts",
    "change_lines",
    "copy_products",
    "copy_stock_levels",
    "delete_order",
    "edit_comment",
    "fold_stats",
    "move_order",
    "note_news",
    "place_order",
    "preview_lines",
    "react",
    "steer_checkout",
    "view_checkout",
]
