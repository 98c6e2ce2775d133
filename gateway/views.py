"""Tell whether the process answers, and show the site-wide error pages."""

import sys

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.errors import Unavailable
from core.postgres.breakers import DatabaseAway
from gateway.responses import malformed, problems

AWAY_S = 5
"""When a visitor may try again; a database's breaker looks every second whether it is back."""
log = structlog.get_logger(__name__)


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """The process answers, and says which release it runs."""
    return JsonResponse({"status": "ok", "version": settings.VERSION})


def _is_for_programs(request: HttpRequest) -> bool:
    """Tell whether an error is read by a program; pages for people lead into the shop, which not every process has."""
    return request.path.startswith("/api/") or not settings.HAS_SHOP


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404 for people, or for programs under /api/."""
    if _is_for_programs(request):
        return problems.problem(404, "not_found", _("Not found.") if request.path.startswith("/api/") else _no_pages())
    return render(request, "404.html", status=404)


def _no_pages() -> str:
    return _(
        "This process has no pages for people: those are served where AUTOSALON_SERVICES=storefront, or is not set."
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400 for people: what was sent cannot be understood; nothing of it is trusted, so nobody is looked up."""
    if exception is not None:
        malformed.record(exception, request)
    if _is_for_programs(request):
        return problems.problem(400, "bad_request", _("The request cannot be understood."))
    return render(request, "400.html", status=400)


def not_allowed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 for people: this account may not see the page."""
    if _is_for_programs(request):
        return problems.problem(403, "permission_denied", _("You may not do this."))
    return render(request, "403.html", status=403)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for people whose form has no good token: it is old, or their browser keeps no cookies."""
    log.warning("form_refused", path=request.path, reason=reason)
    if _is_for_programs(request):
        return problems.problem(403, "permission_denied", _("The form has expired."))
    return render(request, "stale_form.html", status=403)


def too_large(request: HttpRequest) -> HttpResponse:
    """413 for people; nothing of what they send was read yet, so their language is that of their browser."""
    with translation.override(translation.get_language_from_request(request)):
        return render(request, "413.html", status=413)


def too_many(request: HttpRequest, retry_after: int | None) -> HttpResponse:
    """429 for people: this address or person asked for more dear pages than their budget has."""
    response = render(request, "429.html", status=429)
    response["Retry-After"], response["Cache-Control"] = str(retry_after or 1), "no-store"
    return response


def away(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """503 for people, while what a page stands on is away; None when it is something else that failed."""
    if not isinstance(error, OperationalError | InterfaceError | Unavailable):
        return None
    if not isinstance(error, DatabaseAway | Unavailable):
        log.error("database_unavailable", path=request.path, error=repr(error))
    response = render(request, "503.html", status=503)
    response["Retry-After"], response["Cache-Control"] = str(AWAY_S), "no-store"
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500 for people, or for programs under /api/; 503 if a database is away."""
    page = away(request, sys.exc_info()[1])
    if page is not None:
        return page
    if _is_for_programs(request):
        return problems.problem(500, "internal_error", _("Something went wrong on our side."))
    return render(request, "500.html", status=500)
