"""Have the accepted loan paid out: the last leg, since from then on the buyer owes the bank."""

from collections.abc import Mapping
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from core.money import ZERO
from financing.commands import DisburseLoan
from financing.events import LoanDisbursed
from gateway.approvals import let
from messaging.outbox import send
from orders.approvals import CHECKOUT
from orders.models import CheckoutLeg, LegKind, SteeringAction
from orders.rules.requests import PayoutRequest
from orders.services.legs.base import Done, Leg, Park, Said, Skip, Steer, answer, timed_out
from orders.services.legs.loan import withdraw
from orders.services.locking import LockedOrder


class DisbursementLeg(Leg):
    """The bank's payout; undone with the loan it pays out, which it shares its attempt with."""

    kind = LegKind.DISBURSEMENT
    place = 50
    title = _("The bank's payout")
    asks = (DisburseLoan,)

    @property
    def deadline(self) -> timedelta:
        """After an hour a manager looks: everything else is in place by then."""
        return timedelta(hours=1)

    @property
    def steers(self) -> Mapping[str, Steer]:
        """Go on without a payout whose money has come in another way."""
        return {SteeringAction.SKIP: Steer(self._may_skip, self._skip)}

    def ask(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Ask financing to pay the loan out."""
        send(DisburseLoan(order_id=saga.order.id, attempt_id=saga.legs[LegKind.LOAN].attempt_id))

    @answer
    def disbursed(self, saga: LockedOrder, event: LoanDisbursed) -> Done | None:
        """Count the bank's money in place of the loan that was promised."""
        loan = saga.legs.get(LegKind.LOAN)
        if loan is None or loan.attempt_id != event.attempt_id or not saga.is_asked(self.kind):
            return None
        PayoutRequest(amount=event.amount).store(saga.legs[self.kind])
        saga.order.amount_paid += event.amount
        saga.order.loan_amount = ZERO
        saga.order.touch(saga.now)
        return Done({"amount": str(event.amount)})

    def skip(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Withdraw the loan, which pays for nothing any more."""
        saga.order.loan_amount = ZERO
        saga.order.touch(saga.now)
        withdraw(saga)

    def time_out(self) -> Park:
        """Call a manager rather than undo a sale in which everything else is in place."""
        return Park(timed_out(self.kind), "There was no answer in time.")

    def _may_skip(self, saga: LockedOrder, row: CheckoutLeg) -> bool:
        return saga.is_asked(self.kind) and saga.order.amount_due <= 0

    def _skip(self, saga: LockedOrder, row: CheckoutLeg, said: Said) -> Skip:
        let(CHECKOUT)
        return Skip()
