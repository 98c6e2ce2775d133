"""Addresses of requests for a second person."""

from gateway.api import Router
from gateway.approvals.views import ApprovalViewSet

router = Router()
router.register("approvals", ApprovalViewSet, basename="approval")
urlpatterns = router.urls
