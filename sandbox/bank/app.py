"""Serve the test bank: charges, refunds, payouts, disputes and webhooks; faults are made on purpose, by token."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2
from standardwebhooks import Webhook as Signer

from sandbox.bank import pages
from sandbox.bank.faults import FaultScript
from sandbox.bank.store import Store, Webhook, shown
from sandbox.fiscal.app import FiscalOperator
from sandbox.fiscal.store import Store as Receipts
from sandbox.framework import Answer, AnswerLost, Refusal, Request, route
from sandbox.signing.app import SigningProvider
from sandbox.signing.authority import Authority
from sandbox.signing.store import Store as Signatures

MAX_PAGE = 1000


@dataclass(frozen=True)
class Options:
    """`public_url`: where buyers find the confirmation page. `late_s`: how late `tok_timeout` is answered."""

    store: Path
    public_url: str
    webhook_url: str
    webhook_secret: str
    late_s: float = 30.0
    faults: FaultScript = field(default_factory=FaultScript)


class Bank(FiscalOperator, SigningProvider):
    """A payment provider with an HTTP API of its own, a page on which buyers confirm, and two strangers beside it.

    They are a fiscal operator and a provider of signatures.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.faults = options.faults
        self.store = Store(options.store, options.faults)
        self.receipts, self.silent_s = Receipts(options.store.with_name("receipts.sqlite3")), options.late_s
        self.signatures = Signatures(options.store.with_name("signatures.sqlite3"))
        self.authority = Authority(options.store.parent)
        self._news = asyncio.Event()
        super().__init__(self.store)

    # Routes ------------------------------------------------------------------------------------------------------
    @route("POST", "/charges")
    async def _charge(self, request: Request) -> Answer:
        body = request.json()
        is_new = self.store.find("charge", _key(request)) is None
        row = await self._meet_faults(lambda: self.store.charge(_key(request), body))
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
            raise AnswerLost
        if self.faults.strikes("time_out"):
            await asyncio.sleep(self.options.late_s)
        return row

    @route("GET", "/charges/by-key/(.+)")
    async def _find_charge(self, request: Request, key: str) -> Answer:
        return self._shown(_found(self.store.find("charge", key)))

    @route("POST", "/charges/by-key/(.+)/cancel")
    async def _cancel(self, request: Request, key: str) -> Answer:
        return self._shown(await self._meet_faults(lambda: self.store.cancel(key)))

    @route("POST", "/charges/by-key/(.+)/capture")
    async def _capture(self, request: Request, key: str) -> Answer:
        return self._shown(await self._meet_faults(lambda: self.store.capture(key)))

    @route("POST", "/refunds")
    async def _refund(self, request: Request) -> Answer:
        body = request.json()
        return self._shown(await self._meet_faults(lambda: self.store.refund(_key(request), body)))

    @route("POST", "/payouts")
    async def _payout(self, request: Request) -> Answer:
        body = request.json()
        return self._shown(await self._meet_faults(lambda: self.store.payout(_key(request), body)))

    @route("GET", "/payouts/by-key/(.+)")
    async def _find_payout(self, request: Request, key: str) -> Answer:
        return self._shown(_found(self.store.find("payout", key)))

    @route("POST", "/charges/(sbx_[0-9a-f]+)/disputes/(open|won|lost)")
    async def _dispute(self, request: Request, charge_id: str, status: str) -> Answer:
        row = self.store.dispute(charge_id, status)
        self._news.set()
        return self._shown(row)

    @route("GET", "/refunds/by-key/(.+)")
    async def _find_refund(self, request: Request, key: str) -> Answer:
        return self._shown(_found(self.store.find("refund", key)))

    @route("GET", "/book")
    async def _page_of_statement(self, request: Request) -> Answer:
        after, limit = _number(request, "after", 0), _number(request, "limit", MAX_PAGE)
        return Answer.json(self.store.page(after, max(1, min(limit, MAX_PAGE))))

    @route("GET", "/3ds/(sbx_[0-9a-f]+)")
    async def _ask_buyer(self, request: Request, charge_id: str) -> Answer:
        return _page(_found(self.store.find_by_id(charge_id)))

    @route("POST", "/3ds/(sbx_[0-9a-f]+)")
    async def _receive_buyer_answer(self, request: Request, charge_id: str) -> Answer:
        form = parse_qs(request.body.decode(errors="replace"))
        card = form.get("card", ["tok_success"])[0]
        row = self.store.confirm(charge_id, is_confirmed=form.get("result") == ["confirm"], card=card)
        self._news.set()
        return _page(row)

    def _shown(self, row: dict[str, Any]) -> Answer:
        data = shown(row)
        if row["status"] == "requires_action":
            data["action_url"] = f"{self.options.public_url.rstrip('/')}/3ds/{row['id']}"
        return Answer.json(data)

    # Webhooks ----------------------------------------------------------------------------------------------------
    async def work(self) -> None:
        """Send what is due; woken by news, and twice a second for what is to be tried again."""
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
            while True:
                self.store.decide_late()
                due = self.store.due_webhooks() if self.options.webhook_url else []
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
        self.store.mark_sent(webhook, is_delivered=is_delivered)


def sign(secret: str, webhook: Webhook) -> dict[str, str]:
    """Headers of Standard Webhooks: the id stays the same over retries, the time is that of this try."""
    now = datetime.now(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": webhook.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(webhook.id, now, webhook.body),
    }


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


def _page(charge: dict[str, Any]) -> Answer:
    return Answer(pages.render(charge).encode(), content_type="text/html; charset=utf-8")
