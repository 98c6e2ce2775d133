"""Count requests that nobody's browser or program sends in good faith, and tell of each kind once a minute at most.

Anybody can send them by the thousand, and each would cost a traceback in the log and a report of an error. The first
of a minute is told because it may be our own mistake: a name of the shop that is missing in AUTOSALON_ALLOWED_HOSTS.
"""

import time

import structlog
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from core.running import measures

MALFORMED = (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError)
"""Django's own kinds: strange hosts, too many fields or files, forms that break off, senders that hang up."""
AGAIN_S = 60.0
SHOWN = 200
"""Characters of an address or a reason that are told: a sender chooses both, and how long they are."""
_COUNTED = measures.count("http_malformed_total", "Requests refused because they cannot be understood.", "kind")
_told: dict[str, float] = {}
log = structlog.get_logger(__name__)


def record(error: Exception, request: HttpRequest) -> None:
    """Count a malformed request by its kind; in the log stands one line of a kind and a minute, without a traceback."""
    kind, now = type(error).__name__, time.monotonic()
    _COUNTED.labels(kind).inc()
    if now < _told.get(kind, now):
        return
    _told[kind] = now + AGAIN_S
    log.warning("request_malformed", kind=kind, path=request.path[:SHOWN], reason=str(error)[:SHOWN])
