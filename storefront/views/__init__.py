"""The storefront's pages."""

from storefront.views.account import sign_in, sign_out, sign_up
from storefront.views.board import board, move
from storefront.views.credit import calculator, calculator_file
from storefront.views.orders import cancel, live_ticket, order, orders, pay
from storefront.views.shop import buy, catalogue, home, vehicle

__all__ = [
    "board",
    "buy",
    "calculator",
    "calculator_file",
    "cancel",
    "catalogue",
    "home",
    "live_ticket",
    "move",
    "order",
    "orders",
    "pay",
    "sign_in",
    "sign_out",
    "sign_up",
    "vehicle",
]
