"""Refusals that arrive behind a proxy: what is on its way is taken before the answer that did not want it."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from gateway.guards.bodies import GRACE_S, LINGERS_AT_MOST

PART = 64 << 10
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


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
