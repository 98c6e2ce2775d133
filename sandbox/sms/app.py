"""Serve the SMS gateway's HTTP API."""

import asyncio

from sandbox.framework import FLAKY_TRIES, Answer, Refusal, Request, Sandbox, route
from sandbox.sms.store import Store


class SmsGateway(Sandbox):
    """Numbers that end in 0001 do not exist, 0003 are answered too late once, 0004 find the gateway busy twice.

    `silent_s`: how many seconds too late an answer comes.
    """

    def __init__(self, store: Store, *, silent_s: float = 30.0) -> None:
        super().__init__(store)
        self.store, self.silent_s = store, silent_s

    @route("GET", "/messages")
    async def _show(self, request: Request) -> Answer:
        return Answer.json(self.store.messages())

    @route("POST", "/messages")
    async def _take(self, request: Request) -> Answer:
        asked = request.json()
        if not request.key or not asked.get("to") or not asked.get("text"):
            raise Refusal(400, "invalid", "A key, a receiver and a text are expected.")
        receiver, handed = str(asked["to"]), self.store.hand(request.key)
        if receiver.endswith("0001"):
            raise Refusal(422, "no_such_number", "There is no such number.")
        if receiver.endswith("0004") and handed <= FLAKY_TRIES:
            raise Refusal(503, "busy")
        self.store.take(request.key, receiver=receiver, text=str(asked["text"]), sender=str(asked.get("sender", "")))
        if receiver.endswith("0003") and handed == 1:
            await asyncio.sleep(self.silent_s)
        return Answer.json({"id": request.key, "status": "accepted"}, 202)
