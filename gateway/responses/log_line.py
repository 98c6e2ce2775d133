"""Tell of each request in one line of JSON, made at once: the log's own way cost more than an order to read."""

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address

import msgspec
from django.http import HttpRequest
from django.utils.functional import LazyObject

from core.ids import UUID_PATTERN
from core.secrecy.redaction import redact
from gateway.guards.address import exact_address

LOGGER = "gateway.request"
_logger = logging.getLogger(LOGGER)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PLAIN = re.compile(rf"(?:/(?:[a-z](?:[a-z-]*[a-z])?\d?|{UUID_PATTERN})?)+|{UUID_PATTERN}")
"""Addresses and ids that can hold nothing secret, as most: to look for it takes longer than all the rest."""


class Line(msgspec.Struct):
    """Line that a request leaves in the log; its members stand as in other lines."""

    method: str
    path: str
    route: str
    status: int
    ms: float
    user: str | None
    address: str
    trace: str | None
    event: str
    request_id: str
    logger: str
    level: str
    timestamp: datetime


_encode = msgspec.json.Encoder().encode


def write(request: HttpRequest, *, route: str, status: int, ms: float, headers: Mapping[str, str]) -> None:
    """Write the line, unless the log's level is above INFO. `headers` are those of the request's effects.

    The address is told by its class alone, the trace by its id: with the request's id they lead to the lines of jobs.
    """
    if not _logger.isEnabledFor(logging.INFO):
        return
    method = request.method or ""
    line = Line(
        method if method in _METHODS else redact(method),
        cleaned(request.path),
        route,
        status,
        ms,
        _get_user(request),
        classify(exact_address(request.META)),
        headers.get("traceparent", "")[3:35] or None,
        "request",
        cleaned(headers["request_id"]),
        LOGGER,
        "info",
        datetime.now(UTC),
    )
    record = logging.LogRecord(LOGGER, logging.INFO, "", 0, _encode(line).decode(), None, None)
    _logger.handle(record)


def _get_user(request: HttpRequest) -> str | None:
    """Return the id of who was signed in, if answering has looked; nobody is looked up for the log."""
    seen = vars(request)
    caller = seen.get("caller") or seen.get("_cached_user") or seen.get("user")
    found = None if caller is None or isinstance(caller, LazyObject) else getattr(caller, "id", None)
    return None if found is None else str(found)


@lru_cache(maxsize=4096)
def classify(address: str) -> str:
    """Tell where an address is: on this machine, in a private network, outside, or nowhere known."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    return "machine" if found.is_loopback else "private" if found.is_private else "public"


def cleaned(text: str) -> str:
    """The text without secrets."""
    return text if PLAIN.fullmatch(text) else redact(text)
