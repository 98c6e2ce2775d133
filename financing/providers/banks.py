"""Our side of the banks' HTTP API."""

from functools import lru_cache
from typing import Any

import httpx2
import msgspec
from django.conf import settings

from core.db import refuse_inside_transaction


class TransientFault(Exception):
    """The bank did not take the question."""


class NoAnswer(Exception):
    """The question went out and no usable answer came back."""


class Refused(Exception):
    """The bank found the question itself wrong."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


@lru_cache(maxsize=1)
def _client() -> httpx2.Client:
    return httpx2.Client(limits=httpx2.Limits(max_connections=10), follow_redirects=False, trust_env=False)


def ask(bank: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask a bank to lend: `{status: offered|refused|pending, amount?, annual_rate?, term_months?, code?, …}`.

    Raises TransientFault, NoAnswer, Refused.
    """
    answer = _send("POST", f"/banks/{bank}/applications", key, body)
    if answer is None:
        raise Refused("not_found", "the bank does not know this")
    return answer


def find(bank: str, key: str) -> dict[str, Any] | None:
    """What became of an earlier question; None when it was never heard. Raises like `ask`."""
    return _send("GET", f"/banks/{bank}/applications/by-key/{key}")


def _send(method: str, path: str, key: str = "", body: dict[str, Any] | None = None) -> dict[str, Any] | None:
    refuse_inside_transaction()
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    content = msgspec.json.encode(body) if body is not None else None
    timeout = httpx2.Timeout(float(settings.PROVIDER_TIMEOUT_S), connect=settings.PROVIDER_CONNECT_TIMEOUT_S)
    try:
        answer = _client().request(
            method, settings.BANKS_URL.rstrip("/") + path, headers=headers, content=content, timeout=timeout
        )
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise TransientFault(repr(error)) from error
    except httpx2.HTTPError as error:
        raise NoAnswer(repr(error)) from error
    return _read(answer.status_code, answer.content)


def _read(status: int, content: bytes) -> dict[str, Any] | None:
    if status == 404:
        return None
    if status >= 500 or status == 429:
        raise TransientFault(f"the bank answered {status}")
    try:
        data: dict[str, Any] = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise NoAnswer(f"the bank answered {status} with something that is not JSON") from error
    if status >= 400:
        raise Refused(str(data.get("code", status)), str(data.get("detail", "")))
    return data
