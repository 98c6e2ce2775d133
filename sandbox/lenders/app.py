"""Serve the lenders' HTTP API, for any number of banks."""

import asyncio
from typing import Any

from sandbox.framework import FLAKY_TRIES, Answer, Refusal, Request, Sandbox, route
from sandbox.lenders.store import Store

DECISIONS = ("accepted", "declined", "withdrawn")
_BANK = "/banks/([a-z0-9_-]+)"
_WANTED = ("application_id", "amount", "annual_rate", "term_months")


class Lenders(Sandbox):
    """`silent` decides and never answers the first time, `flaky` is busy twice, `garbage` once says what is no JSON.

    `silent_s`: for how many seconds nothing is said when a lender is silent.
    """

    def __init__(self, store: Store, *, silent_s: float = 30.0) -> None:
        super().__init__(store)
        self.store, self.silent_s = store, silent_s

    @route("POST", f"{_BANK}/applications")
    async def _decide(self, request: Request, bank: str) -> Answer:
        asked = _asked(request, *_WANTED, of="an application")
        return await self._misbehave(self.store.decide(bank, request.key, asked))

    @route("GET", "/banks/[a-z0-9_-]+/applications/by-key/(.+)")
    async def _find(self, request: Request, key: str) -> Answer:
        return _known(self.store.find(key))

    @route("POST", f"{_BANK}/debits")
    async def _debit(self, request: Request, bank: str) -> Answer:
        asked = _asked(request, "payment_id", "amount", of="a mandate")
        return await self._misbehave(self.store.debit(bank, request.key, asked))

    @route("GET", "/banks/[a-z0-9_-]+/debits/by-key/(.+)")
    async def _find_debit(self, request: Request, key: str) -> Answer:
        return _known(self.store.find_debit(key))

    @route("POST", f"{_BANK}/applications/([^/]+)/decision")
    async def _receive_decision(self, request: Request, bank: str, application_id: str) -> Answer:
        """Take what the dealer says became of an offer; a flaky bank is busy twice here too."""
        told = _asked(request, "decision", of="a decision")
        if told["decision"] not in DECISIONS:
            raise Refusal(400, "invalid", "A key and a decision are expected.")
        noted = self.store.record_decision(bank, application_id, request.key, told)
        if noted is None:
            raise Refusal(404, "not_found")
        if noted["fault"] == "flaky" and noted["tries"] <= FLAKY_TRIES:
            raise Refusal(503, "busy")
        return Answer.json({"status": "noted", "decision": noted["decision"]})

    async def _misbehave(self, decided: dict[str, Any]) -> Answer:
        """Answer, after the fault that was drawn."""
        fault, tries = decided["fault"], decided["tries"]
        if fault == "flaky" and tries <= FLAKY_TRIES:
            raise Refusal(503, "busy")
        if fault == "silent" and tries == 1:
            await asyncio.sleep(self.silent_s)
        if fault == "garbage" and tries == 1:
            return Answer(b"<html>ok</html>")
        return Answer.json(decided, 202 if decided["status"] == "pending" else 200)


def _asked(request: Request, *names: str, of: str) -> dict[str, Any]:
    asked = request.json()
    if not request.key or not all(asked.get(name) for name in names):
        raise Refusal(400, "invalid", f"A key and {of} are expected.")
    return asked


def _known(found: dict[str, Any] | None) -> Answer:
    if found is None:
        raise Refusal(404, "not_found")
    return Answer.json(found)
