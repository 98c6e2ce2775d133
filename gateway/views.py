"""Health of the process and of what it stands on, and the site-wide error pages."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation

from core.errors import Unavailable
from core.postgres.breakers import DatabaseAway
from gateway import breakers, problems

CHECK_TIMEOUT_S = 3.0
AWAY_S = 5
"""When a visitor may try again; a database's breaker looks every second whether it is back."""
log = structlog.get_logger(__name__)


def health(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """Each thing this process stands on: `ok`, `degraded` or `down`. 503 only when it cannot work at all."""
    checks: dict[str, Any] = {alias: (_check_database, alias) for alias in settings.SERVICES}
    checks |= {"broker": (_check_valkey, 0), "cache": (_check_valkey, 1), "channel_layer": (_check_layer, None)}
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        futures = {name: pool.submit(check, argument) for name, (check, argument) in checks.items()}
        services = {name: future.result() for name, future in futures.items()}
    standing = breakers.standing()
    for row in standing:
        if row["kind"] == "database":
            services[row["name"]]["breaker"] = row["state"]
        else:
            services[row["name"]] = {"status": "ok" if row["state"] == "closed" else "down", "breaker": row["state"]}
    down = [name for name, state in services.items() if state["status"] == "down"]
    databases_down = [name for name in down if name in settings.SERVICES]
    status = "down" if len(databases_down) == len(settings.SERVICES) else "degraded" if down else "ok"
    return HttpResponse(
        msgspec.json.encode({"status": status, "services": services, "breakers": standing}),
        status=503 if status == "down" else 200,
        content_type="application/json",
    )


def _timed(check: Any) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        check()
    except Exception as error:
        return {"status": "down", "error": type(error).__name__}
    return {"status": "ok", "ms": round((time.perf_counter() - started) * 1000, 1)}


def _check_database(alias: str) -> dict[str, Any]:
    def check() -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")

    try:
        return _timed(check)
    finally:
        connections[alias].close()


def _check_valkey(database: int) -> dict[str, Any]:
    def check() -> None:
        import redis

        with redis.Redis.from_url(settings.REDIS.url(database), socket_timeout=1, socket_connect_timeout=1) as client:
            client.ping()

    return _timed(check)


def _check_layer(_: Any) -> dict[str, Any]:
    if get_channel_layer() is None:
        return {"status": "down", "error": "not configured"}
    return _check_valkey(2)


def _is_for_programs(request: HttpRequest) -> bool:
    """Whether an error is read by a program; the pages for people lead into the shop, which not every process has."""
    return request.path.startswith("/api/") or not settings.HAS_SHOP


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404 for people, or for programs under /api/."""
    if _is_for_programs(request):
        return problems.problem(404, "not_found", "Not found.")
    return render(request, "404.html", status=404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400 for people: what was sent cannot be understood; nothing of it is trusted, so nobody is looked up."""
    if _is_for_programs(request):
        return problems.problem(400, "bad_request", "The request cannot be understood.")
    return render(request, "400.html", status=400)


def not_allowed(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 for people: this account may not see the page."""
    if _is_for_programs(request):
        return problems.problem(403, "permission_denied", "You may not do this.")
    return render(request, "403.html", status=403)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for people whose form has no good token: it is old, or their browser keeps no cookies."""
    log.warning("form_refused", path=request.path, reason=reason)
    if _is_for_programs(request):
        return problems.problem(403, "permission_denied", "The form has expired.")
    return render(request, "stale_form.html", status=403)


def too_large(request: HttpRequest) -> HttpResponse:
    """413 for people; nothing of what they send was read yet, so their language is that of their browser."""
    with translation.override(translation.get_language_from_request(request)):
        return render(request, "413.html", status=413)


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
        return problems.problem(500, "internal_error", "Something went wrong on our side.")
    return render(request, "500.html", status=500)
