"""Calls to banks that decide by themselves."""

from typing import Any
from uuid import UUID

from django.utils import timezone

from financing import services
from financing.providers import banks
from messaging.calls import Operation, Outcome, ask, operation
from messaging.models import CallState

UNREACHED = {"status": "refused", "code": "bank_unavailable", "detail": "The bank could not be reached."}
UNWANTED = {"status": "refused", "code": "not_wanted", "detail": "The answer is no longer waited for."}
_STATES = {"offered": CallState.OK, "refused": CallState.DECLINED}


@operation
class AskBank(Operation):
    """Asks a bank for its terms; while it thinks, it is asked again, as long as its answer counts."""

    name = "financing.ask_bank"
    max_attempts = 6

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Ask about an earlier try first; the same key is one decision."""
        body = services.bank_question(UUID(request["offer_id"]))
        if body is None:
            return Outcome(CallState.DECLINED, UNWANTED)
        bank = request["bank"]
        return ask(
            lambda: (banks.find(bank, key) if is_repeat else None) or banks.ask(bank, key, body),
            _STATES,
            lambda refused: {"status": "refused", "code": refused.code, "detail": refused.detail},
        )

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """A bank that never took the question has not offered anything."""
        return Outcome(CallState.DECLINED, UNREACHED, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Apply a decision; while there is none the bank is still waited for."""
        if outcome.data.get("status") in _STATES:
            services.hear_bank(offer_id=UUID(request["offer_id"]), answer=outcome.data, now=timezone.now())
