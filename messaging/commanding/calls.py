"""Put a command to the API over HTTP: token, roles, scopes, limits and refusals are those of any other call."""

import time
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.running import measures
from gateway.fast_path import NestedTooDeep, refuse_deep
from gateway.responses import problems
from messaging.commanding.commands import Message, read

PATIENCE_S = 600.0
"""So long a command is put again that asks to come later; then it is refused as it stands."""
FIRST_PAUSE_S, MOST_PAUSE_S = 0.5, 30.0
TIMEOUT_S = 30.0
MOST_REFUSAL_BYTES = 200_000
"""Brokers refuse what is larger than they like, Kafka's library above a million bytes; and the command came again."""
MOST_TEXT, MOST_ERRORS = 1000, 20
_KEPT = ("type", "title", "status", "code", "detail", "errors", "request_id", "message_id")
INTERRUPTED = measures.count(
    "commands_interrupted_total", "Readers of commands that broke off and begin again.", "broker"
)
Problem = dict[str, Any]


@dataclass(frozen=True)
class Later:
    """Nothing is decided: the API was away, or asked to be called again."""

    pause_s: float
    is_away: bool
    problem: Problem


class Caller:
    """One connection to the API."""

    def __init__(self) -> None:
        self.client = httpx2.Client(
            base_url=settings.COMMANDS_API, timeout=TIMEOUT_S, trust_env=False, follow_redirects=False
        )

    def close(self) -> None:
        """Hang up."""
        self.client.close()

    def put(self, message: Message) -> Problem | Later | None:
        """Call the API once; return None once obeyed, the problem of a refusal, or that it is for later."""
        try:
            path, body = read(message, set(settings.COMMANDS))
        except (InvalidInput, NestedTooDeep) as error:
            return _decoded(problems.from_domain_error(error).content)
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.id, "X-Request-ID": message.id}
        if message.authorization:
            headers["Authorization"] = message.authorization
        try:
            answer = self.client.post(f"/api/v1{path}", content=body, headers=headers)
        except (httpx2.LocalProtocolError, httpx2.InvalidURL, UnicodeError) as error:
            return _refuse_unsendable(error)
        except httpx2.HTTPError as error:
            return Later(FIRST_PAUSE_S, True, {"status": 503, "code": "unavailable", "detail": repr(error)})
        return _judge(answer)


def _refuse_unsendable(error: Exception) -> Problem:
    """Refuse what no request of HTTP can hold: nothing of it was sent, and nothing of it ever can be."""
    detail = _("This cannot be sent over HTTP: %(reason)s.") % {"reason": type(error).__name__}
    return _decoded(problems.from_domain_error(InvalidInput("", "invalid", detail)).content)


def _judge(answer: Any) -> Problem | Later | None:
    if answer.status_code < 300:
        return None
    problem = _problem(answer)
    if answer.status_code in (502, 503, 504):
        return Later(_pause(answer), True, problem)
    if answer.status_code in (429, 500) or "Retry-After" in answer.headers:
        return Later(_pause(answer), False, problem)
    return problem


def _pause(answer: Any) -> float:
    given = answer.headers.get("Retry-After", "")
    return min(MOST_PAUSE_S, float(given)) if given.isdecimal() else FIRST_PAUSE_S


def _problem(answer: Any) -> Problem:
    try:
        return _decoded(answer.content)
    except msgspec.DecodeError:
        return {"status": answer.status_code, "code": "error", "detail": f"The API answered {answer.status_code}."}


def _decoded(content: bytes) -> Problem:
    found: Problem = msgspec.json.decode(content, type=dict[str, Any])
    return found


def write_refusal(message: Message, problem: Problem) -> bytes:
    """Write down a refused command beside the reason, small enough for any broker; its token is left out."""
    told = problem | {"message_id": message.id, "command": _show(message.body)}
    written = msgspec.json.encode(told)
    if len(written) <= MOST_REFUSAL_BYTES:
        return written
    told = {name: _cut(told[name]) for name in _KEPT if name in told}
    return msgspec.json.encode(told | {"command": _show_text(message.body)})


def _cut(value: Any) -> Any:
    """Cut what is long: texts, and lists of what is wrong with each field."""
    if isinstance(value, list):
        return [{name: _cut(told) for name, told in row.items()} for row in value[:MOST_ERRORS]]
    return value[:MOST_TEXT] if isinstance(value, str) else value


def _show_text(body: bytes) -> str:
    return body[:MOST_TEXT].decode(errors="replace")


def _show(body: bytes) -> Any:
    """Return the command as JSON where it is JSON that can be written again, else its text, cut where it is long."""
    try:
        refuse_deep(body)
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, NestedTooDeep):
        return _show_text(body)


class Patience:
    """Says when a command that has to wait is put again, and when there is no more waiting."""

    def __init__(self) -> None:
        self.began, self.times = time.monotonic(), 0

    def wait_s(self, later: Later) -> float | None:
        """Seconds to wait; None where the waiting is over. An API that is away is waited for without end."""
        self.times += 1
        if not later.is_away and time.monotonic() - self.began > PATIENCE_S:
            return None
        return float(min(MOST_PAUSE_S, max(later.pause_s, FIRST_PAUSE_S * 2 ** min(self.times - 1, 8))))
