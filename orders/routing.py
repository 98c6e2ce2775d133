"""Paths of the live feed that are served under ASGI."""

import re

from django.urls import re_path

from orders.consumers import event_stream, manager_socket, order_socket, orders_socket

websocket_urlpatterns = [
    re_path(r"^ws/orders/?$", orders_socket),
    re_path(r"^ws/orders/(?P<order_id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/?$", order_socket),
    re_path(r"^ws/manager/?$", manager_socket),
]
event_streams = [(re.compile(r"/api/v1/orders/events/?"), event_stream)]
