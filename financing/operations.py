"""Calls to banks that decide by themselves."""

from typing import Any
from uuid import UUID

from django.utils import timezone

from core.outside.provider_http import Refused
from financing import queries, services
from financing.providers import banks
from messaging.delivery.calls import Operation, Outcome, ask, operation
from messaging.models import CallState

UNREACHED = {"status": "refused", "code": "bank_unavailable", "detail": "The bank could not be reached."}
UNWANTED = {"status": "refused", "code": "not_wanted", "detail": "The answer is no longer waited for."}
_UNKNOWN_THERE = {"status": "unknown"}
_DEBITS = {
    "settled": CallState.OK, "reversed": CallState.OK, "refused": CallState.DECLINED, "unknown": CallState.DECLINED,
}  # fmt: skip
_STATES = {"offered": CallState.OK, "refused": CallState.DECLINED}


@operation
class AskBank(Operation):
    """Asks a bank for its terms; while it thinks, it is asked again, as long as its answer counts."""

    name = "financing.ask_bank"
    max_attempts = 6

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Ask about an earlier try first; the same key is one decision."""
        body = queries.bank_question(UUID(request["offer_id"]))
        if body is None:
            return Outcome(CallState.DECLINED, UNWANTED)
        bank = request["bank"]
        return ask(
            lambda: (banks.find(bank, key) if is_repeat else None) or banks.ask(bank, key, body),
            _STATES,
            _refused,
        )

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """A bank that never took the question has not offered anything."""
        return Outcome(CallState.DECLINED, UNREACHED, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Apply a decision; while there is none the bank is still waited for."""
        if outcome.data.get("status") in _STATES:
            services.receive_bank_answer(offer_id=UUID(request["offer_id"]), answer=outcome.data, now=timezone.now())


@operation
class DebitAccount(Operation):
    """Tells a bank to debit a borrower's account, and asks until it says what became of that: money is not given up."""

    name = "financing.debit_account"
    max_attempts = 16

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Ask about an earlier try first; once a person has answered, only that."""
        bank, payment_id = request["bank"], UUID(request["payment_id"])
        body = queries.find_mandate(payment_id)

        def question() -> dict[str, Any]:
            found = banks.find_debit(bank, key) if is_repeat or body is None else None
            return found or (_UNKNOWN_THERE if body is None else banks.debit(bank, key, body))

        outcome = ask(question, _DEBITS, _refused)
        if outcome.data.get("status") == "settled" and not queries.is_same_sum(payment_id, outcome.data):
            return Outcome(CallState.UNKNOWN, outcome.data, error="another sum than it was told to debit")
        return outcome

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """An earlier try may have arrived: the bank goes on being asked, and a person may bring its answer."""
        return Outcome(CallState.UNKNOWN, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Apply what the bank says; while it says nothing the debit is waited for."""
        if outcome.state in (CallState.OK, CallState.DECLINED):
            services.receive_debit_answer(
                payment_id=UUID(request["payment_id"]), answer=outcome.data, now=timezone.now()
            )


@operation
class ReviewDebit(Operation):
    """Asks a bank whether a debit of the last days still stands: it may take one back, and does not call us."""

    name = "financing.review_debit"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Look the debit up; a bank that does not know it any more has not said that it took it back."""
        debit = queries.get_debit_key(UUID(request["payment_id"]))
        return ask(lambda: banks.find_debit(request["bank"], debit) or _UNKNOWN_THERE, _DEBITS, _refused)

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """The next day asks again."""
        return Outcome(CallState.DECLINED, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Count a debit no more that was taken back."""
        if outcome.data.get("status") == "reversed":
            services.receive_debit_answer(
                payment_id=UUID(request["payment_id"]), answer=outcome.data, now=timezone.now()
            )


def _refused(refused: Refused) -> dict[str, Any]:
    return {"status": "refused", "code": refused.code, "detail": refused.detail}


@operation
class TellBank(Operation):
    """Tells a bank what became of its offer; a notice is repeated under its key until the bank takes it or refuses."""

    name = "financing.tell_bank"
    max_attempts = 16

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """The same key is one notice, so an earlier try that may have arrived is no worry."""
        body = {name: request[name] for name in ("decision", "reference", "version")}
        return ask(
            lambda: banks.notify(request["bank"], key, request["application_id"], body),
            {"noted": CallState.OK},
            _refused,
        )

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """A bank that was never reached has not been told: somebody has to call it."""
        return Outcome(CallState.DECLINED, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Note the end of it; without an answer it is sent again."""
        if outcome.state != CallState.UNKNOWN:
            services.record_notice(
                offer_id=UUID(request["offer_id"]),
                decision=request["decision"],
                is_told=outcome.state == CallState.OK,
                now=timezone.now(),
            )
