"""Manager screens of orders: everything to see, and the same guarded steps as everywhere else."""

from orders.admin.checkouts import CheckoutAdmin
from orders.admin.commissions import CommissionAdmin, CommissionRuleAdmin
from orders.admin.handovers import HandoverAppointmentAdmin
from orders.admin.offers import SalesOfferAdmin
from orders.admin.papers import DocumentTemplateAdmin, IssuedDocumentAdmin
from orders.admin.returns import OrderReturnAdmin
from orders.admin.selling import OrderAdmin, ProductCopyAdmin
from orders.admin.talking import OrderThreadAdmin
from orders.admin.trade_ins import TradeInAdmin
from orders.admin.waiting import DepositAgreementAdmin, QueuePlaceAdmin

__all__ = [
    "CheckoutAdmin",
    "CommissionAdmin",
    "CommissionRuleAdmin",
    "DepositAgreementAdmin",
    "DocumentTemplateAdmin",
    "HandoverAppointmentAdmin",
    "IssuedDocumentAdmin",
    "OrderAdmin",
    "OrderReturnAdmin",
    "OrderThreadAdmin",
    "ProductCopyAdmin",
    "QueuePlaceAdmin",
    "SalesOfferAdmin",
    "TradeInAdmin",
]
