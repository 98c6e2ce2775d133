"""The sandbox's HTTP API, a plain ASGI application; faults are made on purpose, by token."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
import structlog
from standardwebhooks import Webhook as Signer

from payments.sandbox import pages
from payments.sandbox.book import Book, Refusal, Webhook, shown
from payments.sandbox.faults import FaultScript

MAX_BODY = 65_536
MAX_PAGE = 1000
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Options:
    """`public_url`: where buyers find the confirmation page. `late_s`: how late `tok_timeout` is answered."""

    book: Path
    public_url: str
    webhook_url: str
    webhook_secret: str
    late_s: float = 30.0
    faults: FaultScript = field(default_factory=FaultScript)


@dataclass(frozen=True)
class Request:
    """What a route needs of an HTTP request."""

    method: str
    path: str
    query: dict[str, list[str]]
    key: str
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object."""
        try:
            data = json.loads(self.body)
        except ValueError as error:
            raise Refusal(400, "invalid_json", "The body is not JSON.") from error
        if not isinstance(data, dict):
            raise Refusal(400, "invalid_json", "The body is not an object.")
        return data


class _AnswerLost(Exception):
    """The connection is to break after the work was done."""


@dataclass(frozen=True)
class Answer:
    """Status, content and its type."""

    content: bytes
    status: int = 200
    content_type: str = "application/json"


class Sandbox:
    """The ASGI application."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.faults = options.faults
        self.book = Book(options.book, options.faults)
        self._news = asyncio.Event()
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Awaitable[Answer]]]] = [
            ("POST", re.compile("/charges"), self._charge),
            ("GET", re.compile("/charges/by-key/(.+)"), self._find_charge),
            ("POST", re.compile("/charges/by-key/(.+)/cancel"), self._cancel),
            ("POST", re.compile("/charges/by-key/(.+)/capture"), self._capture),
            ("POST", re.compile("/charges/(sbx_[0-9a-f]+)/disputes/(open|won|lost)"), self._dispute),
            ("POST", re.compile("/payouts"), self._payout),
            ("GET", re.compile("/payouts/by-key/(.+)"), self._find_payout),
            ("POST", re.compile("/refunds"), self._refund),
            ("GET", re.compile("/refunds/by-key/(.+)"), self._find_refund),
            ("GET", re.compile("/book"), self._page_of_book),
            ("GET", re.compile("/3ds/(sbx_[0-9a-f]+)"), self._ask_buyer),
            ("POST", re.compile("/3ds/(sbx_[0-9a-f]+)"), self._hear_buyer),
            ("GET", re.compile("/health"), self._health),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or live through the process's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                answer = await self._answer(scope, receive)
            except _AnswerLost:
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
                return
            headers = [(b"content-type", answer.content_type.encode()), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.content})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        deliveries = asyncio.create_task(self._deliver_for_ever())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        deliveries.cancel()
        self.book.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            request = await _read(scope, receive)
            for method, pattern, route in self._routes:
                match = pattern.fullmatch(request.path)
                if match and method == request.method:
                    return await route(request, *match.groups())
            raise Refusal(404, "not_found", "There is nothing here.")
        except Refusal as refusal:
            return _json({"code": refusal.code, "detail": refusal.detail}, refusal.status)

    # Routes ------------------------------------------------------------------------------------------------------
    async def _charge(self, request: Request) -> Answer:
        body = request.json()
        is_new = self.book.find("charge", _key(request)) is None
        row = await self._meet_faults(lambda: self.book.charge(_key(request), body))
        if is_new and row["token"] == "tok_timeout":
            await asyncio.sleep(self.options.late_s)
        return self._shown(row)

    async def _meet_faults(self, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Act, unless the script has the bank down; what was done may then be answered late or not at all."""
        if self.faults.strikes("unavailable"):
            raise Refusal(503, "unavailable", "The provider is having a bad moment.")
        row = act()
        self._news.set()
        if self.faults.strikes("lose_answer"):
            raise _AnswerLost
        if self.faults.strikes("time_out"):
            await asyncio.sleep(self.options.late_s)
        return row

    async def _find_charge(self, request: Request, key: str) -> Answer:
        return self._shown(_found(self.book.find("charge", key)))

    async def _cancel(self, request: Request, key: str) -> Answer:
        return self._shown(await self._meet_faults(lambda: self.book.cancel(key)))

    async def _capture(self, request: Request, key: str) -> Answer:
        return self._shown(await self._meet_faults(lambda: self.book.capture(key)))

    async def _refund(self, request: Request) -> Answer:
        body = request.json()
        return self._shown(await self._meet_faults(lambda: self.book.refund(_key(request), body)))

    async def _payout(self, request: Request) -> Answer:
        body = request.json()
        return self._shown(await self._meet_faults(lambda: self.book.payout(_key(request), body)))

    async def _find_payout(self, request: Request, key: str) -> Answer:
        return self._shown(_found(self.book.find("payout", key)))

    async def _dispute(self, request: Request, charge_id: str, status: str) -> Answer:
        row = self.book.dispute(charge_id, status)
        self._news.set()
        return self._shown(row)

    async def _find_refund(self, request: Request, key: str) -> Answer:
        return self._shown(_found(self.book.find("refund", key)))

    async def _page_of_book(self, request: Request) -> Answer:
        after, limit = _number(request, "after", 0), _number(request, "limit", MAX_PAGE)
        return _json(self.book.page(after, max(1, min(limit, MAX_PAGE))))

    async def _ask_buyer(self, request: Request, charge_id: str) -> Answer:
        return _page(_found(self.book.find_by_id(charge_id)))

    async def _hear_buyer(self, request: Request, charge_id: str) -> Answer:
        form = parse_qs(request.body.decode(errors="replace"))
        row = self.book.confirm(charge_id, is_confirmed=form.get("result") == ["confirm"])
        self._news.set()
        return _page(row)

    async def _health(self, request: Request) -> Answer:
        return _json({"status": "ok"})

    def _shown(self, row: dict[str, Any]) -> Answer:
        data = shown(row)
        if row["status"] == "requires_action":
            data["action_url"] = f"{self.options.public_url.rstrip('/')}/3ds/{row['id']}"
        return _json(data)

    # Webhooks ----------------------------------------------------------------------------------------------------
    async def _deliver_for_ever(self) -> None:
        """Send what is due; woken by news, and twice a second for what is to be tried again."""
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
            while True:
                self.book.decide_late()
                due = self.book.due_webhooks() if self.options.webhook_url else []
                await asyncio.gather(*(self._deliver(client, webhook) for webhook in due))
                if not due:
                    await self._wait_for_news()

    async def _wait_for_news(self) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), 0.5)
        except TimeoutError:
            return
        self._news.clear()

    async def _deliver(self, client: httpx2.AsyncClient, webhook: Webhook) -> None:
        try:
            response = await client.post(
                self.options.webhook_url, content=webhook.body, headers=sign(self.options.webhook_secret, webhook)
            )
            is_delivered = response.is_success
        except httpx2.HTTPError:
            is_delivered = False
        self.book.mark_sent(webhook, is_delivered=is_delivered)


def sign(secret: str, webhook: Webhook) -> dict[str, str]:
    """Headers of Standard Webhooks: the id stays the same over retries, the time is that of this try."""
    now = datetime.now(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": webhook.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(webhook.id, now, webhook.body),
    }


async def _read(scope: Scope, receive: Receive) -> Request:
    body = b""
    has_more = True
    while has_more:
        message = await receive()
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            raise Refusal(413, "too_large", "The body is too large.")
    headers = dict(scope["headers"])
    return Request(
        method=scope["method"],
        path=scope["path"].rstrip("/") or "/",
        query=parse_qs(scope["query_string"].decode(errors="replace")),
        key=headers.get(b"idempotency-key", b"").decode(errors="replace"),
        body=body,
    )


def _key(request: Request) -> str:
    if not request.key:
        raise Refusal(400, "key_required", "Send an Idempotency-Key.")
    return request.key


def _number(request: Request, name: str, default: int) -> int:
    given = request.query.get(name, [str(default)])[0]
    if not given.isdecimal():
        raise Refusal(400, "invalid", f"{name} must be a whole number.")
    return int(given)


def _found(row: dict[str, Any] | None) -> dict[str, Any]:
    if row is None:
        raise Refusal(404, "not_found", "Nothing is known under this key.")
    return row


def _json(data: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(data).encode(), status)


def _page(charge: dict[str, Any]) -> Answer:
    return Answer(pages.render(charge).encode(), content_type="text/html; charset=utf-8")
