"""Answer under /contracts/: the routes of each contract, its documents, and what number an object has."""

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from contracts import documents, spoken
from contracts.calling import call
from contracts.numbers import KINDS, Numbers, find_id, is_numbered
from contracts.routes import Contract, Route
from contracts.trips import Reply, Trip
from core.errors import DomainError, Forbidden, NotFound
from gateway.access.bearer import identify
from gateway.guards import guard
from gateway.guards.address import client_address
from gateway.principal import NotAuthenticated, Principal

PLACES: dict[str, str] = {
    "user": "/users/{id}", "category": "/categories/{id}", "product": "/products/{id}", "order": "/orders/{id}",
    "event_category": "/event-categories/{id}", "event": "/events/{id}", "resource_type": "/resource-types/{id}",
    "resource": "/resources/{id}", "allocation": "/allocations/{id}", "client": "/clients/{id}",
    "payment": "/payments/{id}", "payment_method": "/payment-methods/{id}", "refund": "/refunds/{id}",
    "application": "/financing/applications/{id}", "quote": "/insurance/quotes/{id}",
    "policy": "/insurance/policies/{id}",
}  # fmt: skip
"""Where an object of a kind is read by its id alone; the numbers of others are for staff."""


_UNPRINTABLE = re.compile(r"[^ -~]")
_MOST_OF_NAMES = 1000


class MethodNotAllowed(DomainError):
    """The path has other methods; `allowed` are they."""

    code = "method_not_allowed"
    status = 405
    detail = ""

    def __init__(self, method: str, allowed: list[str]) -> None:
        super().__init__(_("Method %(method)s is not allowed.") % {"method": method})
        self.headers = {"Allow": ", ".join(allowed)}


def serve(request: HttpRequest, letter: str, path: str = "") -> HttpResponse:
    """Answer a request of a contract's client. Raises NotFound, MethodNotAllowed, and whatever refuses it."""
    contract = spoken.find(letter)
    if contract is None:
        raise NotFound
    path = f"/{path.strip('/')}"
    document = documents.find(contract, path)
    if document is not None:
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(request.method or "", ["GET"])
        return document(request, contract)
    method = "GET" if request.method == "HEAD" else request.method or ""
    route, words, methods = contract.find(method, path)
    if route is None:
        raise MethodNotAllowed(method, methods) if methods else NotFound
    return _answer(request, contract, route, words)


def _answer(request: HttpRequest, contract: Contract, route: Route, words: dict[str, str]) -> HttpResponse:
    request.contract_cookies = {}  # type: ignore[attr-defined]
    person = None if route.is_open else identify(request.META)
    trip = Trip(contract, route, request, words, person)
    contract.guard(trip)
    _count(request, person, route.scope, contract.limit_names)
    if person is None and not route.is_open:
        raise NotAuthenticated
    return _render(trip, route.handler(trip))


def _count(request: HttpRequest, person: Principal | None, scope: str, names: tuple[str, ...] = ("",)) -> None:
    """Count the request once, whatever it calls inside. Raises TooManyRequests, InvalidToken."""
    try:
        allowance = guard.check(person, client_address(request.META), scope)
    except guard.TooManyRequests as error:
        error.headers = _name_each(error.headers, names)  # type: ignore[attr-defined]
        raise
    if allowance is not None:
        named = _name_each(allowance.headers(), names)
        ready = {name.lower(): (name, value) for name, value in named.items()}
        request.rate_limit_headers = ready  # type: ignore[attr-defined]


def _name_each(headers: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {f"{before}{name}": value for before in names for name, value in headers.items()}


def _render(trip: Trip, reply: Reply) -> HttpResponse:
    trip.numbers.settle()
    headers = dict(reply.headers)
    if trip.reading.ignored:
        headers["X-Ignored-Fields"] = _write_names(trip.reading.ignored)
    content = msgspec.json.encode(trip.contract.envelope(reply), enc_hook=trip.numbers.fill)
    response = HttpResponse(content, status=reply.status, content_type="application/json", headers=headers)
    for name, cookie in trip.cookies.items():
        response.cookies[name] = cookie
    return response


def _write_names(names: Iterable[str]) -> str:
    """Write names that a client made up into a header: whatever no header holds is a question mark, and much is cut."""
    return _UNPRINTABLE.sub("?", ", ".join(dict.fromkeys(names)))[:_MOST_OF_NAMES]


def index(request: HttpRequest) -> HttpResponse:
    """Answer `GET /contracts/`: the contracts that are spoken here."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(request.method or "", ["GET"])
    return _json({"contracts": [_describe(contract) for contract in spoken.contracts()]})


def _describe(contract: Contract) -> dict[str, Any]:
    base = contract.base
    places = {"docs": f"{base}/docs", "openapi": f"{base}/openapi.json"}
    events = f"{base}/asyncapi.yaml" if contract.has_events else None
    return {"letter": contract.letter, "title": contract.title, "base": base, **places, "asyncapi": events}


def ids(request: HttpRequest, kind: str, given: str) -> HttpResponse:
    """Answer `GET /contracts/ids/<kind>/<number or UUID>` to whoever may read the object. Raises NotFound."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(request.method or "", ["GET"])
    request.contract_cookies = {}  # type: ignore[attr-defined]
    person = identify(request.META)
    _count(request, person, "default")
    if person is None:
        raise NotAuthenticated
    found = find_id(kind, given) if kind in KINDS else None
    if found is None or not found.int or not _may_read(request, person, kind, str(found)):
        raise NotFound
    numbers = Numbers()
    slot = numbers.slot(kind, found)
    numbers.settle()
    return _json({"kind": kind, "id": numbers.fill(slot), "uuid": str(found)})


def _may_read(request: HttpRequest, person: Principal, kind: str, found: str) -> bool:
    if kind == "user" and found == str(person.id):
        return True
    if kind not in PLACES:
        return person.is_staff and is_numbered(kind, UUID(found))
    answered = call(request, "GET", PLACES[kind].replace("{id}", found))
    if answered.status == Forbidden.status:
        return False
    return not answered.is_refusal


def _json(body: Any) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(body), content_type="application/json")
