"""The storefront's pages."""

from storefront.views.access import forgotten, reset_password, sign_in_code, step_up, undo_email, verify_email
from storefront.views.account import sign_in, sign_out, sign_up
from storefront.views.approvals import approvals, decide_approval
from storefront.views.board import board, confirm_money, decide_return, move, state_fault, steer
from storefront.views.borrowing import accept_offer, application, apply, borrowing, withdraw_application
from storefront.views.cart import add_to_cart, cart, change_cart, check_out
from storefront.views.compare import add_to_comparison, compare, take_off_comparison
from storefront.views.contacts import ask, contacts, personal_data
from storefront.views.crawlers import robots, sitemap, sitemap_cars, sitemap_pages
from storefront.views.credit import calculator, calculator_file
from storefront.views.deals import buy_deal, deal, deal_calculator
from storefront.views.documents import order_document, order_documents
from storefront.views.handovers import book_handover, cancel_handover, handover, handover_file
from storefront.views.installing import badges, manifest, offline, service_worker
from storefront.views.insurance import add_papers, policy_document, report_claim, wallet
from storefront.views.insuring import drop_policy, insurance_quote, quote_wizard, take_quote
from storefront.views.kept import (
    add_favourite,
    delete_search,
    favourites,
    remove_favourite,
    saved_search,
    saved_searches,
)
from storefront.views.loan_papers import loan_paper, loan_papers
from storefront.views.loans import loan, loan_file, pay_loan, repay_early
from storefront.views.messages import order_messages, read_messages, send_message, settle_messages
from storefront.views.news import news, news_preferences, read_all_news, read_news, unsubscribe
from storefront.views.offers import decline_sent_offer, offer, offer_paper, offers, order_offer
from storefront.views.orders import cancel, give_back, live_ticket, order, orders, pay
from storefront.views.papers import change_order, order_again, order_paper
from storefront.views.passports import buyer_passport
from storefront.views.policies import cancel_policy, change_policy, pay_instalment, policy, renew_policy, withdraw_claim
from storefront.views.profile import account, download_export
from storefront.views.provider import come_back_from_provider, leave_for_provider
from storefront.views.queues import join_queue, leave_queue, skip_queued
from storefront.views.returning import paid
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
    "accept_offer",
    "accept_seat",
    "account",
    "add_favourite",
    "add_papers",
    "add_to_cart",
    "add_to_comparison",
    "application",
    "apply",
    "approvals",
    "ask",
    "badges",
    "board",
    "book_drive",
    "book_handover",
    "borrowing",
    "buy",
    "buy_deal",
    "buyer_passport",
    "calculator",
    "calculator_file",
    "cancel",
    "cancel_drive",
    "cancel_handover",
    "cancel_policy",
    "cart",
    "catalogue",
    "change_cart",
    "change_order",
    "change_policy",
    "check_out",
    "come_back_from_provider",
    "compare",
    "confirm_money",
    "contacts",
    "deal",
    "deal_calculator",
    "decide_approval",
    "decide_return",
    "decline_sent_offer",
    "delete_search",
    "download_export",
    "drop_policy",
    "favourites",
    "forgotten",
    "give_back",
    "give_up_seat",
    "handover",
    "handover_file",
    "happening",
    "happenings",
    "home",
    "insurance_quote",
    "join_queue",
    "leave_for_provider",
    "leave_queue",
    "live_ticket",
    "loan",
    "loan_file",
    "loan_paper",
    "loan_papers",
    "manifest",
    "move",
    "news",
    "news_preferences",
    "offer",
    "offer_paper",
    "offers",
    "offline",
    "order",
    "order_again",
    "order_document",
    "order_documents",
    "order_messages",
    "order_offer",
    "order_paper",
    "orders",
    "paid",
    "pay",
    "pay_instalment",
    "pay_loan",
    "pay_seat",
    "personal_data",
    "policy",
    "policy_document",
    "quote_wizard",
    "read_all_news",
    "read_messages",
    "read_news",
    "register",
    "remove_favourite",
    "renew_policy",
    "repay_early",
    "report_claim",
    "reset_password",
    "robots",
    "saved_search",
    "saved_searches",
    "send_message",
    "service_worker",
    "settle_messages",
    "sign_in",
    "sign_in_code",
    "sign_out",
    "sign_up",
    "sitemap",
    "sitemap_cars",
    "sitemap_pages",
    "skip_queued",
    "state_fault",
    "steer",
    "step_up",
    "take_off_comparison",
    "take_quote",
    "test_drives",
    "undo_email",
    "unsubscribe",
    "vehicle",
    "verify_email",
    "wallet",
    "withdraw_application",
    "withdraw_claim",
]
