"""Enter the fast path: what it serves needs none of the work Django does around every request.

Refusals arrive behind a proxy: what is on its way is taken before the answer that did not want it.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.db import connections

from gateway import fast_path
from gateway.guards.bodies import GRACE_S, LINGERS_AT_MOST
from gateway.middleware import EdgeMiddleware

PART = 64 << 10
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class FastPathHandler:
    """A WSGI application: fast paths, and contracts, which call them, are answered here, everything else by Django.

    Django loops over all database connections four times a request to tidy them; here only one that broke is.
    """

    def __init__(self, django: Application) -> None:
        self.django = django
        self.edge = EdgeMiddleware(_unreachable)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        found = fast_path.find(environ["REQUEST_METHOD"], path)
        if not found and not path.startswith("/contracts/"):
            return self.django(environ, start_response)
        request = WSGIRequest(environ)
        request.fast_path = found  # type: ignore[attr-defined]
        response = self.edge(request)
        if response.status_code >= 500:
            for connection in connections.all(initialized_only=True):
                connection.close_if_unusable_or_obsolete()
        cookies = [("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values()]
        start_response(f"{response.status_code} {response.reason_phrase}", [*response.items(), *cookies])
        return [response.content]


def _unreachable(request: Any) -> Any:
    raise AssertionError(f"{request.path} is no fast path")


class _Counted:
    """A body that knows how much of it was read."""

    def __init__(self, body: Any) -> None:
        self._body, self.received = body, 0

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, or all that are left."""
        return self._count(self._body.read(size))

    def readline(self, size: int = -1) -> bytes:
        """Read to the end of a line."""
        return self._count(self._body.readline(size))

    def _count(self, part: bytes) -> bytes:
        self.received += len(part)
        return part


class LingeringBodies:
    """A WSGI application around one that may answer before it has read what it is sent.

    A server that is done with a request closes a connection on which more arrives, and a proxy that cannot send on
    tells its client of a fault (502) instead of the refusal. `TimelyBodies` does the same for ASGI.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer; who asked whether to send at all (`Expect`) has nothing on its way."""
        length = environ.get("CONTENT_LENGTH") or ""
        if not length.isdecimal() or length == "0" or "HTTP_EXPECT" in environ:
            return self._application(environ, start_response)
        body = environ["wsgi.input"] = _Counted(environ["wsgi.input"])
        answer = self._application(environ, start_response)
        _take_rest(body, min(int(length), body.received + LINGERS_AT_MOST))
        return answer


def _take_rest(body: _Counted, enough: int) -> None:
    """Read up to a number of bytes, for as long as they come in good time."""
    until = time.monotonic() + GRACE_S
    while body.received < enough and time.monotonic() < until:
        try:
            if not body.read(min(PART, enough - body.received)):
                break
        except OSError:
            break
