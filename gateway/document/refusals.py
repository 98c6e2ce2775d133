"""Refusals that any operation may answer with, as the edge writes them: the examples are made by its own errors."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _

from core.errors import DomainError, Forbidden, InvalidInput, NotFound, StaleVersion, Unavailable, WrongTransition
from gateway.fast_path import BodyTooLarge, UnsupportedMediaType
from gateway.guards.bodies import BodyTooSlow
from gateway.guards.guard import TooManyRequests
from gateway.principal import NotAuthenticated
from gateway.requests.idempotency import KeyReused
from gateway.responses import problems

Node = dict[str, Any]
LANGUAGE = "en"
"""Names and examples are the same in every language of the document."""
REQUEST_ID = "0199c0de-0000-7000-8000-000000000001"
SCHEMA = "#/components/schemas/Problem"
ALWAYS = ("X-Request-ID", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def _throttled() -> DomainError:
    error = TooManyRequests(retry_after=30)
    error.extra = {"retry_after": 30}
    return error


REFUSALS: dict[str, tuple[str, Callable[[], DomainError], tuple[str, ...]]] = {
    "400": ("Invalid input", lambda: InvalidInput("items.0.quantity", "min_value", _("At least 1.")), ()),
    "401": ("No token, or not a valid one", NotAuthenticated, ("WWW-Authenticate",)),
    "403": ("The role does not allow this", Forbidden, ()),
    "404": ("Not found", NotFound, ()),
    "408": ("The body came too slowly", BodyTooSlow, ()),
    "409": (
        "Conflict with the current state",
        lambda: WrongTransition("completed", ["cancelled"]),
        ("Retry-After",),
    ),
    "412": ("If-Match failed", StaleVersion, ()),
    "413": ("The body is too large", BodyTooLarge, ()),
    "415": ("Unsupported media type", UnsupportedMediaType, ()),
    "422": ("Idempotency-Key used with another body", KeyReused, ()),
    "429": ("Too many requests", _throttled, ("Retry-After",)),
    "503": ("Temporarily unavailable", lambda: Unavailable(retry_after=2), ("Retry-After",)),
}
"""What each status means, an error that brings it about, and the headers that go with it."""
UNUSUAL = {"410": ("No longer kept", "resync_required", "Changes as old as this are no longer kept.")}
"""Refusals of single operations, whose errors belong to an app."""
WITH_A_BODY = frozenset({"408", "413", "415"})


def refusal(status: str, description: str = "") -> Node:
    """Describe an answer; `description` says more than the usual words."""
    if status in UNUSUAL:
        usual, code, detail = UNUSUAL[status]
        return _described(usual, lambda: problems.problem(int(status), code, detail), ())
    usual, error, headers = REFUSALS[status]
    return _described(description or usual, lambda: problems.from_domain_error(error()), headers)


def _described(description: str, answer: Callable[[], HttpResponse], headers: Iterable[str]) -> Node:
    with translation.override(LANGUAGE):
        response = answer()
    example = json.loads(response.content) | {"request_id": REQUEST_ID}
    content = {"application/problem+json": {"schema": {"$ref": SCHEMA}, "example": example}}
    known = {name: {"$ref": f"#/components/headers/{name}"} for name in (*ALWAYS, *headers)}
    return {"description": description, "content": content, "headers": known}
