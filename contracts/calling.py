"""Call our own API on behalf of a request: in process where it is served here, over HTTP where it is not."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec
import structlog
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from core.errors import Unavailable
from gateway import fast_path, middleware
from gateway.guards import guard

ROOT = "/api/v1"
_CARRIED = (
    "HTTP_ACCEPT_LANGUAGE", "HTTP_COOKIE", "HTTP_HOST", "HTTP_IF_MATCH", "HTTP_TRACEPARENT", "HTTP_USER_AGENT",
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REQUEST_ID", "REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT",
    "SERVER_PROTOCOL", "wsgi.url_scheme",
)  # fmt: skip
"""What of a request its inner calls have too; its token and its Idempotency-Key besides, where they are theirs."""
_SENT = {"HTTP_ACCEPT_LANGUAGE", "HTTP_COOKIE", "HTTP_IF_MATCH", "HTTP_TRACEPARENT", "HTTP_USER_AGENT"}
_encode = msgspec.json.Encoder(decimal_format="number").encode
_PATIENCE = httpx2.Timeout(10.0, connect=2.0)


@dataclass
class Native:
    """Answer of our API: `data` is its body, None where there is none."""

    status: int
    data: Any
    headers: dict[str, str]

    @property
    def is_refusal(self) -> bool:
        """Tell whether it is a problem document."""
        return self.status >= 400


def call(
    outer: HttpRequest,
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Mapping[str, Any] | None = None,
    key: str = "",
    is_open: bool = False,
    is_form: bool = False,
    token: str = "",
) -> Native:
    """Call `method /api/v1<path>` as the caller of `outer`: same token, language, address and request id.

    `key` is the Idempotency-Key, `token` another access token than the caller's: one just given out. An open call
    carries no token: a stale one must keep nobody from signing in. Raises Unavailable where the API is served
    elsewhere and does not answer.
    """
    content = urlencode(body).encode() if is_form else b"" if body is None else _encode(body)
    environ: dict[str, Any] = {name: outer.META[name] for name in _CARRIED if name in outer.META}
    environ |= {
        "REQUEST_METHOD": method,
        "PATH_INFO": ROOT + path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": urlencode(query or {}, doseq=True),
        "CONTENT_TYPE": "application/x-www-form-urlencoded" if is_form else "application/json",
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": io.BytesIO(content),
    }
    if key:
        environ["HTTP_IDEMPOTENCY_KEY"] = key
    if token:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    elif not is_open and "HTTP_AUTHORIZATION" in outer.META:
        environ["HTTP_AUTHORIZATION"] = outer.META["HTTP_AUTHORIZATION"]
    if not _is_here(method, environ["PATH_INFO"]):
        return _ask_elsewhere(environ, content)
    with guard.admitted():
        answer = middleware.dispatch(WSGIRequest(environ))
    for name, cookie in answer.cookies.items():
        outer.contract_cookies[name] = cookie  # type: ignore[attr-defined]
    return Native(answer.status_code, _decode(answer.content), dict(answer.items()))


def _decode(content: bytes) -> Any:
    return msgspec.json.decode(content) if content else None


def _is_here(method: str, path: str) -> bool:
    """Tell whether this process answers a path of the API; the whole product answers all."""
    if "storefront" in settings.LAYOUT.roles or fast_path.find(method, path):
        return True
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


@lru_cache(maxsize=1)
def _client() -> httpx2.Client:
    limits = httpx2.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=20.0)
    return httpx2.Client(limits=limits, timeout=_PATIENCE, follow_redirects=False, trust_env=False)


def _ask_elsewhere(environ: dict[str, Any], content: bytes) -> Native:
    """Ask the product's own address. Raises Unavailable."""
    headers = {name.removeprefix("HTTP_").replace("_", "-"): environ[name] for name in _SENT if name in environ}
    headers |= {
        "Content-Type": environ["CONTENT_TYPE"],
        "X-Forwarded-For": ", ".join(filter(None, (environ.get("HTTP_X_FORWARDED_FOR"), environ.get("REMOTE_ADDR")))),
        "X-Request-ID": structlog.contextvars.get_contextvars().get("request_id", ""),
        guard.ADMISSION: guard.issue_admission(),
    }
    for name in ("HTTP_AUTHORIZATION", "HTTP_IDEMPOTENCY_KEY"):
        if name in environ:
            headers[name.removeprefix("HTTP_").replace("_", "-")] = environ[name]
    address = settings.PUBLIC_URL.rstrip("/") + environ["PATH_INFO"]
    if environ["QUERY_STRING"]:
        address += "?" + environ["QUERY_STRING"]
    try:
        answer = _client().request(environ["REQUEST_METHOD"], address, content=content, headers=headers)
        return Native(answer.status_code, _decode(answer.read()), {k.title(): v for k, v in answer.headers.items()})
    except (httpx2.HTTPError, msgspec.DecodeError) as error:
        raise Unavailable(retry_after=2) from error
