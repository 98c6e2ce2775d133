"""Report errors to a service that speaks Sentry's protocol: off unless AUTOSALON_ERRORS_DSN names one.

What is logged as an error is reported, once, with its traceback. Values of variables, requests and people are left out,
and every text goes through the same redaction as the log.
"""

import logging
import sys
from typing import Any

from django.conf import settings

from core import context
from core.running.measures import get_role
from core.secrecy.redaction import redact

CAUSES = ("request_id", "traceparent", "causation_id")
_LEFT_OUT = ("request", "user", "breadcrumbs", "modules")
_SAID_AGAIN = "django.request"
"""Who logs an answer of 500 after its cause was logged; without an exception it says nothing more."""


def begin(transport: Any = None) -> None:
    """Report from now on, by `transport` where one is given."""
    import sentry_sdk
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=settings.ERRORS_DSN,
        release=settings.VERSION,
        server_name=get_role(),
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR), DedupeIntegration()],
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        before_send=clean,
        transport=transport,
    )


def clean(event: Any, hint: Any) -> Any:
    """Leave out what is about people, redact every text, and say what caused it."""
    error = _find_error(hint)
    if error is not None:
        event |= _describe(error)
    elif event.get("logger") == _SAID_AGAIN and "exception" not in event:
        return None
    for part in _LEFT_OUT:
        event.pop(part, None)
    cleaned = _redact(event) | {name: event[name] for name in ("event_id", "timestamp") if name in event}
    found = context.current()
    cleaned["tags"] = (cleaned.get("tags") or {}) | {name: redact(str(found[name])) for name in CAUSES if name in found}
    return cleaned


def _find_error(hint: Any) -> BaseException | None:
    """Return the exception that a line of structlog's came with; that of others Sentry finds itself."""
    said = getattr(hint.get("log_record"), "msg", None)
    found = said.get("exc_info") if isinstance(said, dict) else None
    found = found[1] if isinstance(found, tuple) else sys.exc_info()[1] if found is True else found
    return found if isinstance(found, BaseException) else None


def _describe(error: BaseException) -> Any:
    from sentry_sdk import get_client
    from sentry_sdk.utils import event_from_exception

    return event_from_exception(error, client_options=get_client().options)[0]


def _redact(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redact(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_redact(each) for each in value]
    return value
