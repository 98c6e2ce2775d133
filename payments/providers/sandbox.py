"""Our side of the sandbox provider: its HTTP API, and the signature of its webhooks."""

import json
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import httpx2
import msgspec
from django.conf import settings
from standardwebhooks import Webhook, WebhookVerificationError

from core.db import refuse_inside_transaction
from core.errors import InvalidInput
from payments.errors import WebhookForged

MAX_ANSWER_BYTES = 4_000_000


class TransientFault(Exception):
    """The provider did not take the request: it was not reached, or said that it could not serve it."""


class NoAnswer(Exception):
    """The request went out and no usable answer came back: it may have been carried out."""


class Refused(Exception):
    """The provider found the request itself wrong; sending it again would not help."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


@lru_cache(maxsize=1)
def _client() -> httpx2.Client:
    return httpx2.Client(limits=httpx2.Limits(max_connections=20), follow_redirects=False, trust_env=False)


def charge(key: str, body: dict[str, Any]) -> dict[str, Any]:
    """Take money. Raises TransientFault, NoAnswer, Refused; a declined card is an answer, not an error."""
    return _wanted(_send("POST", "/charges", key=key, body=body))


def refund(key: str, body: dict[str, Any]) -> dict[str, Any]:
    """Give money back. Raises like `charge`."""
    return _wanted(_send("POST", "/refunds", key=key, body=body))


def cancel(charge_key: str) -> dict[str, Any]:
    """Call a charge off, even one the provider has not heard of yet; the answer says what became of it."""
    return _wanted(_send("POST", f"/charges/by-key/{charge_key}/cancel"))


def find_charge(key: str) -> dict[str, Any] | None:
    """What the provider knows of a charge; None when it never heard of the key. Raises like `charge`."""
    return _send("GET", f"/charges/by-key/{key}")


def find_refund(key: str) -> dict[str, Any] | None:
    """What the provider knows of a refund; None when it never heard of the key. Raises like `charge`."""
    return _send("GET", f"/refunds/by-key/{key}")


def read_book(page_size: int = 500) -> Iterator[dict[str, Any]]:
    """Every row of the provider's own book, oldest first: `{kind: charge|refund, key, status, amount, …}`."""
    after = 0
    while True:
        page = _wanted(_send("GET", f"/book?after={after}&limit={page_size}"))
        yield from page["rows"]
        if page["next"] is None:
            return
        after = page["next"]


def _wanted(answer: dict[str, Any] | None) -> dict[str, Any]:
    if answer is None:
        raise Refused("not_found", "the provider does not know this object")
    return answer


def _send(method: str, path: str, *, key: str = "", body: dict[str, Any] | None = None) -> dict[str, Any] | None:
    refuse_inside_transaction()
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    content = msgspec.json.encode(body) if body is not None else None
    try:
        status, answer = _exchange(method, settings.SANDBOX_URL.rstrip("/") + path, headers, content)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise TransientFault(repr(error)) from error
    except httpx2.HTTPError as error:
        raise NoAnswer(repr(error)) from error
    return _read(status, answer)


def _exchange(method: str, url: str, headers: dict[str, str], content: bytes | None) -> tuple[int, bytes]:
    """One exchange within the total time, however slowly its bytes arrive."""
    total = float(settings.PROVIDER_TIMEOUT_S)
    deadline = time.monotonic() + total
    timeout = httpx2.Timeout(total, connect=min(total, settings.PROVIDER_CONNECT_TIMEOUT_S))
    answer = bytearray()
    with _client().stream(method, url, headers=headers, content=content, timeout=timeout) as response:
        for chunk in response.iter_bytes():
            answer += chunk
            if time.monotonic() > deadline or len(answer) > MAX_ANSWER_BYTES:
                raise NoAnswer("the answer is too slow or too long")
    return response.status_code, bytes(answer)


def _read(status: int, answer: bytes) -> dict[str, Any] | None:
    if status == 404:
        return None
    if status >= 500 or status == 429:
        raise TransientFault(f"the provider answered {status}")
    try:
        data: dict[str, Any] = msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise NoAnswer(f"the provider answered {status} with something that is not JSON") from error
    if status >= 400:
        raise Refused(str(data.get("code", status)), str(data.get("detail", "")))
    return data


def verify(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Check a webhook's Standard Webhooks signature over its raw body and return the body. Raises WebhookForged."""
    if not settings.SANDBOX_WEBHOOK_SECRET:
        raise WebhookForged
    try:
        data = Webhook(settings.SANDBOX_WEBHOOK_SECRET).verify(body, dict(headers))
    except json.JSONDecodeError as error:
        raise InvalidInput("body", "invalid", "The body is not JSON.") from error
    except (WebhookVerificationError, ValueError, TypeError, OverflowError) as error:
        raise WebhookForged from error
    if not isinstance(data, dict):
        raise InvalidInput("body", "invalid", "The body is not an object.")
    return data
