"""Socket × caller: every stream of the live feed, by tickets as the API and as pages give them."""

import re
from typing import Any

import pytest
from channels.routing import URLRouter

from config import sockets
from core.ids import uuid7
from orders.tests import make
from orders.tests.live import fresh_hub, in_thread, opened, ticket
from storefront.tests.make import Visitor
from tests.permissions.pages import CALLERS

pytestmark = pytest.mark.django_db(databases=["accounts", "orders", "catalog", "notifications"], transaction=True)
OPEN = 0
TABLE = {
    "/ws/orders/": (4401, OPEN, OPEN, OPEN, OPEN, OPEN),
    "/ws/orders/{}/": (4401, 4404, 4404, OPEN, OPEN, OPEN),
    "/ws/notifications/": (4401, OPEN, OPEN, OPEN, OPEN, OPEN),
    "/ws/manager/": (4401, 4403, 4403, OPEN, OPEN, 4403),
}
"""The code each caller's socket is closed with, in the order of CALLERS."""
OF_ORDERS = {"/ws/orders/", "/ws/orders/{}/", "/ws/manager/"}
"""Those that show orders: the owner's own, and all of them to staff."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.RATE_LIMITS_ON = False
    with fresh_hub(monkeypatch):
        yield


def test_every_socket_has_a_row():
    patterns = [route.pattern.regex.pattern for route in sockets._routes]
    known = {re.sub(r"\(\?P<.*\)", "{}", pattern).strip("^$").replace("/?", "/") for pattern in patterns}
    assert {f"/{path}" for path in known} == set(TABLE)
    assert isinstance(sockets.websockets.application, URLRouter)


def tickets(order: Any, settings: Any) -> dict[str, str]:
    """A ticket of each caller: pages give it to staff who owe a factor, since the API gives them none at all."""
    visitor = Visitor("manager")
    settings.MFA_REQUIRED_FOR_STAFF = True
    owing = visitor.client.post("/live-ticket/").json()["ticket"]
    settings.MFA_REQUIRED_FOR_STAFF = False
    stranger, manager, admin = uuid7(), uuid7(), uuid7()
    return {
        "anonymous": "",
        "another client": ticket(stranger, "client"),
        "staff who owe a factor": owing,
        "manager": ticket(manager, "manager"),
        "admin": ticket(admin, "admin"),
        "owner": ticket(order.customer_id, "client"),
    }


@pytest.mark.parametrize("path", TABLE)
async def test_every_cell_is_as_the_table_says(path, settings):
    order = await in_thread(make.order)
    given = await in_thread(tickets, order, settings)
    for name, code in zip(CALLERS, TABLE[path], strict=True):
        socket, _ = await opened(path.replace("{}", str(order.id)) + (f"?ticket={given[name]}" if given[name] else ""))
        if code == OPEN:
            (first,) = await socket.receive()
            shown = str(order.id) in str(first)
            assert first["type"] == "snapshot", (path, name, first)
            assert shown == (path in OF_ORDERS and name in ("manager", "admin", "owner")), (path, name)
            await socket.disconnect()
        else:
            assert await socket.closing_code() == code, (path, name)
