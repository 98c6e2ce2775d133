"""The twins' HTTP API, for any number of banks."""

import asyncio
import re
from typing import Any

from core.twins import FLAKY_TRIES, Answer, TwinApp
from financing.twins.book import Book

DECISIONS = ("accepted", "declined", "withdrawn")
_APPLICATIONS = re.compile(r"/banks/([a-z0-9_-]+)/applications")
_BY_KEY = re.compile(r"/banks/[a-z0-9_-]+/applications/by-key/(.+)")
_DEBITS = re.compile(r"/banks/([a-z0-9_-]+)/debits")
_DEBIT_BY_KEY = re.compile(r"/banks/[a-z0-9_-]+/debits/by-key/(.+)")
_DECISION = re.compile(r"/banks/([a-z0-9_-]+)/applications/([^/]+)/decision")
_WANTED = ("application_id", "amount", "annual_rate", "term_months")


class Twins(TwinApp):
    """`silent` decides and never answers the first time, `flaky` is busy twice, `garbage` once says what is no JSON."""

    book: Book

    async def answer(self, method: str, path: str, key: str, asked: dict[str, Any]) -> Answer:
        """Decide on an application, debit an account, tell of either again, or hear what became of an offer."""
        if method == "GET" and (match := _BY_KEY.fullmatch(path)):
            found = self.book.find(match[1])
            return (200, found) if found else (404, {"code": "not_found"})
        if method == "POST" and (match := _APPLICATIONS.fullmatch(path)):
            return await self._decide(match[1], key, asked)
        if method == "GET" and (match := _DEBIT_BY_KEY.fullmatch(path)):
            debit = self.book.find_debit(match[1])
            return (200, debit) if debit else (404, {"code": "not_found"})
        if method == "POST" and (match := _DEBITS.fullmatch(path)):
            if not key or not all(asked.get(name) for name in ("payment_id", "amount")):
                return 400, {"code": "invalid", "detail": "A key and a mandate are expected."}
            return await self._misbehave(self.book.debit(match[1], key, asked))
        if method == "POST" and (match := _DECISION.fullmatch(path)):
            return self._note(match[1], match[2], key, asked)
        return 404, {"code": "not_found"}

    async def _decide(self, bank: str, key: str, asked: dict[str, Any]) -> Answer:
        if not key or not all(asked.get(name) for name in _WANTED):
            return 400, {"code": "invalid", "detail": "A key and an application are expected."}
        return await self._misbehave(self.book.decide(bank, key, asked))

    async def _misbehave(self, decided: dict[str, Any]) -> Answer:
        """The answer, after the fault it was drawn with."""
        fault, tries = decided["fault"], decided["tries"]
        if fault == "flaky" and tries <= FLAKY_TRIES:
            return 503, {"code": "busy"}
        if fault == "silent" and tries == 1:
            await asyncio.sleep(self.silent_s)
        if fault == "garbage" and tries == 1:
            return 200, b"<html>ok</html>"
        return (202 if decided["status"] == "pending" else 200), decided

    def _note(self, bank: str, application_id: str, key: str, told: dict[str, Any]) -> Answer:
        """What the dealer says became of an offer; a flaky bank is busy twice here too."""
        if not key or told.get("decision") not in DECISIONS:
            return 400, {"code": "invalid", "detail": "A key and a decision are expected."}
        noted = self.book.note(bank, application_id, key, told)
        if noted is None:
            return 404, {"code": "not_found"}
        if noted["fault"] == "flaky" and noted["tries"] <= FLAKY_TRIES:
            return 503, {"code": "busy"}
        return 200, {"status": "noted", "decision": noted["decision"]}
