"""The thread's current cause: request id, trace and actor, carried from a request through events to their effects."""

import contextvars
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_headers: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("autosalon_headers", default=None)


def current() -> dict[str, Any]:
    """Headers that the next published event inherits."""
    return _headers.get() or {}


def bind(headers: dict[str, Any]) -> contextvars.Token[dict[str, Any] | None]:
    """Set the current headers; hand the token to `unbind`."""
    return _headers.set(headers)


def unbind(token: contextvars.Token[dict[str, Any] | None]) -> None:
    """Restore what was current before `bind`."""
    _headers.reset(token)


@contextmanager
def cause(**headers: Any) -> Iterator[None]:
    """Add headers (request_id, traceparent, actor, causation_id …) for the block."""
    token = bind(current() | {name: value for name, value in headers.items() if value})
    try:
        yield
    finally:
        unbind(token)


def new_traceparent() -> str:
    """A fresh W3C trace context."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
