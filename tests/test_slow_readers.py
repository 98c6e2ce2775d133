"""Answers that are read slowly: the event loop writes them, and no thread waits for their readers."""

import asyncio
import socket
import threading

import pytest
from a2wsgi import WSGIMiddleware

from gateway.guards import answers
from gateway.guards.answers import TimelyAnswers

PART = b"x" * 65_536
PARTS = 64
THREADS = 2


@pytest.fixture
def threads_done():
    return threading.Semaphore(0)


@pytest.fixture
def application(threads_done):
    """A large answer at /large and a small one elsewhere, by two threads."""

    def wsgi(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield from [PART] * (PARTS if environ["PATH_INFO"] == "/large" else 1)
        threads_done.release()

    return TimelyAnswers(WSGIMiddleware(wsgi, workers=THREADS))


async def request(application, path, send):
    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "http_version": "1.1",
        "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    await application(scope, receive, send)


class Reader:
    """A real socket behind an ASGI `send`: what is not read at its far end is waited for."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        for end in (self.near, self.far):
            end.setblocking(False)
        self.is_whole = False

    async def send(self, message):
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self.near, message.get("body", b""))
        self.is_whole = message["type"] == "http.response.body" and not message.get("more_body", False)

    async def read(self, size):
        loop, got = asyncio.get_running_loop(), 0
        while got < size:
            got += len(await loop.sock_recv(self.far, 65_536))


def test_threads_are_free_while_nobody_reads(application, threads_done):
    async def play():
        readers = [Reader() for _ in range(THREADS * 4)]
        tasks = [asyncio.create_task(request(application, "/large", reader.send)) for reader in readers]
        done = [await asyncio.to_thread(threads_done.acquire, timeout=20) for _ in readers]
        assert all(done), "a thread waits for its reader"
        quick = Reader()
        await asyncio.wait_for(asyncio.gather(request(application, "/", quick.send), quick.read(len(PART))), 10)
        assert quick.is_whole
        assert application.held > 0
        await asyncio.gather(*(reader.read(PARTS * len(PART)) for reader in readers), *tasks)
        assert [reader.is_whole for reader in readers] == [True] * len(readers)

    asyncio.run(play())
    assert application.held == 0


def test_who_reads_too_slowly_is_hung_up_on(application, monkeypatch, settings):
    settings.BODY_MIN_RATE = 1_000_000_000
    monkeypatch.setattr(answers, "GRACE_S", 0.2)

    async def play():
        reader = Reader()
        await asyncio.wait_for(request(application, "/large", reader.send), 10)
        assert not reader.is_whole  # its end is never said: the server closes the connection

    asyncio.run(play())
    assert application.held == 0


def test_beyond_what_is_held_a_thread_waits_for_its_reader(application, monkeypatch, threads_done):
    monkeypatch.setattr(answers, "HELD_AT_MOST", 4 * len(PART))

    async def play():
        reader = Reader()
        task = asyncio.create_task(request(application, "/large", reader.send))
        await reader.read(len(PART))
        assert application.held <= 5 * len(PART)
        assert not threads_done.acquire(blocking=False)
        await asyncio.gather(reader.read((PARTS - 1) * len(PART)), task)
        assert reader.is_whole

    asyncio.run(play())
    assert application.held == 0
