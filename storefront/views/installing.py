"""Let the shop be installed as an app: its manifest, what it shows without a network, and the header's counts."""

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from notifications.public import unread_count
from orders.public import count_in_cart
from storefront.cart import get_holder
from storefront.visitor import user_id

KEPT_S = 3600
COLOUR, PAPER = "#b3361b", "#f6f5f2"
log = structlog.get_logger(__name__)


@require_safe
@cache_control(max_age=KEPT_S, private=True)
def manifest(request: HttpRequest) -> HttpResponse:
    """Say what the installed shop is called and drawn with, in the reader's language."""
    icons = [("192.png", "192x192", "any"), ("512.png", "512x512", "any"), ("maskable.png", "512x512", "maskable")]
    known = {
        "id": "/",
        "name": _("Autosalon"),
        "short_name": _("Autosalon"),
        "lang": get_language(),
        "description": _("Cars in stock at honest prices: reserve in a minute, pay online, watch your order live."),
        "start_url": reverse("storefront:home"),
        "scope": "/",
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": COLOUR,
        "icons": [
            {"src": static(f"autosalon/icons/{name}"), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for name, sizes, purpose in icons
        ],
        "shortcuts": [
            {"name": _("Cars"), "url": reverse("storefront:catalogue")},
            {"name": _("My orders"), "url": reverse("storefront:orders")},
        ],
    }
    return JsonResponse(known, content_type="application/manifest+json", json_dumps_params={"ensure_ascii": False})


@require_safe
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """Serve the worker from the root, so that it sees every page of the shop."""
    return render(request, "storefront/service-worker.js", content_type="text/javascript")


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """Show what a browser keeps for when there is no network: the same for everybody."""
    return render(request, "storefront/offline.html")


@never_cache
@require_safe
def badges(request: HttpRequest) -> HttpResponse:
    """Count what is in the visitor's cart, and what news they have not read; a part that is away counts nothing."""
    counts = {"cart": 0, "news": 0}
    try:
        counts["cart"] = count_in_cart(get_holder(request), now=timezone.now())
        if request.user.is_authenticated:
            counts["news"] = unread_count(user_id(request))
    except DatabaseError as error:
        log.warning("badges_uncounted", error=repr(error))
    return JsonResponse(counts)
