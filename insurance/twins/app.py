"""The twins' HTTP API, for any number of insurers."""

import asyncio
import re
from typing import Any

from core.twins import FLAKY_TRIES, Answer, TwinApp
from insurance.twins.book import Book

_POLICIES = re.compile(r"/insurers/([a-z0-9_-]+)/policies")
_BY_KEY = re.compile(r"/insurers/[a-z0-9_-]+/policies/by-key/(.+)")
_CANCEL = re.compile(r"/insurers/([a-z0-9_-]+)/policies/([^/]+)/cancel")


class Twins(TwinApp):
    """VINs that end in 0001 are declined, 0002 thought over, 0003 decided without an answer, 0004 refused twice."""

    book: Book

    async def answer(self, method: str, path: str, key: str, asked: dict[str, Any]) -> Answer:
        """Decide on a policy, tell of an earlier decision, or let go of a policy."""
        if method == "GET" and (match := _BY_KEY.fullmatch(path)):
            found = self.book.find(match[1])
            return (200, found) if found else (404, {"code": "not_found"})
        if method == "POST" and (match := _CANCEL.fullmatch(path)):
            self.book.call_off(match[1], match[2])
            return 200, {"status": "accepted"}
        if method == "POST" and (match := _POLICIES.fullmatch(path)):
            return await self._decide(match[1], key, asked)
        return 404, {"code": "not_found"}

    async def _decide(self, insurer: str, key: str, asked: dict[str, Any]) -> Answer:
        if not key or not asked.get("vehicle_vin"):
            return 400, {"code": "invalid", "detail": "A key and a policy are expected."}
        decided = self.book.decide(insurer, key, asked)
        fault = decided.pop("fault")
        if fault == "flaky" and decided["tries"] <= FLAKY_TRIES:
            return 503, {"code": "busy"}
        if fault == "silent" and decided["tries"] == 1:
            await asyncio.sleep(self.silent_s)
        return (202 if decided["status"] == "pending" else 200), decided
