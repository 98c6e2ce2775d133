"""Serve the insurers' HTTP API, for any number of insurers."""

import asyncio

from sandbox.framework import FLAKY_TRIES, Answer, Refusal, Request, Sandbox, route
from sandbox.insurers.store import Store

_INSURER = "/insurers/([a-z0-9_-]+)"


class Insurers(Sandbox):
    """VINs that end in 0001 are declined, 0002 thought over, 0003 decided without an answer, 0004 refused twice.

    `silent_s`: for how many seconds nothing is said when an insurer is silent.
    """

    def __init__(self, store: Store, *, silent_s: float = 30.0) -> None:
        super().__init__(store)
        self.store, self.silent_s = store, silent_s

    @route("GET", "/insurers/[a-z0-9_-]+/policies/by-key/(.+)")
    async def _find(self, request: Request, key: str) -> Answer:
        found = self.store.find(key)
        if found is None:
            raise Refusal(404, "not_found")
        return Answer.json(found)

    @route("POST", f"{_INSURER}/policies/([^/]+)/cancel")
    async def _cancel(self, request: Request, insurer: str, policy_id: str) -> Answer:
        self.store.call_off(insurer, policy_id)
        return Answer.json({"status": "accepted"})

    @route("POST", f"{_INSURER}/policies")
    async def _decide(self, request: Request, insurer: str) -> Answer:
        asked = request.json()
        if not request.key or not asked.get("vehicle_vin"):
            raise Refusal(400, "invalid", "A key and a policy are expected.")
        decided = self.store.decide(insurer, request.key, asked)
        fault = decided.pop("fault")
        if fault == "flaky" and decided["tries"] <= FLAKY_TRIES:
            raise Refusal(503, "busy")
        if fault == "silent" and decided["tries"] == 1:
            await asyncio.sleep(self.silent_s)
        return Answer.json(decided, 202 if decided["status"] == "pending" else 200)
