"""Route what is served under ASGI only: WebSockets of the served apps, and their streams of events."""

from importlib import import_module
from types import ModuleType
from typing import Any

from channels.routing import URLRouter
from django.conf import settings
from django.urls import re_path

from core.plugins import plugins
from gateway.guards.sockets import OriginGuard, no_such_socket

_modules: list[ModuleType] = [
    import_module(plugin.consumers)
    for app, plugin in plugins().items()
    if plugin.consumers and app in settings.LAYOUT.answered
]
_routes: list[Any] = [route for module in _modules for route in module.websocket_urlpatterns]
_elsewhere: Any = no_such_socket
websockets = OriginGuard(URLRouter([*_routes, re_path(r"", _elsewhere)]))
_streams = [stream for module in _modules for stream in getattr(module, "event_streams", ())]


def event_stream(path: str) -> Any:
    """The stream served at a path, or None."""
    return next((stream for pattern, stream in _streams if pattern.fullmatch(path)), None)
