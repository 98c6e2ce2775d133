"""WebSocket paths of orders."""

from django.urls import re_path

from orders.consumers import ManagerConsumer, OrderConsumer, OrdersConsumer

websocket_urlpatterns = [
    re_path(r"^ws/orders/?$", OrdersConsumer.as_asgi()),
    re_path(
        r"^ws/orders/(?P<order_id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/?$", OrderConsumer.as_asgi()
    ),
    re_path(r"^ws/manager/?$", ManagerConsumer.as_asgi()),
]
