"""Routes of client cards, relative to /api/v1/."""

from django.urls import re_path

from clients.api import views
from clients.api.imports import ClientExportViewSet, ClientImportViewSet
from clients.api.leads import LeadViewSet
from core.ids import UUID_PATTERN
from gateway.api import Router
from gateway.responses.tables import FORMATS

_CLIENT = f"clients/(?P<client_id>{UUID_PATTERN})"

router = Router()
router.register("clients/duplicates", views.DuplicateViewSet, basename="client-duplicate")
router.register("clients/merges", views.MergeViewSet, basename="client-merge")
router.register("clients/imports", ClientImportViewSet, basename="client-import")
router.register("clients", views.ClientViewSet, basename="client")
router.register(f"{_CLIENT}/contacts", views.ContactViewSet, basename="client-contact")
router.register(f"{_CLIENT}/activity", views.ActivityViewSet, basename="client-activity")
router.register(f"{_CLIENT}/consents", views.ConsentViewSet, basename="client-consent")
router.register(f"{_CLIENT}/vehicles", views.VehicleViewSet, basename="client-vehicle")
router.register("leads", LeadViewSet, basename="lead")
urlpatterns = [
    *(
        re_path(
            rf"^clients/export/{kind}/?$",
            ClientExportViewSet.as_view({"get": kind.replace("-", "_")}),
            name=f"client-export-{kind}",
        )
        for kind in FORMATS
    ),
    *router.urls,
]
