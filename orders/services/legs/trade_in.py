"""Value the car that the buyer gives in exchange: a manager agrees to what it is worth."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import InvalidInput
from core.money import ZERO
from gateway.approvals import let, require_permit
from orders.approvals import AGREED_BEFORE, CHECKOUT
from orders.models import CheckoutLeg, LegKind, SteeringAction
from orders.models.holds import HoldKind
from orders.rules.requests import LoanRequest, TradeInRequest
from orders.services.agreeing import admit_cancelling, admit_value
from orders.services.history import record_step
from orders.services.holds import term_of
from orders.services.legs.base import Done, Failed, Leg, Said, Steer
from orders.services.locking import LockedOrder


class TradeInLeg(Leg):
    """The buyer's own car, credited against the price; a manager is asked, not another app."""

    kind = LegKind.TRADE_IN
    place = 10
    title = gettext_lazy("Trade-in")
    is_released_alone = True

    @property
    def deadline(self) -> timedelta:
        """A manager has as long as the goods are held for it."""
        return term_of(HoldKind.TRADE_IN)

    @property
    def steers(self) -> Mapping[str, Steer]:
        """Agree to the value, refuse the car, or say that it went back once the order was undone."""
        return {
            SteeringAction.ACCEPT: Steer(self._may_value, self._accept),
            SteeringAction.REFUSE: Steer(self._may_value, self._refuse),
            SteeringAction.SETTLE: Steer(lambda saga, row: saga.order.trade_in_owed > 0, self._settle),
        }

    def ask(self, saga: LockedOrder, row: CheckoutLeg) -> Done | None:
        """Call a manager, unless what one may agree to alone was agreed to as the order was placed."""
        request = TradeInRequest.of(row)
        if request.is_agreed:
            let(AGREED_BEFORE)
            return self._credit(saga, request.amount)
        saga.call_manager(row.kind, "trade_in_offered", f"{row.request['amount']} {saga.order.currency}")
        return None

    def release(self, saga: LockedOrder) -> None:
        """Owe the buyer their car, or its price: a manager gives it back and says so."""
        owed, saga.order.trade_in_credit = saga.order.trade_in_credit, ZERO
        if owed:
            saga.order.trade_in_owed = owed
            record_step(saga, "trade_in.owed", now=saga.now, data={"amount": str(owed)})
            saga.call_manager(self.kind, "trade_in_owed", f"{owed} {saga.order.currency}")

    def hold_kinds(self, saga: LockedOrder) -> list[str]:
        """Hold the goods while the car is being valued."""
        return [HoldKind.TRADE_IN] if saga.is_asked(self.kind) else []

    def _credit(self, saga: LockedOrder, amount: Decimal) -> Done:
        """Count an agreed value, up to the total. Raises Undeclared where nobody was asked."""
        require_permit("orders")
        saga.order.trade_in_credit = min(amount, saga.order.total_amount)
        saga.order.touch(saga.now)
        return Done({"amount": str(saga.order.trade_in_credit)})

    def _may_value(self, saga: LockedOrder, row: CheckoutLeg) -> bool:
        return saga.is_asked(self.kind)

    def _accept(self, saga: LockedOrder, row: CheckoutLeg, said: Said) -> Done:
        amount = TradeInRequest.of(row).amount if said.amount is None else said.amount
        loan = LoanRequest.of(saga.legs.get(LegKind.LOAN)).amount
        room = saga.order.total_amount - saga.order.amount_paid - loan
        if not 0 < amount <= room:
            raise InvalidInput("amount", "invalid", _("An amount above zero and at most %(room)s.") % {"room": room})
        admit_value(saga, row.kind, amount, said.actor, said.reason)
        done = self._credit(saga, amount)
        saga.publish_updated()
        return done

    def _refuse(self, saga: LockedOrder, row: CheckoutLeg, said: Said) -> Failed:
        """Without the car's value there is no deal: it is undone, and whatever was paid goes back."""
        admit_cancelling(saga, said.actor, said.reason)
        return Failed("trade_in_refused", said.reason)

    def _settle(self, saga: LockedOrder, row: CheckoutLeg, said: Said) -> None:
        """The buyer of an undone order has their car again, or its price."""
        let(CHECKOUT)
        saga.order.trade_in_owed = ZERO
        saga.order.touch(saga.now)
