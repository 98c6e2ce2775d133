"""Earnest money whose sale failed: it is held until one person states whose fault that was and a second confirms it.

What follows is the law's (Civil Code, 381.2): the buyer's fault forfeits it, the seller's returns it double, nobody's
returns it. Nothing is decided by the system, however plain a case may look.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.db import Expected, require_version, transaction
from core.errors import InvalidInput, NotFound, WrongTransition
from gateway import approvals
from gateway.approvals import require_permit
from messaging.outbox import send
from orders.approvals import FAULT
from orders.errors import TransitionNotYours
from orders.models import DepositAgreement, DepositState, Fault, LegKind
from orders.rules.requests import earned_by_insurers
from orders.services.agreeing import About, as_maker, ask, refuse_own
from orders.services.changing import load_for
from orders.services.deposits import lock_deposit, mark_held, move_deposit
from orders.services.history import Actor, record_edit
from orders.services.saga import Saga
from payments.commands import ForfeitDeposit, GiveBackPayments, PayOutDeposit
from payments.events import ForfeitSettled, PayoutSettled

REASON = _("Second half of earnest money that goes back double")


def state_fault(
    *, order_id: UUID, fault: str, reason: str, actor: Actor, now: datetime, expected_version: Expected = None
) -> DepositAgreement:
    """State whose fault it is that a sale secured by earnest money failed; a second person confirms it first.

    The version is the agreement's. Raises StaleVersion, NotFound, TransitionNotYours, FourEyes (it is their
    own order), InvalidInput (no reason), WrongTransition (nothing waits for a word) and Waits.
    """
    return _state(_Word(fault, reason, actor, None), order_id, now, expected_version)


def fault_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, fault: str, reason: str
) -> None:
    """Do what follows from a fault that one person stated and a second confirmed. Raises what `state_fault` does."""
    _state(_Word(fault, reason, as_maker(maker_id), approver_id), subject_id, now, None)


@dataclass(frozen=True)
class _Word:
    """The word of one person on whose fault it was, and why; `second` is who confirms it."""

    fault: str
    reason: str
    actor: Actor
    second: UUID | None


def _state(word: _Word, order_id: UUID, now: datetime, expected_version: Expected) -> DepositAgreement:
    if not word.reason.strip():
        raise InvalidInput("reason", "required", gettext("Say why."))
    with transaction("orders"):
        saga = load_for(order_id, word.actor, now)
        found = lock_deposit(saga)
        if found is None:
            raise NotFound
        if not word.actor.is_staff:
            raise TransitionNotYours
        refuse_own(saga.order, word.actor)
        require_version(found.version, expected_version)
        if found.state != DepositState.WAITING:
            raise WrongTransition(found.state, [])
        about = About(word.actor, word.reason, {"fault": word.fault, "reason": word.reason})
        approvals.admit(FAULT, ask(saga, about, found.held_amount), now=now)
        _settle(saga, found, word)
        saga.save()
        found.refresh_from_db()
    return found


def _settle(saga: Saga, found: DepositAgreement, word: _Word) -> None:
    """Write the fault down, and send the money where the law says."""
    found.fault, found.fault_reason, found.stated_at = word.fault, word.reason, saga.now
    found.stated_by, found.confirmed_by = word.actor.id, word.second
    found.move(DepositState.SETTLING, now=saga.now)
    found.save()
    data = {"fault": word.fault, "confirmed_by": str(word.second)}
    record_edit(saga, "deposit.fault_stated", actor=word.actor, now=saga.now, reason=word.reason, data=data)
    saga.order.touch(saga.now)
    _SENT[Fault(word.fault)](saga, found)


def _forfeit(saga: Saga, found: DepositAgreement) -> None:
    require_permit("orders")
    send(ForfeitDeposit(**_build_request(saga, found)))


def _return(saga: Saga, found: DepositAgreement) -> None:
    """Let go of what was held: it goes back by the way of the rest."""
    require_permit("orders")
    mark_held(saga, "")
    send(
        GiveBackPayments(
            order_id=saga.order.id,
            attempt_id=saga.legs[LegKind.PAYMENT].attempt_id,
            reason="earnest_money",
            keep_amount=earned_by_insurers(saga.legs.get(LegKind.POLICIES)),
        )
    )


def _double(saga: Saga, found: DepositAgreement) -> None:
    _return(saga, found)
    send(PayOutDeposit(**_build_request(saga, found), reason=str(REASON)))


_SENT: dict[str, Callable[[Saga, DepositAgreement], None]] = {
    Fault.BUYER: _forfeit,
    Fault.SELLER: _double,
    Fault.NOBODY: _return,
}


def _build_request(saga: Saga, found: DepositAgreement) -> dict[str, Any]:
    return {
        "request_id": found.id,
        "order_id": saga.order.id,
        "customer_id": saga.order.customer_id,
        "amount": found.held_amount,
        "currency": found.currency,
    }


def record_forfeit(*, event: ForfeitSettled, now: datetime) -> None:
    """Note that `event.amount` of earnest money is ours, as much as was left. Heard again, it changes nothing."""
    with transaction("orders"):
        saga, found = _settling(event.order_id, event.request_id, now)
        if saga is None or found is None:
            return
        found.held_amount = event.amount
        move_deposit(saga, found, DepositState.FORFEITED if event.amount else DepositState.RETURNED)
        saga.order.touch(now)
        saga.save()


def record_payout(*, event: PayoutSettled, now: datetime) -> None:
    """Note what became of the second half of earnest money; one that could not be paid is a manager's.

    Heard again, it changes nothing; other payouts are nobody's here.
    """
    if event.purpose != PayOutDeposit.purpose:
        return
    with transaction("orders"):
        saga, found = _settling(event.subject_id, event.request_id, now)
        if saga is None or found is None:
            return
        if event.is_paid:
            found.doubled_at = found.doubled_at or now
            found.save()
        else:
            saga.call_manager(LegKind.PAYMENT, "second_half_failed", event.detail or event.code)
        saga.order.touch(now)
        saga.save()


def _settling(order_id: UUID, request_id: UUID, now: datetime) -> tuple[Saga | None, DepositAgreement | None]:
    """Lock an order and its agreement, if that waits for the answer to this request."""
    saga = Saga.load(order_id, now)
    found = None if saga is None else lock_deposit(saga)
    is_meant = found is not None and found.id == request_id and found.state == DepositState.SETTLING
    return saga, found if is_meant else None
