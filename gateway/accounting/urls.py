"""Addresses of what accounting is given."""

from gateway.accounting.views import AccountingViewSet
from gateway.api import Router

router = Router()
router.register("accounting", AccountingViewSet, basename="accounting")
urlpatterns = router.urls
