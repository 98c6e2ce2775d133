"""Serve the signing provider's HTTP API."""

import asyncio
import base64
import binascii

from sandbox.bank.faults import FaultScript
from sandbox.framework import Answer, AnswerLost, Refusal, Request, Sandbox, route
from sandbox.signing.authority import Authority
from sandbox.signing.store import Store

REFUSING, SILENT = "отозван", "молчит"
"""Words in a signer's name: of one whose certificate was revoked, and of one who has not confirmed yet."""


class SigningProvider(Sandbox):
    """Signatures by key; the script of faults has it down, late, or silent after the deed, as it has the bank."""

    signatures: Store
    authority: Authority
    faults: FaultScript
    silent_s: float = 30.0

    @route("POST", "/signatures")
    async def _sign(self, request: Request) -> Answer:
        asked = request.json()
        if not request.key or not asked.get("content") or not asked.get("name"):
            raise Refusal(400, "invalid", "A key, content and a signer are expected.")
        if self.faults.strikes("unavailable"):
            raise Refusal(503, "unavailable", "The provider is having a bad moment.")
        if REFUSING in asked["name"]:
            raise Refusal(422, "certificate_revoked", "The signer's certificate was revoked.")
        if SILENT in asked["name"]:
            return Answer.json({"status": "pending"})
        try:
            content = base64.b64decode(asked["content"], validate=True)
        except binascii.Error as error:
            raise Refusal(400, "invalid", "The content is not base64.") from error
        made = self.authority.sign(content, name=asked["name"], inn=str(asked.get("inn", "")))
        self.signatures.add(request.key, made)
        if self.faults.strikes("lose_answer"):
            raise AnswerLost
        if self.faults.strikes("time_out"):
            await asyncio.sleep(self.silent_s)
        return self._show_signature(request.key)

    @route("GET", "/signatures/by-key/(.+)")
    async def _find_signature(self, request: Request, key: str) -> Answer:
        return self._show_signature(key)

    def _show_signature(self, key: str) -> Answer:
        found = self.signatures.find(key)
        if found is None:
            raise Refusal(404, "not_found", "Nothing is known under this key.")
        return Answer.json({"status": "signed", "cms": base64.b64encode(found).decode()})
