"""Paths of the live feed of notifications that are served under ASGI."""

from django.urls import re_path

from notifications.consumers import notifications_socket

websocket_urlpatterns = [re_path(r"^ws/notifications/?$", notifications_socket)]
