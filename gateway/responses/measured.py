"""Count and time requests by what they asked for: the route as it is declared, never the path as it was typed."""

from functools import cache
from typing import Any

from django.contrib.admindocs import utils
from django.http import HttpRequest

from core.running import measures

_REQUESTS = measures.count("http_requests_total", "Requests answered.", "method", "route", "status")
_SECONDS = measures.time_spent(
    "http_request_duration_seconds", "From the first look at a request to its answer.", "method", "route"
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ELSEWHERE = "elsewhere"
"""The route of what no address is declared for: mistyped paths, static files, redirects to a slash."""
_known: dict[tuple[str, str, int], tuple[Any, Any]] = {}


def get_route(request: HttpRequest) -> str:
    """Return the declared address that a request was answered by, such as `/api/v1/orders/<pk>`."""
    found = getattr(request, "fast_path", None)
    if found:
        return _show(found[0].pattern.pattern)
    match = request.resolver_match
    return _show(match.route) if match else ELSEWHERE


@cache
def _show(pattern: str) -> str:
    """Return a declared pattern as people write an address; there are as many as declarations."""
    for simplify in (
        utils.remove_non_capturing_groups,
        utils.replace_named_groups,
        utils.replace_unnamed_groups,
        utils.replace_metacharacters,
    ):
        pattern = simplify(pattern)
    shown = pattern.strip("/")
    return ELSEWHERE if shown == "." else f"/{shown}"


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer, and what it took."""
    key = (method if method in _METHODS else "other", route, status)
    known = _known.get(key)
    if known is None:
        known = _REQUESTS.labels(*key[:2], str(status)), _SECONDS.labels(*key[:2])
        _known[key] = known
    known[0].inc()
    known[1].observe(seconds)
