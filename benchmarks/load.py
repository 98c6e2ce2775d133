"""A closed-loop HTTP load generator on raw sockets: cheap enough not to be what is measured."""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

Request = Callable[[int, int], bytes]


@dataclass
class Result:
    """Requests answered per second, the slowest percentile in milliseconds, and how many were not 2xx."""

    per_second: float
    p50_ms: float
    p99_ms: float
    errors: int


def run(address: tuple[str, int], request: Request, *, clients: int, seconds: float) -> Result:
    """Let `clients` connections send `request(client, number)` one after another for `seconds`."""
    times: list[list[float]] = [[] for _ in range(clients)]
    errors = [0] * clients
    end = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=_client, args=(address, request, index, end, times[index], errors))
        for index in range(clients)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    every = sorted(value for one in times for value in one)
    return Result(
        per_second=len(every) / took,
        p50_ms=every[len(every) // 2] * 1000,
        p99_ms=every[int(len(every) * 0.99)] * 1000,
        errors=sum(errors),
    )


def _client(
    address: tuple[str, int], request: Request, index: int, end: float, times: list[float], errors: list[int]
) -> None:
    connection = socket.create_connection(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    number = 0
    while (started := time.perf_counter()) < end:
        connection.sendall(request(index, number))
        if not read_response(connection)[0].startswith(b"HTTP/1.1 2"):
            errors[index] += 1
        times.append(time.perf_counter() - started)
        number += 1
    connection.close()


def read_response(connection: socket.socket) -> tuple[bytes, bytes]:
    """Read one response with a Content-Length; return its head and body."""
    data = connection.recv(65536)
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    position = head.lower().index(b"content-length:") + 15
    length = int(head[position:].split(b"\r\n", 1)[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head, body
