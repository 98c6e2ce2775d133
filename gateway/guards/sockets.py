"""The door of all WebSockets: pages of strangers stay out, and a path nobody serves says so."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from gateway.guards.plain_http import is_in_the_clear

Application = Callable[[Any, Any, Any], Awaitable[None]]


async def _refuse(scope: Any, receive: Any, send: Any, code: int) -> None:
    """Accept and close with a code, so that a browser can tell why."""
    await receive()
    offered = scope.get("subprotocols") or []
    await send({"type": "websocket.accept", "subprotocol": "bearer" if "bearer" in offered else None})
    await send({"type": "websocket.close", "code": code})


async def no_such_socket(scope: Any, receive: Any, send: Any) -> None:
    """A path nobody serves."""
    await _refuse(scope, receive, send, 4404)


class OriginGuard:
    """Admits pages of this site and of the origins that may use the API, and programs, which name no origin."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if is_welcome(scope["headers"]) and not is_in_the_clear(scope):
            await self.application(scope, receive, send)
        else:
            await _refuse(scope, receive, send, 4403)


def is_welcome(headers: list[tuple[bytes, bytes]]) -> bool:
    """Tell whether a page of this origin may open a socket here."""
    given = {name.lower(): value.decode("latin-1") for name, value in headers}
    origin = given.get(b"origin", "")
    if not origin:
        return True
    if origin in settings.CORS_ALLOWED_ORIGINS or origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        page = urlsplit(origin)
    except ValueError:
        return False
    if urlsplit(settings.PUBLIC_URL).scheme == "https" != page.scheme:
        return False
    host = page.netloc.lower()
    return bool(host) and host == given.get(b"host", "").lower()
