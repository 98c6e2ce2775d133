"""Streams of the live feed, by path: which view of it each one shows."""

import re
from typing import Any
from uuid import UUID

from django.urls import re_path

from gateway.principal import Principal
from messaging.feeds.server_events import stream_application
from messaging.feeds.sockets import socket_application
from orders.queries.feed import ManyOrders, OneOrder, OneOrderByPosition, ShopFloor

SCOPE = "orders:read"


def _one_order(principal: Principal, path: dict[str, Any]) -> OneOrder:
    return OneOrder(principal, UUID(path["order_id"]))


def _many_orders(principal: Principal, path: dict[str, Any]) -> ManyOrders:
    return ManyOrders(principal)


def _shop_floor(principal: Principal, path: dict[str, Any]) -> ShopFloor:
    return ShopFloor(principal)


def _events(principal: Principal, query: dict[str, str]) -> ManyOrders:
    return OneOrderByPosition(principal, UUID(query["order_id"])) if "order_id" in query else ManyOrders(principal)


order_socket = socket_application(_one_order, scope=SCOPE)
orders_socket = socket_application(_many_orders, scope=SCOPE)
manager_socket = socket_application(_shop_floor, scope=SCOPE)
event_stream = stream_application(_events, scope=SCOPE)

websocket_urlpatterns = [
    re_path(r"^ws/orders/?$", orders_socket),
    re_path(r"^ws/orders/(?P<order_id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/?$", order_socket),
    re_path(r"^ws/manager/?$", manager_socket),
]
event_streams = [(re.compile(r"/api/v1/orders/events/?"), event_stream)]
