"""Calls to insurers that decide by themselves: take a risk, and let go of one."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils import timezone

from insurance import queries, services
from insurance.providers import insurers
from messaging.delivery.calls import Operation, Outcome, ask, operation
from messaging.models import CallState

UNREACHED = {"status": "declined", "code": "insurer_unavailable", "detail": "The insurer could not be reached."}


_STATES = {"accepted": CallState.OK, "declined": CallState.DECLINED}


def _ask(question: Callable[[], dict[str, Any]]) -> Outcome:
    return ask(
        question, _STATES, lambda refused: {"status": "declined", "code": refused.code, "detail": refused.detail}
    )


@operation
class Bind(Operation):
    """Asks an insurer to take a policy; while it thinks, it is asked again."""

    name = "insurance.bind"
    max_attempts = 6

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Ask about an earlier try first; the same key is one decision."""
        insurer = queries.get_insurer(UUID(request["policy_id"]))
        body = {name: value for name, value in request.items() if name != "payment"}
        if is_repeat:
            return _ask(lambda: insurers.find(insurer, key) or insurers.bind(insurer, key, body))
        return _ask(lambda: insurers.bind(insurer, key, body))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """An insurer that never took the question has not accepted; the policy is let go."""
        return Outcome(CallState.DECLINED, UNREACHED, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Apply a decision; while there is none the policy stays pending."""
        if outcome.data.get("status") not in ("accepted", "declined"):
            return
        services.receive_insurer_answer(
            policy_id=UUID(request["policy_id"]),
            is_accepted=outcome.data["status"] == "accepted",
            reference=str(outcome.data.get("reference", ""))[:60],
            code=str(outcome.data.get("code", "declined")),
            detail=str(outcome.data.get("detail", "")),
            payment=request.get("payment"),
            now=timezone.now(),
        )


@operation
class Unbind(Operation):
    """Tells an insurer that a policy is off; it is told until it has heard."""

    name = "insurance.unbind"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Letting go twice is letting go once."""
        insurer = queries.get_insurer(UUID(request["policy_id"]))
        return _ask(lambda: insurers.unbind(insurer, key, request["policy_id"]))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Never: the insurer has to hear of it."""
        return Outcome(CallState.UNKNOWN, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """The policy has ended here already."""
