"""JSON over HTTP with a provider, told apart by what is known when it fails: not taken, not answered, refused."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx2
import msgspec
from django.conf import settings

from core.db import refuse_inside_transaction

MAX_ANSWER_BYTES = 4_000_000


class TransientFault(Exception):
    """The provider did not take the request: it was not reached, or said that it could not serve it."""


class NoAnswer(Exception):
    """The request went out and no usable answer came back: it may have been carried out."""


class Refused(Exception):
    """The provider found the request itself wrong; sending it again would not help. `data` is all that it answered."""

    def __init__(self, code: str, detail: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail, self.data = code, detail, data or {}


@dataclass(frozen=True)
class JsonProvider:
    """A provider found at the address in the setting `url_setting`; `name` is what faults call it."""

    name: str
    url_setting: str

    def ask(
        self,
        method: str,
        path: str,
        *,
        key: str = "",
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Like `find`, of something the provider must know: a 404 is a refusal. Raises TransientFault, NoAnswer,
        Refused."""
        answer = self.find(method, path, key=key, body=body, headers=headers)
        if answer is None:
            raise Refused("not_found", f"{self.name} does not know this")
        return answer

    def find(
        self,
        method: str,
        path: str,
        *,
        key: str = "",
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any] | None:
        """One exchange, `key` as its Idempotency-Key; None for a 404. Raises TransientFault, NoAnswer, Refused."""
        refuse_inside_transaction()
        sent = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {}) | (headers or {})
        content = msgspec.json.encode(body) if body is not None else None
        url = getattr(settings, self.url_setting).rstrip("/") + path
        try:
            status, answer = _exchange(method, url, sent, content)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise TransientFault(repr(error)) from error
        except httpx2.HTTPError as error:
            raise NoAnswer(repr(error)) from error
        return self._read(status, answer)

    def _read(self, status: int, content: bytes) -> dict[str, Any] | None:
        if status == 404:
            return None
        if status >= 500 or status == 429:
            raise TransientFault(f"{self.name} answered {status}")
        try:
            data: dict[str, Any] = msgspec.json.decode(content, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise NoAnswer(f"{self.name} answered {status} with something that is not JSON") from error
        if status >= 400:
            raise Refused(str(data.get("code", status)), str(data.get("detail", "")), data)
        return data


@lru_cache(maxsize=1)
def client() -> httpx2.Client:
    """The process's connections to all providers: no redirects, no proxies from the environment."""
    return httpx2.Client(limits=httpx2.Limits(max_connections=20), follow_redirects=False, trust_env=False)


def patience() -> httpx2.Timeout:
    """Return how long one step of an exchange may take."""
    total = float(settings.PROVIDER_TIMEOUT_S)
    return httpx2.Timeout(total, connect=min(total, settings.PROVIDER_CONNECT_TIMEOUT_S))


def _exchange(method: str, url: str, headers: dict[str, str], content: bytes | None) -> tuple[int, bytes]:
    """One exchange within the total time, however slowly its bytes arrive."""
    deadline = time.monotonic() + float(settings.PROVIDER_TIMEOUT_S)
    answer = bytearray()
    with client().stream(method, url, headers=headers, content=content, timeout=patience()) as response:
        for chunk in response.iter_bytes():
            answer += chunk
            if time.monotonic() > deadline or len(answer) > MAX_ANSWER_BYTES:
                raise NoAnswer("the answer is too slow or too long")
    return response.status_code, bytes(answer)
