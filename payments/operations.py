"""Calls to payment providers: charge, capture, cancel, query, refund, payout.

A repeat asks first, then sends the same key again.
A fault before the provider took the request is retried; silence is `unknown` and is asked about until it is answered.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils import timezone

from accounts.public import get_person
from core.outside.provider_http import NoAnswer, Refused, TransientFault
from messaging.delivery.calls import Operation, Outcome, ask, operation
from messaging.models import CallState
from payments import services
from payments.models import SANDBOX, Payment, Payout, PayoutStatus, ReceiptState, RefundStatus, Status
from payments.providers import provider
from payments.providers.fiscal import operator
from payments.providers.port import Notice, Provider
from payments.queries.receipt_orders import describe_along, describe_receipt
from payments.services import ChargeReport, PayoutReport, ReceiptReport, RefundReport

_CHARGES = {
    "processing": Status.PROCESSING,
    "requires_action": Status.REQUIRES_ACTION,
    "authorized": Status.AUTHORIZED,
    "succeeded": Status.COMPLETED,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
}
_FINAL = {
    "succeeded": CallState.OK,
    "authorized": CallState.OK,
    "failed": CallState.DECLINED,
    "cancelled": CallState.DECLINED,
}
_SKIPPED = Outcome(CallState.OK, {"status": "skipped"})
UNAVAILABLE = {
    "status": "failed",
    "failure_code": "provider_unavailable",
    "failure_detail": "The payment provider could not be reached; nothing was taken.",
}


def _ask(question: Callable[[], dict[str, Any]]) -> Outcome:
    return ask(
        question,
        _FINAL,
        lambda refused: {"status": "failed", "failure_code": refused.code, "failure_detail": refused.detail},
    )


def _after_retries(find: Callable[[], dict[str, Any] | None], outcome: Outcome) -> Outcome:
    """No more retries: failed only if the provider itself says that it never took the request."""
    found = _ask(lambda: find() or UNAVAILABLE)
    return found if found.state != CallState.NEW else Outcome(CallState.UNKNOWN, error=outcome.error)


def _of_payment(request: dict[str, Any]) -> tuple[Provider, dict[str, Any]]:
    """Return who took, or is to take, a payment's money, and the request with the provider's id for it, if known."""
    payment = Payment.objects.only("provider", "provider_ref").get(pk=request["payment_id"])
    return provider(payment.provider), request | {"ref": payment.provider_ref}


def _only_answers(outcome: Outcome) -> Outcome:
    """That a step was refused says nothing of the charge itself: keep asking."""
    if outcome.state == CallState.DECLINED and "id" not in outcome.data:
        return Outcome(CallState.UNKNOWN, error=outcome.error)
    return outcome


def _along(bank: Provider, payment_id: UUID, refund_id: UUID | None = None) -> dict[str, Any]:
    """The receipt that goes along with a payment or refund where its provider makes receipts; nothing elsewhere."""
    if bank.name != settings.FISCAL_OPERATOR or bank.name == SANDBOX:
        return {}
    found = describe_along(payment_id=payment_id, refund_id=refund_id)
    contact = _get_contact(found[0]) if found else ""
    return {"receipt": {"contact": contact, "lines": found[1]}} if found and contact else {}


def _get_contact(customer_id: UUID | None) -> str:
    """Return where a buyer gets the receipt: their e-mail address, else their telephone, else ours."""
    person = get_person(customer_id) if customer_id else None
    return (person.email or person.phone if person else "") or str(settings.FISCAL_EMAIL)


class _ChargeOperation(Operation):
    """Operation on a charge: it says what the answers mean for the payment."""

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
        bank, asked = _of_payment(request)
        asked |= _along(bank, UUID(request["payment_id"]))
        if is_repeat:
            return _ask(lambda: bank.find_charge(key, asked) or bank.charge(key, asked))
        return _ask(lambda: bank.charge(key, asked))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Fail only what was certainly not taken."""
        bank, asked = _of_payment(request)
        if not bank.capabilities.finds_by_key:
            return Outcome(CallState.UNKNOWN, error=outcome.error)
        return _after_retries(lambda: bank.find_charge(key, asked), outcome)


@operation
class Capture(_ChargeOperation):
    """Takes the money that a provider has authorised."""

    name = "payments.capture"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Capturing twice is capturing once."""
        bank, asked = _of_payment(request)
        return _only_answers(_ask(lambda: bank.capture(key, asked)))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Never: the money is promised."""
        return Outcome(CallState.UNKNOWN, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Silence says nothing new of the payment."""
        if outcome.data:
            super().settle(key, request, outcome)


@operation
class ConfirmWebhook(Operation):
    """Asks whether what a webhook told is true, where the message itself proves nothing."""

    name = "payments.confirm_webhook"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Fetch what the message spoke of."""
        notice = Notice(**request["notice"])
        try:
            told = provider(request["provider"]).confirm(notice)
        except (TransientFault, NoAnswer) as error:
            return Outcome(CallState.NEW, error=str(error))
        except Refused as error:
            return Outcome(CallState.DECLINED, error=str(error))
        return Outcome(CallState.OK, msgspec.to_builtins(told))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Never: the message may be about money."""
        return Outcome(CallState.UNKNOWN, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Do what turned out to be true."""
        if outcome.state in (CallState.OK, CallState.DECLINED):
            notice = Notice(**outcome.data) if outcome.data else None
            services.apply_confirmed(webhook_id=UUID(request["webhook_id"]), notice=notice, now=timezone.now())


@operation
class Query(_ChargeOperation):
    """Asks what became of a charge: for webhooks that prove nothing, for the reconciler and for managers."""

    name = "payments.query"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """One question. That the provider knows nothing is no answer: our charge may still be on its way."""
        bank, asked = _of_payment(request)
        outcome = _ask(lambda: bank.find_charge(request["charge_key"], asked) or {"status": "skipped"})
        if outcome.data.get("status") == "skipped":
            return _SKIPPED
        return (
            outcome if outcome.state != CallState.UNKNOWN or not outcome.data else Outcome(CallState.OK, outcome.data)
        )

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Silence says nothing new of the payment."""
        if outcome.data:
            super().settle(key, request, outcome)


@operation
class Cancel(_ChargeOperation):
    """Calls a charge off at the provider, which may answer that the money has been taken already."""

    name = "payments.cancel"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Cancelling twice is cancelling once. That the cancelling was refused says nothing of the charge."""
        bank, asked = _of_payment(request)
        return _only_answers(_ask(lambda: bank.cancel(key, asked)))

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
        bank, asked = _of_payment(request)
        asked |= _along(bank, UUID(request["payment_id"]), UUID(request["refund_id"]))
        if is_repeat:
            return _ask(lambda: bank.find_refund(key, asked) or bank.refund(key, asked))
        return _ask(lambda: bank.refund(key, asked))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Fail only what certainly did not happen; a manager may retry it."""
        bank, asked = _of_payment(request)
        return _after_retries(lambda: bank.find_refund(key, asked), outcome)

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


@operation
class PayOut(Operation):
    """Pays somebody."""

    name = "payments.payout"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Pay once: ask about an earlier try, then send."""
        bank = provider(Payout.objects.get(pk=request["payout_id"]).provider)
        if is_repeat:
            return _ask(lambda: bank.find_payout(key, request) or bank.payout(key, request))
        return _ask(lambda: bank.payout(key, request))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Fail only what certainly did not happen; a manager may retry it."""
        bank = provider(Payout.objects.get(pk=request["payout_id"]).provider)
        return _after_retries(lambda: bank.find_payout(key, request), outcome)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Record success or refusal; while nobody knows, the payout stays submitted."""
        status = {"succeeded": PayoutStatus.SUCCEEDED, "failed": PayoutStatus.FAILED}.get(
            outcome.data.get("status", ""), PayoutStatus.SUBMITTED
        )
        report = PayoutReport(
            status=status,
            provider_ref=outcome.data.get("id", ""),
            failure_code=outcome.data.get("failure_code", ""),
            failure_detail=outcome.data.get("failure_detail", ""),
        )
        services.apply_payout_report(
            payout_id=UUID(request["payout_id"]), attempt=request["attempt"], report=report, now=timezone.now()
        )


@operation
class Fiscalize(Operation):
    """Has a receipt registered by the fiscal operator. The buyer's contact is asked for now, and not kept here."""

    name = "payments.fiscalize"

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Register once: ask about an earlier try, then send."""
        told = describe_receipt(receipt_id=UUID(request["receipt_id"]), attempt=request["attempt"])
        if told is None:
            return _SKIPPED
        contact = told.contact or _get_contact(told.customer_id)
        if not contact:
            return Outcome(CallState.DECLINED, _NO_CONTACT, error="no contact of the buyer is known")
        body, theirs = told.body | {"contact": contact}, operator(told.operator)
        if is_repeat:
            return _ask_operator(lambda: theirs.find(key, body) or theirs.register(key, body))
        return _ask_operator(lambda: theirs.register(key, body))

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Never: the money was moved, and its receipt is owed."""
        return Outcome(CallState.UNKNOWN, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Record that the receipt was registered or refused, or is on its way."""
        said = outcome.data
        if not said or said["status"] == "skipped":
            return
        at = said.get("registered_at")
        report = ReceiptReport(
            state=_RECEIPTS[said["status"]],
            operator_ref=said.get("id", ""),
            fiscal_number=said.get("fiscal_number", ""),
            fiscal_sign=said.get("fiscal_sign", ""),
            storage_number=said.get("storage_number", ""),
            registered_at=datetime.fromisoformat(at) if at else None,
            failure_code=said.get("failure_code", ""),
            failure_detail=said.get("failure_detail", ""),
        )
        services.apply_receipt_report(
            receipt_id=UUID(request["receipt_id"]), attempt=request["attempt"], report=report, now=timezone.now()
        )


_RECEIPTS = {"pending": ReceiptState.SENT, "registered": ReceiptState.REGISTERED, "refused": ReceiptState.REFUSED}
_NO_CONTACT = {
    "status": "refused",
    "failure_code": "contact_missing",
    "failure_detail": "Nobody knows where the buyer is to get the receipt.",
}


def _ask_operator(question: Callable[[], dict[str, Any]]) -> Outcome:
    return ask(
        question,
        {"registered": CallState.OK, "refused": CallState.DECLINED},
        lambda refused: {"status": "refused", "failure_code": refused.code, "failure_detail": refused.detail},
    )
