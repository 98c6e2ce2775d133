"""A process that was without Valkey for a long time uses it again as soon as it is back."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from config.servers.redis import RedisAddresses
from devtools.binaries import valkey_bin
from gateway.guards import guard
from gateway.responses import cache
from tests.product import wait_for

CALLS = 200
"""More than any pool of redis-py makes connections."""

GET = "return redis.call('GET', KEYS[1])"


@pytest.fixture
def socket(tmp_path_factory, settings) -> Iterator[Path]:
    """Return where a server may come to listen; until then nobody answers."""
    folder = tmp_path_factory.mktemp("v")
    path = folder / "s"
    settings.REDIS = RedisAddresses("", path)
    guard.client.cache_clear()
    yield path
    guard.client.cache_clear()


@pytest.fixture
def start(socket) -> Iterator[Callable[[], None]]:
    running: list[subprocess.Popen[bytes]] = []

    def run() -> None:
        command = [str(valkey_bin()), "--port", "0", "--unixsocket", str(socket), "--save", ""]
        running.append(subprocess.Popen(command, cwd=socket.parent, stdout=subprocess.DEVNULL))
        wait_for(socket.exists, 20, "Valkey does not start")

    yield run
    for process in running:
        process.kill()
        process.wait()


def in_a_thread(call: Callable[[], object]) -> object:
    """Call in a thread of its own, which has no connection yet and ends after it; return what came, error or not."""
    said: list[object] = []

    def work() -> None:
        try:
            said.append(call())
        except redis.RedisError as error:
            said.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return said[0]


def ask_cache() -> object:
    return cache.Line().run(GET, "nothing")


def ask_guard() -> object:
    return guard._line.ask(lambda: guard._line.evaluate(guard._SCRIPT, ["a", "b", "c"], 10, 1000, 0))


def test_the_cache_is_used_again_after_two_hundred_failures(start):
    line = cache.Line()
    for _ in range(CALLS):
        with pytest.raises(redis.ConnectionError):
            line.run(GET, "nothing")
    start()
    assert line.run(GET, "nothing") is None
    assert line.run("SET", "something", "x", 5)
    line.hang_up()


@pytest.mark.parametrize("ask", [ask_cache, ask_guard])
def test_threads_that_ended_take_nothing_with_them(start, ask):
    for _ in range(CALLS):
        assert isinstance(in_a_thread(ask), redis.ConnectionError)
    start()
    for _ in range(CALLS):
        assert not isinstance(in_a_thread(ask), redis.ConnectionError), "the pool counts connections nobody has"
