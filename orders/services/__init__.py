"""Everything orders can do."""

from orders.models import Holder
from orders.rules.prices import Bargain
from orders.services.bargaining import agree_prices, below_cost_agreed, discount_agreed
from orders.services.carts import (
    add_to_cart,
    change_cart_item,
    check_out_cart,
    merge_cart,
    purge_carts,
    remove_cart_item,
    set_cart_coupon,
)
from orders.services.changing import (
    assign_order,
    cancel_agreed,
    delete_order,
    edit_comment,
    move_order,
    record_approval,
)
from orders.services.checkout import react
from orders.services.commission_corrections import correct_commission, correction_agreed
from orders.services.commission_rules import RuleTerms, add_commission_rule, rule_agreed
from orders.services.copies import copy_category_taxes, copy_costs, copy_products, copy_stock_levels
from orders.services.counting import fold_stats
from orders.services.deal_order import order_deal
from orders.services.deal_quote import LoanWish, purge_deal_quotes, quote_deal, work_out_deal
from orders.services.deposits import DepositTerms, deposit_terms
from orders.services.documents import issue_document
from orders.services.earnest import fault_agreed, record_forfeit, record_payout, state_fault
from orders.services.editing import LineChange, Preview, add_agreed_lines, change_lines, lower_agreed, preview_lines
from orders.services.foreseeing import ForeseenDeal, foresee_offer, foresee_order
from orders.services.handovers import (
    ask_handover,
    cancel_handover,
    confirm_handover,
    end_handovers,
    lose_handover,
    move_place,
    refuse_handover,
    remind_of_handovers,
)
from orders.services.history import Actor
from orders.services.keeping import extend_hold
from orders.services.legs import leg_label, leg_title
from orders.services.lines import FreeLine, ProductLine
from orders.services.marking import enter_marks, remove_mark
from orders.services.messages import read_messages, send_message, settle_thread
from orders.services.news import record_news
from orders.services.offer_deals import Purchase
from orders.services.offering import (
    accept_offer,
    decline_offer,
    expire_offers,
    offer_agreed,
    send_offer,
    withdraw_for_leaver,
    withdraw_offer,
)
from orders.services.offers import (
    OfferTerms,
    change_offer,
    draft_offer,
    record_offer_approval,
    revise_offer,
)
from orders.services.parties import copy_legal_entities, know_company
from orders.services.placing import place_order
from orders.services.premiums import record_returned_premium
from orders.services.promoting import (
    add_promotion,
    change_promotion,
    end_promotion,
    learn_products,
    promotion_agreed,
)
from orders.services.queue import (
    ask_for_freed_cars,
    close_places,
    follow_products,
    follow_stock,
    join_queue,
    leave_queue,
    look_at_offer,
    require_offer,
    skip_place,
)
from orders.services.returns import accept_agreed, accept_return, ask_return, inspect_return, refuse_return
from orders.services.steering import (
    CheckoutView,
    attend_checkouts,
    price_agreed,
    skip_agreed,
    steer_checkout,
    value_agreed,
    view_checkout,
)
from orders.services.trade_ins import record_price

__all__ = [
    "Actor",
    "Bargain",
    "CheckoutView",
    "DepositTerms",
    "ForeseenDeal",
    "FreeLine",
    "Holder",
    "LineChange",
    "LoanWish",
    "OfferTerms",
    "Preview",
    "ProductLine",
    "Purchase",
    "RuleTerms",
    "accept_agreed",
    "accept_offer",
    "accept_return",
    "add_agreed_lines",
    "add_commission_rule",
    "add_promotion",
    "add_to_cart",
    "agree_prices",
    "ask_for_freed_cars",
    "ask_handover",
    "ask_return",
    "assign_order",
    "attend_checkouts",
    "below_cost_agreed",
    "cancel_agreed",
    "cancel_handover",
    "change_cart_item",
    "change_lines",
    "change_offer",
    "change_promotion",
    "check_out_cart",
    "close_places",
    "confirm_handover",
    "copy_category_taxes",
    "copy_costs",
    "copy_legal_entities",
    "copy_products",
    "copy_stock_levels",
    "correct_commission",
    "correction_agreed",
    "decline_offer",
    "delete_order",
    "deposit_terms",
    "discount_agreed",
    "draft_offer",
    "edit_comment",
    "end_handovers",
    "end_promotion",
    "enter_marks",
    "expire_offers",
    "extend_hold",
    "fault_agreed",
    "fold_stats",
    "follow_products",
    "follow_stock",
    "foresee_offer",
    "foresee_order",
    "inspect_return",
    "issue_document",
    "join_queue",
    "know_company",
    "learn_products",
    "leave_queue",
    "leg_label",
    "leg_title",
    "look_at_offer",
    "lose_handover",
    "lower_agreed",
    "merge_cart",
    "move_order",
    "move_place",
    "offer_agreed",
    "order_deal",
    "place_order",
    "preview_lines",
    "price_agreed",
    "promotion_agreed",
    "purge_carts",
    "purge_deal_quotes",
    "quote_deal",
    "react",
    "read_messages",
    "record_approval",
    "record_forfeit",
    "record_news",
    "record_offer_approval",
    "record_payout",
    "record_price",
    "record_returned_premium",
    "refuse_handover",
    "refuse_return",
    "remind_of_handovers",
    "remove_cart_item",
    "remove_mark",
    "require_offer",
    "revise_offer",
    "rule_agreed",
    "send_message",
    "send_offer",
    "set_cart_coupon",
    "settle_thread",
    "skip_agreed",
    "skip_place",
    "state_fault",
    "steer_checkout",
    "value_agreed",
    "view_checkout",
    "withdraw_for_leaver",
    "withdraw_offer",
    "work_out_deal",
]
