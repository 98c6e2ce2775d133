"""One port: HTTP runs as WSGI in threads (half the CPU of Django under ASGI), WebSockets as ASGI."""

import os
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from whitenoise.middleware import WhiteNoiseFileResponse

from core import context
from core.ids import uuid7

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
WhiteNoiseFileResponse.block_size = 1 << 18

from config.wsgi import application as pages_and_api  # noqa: E402  (needs the settings named above)
from gateway.guards.answers import TimelyAnswers  # noqa: E402  (needs the apps that the WSGI application has set up)
from gateway.guards.bodies import TimelyBodies  # noqa: E402  (needs the apps that the WSGI application has set up)

_wsgi = TimelyAnswers(TimelyBodies(cast(Any, WSGIMiddleware(cast(Any, pages_and_api), workers=8))))

from config.sockets import event_stream, websockets  # noqa: E402  (needs the apps that the WSGI application has set up)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Send WebSockets and streams of events one way, and the rest of HTTP the other."""
    if scope["type"] == "websocket":
        context.bind({"request_id": str(uuid7())})
        await websockets(scope, receive, send)
    elif scope["type"] == "http":
        stream = event_stream(scope["path"])
        if stream is None:
            await _wsgi(scope, receive, send)
        else:
            await stream(scope, receive, send, _wsgi)
