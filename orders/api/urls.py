"""Paths of the orders API."""

from gateway.api import Router
from orders.api.carts import CartViewSet
from orders.api.commissions import CommissionRuleViewSet, CommissionViewSet
from orders.api.deal_quote import DealQuoteViewSet
from orders.api.feed import OrderEventsViewSet
from orders.api.offers import OfferViewSet
from orders.api.papers import IssuedDocumentViewSet
from orders.api.promotions import CampaignViewSet, CouponViewSet
from orders.api.queue import QueueViewSet
from orders.api.returns import ReturnViewSet
from orders.api.templates import DocumentTemplateViewSet
from orders.api.views import OrderViewSet

router = Router()
router.register("cart", CartViewSet, basename="cart")
router.register("campaigns", CampaignViewSet, basename="campaigns")
router.register("commissions", CommissionViewSet, basename="commissions")
router.register("commission-rules", CommissionRuleViewSet, basename="commission-rules")
router.register("coupons", CouponViewSet, basename="coupons")
router.register("queue", QueueViewSet, basename="queue")
router.register("returns", ReturnViewSet, basename="returns")
router.register("document-templates", DocumentTemplateViewSet, basename="document-templates")
router.register("offers", OfferViewSet, basename="offers")
router.register("documents", IssuedDocumentViewSet, basename="documents")
router.register("orders/events", OrderEventsViewSet, basename="order-events")
router.register("orders/deal-quote", DealQuoteViewSet, basename="deal-quote")
router.register("orders", OrderViewSet, basename="orders")
urlpatterns = router.urls
