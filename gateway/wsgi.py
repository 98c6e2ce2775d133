"""Enter the fast path: what it serves needs none of the work Django does around every request."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.db import connections

from gateway import fast_path
from gateway.middleware import EdgeMiddleware

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
