"""The edge: every request gets an id; /api/ is answered here, with nothing of the pages' machinery around it."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import structlog
from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.urls import resolve
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from core import context
from core.clock import dealer_zone
from core.ids import uuid7
from core.running import traces
from gateway import fast_path
from gateway.access import step_up
from gateway.fast_path import BodyTooLarge
from gateway.guards import guard, uploads
from gateway.guards.plain_http import HttpsRequired
from gateway.responses import log_line, measured, problems
from gateway.views import away, bad_request, too_large

GetResponse = Callable[[HttpRequest], HttpResponse]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def _ready(headers: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return headers as they are set: by the name in small letters. They are ours: ASCII, without line breaks."""
    return {name.lower(): (name, value) for name, value in headers.items()}


_GUARDS = _ready({
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
})  # fmt: skip
"""What browsers are told of every answer of the API; pages have Django's middleware and a policy of their own."""
_NOT_STORED = tuple(_ready({"Cache-Control": "no-store"}).items())
_API = (
    "/api/v1/", "/contracts/", "/api/schema", "/api/asyncapi.yaml", "/health", "/metrics", "/.well-known/",
    "/internal/",
)  # fmt: skip


_SEALED = ("/api/", "/contracts/")
_HOST = re.compile(r"([a-z])\.contracts\.")
"""A contract under a name of its own, for programs whose base address takes no path: `a.contracts.localhost`."""


class EdgeMiddleware:
    """First in the chain. Pages go on down it; the API and the operations endpoints end here."""

    def __init__(self, get_response: GetResponse) -> None:
        self.pages = get_response
        self.from_browsers = CorsMiddleware(_answer_api)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        _enter_contract(request)
        headers = _read_cause(request.META)
        request_id = headers["request_id"]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        with traces.span("request", headers, "server") as carried:
            response = self._answer(request, carried)
            route = measured.get_route(request)
            traces.describe(f"{request.method} {route}", status=response.status_code, request_id=request_id)
        _put(response, {"x-request-id": ("X-Request-ID", request_id)})
        took_s = time.perf_counter() - started
        measured.observe(request.method or "", route, response.status_code, took_s)
        if settings.ACCESS_LOG:
            log_line.write(
                request, route=route, status=response.status_code, ms=round(took_s * 1000, 1), headers=carried
            )
        return response

    def _answer(self, request: HttpRequest, headers: dict[str, Any]) -> HttpResponse:
        """Answer with the request as the cause of whatever is done."""
        token = context.bind(headers)
        try:
            device = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "") if "HTTP_COOKIE" in request.META else ""
            with step_up.attempt(device) as asked:
                answer = self._api(request) if _is_api(request.path_info) else self._page(request)
        finally:
            context.unbind(token)
        response = cast(HttpResponse, answer)
        if response.status_code == 429 and asked.wait_s:
            response.setdefault("Retry-After", str(asked.wait_s))
        return response

    def _api(self, request: HttpRequest) -> Any:
        """Answer the API; who sends no origin is no other site's page, and is told only that it would matter."""
        if "HTTP_ORIGIN" in request.META or request.method == "OPTIONS":
            return self.from_browsers(request)
        response = _answer_api(request)
        if request.path_info.startswith("/api/"):
            patch_vary_headers(response, ("origin",))
        return response

    def _page(self, request: HttpRequest) -> HttpResponse:
        """A page, unless more is sent to it than any upload may be: that is refused before it is read.

        People read and type moments on the dealership's clock; the API speaks UTC.
        """
        try:
            _check_size(request)
        except BodyTooLarge:
            return too_large(request)
        with timezone.override(dealer_zone()):
            return self.pages(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Tell the visitor of a page whose database is away so, in debug too. Who hung up found no fault of ours."""
        if _is_api(request.path_info):
            return None
        if isinstance(exception, UnreadablePostError):
            return bad_request(request, exception)
        return away(request, exception)


def _read_cause(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request's effects carry: its id, ours where it brings none that is fit, and its trace."""
    given, trace = meta.get("HTTP_X_REQUEST_ID", ""), meta.get("HTTP_TRACEPARENT", "")
    headers = {"request_id": given if _REQUEST_ID.fullmatch(given) else str(uuid7())}
    if _TRACEPARENT.fullmatch(trace):
        headers["traceparent"] = trace
    return headers


def _enter_contract(request: HttpRequest) -> None:
    """Put the prefix of a contract before the path, where its own name was called."""
    called = _HOST.match(request.META.get("HTTP_HOST", "")) if settings.CONTRACTS else None
    if called and called[1] in settings.CONTRACTS:
        request.path_info = f"/contracts/{called[1]}{request.path_info}"
        request.path = request.path_info


def _is_api(path: str) -> bool:
    return path.startswith(_API) or path in ("/api/v1", "/contracts")


def _answer_api(request: HttpRequest) -> HttpResponse:
    """Answer an API request; whatever goes wrong becomes a problem document, in the caller's language."""
    with translation.override(translation.get_language_from_request(request)):
        try:
            if settings.SECURE_SSL_REDIRECT and not request.is_secure() and request.path_info.startswith(_SEALED):
                raise HttpsRequired
            response = _let_in(request)
        except HttpsRequired as error:
            response = problems.from_exception(error, request)
        if request.path_info.startswith("/contracts/"):
            response = problems.in_form(request.path_info, response)
    _put(response, _GUARDS)
    if settings.SECURE_HSTS_SECONDS and request.is_secure():
        response["Strict-Transport-Security"] = _transport_security()
    _put_missing(response, _NOT_STORED)
    if not response.streaming:
        _put(response, {"content-length": ("Content-Length", str(len(response.content)))})
    _put_missing(response, getattr(request, "rate_limit_headers", {}).items())
    return response


def _put(response: HttpResponse, headers: Mapping[str, tuple[str, str]]) -> None:
    """Set ready headers in place of those of the same names; Django would check and encode each of them anew."""
    response.headers._store.update(headers)


def _put_missing(response: HttpResponse, headers: Iterable[tuple[str, tuple[str, str]]]) -> None:
    """Set those ready headers that the answer has not got."""
    store = response.headers._store
    for name, header in headers:
        store.setdefault(name, header)


def _let_in(request: HttpRequest) -> HttpResponse:
    """Answer; a request that another process of ours has counted already is not counted again."""
    if guard.is_admitted(request.META.get(guard.ADMISSION_META, "")):
        with guard.admitted():
            return dispatch(request)
    return dispatch(request)


def dispatch(request: HttpRequest) -> HttpResponse:
    """Answer a request of the API, from outside or from within; whatever goes wrong is a problem document."""
    try:
        _check_size(request)
        response = fast_path.dispatch(request)
        return _resolve(request) if response is None else response
    except Exception as error:
        return problems.from_exception(error, request)


def _transport_security() -> str:
    subdomains = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
    return f"max-age={settings.SECURE_HSTS_SECONDS}{subdomains}{'; preload' if settings.SECURE_HSTS_PRELOAD else ''}"


def _check_size(request: HttpRequest) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal():
        raise BodyTooLarge
    size = int(length)
    if size > settings.MAX_BODY_BYTES and size > uploads.limit_at(request.path_info, request.content_type):
        raise BodyTooLarge


def _resolve(request: HttpRequest) -> HttpResponse:
    match = resolve(request.path_info)
    request.resolver_match = match
    response: Any = match.func(request, *match.args, **match.kwargs)
    if hasattr(response, "render") and not response.is_rendered:
        response.render()
    return response


class AdminContentPolicyMiddleware:
    """Unfold's Alpine build evaluates expressions: allow that in the admin, and nowhere else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            loose = {"script-src": ["'unsafe-eval'", "'unsafe-inline'"], "style-src": ["'unsafe-inline'"]}
            response._csp_update = loose  # type: ignore[attr-defined]
        return response


class PackedPagesMiddleware(GZipMiddleware):
    """Packs pages for whoever can unpack them; pictures and files are packed already, or stream as they are.

    Each page is of another length every time (Django puts random bytes into it), and tokens of forms are masked anew:
    so its length tells nothing of what is secret in it (BREACH).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Pack a page that is not streamed."""
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)
