"""All URLs: the API of each served app, operations, the admin and the storefront."""

from importlib import import_module
from importlib.util import find_spec

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from config.health.views import ready
from core.screens import letters
from gateway import views as gateway
from gateway.document import pages as documents
from gateway.responses import pictures
from gateway.responses.lists import exporting
from messaging.peering import door
from messaging.upkeep import metrics

handler400 = "gateway.views.bad_request"
handler403 = "gateway.views.not_allowed"
handler404 = "gateway.views.page_not_found"
handler500 = "gateway.views.server_error"

api = [
    path("", include((import_module(f"{app}.api.urls").urlpatterns, app)))
    for app in settings.LAYOUT.answered
    if find_spec(f"{app}.api.urls")
]
api.append(path("", include("gateway.approvals.urls")))
api.append(path("", include("gateway.accounting.urls")))
if "accounts" in settings.LAYOUT.answered:  # which can ask every app
    api.append(path("", include("gateway.access.audit.urls")))

urlpatterns = [
    re_path(r"^health/?$", gateway.health, name="health"),
    re_path(r"^health/ready/?$", ready, name="ready"),
    re_path(r"^metrics/?$", metrics.serve, name="metrics"),
    path("api/v1/", include(api)),
    re_path(r"^api/schema/?$", documents.schema, name="schema"),
    re_path(r"^api/asyncapi\.yaml$", documents.asyncapi, name="asyncapi"),
    re_path(r"^api/docs/?$", documents.swagger, name="docs"),
    re_path(r"^api/redoc/?$", documents.redoc, name="redoc"),
]

if "catalog" in settings.LAYOUT.answered:  # pictures only: price lists lie in the same folder
    urlpatterns.append(re_path(r"^media/products/(?P<path>.+)$", pictures.serve_picture, name="pictures"))

if "accounts" in settings.LAYOUT.answered:
    urlpatterns.append(path("", include("accounts.api.well_known")))

if settings.CONTRACTS:
    urlpatterns.append(re_path(r"^contracts(?:/|$)", include("contracts.urls")))

if settings.PEER_SECRETS:
    urlpatterns += door.urlpatterns

if settings.HAS_ADMIN and settings.HAS_SHOP:
    desk = import_module("storefront.desk.searching")
    urlpatterns.append(path("admin/search/", admin.site.admin_view(desk.search)))

if settings.HAS_ADMIN:
    urlpatterns += [
        path("admin/lists/<str:listing>/export/", admin.site.admin_view(exporting.export_list), name="export-list"),
        path("admin/letters/", admin.site.admin_view(letters.list_letters), name="letters"),
        path(
            "admin/letters/<str:app>/<str:name>/<str:language>.<str:form>",
            admin.site.admin_view(letters.show_letter),
            name="letter",
        ),
    ]
    urlpatterns.append(path("admin/", admin.site.urls))

if "debug_toolbar" in settings.INSTALLED_APPS:
    urlpatterns.append(path("__debug__/", include("debug_toolbar.urls")))

if settings.HAS_SHOP:
    urlpatterns += [path("", include("storefront.urls"))]
