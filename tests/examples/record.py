"""Keep what was sent to the API and what it answered, while a folder is named for it."""

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from django.http import HttpRequest
from django.http.request import UnreadablePostError
from time_machine import escape_hatch

from tests.examples import VARIABLE

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
FAILED = "failed.txt"
OF_ONE_TEST = 8
"""Exchanges of one operation that one test has to offer: properties have hundreds, all alike."""
LARGEST = 64 << 10
_kept: Counter[tuple[str, str, str, int]] = Counter()


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request that succeeded, with bodies as JSON values; None is a body of another kind, or none.

    `at` is when it really was.
    """

    at: str
    test: str
    number: int
    method: str
    path: str
    status: int
    sent: Any
    answered: Any


def sent(request: HttpRequest) -> Any:
    """Return the body of a request before anybody else reads it; nothing while no examples are asked for."""
    if VARIABLE not in os.environ or request.content_type not in (JSON, FORM):
        return None
    try:
        return json.loads(request.body) if request.content_type == JSON else dict(parse_qsl(request.body.decode()))
    except (UnreadablePostError, ValueError, RecursionError):  # refused in due course
        return None


def _now() -> datetime:
    """Tell the time outside of the examples' day."""
    real: datetime = (escape_hatch.datetime.datetime if escape_hatch.is_travelling() else datetime).now(UTC)
    return real


def store(request: HttpRequest, body: Any, response: Any) -> None:
    """Write an exchange that succeeded to this process's file."""
    if VARIABLE not in os.environ or not 200 <= response.status_code < 300 or response.streaming:
        return
    kind = response.headers.get("Content-Type", "")
    answered = json.loads(response.content) if kind == JSON and len(response.content) < LARGEST else None
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    method = (request.method or "").lower()
    key = (test, method, request.path, response.status_code)
    _kept[key] += 1
    if (body is None and answered is None) or not test or _kept[key] > OF_ONE_TEST:
        return
    exchange = Exchange(
        at=_now().isoformat(),
        test=test,
        number=_kept.total(),
        method=method,
        path=request.path,
        status=response.status_code,
        sent=body,
        answered=answered,
    )
    with (Path(os.environ[VARIABLE]) / f"{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps(asdict(exchange), ensure_ascii=False) + "\n")


def disown(test: str) -> None:
    """Note that a test failed: nothing that it saw is an example."""
    if VARIABLE in os.environ:
        with (Path(os.environ[VARIABLE]) / FAILED).open("a") as file:
            file.write(f"{test}\n")
