"""Calls to addresses that others named: only ever to the open internet, and never longer than they may take.

The name is looked up at each call, every address it has is checked, and the connection goes to a checked address
itself: a name that changes between the check and the call gains nothing. Redirects and proxies are not followed.
"""

import ipaddress
import re
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from socket import SOCK_STREAM, getaddrinfo
from typing import Any

import httpcore2
import httpx2

from core.db import refuse_inside_transaction

CONNECT_TIMEOUT_S = 5.0
MAX_URL = 2_048
MAX_ADDRESSES = 3
FAULTS = (httpcore2.ProtocolError, httpcore2.NetworkError, httpcore2.TimeoutException, OSError)
"""What a call ends with when no answer came; the other side may or may not have heard it."""

_REFUSED_NETWORKS = [
    ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "100.64.0.0/10", "fec0::/10", "3fff::/20")
]
"""Special ranges that Python's `is_global` lets through, or did in some version."""

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UrlRefused(ValueError):
    """Nothing may be sent to this address; the message says why."""


class HostNotFound(UrlRefused):
    """Nobody has the name now; somebody may later."""


def check_url(text: str, *, may_be_private: bool, needs_https: bool) -> httpx2.URL:
    """Read an address. Raises UrlRefused: not http(s), no host, or an address within our own walls."""
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError) as error:
        raise UrlRefused("This is not a URL.") from error
    host = url.raw_host.decode("ascii")
    is_host = _HOST.fullmatch(host) is not None or _literal(host) is not None
    if url.scheme not in ("http", "https") or not is_host or not 0 < (url.port or 443) < 65_536 or len(text) > MAX_URL:
        raise UrlRefused("An http or https URL with a host is needed.")
    if url.userinfo or url.fragment:
        raise UrlRefused("User names, passwords and fragments are not allowed in the URL.")
    if url.scheme != "https" and needs_https:
        raise UrlRefused("Only https is allowed.")
    if (literal := _literal(host)) is not None:
        _refuse_private(literal, may_be_private)
    return url


@contextmanager
def exchange(
    method: str,
    url: httpx2.URL,
    headers: list[tuple[str, str]],
    body: bytes = b"",
    *,
    may_be_private: bool,
    deadline: float,
) -> Iterator[httpcore2.Response]:
    """One exchange on a connection of its own, the answer's body still to be read; over by `deadline` (monotonic).

    Raises InsideTransaction, UrlRefused, FAULTS.
    """
    refuse_inside_transaction()
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    left = max(0.001, deadline - time.monotonic())
    limits = {"connect": CONNECT_TIMEOUT_S, "read": left, "write": left, "pool": left}
    backend = _CheckedBackend(deadline, may_be_private)
    with (
        httpcore2.ConnectionPool(ssl_context=tls_context(), max_connections=1, network_backend=backend) as pool,
        pool.stream(method, target, headers=headers, content=body, extensions={"timeout": limits}) as response,
    ):
        yield response


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """The certificates we trust; loading them takes milliseconds, so once."""
    return httpcore2.default_ssl_context()


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    """The first value of a header; empty without one."""
    return next((value.decode("latin-1").strip() for given, value in headers if given.lower() == name), "")


def retry_after(headers: Iterable[tuple[bytes, bytes]], now: datetime) -> float | None:
    """Seconds the other side asks to wait, given as such or as a moment; None when it asks for nothing sensible."""
    text = header(headers, b"retry-after")
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the open internet, whatever disguise an IPv4 address wears in an IPv6 one."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    if any(address.version == network.version and address in network for network in _REFUSED_NETWORKS):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refuse_private(address: Address, may_be_private: bool) -> None:
    if not may_be_private and not is_public(address):
        raise UrlRefused("The address is private or reserved.")


def _resolve(host: str, port: int, may_be_private: bool) -> list[str]:
    """Look a name up and return its addresses. Raises UrlRefused if any of them may not be called."""
    try:
        found = getaddrinfo(host, port, type=SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostNotFound(f"The host {host[:200]} cannot be found.") from error
    addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
    for text in addresses:
        _refuse_private(ipaddress.ip_address(text.partition("%")[0]), may_be_private)
    return addresses


class _CheckedBackend(httpcore2.NetworkBackend):
    """Connects to a checked address of a host. TLS still verifies the name: the pool never learns the address."""

    def __init__(self, deadline: float, may_be_private: bool) -> None:
        self.tcp = httpcore2.SyncBackend()
        self.deadline, self.may_be_private = deadline, may_be_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception | None = None
        for address in _resolve(host, port, self.may_be_private)[:MAX_ADDRESSES]:
            try:
                stream = self.tcp.connect_tcp(
                    address, port, _left(self.deadline, timeout), local_address, socket_options or []
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self.deadline)
        raise failure or httpcore2.ConnectError("no address")


class _TimedStream(httpcore2.NetworkStream):
    """A connection that ends by its deadline, however slowly the other side drips."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: float) -> None:
        self.stream, self.deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _left(self.deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _left(self.deadline, timeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        secured = self.stream.start_tls(ssl_context, server_hostname, _left(self.deadline, timeout))
        return _TimedStream(secured, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def _left(deadline: float, timeout: float | None) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the time for an answer is over")
    return left if timeout is None else min(left, timeout)
