"""Value the car that the buyer gives in exchange: a manager agrees to what it is worth."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.events import TradeInEntered, TradeInKept, TradeInLeft
from core.errors import InvalidInput
from core.money import MAX_AMOUNT, ZERO
from gateway.approvals import let, require_permit
from orders.approvals import AGREED_BEFORE
from orders.models import CheckoutLeg, LegKind, SteeringAction
from orders.models.holds import HoldKind
from orders.rules.requests import LoanRequest, StockRequest, TradeInRequest
from orders.services.agreeing import admit_cancelling, admit_value
from orders.services.goods import premiums
from orders.services.holds import get_hold_term
from orders.services.legs.base import Done, Failed, Leg, Said, Steer, answer
from orders.services.locking import LockedOrder
from orders.services.trade_ins import ask_back, may_settle, record_entry, record_leaving, record_stay, settle


class TradeInLeg(Leg):
    """The buyer's own car, credited against the price; a manager is asked, not another app."""

    kind = LegKind.TRADE_IN
    place = 10
    title = gettext_lazy("Trade-in")
    is_released_alone = True

    @property
    def deadline(self) -> timedelta:
        """A manager has as long as the goods are held for it."""
        return get_hold_term(HoldKind.TRADE_IN)

    @property
    def steers(self) -> Mapping[str, Steer]:
        """Agree to the value, refuse the car, or say that it went back, or pay what is owed for it."""
        return {
            SteeringAction.ACCEPT: Steer(self._may_value, self._accept),
            SteeringAction.REFUSE: Steer(self._may_value, self._refuse),
            SteeringAction.SETTLE: Steer(lambda saga, row: may_settle(saga), self._settle),
        }

    def ask(self, saga: LockedOrder, row: CheckoutLeg) -> Done | None:
        """Call a manager, unless what one may agree to alone was agreed to as the order was placed."""
        request = TradeInRequest.of(row)
        if request.is_agreed:
            let(AGREED_BEFORE)
            return self._credit(saga, row, request.amount)
        saga.call_manager(row.kind, "trade_in_offered", f"{row.request['amount']} {saga.order.currency}")
        return None

    def release(self, saga: LockedOrder) -> None:
        """Owe the buyer their car, or its price: a manager gives it back and says so, or pays it if the car is sold."""
        credit, saga.order.trade_in_credit = saga.order.trade_in_credit, ZERO
        if credit:
            ask_back(saga, TradeInRequest.of(saga.legs[self.kind]).worth or credit)

    @answer
    def entered(self, saga: LockedOrder, event: TradeInEntered) -> None:
        """Have the car completed, priced and published."""
        record_entry(saga, event.product_id, event.sku, event.missing)

    @answer
    def left(self, saga: LockedOrder, event: TradeInLeft) -> None:
        """Have the car fetched by its owner."""
        record_leaving(saga)

    @answer
    def kept(self, saga: LockedOrder, event: TradeInKept) -> None:
        """Have the price of a car that stays paid."""
        record_stay(saga)

    def hold_kinds(self, saga: LockedOrder) -> list[str]:
        """Hold the goods while the car is being valued."""
        return [HoldKind.TRADE_IN] if saga.is_asked(self.kind) else []

    def _credit(self, saga: LockedOrder, row: CheckoutLeg, amount: Decimal) -> Done:
        """Count an agreed value, as far as there is to pay. Raises Undeclared where nobody was asked."""
        require_permit("orders")
        request = TradeInRequest.of(row)
        request.worth = amount
        request.store(row)
        saga.order.trade_in_credit = min(amount, self._room(saga))
        saga.order.touch(saga.now)
        return Done({"amount": str(saga.order.trade_in_credit)})

    def _room(self, saga: LockedOrder) -> Decimal:
        """Return what the car may pay for: goods, as far as neither money nor a loan does.

        Premiums leave for the insurers before the keys change hands, and until then the car is a promise: a buyer who
        ended a policy of a deal that was called off later would have had its premium out of our pocket.
        """
        loan = LoanRequest.of(saga.legs.get(LegKind.LOAN)).amount
        order = saga.order
        return min(order.total_amount - order.amount_paid - loan, order.total_amount - premiums(saga))

    def _may_value(self, saga: LockedOrder, row: CheckoutLeg) -> bool:
        """Tell whether its value may be agreed to: not by lines that the catalogue may yet take back."""
        return saga.is_asked(self.kind) and not StockRequest.of(saga.stock).revert

    def _accept(self, saga: LockedOrder, row: CheckoutLeg, said: Said) -> Done:
        amount = TradeInRequest.of(row).amount if said.amount is None else said.amount
        room = self._room(saga)
        if room <= 0 or not 0 < amount <= (room if LegKind.LOAN in saga.legs else MAX_AMOUNT):
            raise InvalidInput("amount", "invalid", _("An amount above zero and at most %(room)s.") % {"room": room})
        admit_value(saga, row.kind, amount, said.actor, said.reason)
        done = self._credit(saga, row, amount)
        saga.publish_updated()
        return done

    def _refuse(self, saga: LockedOrder, row: CheckoutLeg, said: Said) -> Failed:
        """Without the car's value there is no deal: it is undone, and whatever was paid goes back."""
        admit_cancelling(saga, said.actor, said.reason)
        return Failed("trade_in_refused", said.reason)

    def _settle(self, saga: LockedOrder, row: CheckoutLeg, said: Said) -> None:
        """The buyer has their car again, or is to be paid for it."""
        settle(saga, row.kind, said.actor, said.reason)
