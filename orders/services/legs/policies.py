"""Have the chosen policies issued once the money is there, and revoked if the order is called off."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from core.money import ZERO
from gateway.approvals import let
from insurance.commands import IssuePolicies, RevokePolicies
from insurance.events import PoliciesDeclined, PoliciesIssued, PoliciesRevoked
from messaging.outbox import send
from orders.approvals import CHECKOUT
from orders.models import CheckoutLeg, LegKind, SteeringAction
from orders.rules.requests import PoliciesRequest
from orders.services.agreeing import admit_skipping
from orders.services.goods import drop_premiums, premiums
from orders.services.legs.base import Done, Failed, Leg, Said, Skip, Steer, Undone, answer
from orders.services.locking import LockedOrder


class PoliciesLeg(Leg):
    """The policies that the buyer chose with the order."""

    kind = LegKind.POLICIES
    place = 40
    title = _("Policies")
    asks = (IssuePolicies,)
    takes_back = (RevokePolicies,)
    reckons_refund = True

    @property
    def deadline(self) -> timedelta:
        """Insurance issues what was quoted at once; minutes are for a process that is down."""
        return timedelta(minutes=10)

    @property
    def steers(self) -> Mapping[str, Steer]:
        """Go on without policies, if the loan does not pay for them; what was paid for them goes back."""
        return {SteeringAction.SKIP: Steer(self._may_skip, self._skip)}

    def ask(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Ask insurance to issue the quotes."""
        send(
            IssuePolicies(
                order_id=saga.order.id,
                attempt_id=row.attempt_id,
                customer_id=saga.order.customer_id,
                currency=saga.order.currency,
                quotes=PoliciesRequest.of(row).quotes,
            )
        )

    @answer
    def issued(self, saga: LockedOrder, event: PoliciesIssued) -> Done | None:
        """Know the policies of the order."""
        if not saga.is_running(self.kind, event.attempt_id):
            return None
        saga.order.policy_ids = [policy.policy_id for policy in event.policies]
        return Done()

    @answer
    def declined(self, saga: LockedOrder, event: PoliciesDeclined) -> Failed | None:
        """Call the order off: the buyer wanted it insured."""
        return Failed(event.code, event.detail) if saga.is_running(self.kind, event.attempt_id) else None

    @answer
    def revoked(self, saga: LockedOrder, event: PoliciesRevoked) -> Undone:
        """Know what insurers keep of premiums that the order paid, before its money goes back."""
        row = saga.legs.get(self.kind)
        if row is not None and row.attempt_id == event.attempt_id:
            request = PoliciesRequest.of(row)
            request.earned = event.earned
            request.store(row)
        return Undone(event.attempt_id)

    def undo(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Ask insurance to cancel the policies."""
        send(RevokePolicies(order_id=saga.order.id, attempt_id=row.attempt_id, reason=saga.cause))

    def _may_skip(self, saga: LockedOrder, row: CheckoutLeg) -> bool:
        without = saga.order.total_amount - premiums(saga)
        return saga.is_asked(self.kind) and saga.order.payable_at(without) >= saga.order.loan_amount

    def _skip(self, saga: LockedOrder, row: CheckoutLeg, said: Said) -> Skip:
        """A policy that is not issued is not paid for either."""
        admit_skipping(saga, row.kind, _paid_above(saga), said.actor, said.reason)
        drop_premiums(saga)
        let(CHECKOUT)
        return Skip()


def _paid_above(saga: LockedOrder) -> Decimal:
    """Return what is paid above the total without the policies."""
    return max(ZERO, saga.order.amount_paid - saga.order.payable_at(saga.order.total_amount - premiums(saga)))
