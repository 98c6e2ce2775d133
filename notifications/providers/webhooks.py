"""Sending webhooks: signed as Standard Webhooks asks, to addresses that are not ours, within fifteen seconds.

The name is looked up at each attempt, every address it has is checked, and the connection goes to a checked address
itself: a name that changes between the check and the call gains nothing. Redirects and proxies are not followed.
"""

import ipaddress
import re
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from socket import SOCK_STREAM, getaddrinfo
from typing import Any

import httpcore2
import httpx2
from django.conf import settings
from standardwebhooks import Webhook

from core.db import refuse_inside_transaction

TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 5.0
EXCERPT_BYTES = 2_048
MAX_URL = 2_048
MAX_ADDRESSES = 3
OBEYS_RETRY_AFTER = (429, 503)

_REFUSED_NETWORKS = [
    ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "100.64.0.0/10", "fec0::/10")
]
"""Special ranges that Python's `is_global` lets through, or did in some version."""

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UrlRefused(ValueError):
    """Nothing may be sent to this address; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What came of an attempt: a status code, or an error where none came. Durations are in milliseconds."""

    status_code: int | None
    duration_ms: int
    error: str = ""
    excerpt: str = ""
    retry_after_s: float | None = None

    @property
    def is_success(self) -> bool:
        """Only 2xx is; a redirect is a failure like any other."""
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def is_gone(self) -> bool:
        """The receiver wants nothing any more."""
        return self.status_code == 410


def check_url(text: str) -> httpx2.URL:
    """Read a receiver's address. Raises UrlRefused: not http(s), no host, or an address within our own walls."""
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
    if url.scheme != "https" and settings.WEBHOOKS_REQUIRE_HTTPS:
        raise UrlRefused("Only https is allowed.")
    if (literal := _literal(host)) is not None:
        _refuse_private(literal)
    return url


def send(*, url: str, message_id: str, body: bytes, secrets: Sequence[str], sent_at: datetime) -> Answer:
    """Post a body, signed with every secret, and say what came back. Raises InsideTransaction."""
    refuse_inside_transaction()
    started = time.monotonic()
    try:
        status, headers, excerpt = _post(check_url(url), _headers(message_id, body, secrets, sent_at), body)
    except (UrlRefused, httpcore2.ProtocolError, httpcore2.NetworkError, httpcore2.TimeoutException, OSError) as error:
        return Answer(None, _since(started), error=_named(error))
    return Answer(
        status_code=status,
        duration_ms=_since(started),
        error="" if 200 <= status < 300 else f"HTTP {status}",
        excerpt=excerpt.decode("utf-8", "replace").replace("\0", ""),
        retry_after_s=_retry_after(headers, sent_at) if status in OBEYS_RETRY_AFTER else None,
    )


def _headers(message_id: str, body: bytes, secrets: Sequence[str], sent_at: datetime) -> list[tuple[str, str]]:
    signatures = [Webhook(secret).sign(message_id, sent_at, body.decode()) for secret in secrets]
    return [
        ("Content-Type", "application/json"),
        ("User-Agent", "Autosalon-Webhooks/1.0"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        ("webhook-id", message_id),
        ("webhook-timestamp", str(int(sent_at.timestamp()))),
        ("webhook-signature", " ".join(signatures)),
    ]


def _post(url: httpx2.URL, headers: list[tuple[str, str]], body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """One exchange on a connection of its own; of the answer's body only the beginning is read."""
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    limits = {"connect": CONNECT_TIMEOUT_S, "read": TIMEOUT_S, "write": TIMEOUT_S, "pool": TIMEOUT_S}
    backend = _CheckedBackend(time.monotonic() + TIMEOUT_S)
    with (
        httpcore2.ConnectionPool(ssl_context=tls_context(), max_connections=1, network_backend=backend) as pool,
        pool.stream("POST", target, headers=headers, content=body, extensions={"timeout": limits}) as response,
    ):
        return response.status, list(response.headers), _excerpt(response)


def _excerpt(response: httpcore2.Response) -> bytes:
    """The beginning of the answer; the status has been said already, so what goes wrong here changes nothing."""
    found = bytearray()
    try:
        for chunk in response.iter_stream():
            found += chunk
            if len(found) >= EXCERPT_BYTES:
                break
    except (httpcore2.ProtocolError, httpcore2.NetworkError, httpcore2.TimeoutException):
        pass
    return bytes(found[:EXCERPT_BYTES])


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """The certificates we trust; loading them takes milliseconds, so once."""
    return httpcore2.default_ssl_context()


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)


def _named(error: Exception) -> str:
    return str(error) if isinstance(error, UrlRefused) else f"{type(error).__name__}: {error}"[:500]


def _retry_after(headers: Iterable[tuple[bytes, bytes]], now: datetime) -> float | None:
    """Seconds the receiver asks for, given as such or as a moment; None when it asks for nothing sensible."""
    text = next((value.decode("latin-1").strip() for name, value in headers if name.lower() == b"retry-after"), "")
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def resolve(host: str, port: int) -> list[str]:
    """Look a name up and return its addresses. Raises UrlRefused if any of them may not be called."""
    try:
        found = getaddrinfo(host, port, type=SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UrlRefused(f"The host {host[:200]} cannot be found.") from error
    addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
    for text in addresses:
        _refuse_private(ipaddress.ip_address(text.partition("%")[0]))
    return addresses


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refuse_private(address: Address) -> None:
    if not settings.WEBHOOKS_ALLOW_PRIVATE and not is_public(address):
        raise UrlRefused("The address is private or reserved.")


def is_public(address: Address) -> bool:
    """Whether an address belongs to the open internet, whatever disguise an IPv4 address wears in an IPv6 one."""
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


class _CheckedBackend(httpcore2.NetworkBackend):
    """Connects to a checked address of a host. TLS still verifies the name: the pool never learns the address."""

    def __init__(self, deadline: float) -> None:
        self.tcp = httpcore2.SyncBackend()
        self.deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception | None = None
        for address in resolve(host, port)[:MAX_ADDRESSES]:
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
        raise httpcore2.ReadTimeout(f"no answer within {TIMEOUT_S:g} s")
    return left if timeout is None else min(left, timeout)
