"""The storefront's pages."""

from storefront.views.access import forgotten, reset_password, sign_in_code, verify_email
from storefront.views.account import sign_in, sign_out, sign_up
from storefront.views.board import board, move
from storefront.views.cart import add_to_cart, cart, change_cart, check_out
from storefront.views.compare import add_to_comparison, compare, take_off_comparison
from storefront.views.credit import calculator, calculator_file
from storefront.views.insurance import add_papers, policy_document, report_claim, wallet
from storefront.views.kept import (
    add_favourite,
    delete_search,
    favourites,
    remove_favourite,
    saved_search,
    saved_searches,
)
from storefront.views.orders import cancel, live_ticket, order, orders, pay
from storefront.views.profile import account, download_export
from storefront.views.provider import come_back_from_provider, leave_for_provider
from storefront.views.shop import buy, catalogue, home, vehicle
from storefront.views.showroom import (
    accept_seat,
    book_drive,
    cancel_drive,
    give_up_seat,
    happening,
    happenings,
    pay_seat,
    register,
    test_drives,
)

__all__ = [
    "accept_seat",
    "account",
    "add_favourite",
    "add_papers",
    "add_to_cart",
    "add_to_comparison",
    "board",
    "book_drive",
    "buy",
    "calculator",
    "calculator_file",
    "cancel",
    "cancel_drive",
    "cart",
    "catalogue",
    "change_cart",
    "check_out",
    "come_back_from_provider",
    "compare",
    "delete_search",
    "download_export",
    "favourites",
    "forgotten",
    "give_up_seat",
    "happening",
    "happenings",
    "home",
    "leave_for_provider",
    "live_ticket",
    "move",
    "order",
    "orders",
    "pay",
    "pay_seat",
    "policy_document",
    "register",
    "remove_favourite",
    "report_claim",
    "reset_password",
    "saved_search",
    "saved_searches",
    "sign_in",
    "sign_in_code",
    "sign_out",
    "sign_up",
    "take_off_comparison",
    "test_drives",
    "vehicle",
    "verify_email",
    "wallet",
]
