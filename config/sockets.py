"""WebSocket routes of the served apps."""

from importlib import import_module
from importlib.util import find_spec

from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.urls import re_path

from gateway.sockets import NotFoundConsumer

_routes = [
    route
    for app in settings.SERVICES
    if find_spec(f"{app}.routing")
    for route in import_module(f"{app}.routing").websocket_urlpatterns
]
websockets = AllowedHostsOriginValidator(URLRouter([*_routes, re_path(r"", NotFoundConsumer.as_asgi())]))
