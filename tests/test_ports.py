"""A test run is alone: what it did not start, it does not reach."""

import contextlib
import os
import socket
import threading
from urllib.parse import urlsplit

import httpx2
import pytest
from django.conf import settings

from devtools.embedded import Embedded
from tests import ports

PROVIDERS = ("SANDBOX_URL", "BANKS_URL", "INSURERS_URL", "SMS_URL", "PUBLIC_URL")


@pytest.fixture
def neighbour():
    """A server that this run did not open, as far as the guard knows."""
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    ports._own.discard(port)
    yield f"http://127.0.0.1:{port}"
    ports._own.add(port)
    server.close()


def test_a_server_of_somebody_else_is_not_reached(neighbour, strange_ports):
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(neighbour, trust_env=False)
    assert neighbour.removeprefix("http://") in strange_ports[0]
    strange_ports.clear()


async def test_not_even_from_a_loop_or_a_thread(neighbour, strange_ports):
    async with httpx2.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(neighbour)
    address = (urlsplit(neighbour).hostname, urlsplit(neighbour).port)
    thread = threading.Thread(target=lambda: socket.socket().connect_ex(address))
    thread.start()
    thread.join()
    assert len(strange_ports) == 2
    strange_ports.clear()


def test_a_slip_that_somebody_swallows_fails_the_test(neighbour, strange_ports):
    called = "a server of somebody else was called"
    with pytest.raises(AssertionError, match=called), ports.alone(), contextlib.suppress(httpx2.ConnectError):
        httpx2.get(neighbour, trust_env=False)
    strange_ports.clear()


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_provider_answers_unless_a_test_starts_it(name):
    address = urlsplit(getattr(settings, name))
    assert address.port in ports._own
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))


def test_no_two_of_them_are_one():
    assert len({urlsplit(getattr(settings, name)).port for name in PROVIDERS}) == len(PROVIDERS)


def test_nothing_of_the_checkouts_own_instance_is_used():
    folder = settings.DATA_DIR.relative_to(settings.BASE_DIR / ".data")
    assert folder.parts[0].startswith("test-")
    for other in (settings.MEDIA_ROOT, settings.EMAIL_FILE_PATH, settings.EMBEDDED.data_dir):
        assert other.is_relative_to(settings.DATA_DIR)
    assert settings.EMBEDDED.socket_dir != Embedded(settings.BASE_DIR / ".data").socket_dir
    addresses = [value for name, value in os.environ.items() if name.startswith("AUTOSALON_") and name.endswith("_URL")]
    assert not [address for address in addresses if urlsplit(address).hostname], "tests reach theirs through files"
