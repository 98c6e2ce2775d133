"""Tell search engines what there is to read: robots.txt and a sitemap of the cars on sale."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from catalog.public import pages_on_sale

KEPT_S = 600
MOST = 50_000
"""Addresses that one sitemap may hold, by the protocol; the newest cars come first."""
PUBLIC = ("home", "catalogue", "calculator", "test-drives", "happenings", "contacts", "personal-data")
PRIVATE = (
    "/account/", "/admin/", "/api/", "/board/", "/cart/", "/compare/", "/credit/", "/deals/", "/favourites/",
    "/insurance/", "/notifications/", "/orders/", "/paid/", "/saved-searches/", "/sign-in/", "/sign-up/",
)  # fmt: skip


@require_safe
@cache_control(max_age=KEPT_S, public=True)
def robots(request: HttpRequest) -> HttpResponse:
    """Keep them out of what is somebody's own, and of the list's filters, which have no end."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in (*PRIVATE, "/cars/?"))]
    lines.append(f"Sitemap: {request.build_absolute_uri(reverse('storefront:sitemap'))}")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(max_age=KEPT_S, public=True)
def sitemap(request: HttpRequest) -> HttpResponse:
    """The pages of the shop, and each car on sale with the day it last changed."""
    pages = [(request.build_absolute_uri(reverse(f"storefront:{name}")), None) for name in PUBLIC]
    cars = pages_on_sale(limit=MOST - len(pages))
    start = request.build_absolute_uri("/")
    found = [*pages, *((f"{start}cars/{product_id}/", changed_at) for product_id, changed_at in cars)]
    return render(request, "storefront/sitemap.xml", {"pages": found}, content_type="application/xml")
