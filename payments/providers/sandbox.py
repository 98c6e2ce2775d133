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
from payments.providers.port import Answer, Capabilities, NoAnswer, Notice, Provider, Refused, TransientFault

MAX_ANSWER_BYTES = 4_000_000
_TYPES = {
    "payment.processing": ("charge", "processing"),
    "payment.authorized": ("charge", "authorized"),
    "payment.completed": ("charge", "succeeded"),
    "payment.failed": ("charge", "failed"),
    "refund.succeeded": ("refund", "succeeded"),
    "refund.failed": ("refund", "failed"),
    "dispute.opened": ("dispute", "open"),
    "dispute.won": ("dispute", "won"),
    "dispute.lost": ("dispute", "lost"),
}


class SandboxProvider(Provider):
    """The test bank, a process of its own; see `payments.sandbox`."""

    name = "sandbox"
    capabilities = Capabilities(holds=True, payouts=True, book=True, methods=frozenset({"card", "sbp"}))

    def charge(self, key: str, request: dict[str, Any]) -> Answer:
        """Take or authorise money."""
        return _wanted(_send("POST", "/charges", key=key, body=request))

    def find_charge(self, key: str, request: dict[str, Any]) -> Answer | None:
        """Ask by our key."""
        return _send("GET", f"/charges/by-key/{key}")

    def capture(self, key: str, request: dict[str, Any]) -> Answer:
        """Take what was authorised; twice is once."""
        return _wanted(_send("POST", f"/charges/by-key/{request['charge_key']}/capture"))

    def cancel(self, key: str, request: dict[str, Any]) -> Answer:
        """Call a charge off, even one the sandbox has not heard of yet; twice is once."""
        return _wanted(_send("POST", f"/charges/by-key/{request['charge_key']}/cancel"))

    def refund(self, key: str, request: dict[str, Any]) -> Answer:
        """Give money back."""
        return _wanted(_send("POST", "/refunds", key=key, body=request))

    def find_refund(self, key: str, request: dict[str, Any]) -> Answer | None:
        """Ask by our key."""
        return _send("GET", f"/refunds/by-key/{key}")

    def payout(self, key: str, request: dict[str, Any]) -> Answer:
        """Pay somebody."""
        return _wanted(_send("POST", "/payouts", key=key, body=request))

    def find_payout(self, key: str, request: dict[str, Any]) -> Answer | None:
        """Ask by our key."""
        return _send("GET", f"/payouts/by-key/{key}")

    def read_book(self, page_size: int = 500) -> Iterator[dict[str, Any]]:
        """Every row of the sandbox's own book, oldest first."""
        after = 0
        while True:
            page = _wanted(_send("GET", f"/book?after={after}&limit={page_size}"))
            yield from page["rows"]
            if page["next"] is None:
                return
            after = page["next"]

    def parse_webhook(self, body: bytes, headers: Mapping[str, str], address: str) -> Notice:
        """Check the Standard Webhooks signature over the raw body."""
        message = _verified(body, headers)
        given = message.get("data")
        data = given if isinstance(given, dict) else {}
        kind, status = _TYPES.get(str(message.get("type")), ("", ""))
        return Notice(
            event_id=headers["webhook-id"][:120],
            type=str(message.get("type", ""))[:60],
            kind=kind,
            status=status,
            payment_id=str(data.get("payment_id", ""))[:60],
            refund_id=str(data.get("refund_id", ""))[:60],
            charge_ref=str(data.get("charge_id", ""))[:120],
            ref=str(data.get("provider_refund_id" if kind == "refund" else "dispute_id", ""))[:120],
            amount=None if data.get("amount") is None else str(data["amount"])[:40],
            currency=str(data.get("currency", ""))[:10],
            failure_code=str(data.get("failure_code", ""))[:60],
            failure_detail=str(data.get("failure_detail", ""))[:255],
        )


@lru_cache(maxsize=1)
def _client() -> httpx2.Client:
    return httpx2.Client(limits=httpx2.Limits(max_connections=20), follow_redirects=False, trust_env=False)


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


def _verified(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
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
