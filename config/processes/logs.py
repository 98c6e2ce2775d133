"""Structured logs: JSON lines in production, short lines in debug; the request id in every one, a secret in none."""

from collections.abc import MutableMapping
from typing import Any

import structlog

from core import context
from core.secrecy.redaction import redact
from gateway.responses import log_line


def _add_cause(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Outside requests too: a handler logs under the id of the request that its event came from."""
    for key in ("request_id", "causation_id"):
        if value := context.current().get(key):
            event.setdefault(key, value)
    return event


def _redact(logger: Any, name: str, line: str) -> str:
    """Last of all, on the finished line: whatever a library or a traceback brought along is seen here."""
    return redact(line)


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    _add_cause,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
_HANDLERS = {
    "console": {"class": "logging.StreamHandler", "formatter": "line"},
    "made": {"class": "logging.StreamHandler"},
}


def _console() -> Any:
    """Tracebacks without the values of variables: they hold passwords and tokens."""
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def logging_config(*, debug: bool, level: str) -> dict[str, Any]:
    """Return a logging.config dictionary and configure structlog to match it."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = _console() if debug else structlog.processors.JSONRenderer()
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": _SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([] if debug else [structlog.processors.format_exc_info]),
            renderer,
            _redact,
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": _HANDLERS,
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            log_line.LOGGER: {"handlers": ["made"], "propagate": False},
            "django.server": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
            "django.security": {"level": "CRITICAL"},  # errors at any visitor's will; malformed.record tells of them
            "celery": {"level": "WARNING"},
            "httpx2": {"level": "WARNING"},
            "uvicorn": {"handlers": ["console"], "propagate": False},
            "uvicorn.access": {"level": "WARNING"},
            "uvicorn.error": {"level": "WARNING"},  # tells of every socket with its address, where tickets stand
        },
    }
