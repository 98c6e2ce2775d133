"""Calls to providers of qualified signatures: a repeat asks first, and silence is asked about until it is answered."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils import timezone

from messaging.delivery.calls import Operation, Outcome, ask, operation
from messaging.models import CallState
from orders.providers.signing import signing_provider
from orders.queries.signings import read_wanted
from orders.services.qualified import apply_signing_answer

_FINAL = {"signed": CallState.OK, "refused": CallState.DECLINED}
_OVER = Outcome(CallState.OK, {"status": "over"})


@operation
class SignPaper(Operation):
    """Has a paper signed. Its bytes are read now, and kept in no call."""

    name = "orders.sign_paper"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Sign once: ask about an earlier try, then send."""
        found = read_wanted(signing_id=UUID(request["signing_id"]))
        if found is None:
            return _OVER
        provider = signing_provider(found.provider)
        if is_repeat:
            return _ask(lambda: provider.find(key) or provider.sign(key, found.wanted))
        return _ask(lambda: provider.sign(key, found.wanted))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Never: a signature that was made binds, whoever heard of it."""
        return Outcome(CallState.UNKNOWN, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Record the signature, the refusal, or that nobody knows yet."""
        apply_signing_answer(signing_id=UUID(request["signing_id"]), answer=outcome.data, now=timezone.now())


def _ask(question: Callable[[], dict[str, Any]]) -> Outcome:
    return ask(question, _FINAL, lambda refused: {"status": "refused", "failure_code": refused.code})
