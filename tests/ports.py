"""Keeps a test run to the ports it opened itself: a shop that runs beside the tests is never spoken to.

A port is the run's own once a test, or a server in a test's thread, has bound it; whoever starts a process finds it a
port by binding one first. Our own servers are reached through sockets of the file system, libpq through none of
Python's.
"""

import contextlib
import errno
import functools
import socket
import traceback
from collections.abc import Iterator
from typing import Any

_NETWORK = (socket.AF_INET, socket.AF_INET6)
_own: set[int] = set()
_held: list[socket.socket] = []
slips: list[str] = []
"""Where something tried to reach a port of somebody else; whoever swallowed the refusal is found all the same."""


class NotOurPort(ConnectionRefusedError):
    """The port belongs to no server of this test run."""


def hold_port() -> int:
    """A port that nobody answers on and nobody else can take, for as long as this process lives."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    _held.append(held)
    _own.add(held.getsockname()[1])
    return int(held.getsockname()[1])


@functools.cache
def nowhere() -> str:
    """An address at which every connection is refused at once."""
    return f"http://127.0.0.1:{hold_port()}"


def guard() -> None:
    """Refuse connections to ports of others from now on, in every thread."""
    bind = socket.socket.bind

    def remember(self: socket.socket, address: Any, /) -> None:
        bind(self, address)
        if self.family in _NETWORK:
            _own.add(self.getsockname()[1])

    socket.socket.bind = remember  # type: ignore[method-assign]
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))


@contextlib.contextmanager
def alone() -> Iterator[list[str]]:
    """Fail a block in which anything reached for somebody else's port, even if it hid the refusal."""
    slips.clear()
    yield slips
    assert not slips, "a server of somebody else was called:\n" + "\n".join(slips)


def _guarded(original: Any) -> Any:
    @functools.wraps(original)
    def act(self: socket.socket, address: Any, /) -> Any:
        is_stream = self.family in _NETWORK and self.type == socket.SOCK_STREAM
        if is_stream and address[1] not in _own:
            slips.append(f"{address[0]}:{address[1]}\n{''.join(traceback.format_stack(limit=40))}")
            if original.__name__ == "connect_ex":
                return errno.ECONNREFUSED
            raise NotOurPort(f"{address[0]}:{address[1]} is no server of this test run")
        return original(self, address)

    return act
