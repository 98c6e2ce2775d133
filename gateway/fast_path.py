"""The fast path: hot endpoints as msgspec in, one service call, msgspec out, past DRF's per-request machinery.

A viewset method marked `@fast_path(...)` is an ordinary DRF action (routed, documented, permission-checked). The edge
also finds it by path and runs it directly, with the same guards called as plain functions, in the same order:
token, revocation and rate limit, roles, body, idempotency, action, ETag.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, Forbidden
from core.ids import with_ids
from core.running import failpoints
from core.secrecy.cards import THINGS, may_hold_card_number, refuse_card_numbers
from gateway.access.bearer import identify
from gateway.access.permissions import get_scope, require_scope
from gateway.guards import guard
from gateway.guards.address import client_address
from gateway.principal import NotAuthenticated, Principal
from gateway.requests import idempotency
from gateway.requests.etags import is_known
from gateway.requests.plain_numbers import refuse_odd_amounts
from gateway.responses.rendering import MAX_DEPTH, compute_depth


class UnsupportedMediaType(DomainError):
    """The body is not JSON."""

    code = "unsupported_media_type"
    status = 415
    detail = _("Send application/json.")


class BodyTooLarge(DomainError):
    """The body is larger than this endpoint takes."""

    code = "body_too_large"
    status = 413
    detail = _("The request body is too large.")


class NestedTooDeep(DomainError):
    """The body is nested deeper than anything we take: what reads it later would run out of stack."""

    code = "parse_error"
    status = 400

    def __init__(self) -> None:
        super().__init__(_("The body is nested more than %(most)s levels deep.") % {"most": MAX_DEPTH})


def refuse_deep(body: bytes) -> None:
    """Let no body in that is nested too deeply; one with few brackets cannot be. Raises NestedTooDeep, DecodeError."""
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return
    try:
        data = msgspec.json.decode(body)
    except RecursionError as error:
        raise NestedTooDeep from error
    if compute_depth(data) > MAX_DEPTH:
        raise NestedTooDeep


class Answer(msgspec.Struct):
    """Answer of an action: `body` is a Struct, or bytes that are JSON already; `version` becomes the ETag."""

    body: Any
    status: int = 200
    version: int | None = None
    headers: dict[str, str] = {}


class OpenStruct(msgspec.Struct):
    """A part of an answer that may have members besides those it names, as problem documents do."""


@dataclass(frozen=True)
class FastPath:
    """Declaration of one hot endpoint."""

    action: Callable[..., Answer]
    request_type: type[msgspec.Struct] | None
    response_type: Any
    status: int
    roles: frozenset[str]
    scope: str
    idempotent_on: str
    is_public: bool

    def decode(self, request: HttpRequest) -> Any:
        """Decode the body; raises msgspec errors with the path at fault."""
        if self.request_type is None:
            return None
        if request.content_type != "application/json":
            raise UnsupportedMediaType
        refuse_deep(request.body)
        if may_hold_card_number(request.body):
            refuse_card_numbers(msgspec.json.decode(request.body), but=THINGS)
        refuse_odd_amounts(request.body, self.request_type)
        return self._decoder.decode(request.body)

    @property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        return _decoder(self.request_type)

    def run(self, view: Any, request: HttpRequest, principal: Principal | None, kwargs: dict[str, Any]) -> HttpResponse:
        """Decode, act, encode; once per Idempotency-Key where that is declared, which takes a principal."""
        body = self.decode(request)

        def act() -> HttpResponse:
            arguments = kwargs if body is None else {**kwargs, "body": body}
            return _respond(request, self.action(view, request, principal, **arguments))

        if not self.idempotent_on or principal is None:
            return act()
        route = f"{request.method} {self.action.__qualname__}"
        response = idempotency.run_once(request, principal.id, alias=self.idempotent_on, route=route, action=act)
        failpoints.reach("web.before_answer", self.action.__name__)
        return response


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_encoder = msgspec.json.Encoder()


def _decoder(of: Any) -> msgspec.json.Decoder[Any]:
    if of not in _decoders:
        _decoders[of] = msgspec.json.Decoder(of)
    return _decoders[of]


def _respond(request: HttpRequest, answer: Answer) -> HttpResponse:
    headers = dict(answer.headers)
    if answer.version is not None:
        headers["ETag"] = f'"{answer.version}"'
    if request.method in ("GET", "HEAD") and is_known(headers.get("ETag"), request.META.get("HTTP_IF_NONE_MATCH", "")):
        return HttpResponse(status=304, headers=headers)
    content = answer.body if isinstance(answer.body, bytes) else _encoder.encode(answer.body)
    return HttpResponse(content, status=answer.status, content_type="application/json", headers=headers)


def fast_path(
    *,
    request: type[msgspec.Struct] | None = None,
    response: Any = None,
    status: int = 200,
    roles: frozenset[str] = frozenset(),
    scope: str = "default",
    idempotent_on: str = "",
    is_public: bool = False,
) -> Callable[[Callable[..., Answer]], Callable[..., HttpResponse]]:
    """Declare a hot action: `def action(self, request, principal, [body], **path) -> Answer`.

    `request`/`response` are msgspec Structs (they are the OpenAPI schema too); `roles` empty means any signed-in
    caller; `scope` names the rate limit; `idempotent_on` the alias whose transaction holds the Idempotency-Key. What
    `is_public` needs no token: the principal is None then.
    """

    def declare(action: Callable[..., Answer]) -> Callable[..., HttpResponse]:
        declared = FastPath(action, request, response, status, roles, scope, idempotent_on, is_public)

        def method(self: Any, drf_request: Any, **kwargs: Any) -> HttpResponse:
            return declared.run(self, drf_request._request, drf_request.user, kwargs)

        method.__name__, method.__doc__ = action.__name__, action.__doc__
        method.fast_path = declared  # type: ignore[attr-defined]
        return method

    return declare


@dataclass(frozen=True)
class Route:
    """A URL pattern that leads to a fast path."""

    pattern: re.Pattern[str]
    view_class: Any
    fast_path: FastPath


Found = tuple[Route, dict[str, str]]
_API = "/api/v1/"
_THING = re.compile(rf"{_API}([a-z-]+)")
_routes: dict[tuple[str, str], list[Route]] | None = None


def routes() -> dict[tuple[str, str], list[Route]]:
    """Map HTTP methods and the first words of paths to fast paths, found once in the URL configuration."""
    global _routes
    if _routes is None:
        found: dict[tuple[str, str], list[Route]] = {}
        _collect(get_resolver(), "", found)
        _routes = found
    return _routes


def _collect(resolver: URLResolver, prefix: str, found: dict[tuple[str, str], list[Route]]) -> None:
    for item in resolver.url_patterns:
        path = prefix + item.pattern.regex.pattern.removeprefix("^").replace(r"\Z", "").replace("\\z", "")
        if isinstance(item, URLResolver):
            _collect(item, path, found)
        elif isinstance(item, URLPattern):
            _collect_view(item, path, found)


def _collect_view(item: URLPattern, path: str, found: dict[tuple[str, str], list[Route]]) -> None:
    view_class = getattr(item.callback, "cls", None)
    for method, name in (getattr(item.callback, "actions", None) or {}).items():
        declared = getattr(getattr(view_class, name), "fast_path", None)
        if declared:
            pattern = re.compile("/" + path.removesuffix("$") + "$")
            thing = _THING.match(pattern.pattern)
            assert thing, f"{pattern.pattern} is no path of the API"
            found.setdefault((method.upper(), thing[1]), []).append(Route(pattern, view_class, declared))


def find(method: str, path: str) -> Found | None:
    """Return the fast path that leads there, with the words of the path; None if there is none."""
    thing = _THING.match(path) if settings.FAST_PATH_ON else None
    for route in routes().get((method, thing[1]), ()) if thing else ():
        match = route.pattern.match(path)
        if match:
            return route, match.groupdict()
    return None


def dispatch(request: HttpRequest) -> HttpResponse | None:
    """Answer a request that has a fast path, which whoever let it in may have found; None sends it the ordinary way."""
    found: Found | None = getattr(request, "fast_path", None) or find(request.method or "", request.path_info)
    request.fast_path = found  # type: ignore[attr-defined]
    return _guarded(found[0], request, found[1]) if found else None


def _guarded(route: Route, request: HttpRequest, kwargs: dict[str, str]) -> HttpResponse:
    principal = identify(request.META)
    request.caller = principal  # type: ignore[attr-defined]
    allowance = guard.check(principal, client_address(request.META), route.fast_path.scope)
    if allowance is not None:
        request.rate_limit_headers = allowance.ready()  # type: ignore[attr-defined]
    if not route.fast_path.is_public:
        _require_caller(route, request, principal)
    return route.fast_path.run(route.view_class(), request, principal, with_ids(kwargs))


def _require_caller(route: Route, request: HttpRequest, principal: Principal | None) -> None:
    if principal is None:
        raise NotAuthenticated
    require_scope(principal, get_scope(request.method or "", route.view_class))
    if route.fast_path.roles and not route.fast_path.roles & principal.roles:
        raise Forbidden
