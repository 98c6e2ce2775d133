"""Paths of the insurance API, relative to /api/v1/."""

from gateway.api import Router
from insurance.api.views import ClaimViewSet, PolicyViewSet, QuoteViewSet

router = Router()
router.register("insurance/quotes", QuoteViewSet, basename="insurance-quote")
router.register("insurance/policies", PolicyViewSet, basename="insurance-policy")
router.register("insurance/claims", ClaimViewSet, basename="insurance-claim")
urlpatterns = router.urls
