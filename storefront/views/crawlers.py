"""Tell search engines what there is to read: robots.txt, and sitemaps of the shop's pages and the cars on sale.

A page has one address in both languages (it follows the cookie, then `Accept-Language`), so none has an alternate.
"""

from collections.abc import Sequence
from datetime import date
from urllib.parse import urljoin
from uuid import UUID

import redis
import structlog
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from catalog.public.sitemaps import car_pages, cars_on_page

KEPT_S = 600
PAGE_SIZE = 10_000
"""Cars on one page: a fifth of what the protocol allows, and about a megabyte before it is packed."""
MOST_PAGES = 1_000
MARKS = "storefront:sitemap"
PUBLIC = ("home", "catalogue", "calculator", "test-drives", "happenings", "contacts", "personal-data")
PRIVATE = (
    "/account/", "/admin/", "/api/", "/board/", "/cart/", "/compare/", "/credit/", "/deals/", "/favourites/",
    "/insurance/", "/notifications/", "/orders/", "/paid/", "/saved-searches/", "/sign-in/", "/sign-up/",
)  # fmt: skip
log = structlog.get_logger(__name__)


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
    """The index: where the shop's own pages are listed, and where the cars, each with the day of its last change."""
    start = request.build_absolute_uri(reverse("storefront:sitemap"))
    pages = [(urljoin(start, reverse("storefront:sitemap-pages")), None)]
    cars = [(urljoin(start, reverse("storefront:sitemap-cars", args=[after])), day) for after, day in _known_pages()]
    return _answer(request, "storefront/sitemap_index.xml", [*pages, *cars])


@require_safe
@cache_control(max_age=KEPT_S, public=True)
def sitemap_pages(request: HttpRequest) -> HttpResponse:
    """The pages that the shop has whatever is on sale."""
    pages = [(request.build_absolute_uri(reverse(f"storefront:{name}")), None) for name in PUBLIC]
    return _answer(request, "storefront/sitemap.xml", pages)


@require_safe
@cache_control(max_age=KEPT_S, public=True)
def sitemap_cars(request: HttpRequest, after: UUID) -> HttpResponse:
    """The cars after one of the index's marks; an empty list where there are none any more."""
    start = request.build_absolute_uri("/")
    cars = cars_on_page(after, size=PAGE_SIZE)
    found = [(f"{start}cars/{product_id}/", changed_at.date()) for product_id, changed_at in cars]
    return _answer(request, "storefront/sitemap.xml", found)


def _known_pages() -> list[tuple[str, date]]:
    """Return the marks of the pages of cars; the walk over all cars is made once in ten minutes, whoever asks."""
    try:
        kept: list[tuple[str, date]] | None = cache.get(MARKS)
        if kept is None:
            kept = _find_pages()
            cache.set(MARKS, kept, KEPT_S)
    except redis.RedisError as error:
        log.warning("sitemap_uncached", error=repr(error))
        kept = _find_pages()
    return kept


def _find_pages() -> list[tuple[str, date]]:
    return [(str(page.after), page.changed_at.date()) for page in car_pages(size=PAGE_SIZE, limit=MOST_PAGES)]


def _answer(request: HttpRequest, template: str, found: Sequence[tuple[str, date | None]]) -> HttpResponse:
    return render(request, template, {"pages": found}, content_type="application/xml")
