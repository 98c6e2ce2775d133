"""A WSGI answer that wanted no body comes after it."""

import io

import pytest

from gateway import wsgi
from gateway.wsgi import LingeringBodies


def ask(read, size=900, **environ):
    """Send a body to an application that reads so many bytes of it; return how many were taken when it was answered."""
    body = io.BytesIO(b"x" * size)

    def application(environ, start_response):
        environ["wsgi.input"].read(read)
        environ["wsgi.input"].readline(read)
        return [b"refused"]

    told = {"CONTENT_LENGTH": str(size), "wsgi.input": body} | environ
    assert LingeringBodies(application)(told, None) == [b"refused"]
    return body.tell()


@pytest.mark.parametrize("read", [0, 100, 450])
def test_what_is_on_its_way_is_taken(read):
    assert ask(read) == 900


def test_no_longer_than_it_is_worth(monkeypatch):
    monkeypatch.setattr(wsgi, "LINGERS_AT_MOST", 300)
    assert ask(100) == 500


def test_who_asked_whether_to_send_is_refused_unread():
    assert ask(0, HTTP_EXPECT="100-continue") == 0


@pytest.mark.parametrize("length", ["", "0", "x", "-1", None])
def test_what_announces_no_length_is_left_alone(length):
    assert ask(0, CONTENT_LENGTH=length) == 0


def test_a_body_that_breaks_off_ends_the_wait():
    assert ask(0, CONTENT_LENGTH="5000") == 900


def test_so_does_one_that_is_too_slow(monkeypatch):
    monkeypatch.setattr(wsgi, "GRACE_S", 0.0)
    assert ask(0) == 0


def test_and_a_connection_that_is_gone():
    class Gone:
        def read(self, size):
            raise OSError

    told = {"CONTENT_LENGTH": "9", "wsgi.input": Gone()}
    assert LingeringBodies(lambda environ, start_response: [b"refused"])(told, None) == [b"refused"]
