"""Calls to payment providers: charge, refund, cancel. A repeat asks first, then sends the same key again.

A fault before the provider took the request is retried; silence is `unknown` and is asked about until it is answered.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from messaging.calls import Operation, Outcome, operation
from messaging.models import CallState
from payments import services
from payments.models import RefundStatus, Status
from payments.providers import sandbox
from payments.services import ChargeReport, RefundReport

_CHARGES = {
    "processing": Status.PROCESSING,
    "requires_action": Status.REQUIRES_ACTION,
    "succeeded": Status.COMPLETED,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
}
_FINAL = {"succeeded": CallState.OK, "failed": CallState.DECLINED, "cancelled": CallState.DECLINED}
_SKIPPED = Outcome(CallState.OK, {"status": "skipped"})
UNAVAILABLE = {
    "status": "failed",
    "failure_code": "provider_unavailable",
    "failure_detail": "The payment provider could not be reached; nothing was taken.",
}


def _ask(question: Callable[[], dict[str, Any]]) -> Outcome:
    """Talk to the provider and say what came of it. An answer that is not final is asked for again later."""
    try:
        answer = question()
    except sandbox.TransientFault as error:
        return Outcome(CallState.NEW, error=str(error))
    except sandbox.NoAnswer as error:
        return Outcome(CallState.UNKNOWN, error=str(error))
    except sandbox.Refused as error:
        data = {"status": "failed", "failure_code": error.code, "failure_detail": error.detail}
        return Outcome(CallState.DECLINED, data, error=str(error))
    return Outcome(_FINAL.get(answer["status"], CallState.UNKNOWN), answer)


def _after_retries(find: Callable[[], dict[str, Any] | None], outcome: Outcome) -> Outcome:
    """No more retries: failed only if the provider itself says that it never took the request."""
    found = _ask(lambda: find() or UNAVAILABLE)
    return found if found.state != CallState.NEW else Outcome(CallState.UNKNOWN, error=outcome.error)


class _ChargeOperation(Operation):
    """What the answers about a charge mean for its payment."""

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Move the payment to what the provider says, or to `unknown` when it says nothing."""
        status = outcome.data.get("status")
        if status == "skipped":
            return
        amount = outcome.data.get("amount")
        report = ChargeReport(
            status=_CHARGES.get(str(status), Status.UNKNOWN),
            provider_ref=outcome.data.get("id", ""),
            action_url=outcome.data.get("action_url", ""),
            failure_code=outcome.data.get("failure_code", ""),
            failure_detail=outcome.data.get("failure_detail", ""),
            amount=Decimal(amount) if amount is not None else None,
            currency=outcome.data.get("currency", ""),
        )
        services.apply_report(payment_id=UUID(request["payment_id"]), report=report, now=timezone.now())


@operation
class Charge(_ChargeOperation):
    """Takes the money of a payment."""

    name = "payments.charge"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Charge once: record that the call begins, ask about an earlier one, then send."""
        if not services.start_charge(payment_id=UUID(request["payment_id"]), now=timezone.now()):
            return _SKIPPED
        if is_repeat:
            return _ask(lambda: sandbox.find_charge(key) or sandbox.charge(key, request))
        return _ask(lambda: sandbox.charge(key, request))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Fail only what was certainly not taken."""
        return _after_retries(lambda: sandbox.find_charge(key), outcome)


@operation
class Cancel(_ChargeOperation):
    """Calls a charge off at the provider, which may answer that the money has been taken already."""

    name = "payments.cancel"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Cancelling twice is cancelling once. That the cancelling was refused says nothing of the charge."""
        outcome = _ask(lambda: sandbox.cancel(request["charge_key"]))
        if outcome.state == CallState.DECLINED and "id" not in outcome.data:
            return Outcome(CallState.UNKNOWN, error=outcome.error)
        return outcome

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Only an answer tells anything: silence about the cancelling says nothing new of the payment."""
        if not outcome.data:
            return
        super().settle(key, request, outcome)

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Never: the order waits for it."""
        return Outcome(CallState.UNKNOWN, error=outcome.error)


@operation
class RefundCharge(Operation):
    """Gives money back."""

    name = "payments.refund"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Refund once: ask about an earlier try, then send."""
        if is_repeat:
            return _ask(lambda: sandbox.find_refund(key) or sandbox.refund(key, request))
        return _ask(lambda: sandbox.refund(key, request))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Fail only what certainly did not happen; a manager may retry it."""
        return _after_retries(lambda: sandbox.find_refund(key), outcome)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Record success or refusal; while nobody knows, the refund stays submitted."""
        status = {"succeeded": RefundStatus.SUCCEEDED, "failed": RefundStatus.FAILED}.get(
            outcome.data.get("status", ""), RefundStatus.SUBMITTED
        )
        report = RefundReport(
            status=status,
            provider_ref=outcome.data.get("id", ""),
            failure_code=outcome.data.get("failure_code", ""),
            failure_detail=outcome.data.get("failure_detail", ""),
        )
        services.apply_refund_report(
            refund_id=UUID(request["refund_id"]), attempt=request["attempt"], report=report, now=timezone.now()
        )
