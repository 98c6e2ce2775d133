"""The stream of a reader's notifications by WebSocket."""

from typing import Any

from django.urls import re_path

from gateway.principal import Principal
from messaging.feeds.sockets import socket_application
from notifications.queries.feed import MyNews


def _my_news(principal: Principal, path: dict[str, Any]) -> MyNews:
    return MyNews(principal)


notifications_socket = socket_application(_my_news, scope="notifications:read")

websocket_urlpatterns = [re_path(r"^ws/notifications/?$", notifications_socket)]
