"""Have a bank decide on the loan that pays for a part of the order, and take one that the buyer found by themselves."""

from datetime import timedelta
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from core.money import ZERO
from financing.commands import DecideLoan, WithdrawLoan
from financing.events import (
    ApplicationAccepted,
    ApplicationApproved,
    ApplicationRejected,
    ApplicationSubmitted,
    ApplicationWithdrawn,
)
from messaging.outbox import send
from orders.models import CheckoutLeg, LegKind, LegState, SagaState, Status
from orders.models.holds import HoldKind
from orders.rules.funding import due_from_buyer
from orders.rules.requests import LoanRequest, PayoutRequest
from orders.services.history import record_step
from orders.services.holds import OFFER, applications, get_hold_term, record_application
from orders.services.legs.base import Done, Failed, Leg, Settle, Undone, Waits, answer
from orders.services.locking import LockedOrder

Word = ApplicationSubmitted | ApplicationApproved | ApplicationRejected | ApplicationWithdrawn | ApplicationAccepted


class LoanLeg(Leg):
    """The loan. An application that the buyer made by themselves is its own attempt."""

    kind = LegKind.LOAN
    place = 20
    title = _("Loan")
    asks = (DecideLoan,)
    takes_back = (WithdrawLoan,)

    @property
    def deadline(self) -> timedelta:
        """The bank has as long as the goods are held for its word."""
        return get_hold_term(HoldKind.CREDIT)

    def ask(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Ask financing to have the application decided."""
        request = LoanRequest.of(row)
        send(
            DecideLoan(
                order_id=saga.order.id,
                attempt_id=row.attempt_id,
                customer_id=saga.order.customer_id,
                currency=saga.order.currency,
                application=request.plain(),
                auto_accept=request.auto_accept is not False,
            )
        )

    @answer
    def submitted(self, saga: LockedOrder, event: ApplicationSubmitted) -> None:
        """Keep the car for a buyer who applied by themselves: it waits for the bank's word."""
        if _is_own(event):
            record_application(saga, event.application_id, HoldKind.CREDIT)

    @answer
    def approved(self, saga: LockedOrder, event: ApplicationApproved) -> Done | Waits | None:
        """Take a loan that was accepted with its approval, or wait for the buyer to accept the offer."""
        if _is_own(event):
            record_application(saga, event.application_id, OFFER)
        if not saga.is_running(self.kind, event.attempt_id):
            return None
        saga.order.financing_application_id = event.application_id
        if event.is_accepted:
            return _agreed(saga, event.amount)
        saga.record(f"{self.kind}.offered", data={"amount": str(event.amount)})
        return Waits()

    @answer
    def accepted(self, saga: LockedOrder, event: ApplicationAccepted) -> Done | Settle | None:
        """Take the loan as the buyer accepted it, and with it the part that is left to them."""
        if saga.is_running(self.kind, event.attempt_id):
            saga.order.financing_application_id = event.application_id
            saga.agree_to_more(max(ZERO, LoanRequest.of(saga.legs[self.kind]).amount - event.amount))
            return _agreed(saga, event.amount)
        if not _is_own(event):
            return None
        record_application(saga, event.application_id, None)
        return _take_own(saga, event)

    @answer
    def refused(self, saga: LockedOrder, event: ApplicationRejected) -> Failed | None:
        """Call the order off with the bank's reasons."""
        if _is_own(event):
            record_application(saga, event.application_id, None)
        if not saga.is_running(self.kind, event.attempt_id):
            return None
        return Failed("loan_rejected", event.detail, {"reasons": event.reasons})

    @answer
    def withdrawn(self, saga: LockedOrder, event: ApplicationWithdrawn) -> Failed | Undone:
        """Hear that the loan is undone, or that somebody gave it up."""
        if _is_own(event):
            record_application(saga, event.application_id, None)
        if saga.is_running(self.kind, event.attempt_id):
            return Failed("loan_withdrawn", event.reason)
        return Undone(event.attempt_id)

    def undo(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Ask financing to withdraw the loan, paid out or not."""
        withdraw(saga)

    def after_undoing(self, saga: LockedOrder) -> None:
        """Take back the payout: a loan that is cancelled pays for nothing."""
        payout = saga.legs.get(LegKind.DISBURSEMENT)
        saga.order.loan_amount = ZERO
        if payout is not None and payout.state == LegState.SUCCEEDED:
            saga.close(payout, LegState.COMPENSATED)
            saga.order.amount_paid -= PayoutRequest.of(payout).amount
        saga.order.touch(saga.now)

    def reset(self, saga: LockedOrder) -> None:
        """Forget the old application."""
        saga.order.loan_amount, saga.order.financing_application_id = ZERO, None

    def hold_kinds(self, saga: LockedOrder) -> list[str]:
        """Hold the goods while a loan is decided or its offer considered, be it the buyer's own application."""
        found: list[str] = []
        if saga.is_asked(self.kind):
            found.append(OFFER if saga.order.financing_application_id is not None else HoldKind.CREDIT)
        return found + sorted(set(applications(saga.order).values()))


def withdraw(saga: LockedOrder) -> None:
    """Ask financing to withdraw the order's loan."""
    attempt_id = saga.legs[LegKind.LOAN].attempt_id
    send(WithdrawLoan(order_id=saga.order.id, attempt_id=attempt_id, reason=saga.cause))


def _is_own(event: Word) -> bool:
    return event.attempt_id == event.application_id


def _agreed(saga: LockedOrder, amount: Decimal) -> Done:
    saga.order.loan_amount = min(amount, saga.order.payable)
    saga.order.touch(saga.now)
    return Done({"amount": str(amount)})


# A loan that the buyer found by themselves for an order that waits for its money ---------------------------------
def _take_own(saga: LockedOrder, event: ApplicationAccepted) -> Settle | None:
    """Let an accepted loan pay its part; its payout is the checkout's last leg. One that has no room is given back.

    Heard of twice it is taken once.
    """
    loan = saga.legs.get(LegKind.LOAN)
    if loan is not None and loan.attempt_id == event.attempt_id:
        return None
    if not _has_room(saga, event):
        send(WithdrawLoan(order_id=saga.order.id, attempt_id=event.application_id, reason="order_not_waiting"))
        return None
    leg = saga.add_leg(LegKind.LOAN)
    leg.attempt_id, leg.started_at, leg.finished_at = event.application_id, saga.now, saga.now
    saga.mark(leg, LegState.SUCCEEDED)
    saga.mark(saga.add_leg(LegKind.DISBURSEMENT), LegState.PENDING)
    saga.order.financing_application_id = event.application_id
    saga.order.loan_amount = event.amount
    saga.order.touch(saga.now)
    record_step(saga, "loan.succeeded", now=saga.now, data={"amount": str(event.amount)})
    saga.publish_updated()
    return Settle()


def _has_room(saga: LockedOrder, event: ApplicationAccepted) -> bool:
    """Tell whether the order still waits for so much, has no loan, and no payment is being taken at this moment."""
    if LegKind.LOAN in saga.legs or saga.order.status not in (Status.CREATED, Status.AWAITING_PAYMENT):
        return False
    is_waiting = saga.payment.state == LegState.RUNNING and saga.checkout.state == SagaState.WAITING
    is_open = not saga.checkout.is_undoing and (saga.payment.state == LegState.PENDING or is_waiting)
    return is_open and event.amount <= due_from_buyer(saga.order)
