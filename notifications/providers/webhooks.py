"""Sending webhooks: signed as Standard Webhooks asks, to addresses that are not ours, within fifteen seconds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import httpcore2
import httpx2
from django.conf import settings
from standardwebhooks import Webhook

from core.db import refuse_inside_transaction
from core.outside import open_internet
from core.outside.open_internet import FAULTS, UrlRefused, retry_after

TIMEOUT_S = 15.0
EXCERPT_BYTES = 2_048
OBEYS_RETRY_AFTER = (429, 503)


@dataclass(frozen=True)
class Answer:
    """Result of an attempt: a status code, or an error where none came. Durations are in milliseconds."""

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
    return open_internet.check_url(
        text, may_be_private=settings.WEBHOOKS_ALLOW_PRIVATE, needs_https=settings.WEBHOOKS_REQUIRE_HTTPS
    )


def send(*, url: str, message_id: str, body: bytes, secrets: Sequence[str], sent_at: datetime) -> Answer:
    """Post a body, signed with every secret, and say what came back. Raises InsideTransaction."""
    refuse_inside_transaction()
    started = time.monotonic()
    try:
        status, headers, excerpt = _post(check_url(url), _headers(message_id, body, secrets, sent_at), body)
    except (UrlRefused, *FAULTS) as error:
        return Answer(None, _since(started), error=_named(error))
    return Answer(
        status_code=status,
        duration_ms=_since(started),
        error="" if 200 <= status < 300 else f"HTTP {status}",
        excerpt=excerpt.decode("utf-8", "replace").replace("\0", ""),
        retry_after_s=retry_after(headers, sent_at) if status in OBEYS_RETRY_AFTER else None,
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
    """One exchange; of the answer's body only the beginning is read."""
    with open_internet.exchange(
        "POST",
        url,
        headers,
        body,
        may_be_private=settings.WEBHOOKS_ALLOW_PRIVATE,
        deadline=time.monotonic() + TIMEOUT_S,
    ) as response:
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


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)


def _named(error: Exception) -> str:
    return str(error) if isinstance(error, UrlRefused) else f"{type(error).__name__}: {error}"[:500]
