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


@operation
class TellBank(Operation):
    """Tells a bank what became of its offer; a notice is repeated under its key until the bank takes it or refuses."""

    name = "financing.tell_bank"
    max_attempts = 16

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """The same key is one notice, so an earlier try that may have arrived is no worry."""
        body = {name: request[name] for name in ("decision", "reference", "version")}
        return ask(
            lambda: banks.tell(request["bank"], key, request["application_id"], body),
            {"noted": CallState.OK},
            lambda refused: {"status": "refused", "code": refused.code, "detail": refused.detail},
        )

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """A bank that was never reached has not been told: somebody has to call it."""
        return Outcome(CallState.DECLINED, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Note the end of it; without an answer it is sent again."""
        if outcome.state != CallState.UNKNOWN:
            services.note_told(
                offer_id=UUID(request["offer_id"]),
                decision=request["decision"],
                is_told=outcome.state == CallState.OK,
                now=timezone.now(),
            )
