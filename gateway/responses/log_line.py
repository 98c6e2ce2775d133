"""Tell of each request in one line of JSON, made at once: the log's own way cost more than an order to read."""

import logging
import re
from datetime import UTC, datetime

import msgspec

from core.ids import UUID_PATTERN
from core.secrecy.redaction import redact

LOGGER = "gateway.request"
_logger = logging.getLogger(LOGGER)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PLAIN = re.compile(rf"(?:/(?:[a-z](?:[a-z-]*[a-z])?\d?|{UUID_PATTERN})?)+|{UUID_PATTERN}")
"""Addresses and ids that can hold nothing secret, as most: to look for it takes longer than all the rest."""


class Line(msgspec.Struct):
    """Line that a request leaves in the log; its members stand as in other lines."""

    method: str
    path: str
    status: int
    ms: float
    event: str
    request_id: str
    logger: str
    level: str
    timestamp: datetime


_encode = msgspec.json.Encoder().encode


def write(*, method: str, path: str, status: int, ms: float, request_id: str) -> None:
    """Write the line, unless the log's level is above INFO."""
    if not _logger.isEnabledFor(logging.INFO):
        return
    line = Line(
        method if method in _METHODS else redact(method),
        cleaned(path),
        status,
        ms,
        "request",
        cleaned(request_id),
        LOGGER,
        "info",
        datetime.now(UTC),
    )
    record = logging.LogRecord(LOGGER, logging.INFO, "", 0, _encode(line).decode(), None, None)
    _logger.handle(record)


def cleaned(text: str) -> str:
    """The text without secrets."""
    return text if PLAIN.fullmatch(text) else redact(text)
