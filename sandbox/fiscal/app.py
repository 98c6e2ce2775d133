"""Serve the fiscal operator's HTTP API."""

import asyncio

from sandbox.bank.faults import FaultScript
from sandbox.fiscal.store import Store
from sandbox.framework import Answer, AnswerLost, Refusal, Request, Sandbox, route


class FiscalOperator(Sandbox):
    """Receipts by key; the script of faults has it down, late, or silent after the deed, as it has the bank."""

    receipts: Store
    faults: FaultScript
    silent_s: float = 30.0

    @route("POST", "/receipts")
    async def _register(self, request: Request) -> Answer:
        if not request.key:
            raise Refusal(400, "key_required", "Send an Idempotency-Key.")
        if self.faults.strikes("unavailable"):
            raise Refusal(503, "unavailable", "The operator is having a bad moment.")
        registered = self.receipts.register(request.key, request.json())
        if self.faults.strikes("lose_answer"):
            raise AnswerLost
        if self.faults.strikes("time_out"):
            await asyncio.sleep(self.silent_s)
        return Answer.json(registered)

    @route("GET", "/receipts/by-key/(.+)")
    async def _find(self, request: Request, key: str) -> Answer:
        found = self.receipts.find(key)
        if found is None:
            raise Refusal(404, "not_found", "Nothing is known under this key.")
        return Answer.json(found)
