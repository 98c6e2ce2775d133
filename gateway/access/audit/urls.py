"""Addresses of the audit search."""

from gateway.access.audit.views import AuditViewSet
from gateway.api import Router

router = Router()
router.register("audit", AuditViewSet, basename="audit")
urlpatterns = router.urls
