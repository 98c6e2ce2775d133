import contextlib
import socket
import threading

import httpx2
import pytest
import requests

from core.db import InsideTransaction, before_commit, on_commit, transaction

pytestmark = pytest.mark.django_db(databases=["payments"])


@pytest.fixture
def stranger():
    """A server that answers everything, and keeps connections."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection):
        with connection:
            while connection.recv(65536):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.close()


@pytest.mark.parametrize("get", [httpx2.get, requests.get])
def test_a_call_inside_a_transaction_is_refused(stranger, get, network_slips):
    assert get(stranger).status_code == 200
    with transaction("payments"), pytest.raises(InsideTransaction):
        get(stranger)
    assert len(network_slips) == 1
    network_slips.clear()


def test_a_kept_connection_is_no_way_round(stranger, network_slips):
    with httpx2.Client() as client:
        assert client.get(stranger).status_code == 200
        with transaction("payments"), pytest.raises(InsideTransaction):
            client.get(stranger)
    assert network_slips
    network_slips.clear()


def test_swallowing_the_refusal_does_not_hide_it(stranger, network_slips):
    with transaction("payments"), contextlib.suppress(Exception):  # as a careless client would
        requests.get(stranger)
    assert "core/tests/test_network_guard.py" in network_slips[0]
    network_slips.clear()


def test_other_threads_may_speak(stranger, network_slips):
    statuses = []
    with transaction("payments"):
        thread = threading.Thread(target=lambda: statuses.append(requests.get(stranger).status_code))
        thread.start()
        thread.join()
    assert (statuses, network_slips) == ([200], [])


@pytest.mark.django_db(databases=["payments"], transaction=True)
def test_what_runs_after_the_commit_may_speak_and_open_a_transaction(stranger, network_slips):
    statuses = []

    def follow():
        statuses.append(requests.get(stranger).status_code)
        with transaction("payments"):
            statuses.append(before_commit("payments", "mark", lambda: statuses.append("last thing inside")) is not None)

    with transaction("payments"):
        on_commit("payments", follow)
    assert (statuses, network_slips) == ([200, True, "last thing inside"], [])
