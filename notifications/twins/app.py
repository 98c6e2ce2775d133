"""The twin's HTTP API."""

import asyncio
from typing import Any

from core.twins import FLAKY_TRIES, Answer, TwinApp
from notifications.twins.book import Book


class SmsTwin(TwinApp):
    """Numbers that end in 0001 do not exist, 0003 are answered too late once, 0004 find the gateway busy twice."""

    book: Book

    async def answer(self, method: str, path: str, key: str, asked: dict[str, Any]) -> Answer:
        """Take a message, or show all."""
        match (method, path):
            case ("GET", "/messages"):
                return 200, self.book.messages()
            case ("POST", "/messages"):
                return await self._take(key, asked)
        return 404, {"code": "not_found"}

    async def _take(self, key: str, asked: dict[str, Any]) -> Answer:
        if not key or not asked.get("to") or not asked.get("text"):
            return 400, {"code": "invalid", "detail": "A key, a receiver and a text are expected."}
        receiver, handed = str(asked["to"]), self.book.hand(key)
        if receiver.endswith("0001"):
            return 422, {"code": "no_such_number", "detail": "There is no such number."}
        if receiver.endswith("0004") and handed <= FLAKY_TRIES:
            return 503, {"code": "busy"}
        self.book.take(key, receiver=receiver, text=str(asked["text"]), sender=str(asked.get("sender", "")))
        if receiver.endswith("0003") and handed == 1:
            await asyncio.sleep(self.silent_s)
        return 202, {"id": key, "status": "accepted"}
