"""Paths of the orders API."""

from gateway.api import Router
from orders.api.views import OrderViewSet

router = Router()
router.register("orders", OrderViewSet, basename="orders")
urlpatterns = router.urls
