"""One port: HTTP runs as WSGI in threads (half the CPU of Django under ASGI), WebSockets as ASGI."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application
from whitenoise.middleware import WhiteNoiseFileResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
WhiteNoiseFileResponse.block_size = 1 << 18

_wsgi = WSGIMiddleware(get_wsgi_application(), workers=8)

from config.sockets import websockets  # noqa: E402  (needs the apps that the WSGI application set up)

Receive = Callable[[], Awaitable[dict[str, Any]]]


async def application(scope: dict[str, Any], receive: Receive, send: Any) -> None:
    """Send HTTP one way and WebSockets the other."""
    if scope["type"] == "websocket":
        await websockets(scope, receive, send)
    elif scope["type"] == "http":
        await _wsgi(scope, receive, send)
