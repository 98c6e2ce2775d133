"""Slow and large bodies: read in good time before a thread is taken, refused otherwise, and nobody else waits."""

import asyncio
import json
import socket
import threading
import time

import httpx2
import pytest
from django.conf import settings

from core.ids import uuid7
from gateway.guards import bodies
from gateway.guards.bodies import TimelyBodies
from tests.live import Web

IMPORTS = "/api/v1/imports"
DRIPPERS = 8


@pytest.fixture
def web():
    with Web({"AUTOSALON_BODY_SECONDS": "4", "AUTOSALON_MAX_BODY_BYTES": "10000"}) as web:
        yield web


def call(web, head, *parts, every_s=0.0):
    """Say a request byte by byte as told, and return what came back."""
    with socket.create_connection(("127.0.0.1", web.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n")
        for part in parts:
            time.sleep(every_s)
            try:
                connection.sendall(part)
            except OSError:
                break
        answer = b""
        try:
            while part := connection.recv(65_536):
                answer += part
        except ConnectionResetError:
            pass
        return answer.decode()


def login(*headers):
    first = ["POST /api/v1/auth/login HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    return "\r\n".join([*first, "Connection: close", *headers])


@pytest.mark.django_db(databases=[alias for alias in settings.DATABASES if alias != "default"], transaction=True)
def test_a_process_serves_on_while_others_drip(web):
    """One process for all of it: starting one costs more than everything it is asked here."""
    answers = []

    def drip():
        answers.append(call(web, login("Content-Length: 1000"), *[b"x"] * 8, every_s=1))

    threads = [threading.Thread(target=drip) for _ in range(DRIPPERS)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    for _ in range(5):
        assert httpx2.get(f"http://127.0.0.1:{web.port}/health", timeout=2).status_code == 200
    assert not answers  # they were all still dripping
    for thread in threads:
        thread.join()
    assert [answer.split(" ", 2)[1] for answer in answers] == ["408"] * DRIPPERS
    assert all('"code":"body_too_slow"' in answer for answer in answers)
    _send_in_chunks(web)


def _send_in_chunks(web):
    chunked = login("Transfer-Encoding: chunked")
    body = json.dumps({"email": "nobody@example.com", "password": "wrong"}).encode()
    parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:10], body[10:])]
    answer = call(web, chunked, *parts, b"0\r\n\r\n")
    assert '"code":"wrong_credentials"' in answer, answer  # the body arrived whole
    large = call(web, chunked, *[b"1388\r\n%s\r\n" % (b"x" * 5_000)] * 3)
    assert " 413 " in large.splitlines()[0]
    assert '"code":"body_too_large"' in large


class Exchange:
    """One request of an ASGI server's, whose body is what the test says, and what was answered."""

    def __init__(self, path="/api/v1/orders", **headers):
        listed = [(name.replace("_", "-").encode(), str(value).encode()) for name, value in headers.items()]
        self.scope = {"type": "http", "method": "POST", "path": path, "headers": listed}
        self.messages, self.sent = asyncio.Queue(), []

    def put(self, body, *, more=False):
        self.messages.put_nowait({"type": "http.request", "body": body, "more_body": more})

    async def send(self, message):
        self.sent.append(message)

    async def through(self, edge):
        await edge(self.scope, self.messages.get, self.send)
        return self.sent[0]["status"] if self.sent else None

    @property
    def headers(self):
        return dict(self.sent[0]["headers"])


class Reader:
    """Reader that takes a thread: reads the body and answers 200, or 500 where it breaks off."""

    def __init__(self):
        self.bodies, self.scopes, self.is_under_way, self.most = [], [], 0, 0

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        self.is_under_way += 1
        self.most = max(self.most, self.is_under_way)
        try:
            status, body = 200, b""
            while True:
                message = await receive()
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
            self.bodies.append(body)
        except OSError:
            status = 500
        self.is_under_way -= 1
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def small(settings, monkeypatch):
    """Limits that a test reaches at once."""
    settings.MAX_BODY_BYTES, settings.BODY_SECONDS, settings.BODY_MIN_RATE = 100, 1, 1000
    settings.MAX_UPLOAD_BYTES = 1000
    monkeypatch.setattr(bodies, "GRACE_S", 0.1)


def upload(size):
    return Exchange(IMPORTS, content_type="multipart/form-data; boundary=x", content_length=size)


async def test_a_body_is_whole_before_anybody_reads_it(small):
    reader, asked = Reader(), Exchange(content_length=6)
    asked.put(b"abc", more=True)
    waiting = asyncio.create_task(asked.through(TimelyBodies(reader)))
    await asyncio.sleep(0.02)
    assert reader.scopes == []
    asked.put(b"def")
    assert (await waiting, reader.bodies) == (200, [b"abcdef"])


async def test_a_request_without_a_body_goes_straight_on(small):
    reader, asked = Reader(), Exchange()
    asked.put(b"")
    assert (await asked.through(TimelyBodies(reader)), reader.scopes) == (200, [asked.scope])


async def test_a_body_slower_than_the_rate_is_refused(small):
    reader, asked = Reader(), Exchange(content_length=6)
    asked.put(b"abc", more=True)
    assert (await asked.through(TimelyBodies(reader)), reader.scopes) == (408, [])
    assert asked.headers[b"connection"] == b"close"


async def test_a_body_in_chunks_is_measured_and_limited(small):
    reader, asked = Reader(), Exchange(transfer_encoding="chunked")
    asked.put(b"abc")
    assert await asked.through(TimelyBodies(reader)) == 200
    assert reader.scopes[0]["headers"] == [(b"content-length", b"3")]
    large = Exchange(transfer_encoding="chunked")
    for _ in range(3):
        large.put(b"x" * 50, more=True)
    assert (await large.through(TimelyBodies(reader)), len(reader.scopes)) == (413, 1)


async def test_bodies_held_at_once_are_bounded_and_let_go(small, monkeypatch):
    monkeypatch.setattr(bodies, "HELD_AT_MOST", 8)
    edge = TimelyBodies(Reader())
    first, second = Exchange(content_length=6), Exchange(content_length=6)
    first.put(b"abcde", more=True)
    waiting = asyncio.create_task(first.through(edge))
    await asyncio.sleep(0.02)
    second.put(b"abcdef")
    assert await second.through(edge) == 503
    assert second.headers[b"retry-after"] == b"1"
    first.put(b"f")
    assert await waiting == 200
    third = Exchange(content_length=6)
    third.put(b"abcdef")
    assert await third.through(edge) == 200


async def test_who_hangs_up_takes_no_thread(small):
    reader, asked = Reader(), Exchange(content_length=6)
    asked.messages.put_nowait({"type": "http.disconnect"})
    assert (await asked.through(TimelyBodies(reader)), reader.scopes) == (None, [])


async def test_files_are_read_as_they_come_a_few_at_a_time(small):
    reader = Reader()
    edge, sent = TimelyBodies(reader), [upload(300) for _ in range(5)]
    tasks = [asyncio.create_task(one.through(edge)) for one in sent]
    await asyncio.sleep(0.02)
    assert reader.most == bodies.UPLOADS_AT_ONCE
    for one in sent:
        one.put(b"x" * 300)
    assert await asyncio.gather(*tasks) == [200] * 5
    assert (reader.most, len(reader.bodies)) == (bodies.UPLOADS_AT_ONCE, 5)


async def test_a_file_that_stops_coming_is_refused_and_makes_room(small):
    edge = TimelyBodies(Reader())
    slow = [upload(300) for _ in range(bodies.UPLOADS_AT_ONCE)]
    for one in slow:
        one.put(b"x" * 10, more=True)
    assert await asyncio.gather(*(one.through(edge) for one in slow)) == [408] * bodies.UPLOADS_AT_ONCE
    next_one = upload(300)
    next_one.put(b"x" * 300)
    assert await next_one.through(edge) == 200


async def test_what_no_address_takes_does_not_wait_for_its_turn(small):
    reader = Reader()
    edge = TimelyBodies(reader)
    busy = [upload(300) for _ in range(bodies.UPLOADS_AT_ONCE)]
    tasks = [asyncio.create_task(one.through(edge)) for one in busy]
    await asyncio.sleep(0.02)
    path = f"/api/v1/orders/{uuid7()}"
    for too_large in (Exchange(path, content_length=300), upload(5_000)):
        too_large.put(b"")
        assert await too_large.through(edge) == 200  # the application behind refuses it by its headers
    for one in busy:
        one.put(b"")
    assert await asyncio.gather(*tasks) == [200] * bodies.UPLOADS_AT_ONCE


async def refuse(scope, receive, send):
    """Answer what needs no look at the body."""
    await send({"type": "http.response.start", "status": 403, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def refused(**headers):
    exchange = Exchange(IMPORTS, content_length=900, content_type="multipart/form-data", **headers)
    for number in range(9):
        exchange.put(b"x" * 100, more=number < 8)
    return exchange


def test_a_refused_sender_is_listened_to_before_the_answer_so_that_a_proxy_passes_it_on(small, monkeypatch):
    exchange = refused()
    assert asyncio.run(exchange.through(TimelyBodies(refuse))) == 403
    assert exchange.messages.empty()
    monkeypatch.setattr(bodies, "LINGERS_AT_MOST", 300)
    long = refused()
    assert asyncio.run(long.through(TimelyBodies(refuse))) == 403
    assert long.messages.qsize() == 6, "no longer than it is worth"


def test_who_asked_whether_to_send_is_refused_unread(small):
    exchange = refused(expect="100-continue")
    assert asyncio.run(exchange.through(TimelyBodies(refuse))) == 403
    assert exchange.messages.qsize() == 9


def test_a_refused_sender_who_falls_silent_hears_the_answer(small):
    exchange = Exchange(IMPORTS, content_length=900, content_type="multipart/form-data")
    exchange.put(b"x" * 100, more=True)
    assert asyncio.run(exchange.through(TimelyBodies(refuse))) == 403
    assert len(exchange.sent) == 2
