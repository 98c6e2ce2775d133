"""Outside debug the API, its streams and the sockets answer over https alone."""

import pytest

from core.testing import Api, Socket
from gateway.guards.plain_http import is_in_the_clear
from gateway.guards.sockets import OriginGuard


@pytest.fixture
def wanted(settings):
    settings.SECURE_SSL_REDIRECT = True


def test_the_api_refuses_plain_http_before_it_looks_at_the_token(wanted):
    for path in ("/orders", "/products", "/nowhere"):
        answer = Api("client").get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "https_required"), path
    answer = Api("client").post("/auth/login", {"email": "a@example.com", "password": "x"})
    assert answer.json()["code"] == "https_required"


def test_https_goes_on(wanted):
    caller = Api()
    assert caller.client.get("/api/v1/orders", secure=True).status_code == 401


def test_the_proxys_word_counts_only_where_it_is_believed(wanted, settings):
    caller = Api()
    told = {"X-Forwarded-Proto": "https"}
    settings.SECURE_PROXY_SSL_HEADER = None
    assert caller.client.get("/api/v1/orders", headers=told).status_code == 403
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert caller.client.get("/api/v1/orders", headers=told).status_code == 401


def test_machines_may_ask_whether_we_live(wanted):
    assert Api().client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("scheme", "told", "believed", "expected"),
    [
        ("ws", b"", False, True),
        ("http", b"https", False, True),
        ("http", b"https", True, False),
        ("ws", b"http", True, True),
        ("wss", b"", False, False),
        ("https", b"", True, False),
    ],
)
def test_streams_go_by_the_same_rule(wanted, settings, scheme, told, believed, expected):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if believed else None
    assert is_in_the_clear({"scheme": scheme, "headers": [(b"X-Forwarded-Proto", told)]}) is expected
    settings.SECURE_SSL_REDIRECT = False
    assert is_in_the_clear({"scheme": "ws", "headers": []}) is False


async def test_a_socket_in_the_clear_is_closed(wanted):
    async def never(scope, receive, send):
        raise AssertionError

    socket = Socket(OriginGuard(never), "/ws/orders/")
    await socket.connect()
    assert await socket.closing_code() == 4403
