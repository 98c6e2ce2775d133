"""Routes of client cards, relative to /api/v1/."""

from clients.api.views import ActivityViewSet, ClientViewSet, ContactViewSet
from gateway.api import Router

_CLIENT = r"clients/(?P<client_id>[0-9a-fA-F-]{36})"

router = Router()
router.register("clients", ClientViewSet, basename="client")
router.register(f"{_CLIENT}/contacts", ContactViewSet, basename="client-contact")
router.register(f"{_CLIENT}/activity", ActivityViewSet, basename="client-activity")
urlpatterns = router.urls
