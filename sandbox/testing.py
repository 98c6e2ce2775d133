"""Serve a sandbox on a free port in a thread of its own, for the length of a test."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import uvicorn

from sandbox.framework import Sandbox


def free_port() -> int:
    """Find a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(url: str, is_alive: Callable[[], bool] = lambda: True) -> None:
    """Wait a minute at most for the first answer. Raises AssertionError."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and is_alive():
        try:
            if httpx2.get(f"{url}/health", timeout=1, trust_env=False).status_code == 200:
                return
        except httpx2.HTTPError:
            time.sleep(0.02)
    raise AssertionError("the sandbox did not start")


@contextmanager
def serving(make: Callable[[str], Sandbox]) -> Iterator[str]:
    """Serve what `make` builds for an address; yield the address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = uvicorn.Config(
        make(url), host="127.0.0.1", port=port, log_level="critical", access_log=False, proxy_headers=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until_healthy(url)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join(timeout=10)
