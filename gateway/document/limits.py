"""The limits of each operation in numbers, read from the settings and functions that hold callers to them."""

import re
from typing import Any

from django.conf import settings
from django.urls import Resolver404, resolve

from gateway.document.hooks import REQUEST_HEADERS, operations
from gateway.document.refusals import Node, refusal
from gateway.guards import bodies, guard, uploads

RATE, SIZE = "x-rate-limit", "x-max-body-bytes"
_REFERENCE = "#/components/responses/"
_ANY_ID = "00000000-0000-7000-8000-000000000000"
_JSON, _FILES = "application/json", "multipart/form-data"


def describe_limits(result: Node, **_: Any) -> Node:
    """Put this process's numbers in, be it for the first time or in the place of another's."""
    shared = result["components"]["responses"]
    shared["Problem408"] = refusal("408", _slowness())
    shared["Problem413"] = refusal("413", _largeness(settings.MAX_BODY_BYTES))
    for path, method, operation in operations(result):
        if RATE in operation:
            _say_rate(operation, shared)
        else:
            operation["responses"].pop("429", None)
        if method != "get" and "413" in operation["responses"]:
            _say_size(path, operation)
    _say_memory(result["components"]["parameters"]["Idempotency-Key"])
    return result


def _say_rate(operation: Node, shared: Node) -> None:
    scope = operation[RATE]["scope"]
    requests, window_ms = guard.get_limit(scope)
    seconds = window_ms // 1000
    operation[RATE] = {"scope": scope, "requests": requests, "window_seconds": seconds}
    name = "Problem429" if scope == "default" else f"Problem429_{scope}"
    shared[name] = refusal("429", _frequency(scope, requests, seconds))
    operation["responses"]["429"] = {"$ref": f"{_REFERENCE}{name}"}


def _say_size(path: str, operation: Node) -> None:
    kinds = operation.get("requestBody", {}).get("content", {})
    if _FILES not in kinds:
        operation[SIZE] = settings.MAX_BODY_BYTES
        return
    address = re.sub(r"{\w+}", _ANY_ID, path)
    try:
        resolve(address)
    except Resolver404:  # another process's, and its number
        return
    operation[SIZE] = uploads.limit_at(address, _FILES)
    operation["responses"]["413"] = refusal("413", _largeness(operation[SIZE]))


def _say_memory(header: Node) -> None:
    text, _ = REQUEST_HEADERS["Idempotency-Key"]
    header["description"] = f"{text} The first answer is kept for {settings.IDEMPOTENCY_HOURS} hours."


def _frequency(scope: str, requests: int, seconds: int) -> str:
    together = "all operations" if scope == "default" else f"all operations whose limit is `{scope}`"
    return (
        f"More than {requests} requests in {seconds} seconds, counted over {together} by the user, or by the address "
        "of who is not signed in"
    )


def _largeness(size: int) -> str:
    return f"The body is larger than {size} bytes"


def _slowness() -> str:
    return (
        f"The body took longer than {settings.BODY_SECONDS} seconds, or came by fewer than {settings.BODY_MIN_RATE} "
        f"bytes a second after the first {bodies.GRACE_S:.0f}; one with files has the rate alone"
    )
