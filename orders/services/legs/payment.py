"""Take what the buyer owes: the payments planned one after another, else whatever the buyer pays by themselves."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.money import ZERO
from gateway.approvals import let
from messaging.outbox import publish, send
from orders import events
from orders.approvals import CHECKOUT
from orders.errors import SteeringRefused
from orders.models import CheckoutLeg, LegKind, LegState, OrderPayment, PaymentState, SagaState, SteeringAction
from orders.models.holds import HoldKind
from orders.rules.funding import (
    ASKED,
    DROPPED,
    FAILED,
    PAID,
    PLANNED,
    compute_lent,
    due_from_buyer,
    is_agreed_to,
)
from orders.rules.requests import HOLD, PartState, PaymentRequest, PlannedPayment, earned_by_insurers
from orders.services.allowances import drop_allowance, settle_refund
from orders.services.deposits import hold_deposit, takes_the_place
from orders.services.history import record_step
from orders.services.legs.base import (
    AskAgain,
    CallOff,
    Done,
    Failed,
    Leg,
    Park,
    Said,
    Steer,
    Undone,
    Waits,
    WaitsAgain,
    answer,
)
from orders.services.locking import LockedOrder
from payments.commands import BY_HAND, GiveBackPayments, TakePayment
from payments.events import (
    OrderSettled,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundPending,
)


class PaymentLeg(Leg):
    """The buyer's money."""

    kind = LegKind.PAYMENT
    place = 30
    title = _("Payment")
    asks = (TakePayment,)
    takes_back = (GiveBackPayments,)
    keeps_money = True

    @property
    def deadline(self) -> timedelta:
        """A provider answers for an online payment within minutes; who pays by themselves has the time of the hold."""
        return timedelta(minutes=15)

    @property
    def steers(self) -> Mapping[str, Steer]:
        """Drop a planned payment that the buyer may as well make by themselves."""
        return {SteeringAction.SKIP: Steer(self._may_drop, self._drop)}

    def ask(self, saga: LockedOrder, row: CheckoutLeg) -> Done | Waits | None:
        """Ask payments for the next payment that is planned; with none, wait for the buyer.

        Asked again, it is the same one. One that would take more than the buyer agreed to (the bank lent less, their
        car was valued lower, a line was added) is dropped: they pay what is left by their own word.
        """
        due = due_from_buyer(saga.order)
        if due <= 0:
            return Done()
        request = PaymentRequest.of(row)
        while (part := request.next) is not None and not _is_still_agreed_to(saga, request, part):
            part.state = DROPPED
            _store(saga, request)
            _need_agreement(saga, part)
        if part is None:
            return Waits()
        if part.state == PLANNED:
            is_first = not any(other.attempt_id for other in request.parts)
            row.attempt_id = row.attempt_id if is_first else uuid7()
            part.state, part.attempt_id, part.amount = ASKED, row.attempt_id, min(part.amount or due, due)
            _store(saga, request)
        _take(saga, row, part)
        return Waits() if part.method in BY_HAND else None

    @answer
    def created(self, saga: LockedOrder, event: PaymentCreated) -> None:
        """Know of a payment that has begun."""
        begun = OrderPayment(
            payment_id=event.payment_id,
            order_id=saga.order.id,
            state=PaymentState.IN_FLIGHT,
            amount=event.amount,
            method=event.method,
        )
        OrderPayment.objects.bulk_create([begun], ignore_conflicts=True)

    @answer
    def completed(self, saga: LockedOrder, event: PaymentCompleted) -> Done | AskAgain | Waits | None:
        """Count the money; ask for the next payment that is planned, or wait for the rest."""
        _know(saga, event, PaymentState.TAKEN)
        _recount(saga)
        is_planned = _settle_part(saga, event.attempt_id, PAID, event.payment_id)
        if not is_planned:
            takes_the_place(saga, amount=event.amount, method=event.method, payment_id=event.payment_id)
        record_step(saga, "payment.completed", now=saga.now, data={"amount": str(event.amount)})
        if not saga.is_asked(self.kind):
            return None
        if due_from_buyer(saga.order) <= 0:
            return Done()
        return AskAgain() if is_planned else Waits()

    @answer
    def failed(self, saga: LockedOrder, event: PaymentFailed) -> Failed | WaitsAgain | None:
        """Call the order off if the checkout asked for it and its buyer did not ask to keep the hold.

        Who paid by themselves, or asked for that, may try again with another card or method.
        """
        _know(saga, event, PaymentState.FAILED)
        is_asked = saga.is_running(self.kind, event.attempt_id)
        is_kept = is_asked and _is_kept(saga, event)
        if is_asked:
            _settle_part(saga, event.attempt_id, FAILED, event.payment_id)
        if is_asked and not is_kept:
            return Failed(event.code, event.detail)
        record_step(saga, "payment.failed", now=saga.now, reason=event.detail, data={"code": event.code})
        if is_kept:
            _drop_the_rest(saga)
        return WaitsAgain() if is_kept else None

    @answer
    def refunded(self, saga: LockedOrder, event: PaymentRefunded) -> CallOff | None:
        """Count what went back; without any money left the order is called off."""
        OrderPayment.objects.filter(payment_id=event.payment_id).update(
            refunded=event.refunded_total, refund_pending=event.refund_pending
        )
        _recount(saga)
        record_step(saga, "payment.refunded", now=saga.now, data={"amount": str(event.amount)})
        return CallOff("refunded") if settle_refund(saga, event) else None

    @answer
    def refund_pending(self, saga: LockedOrder, event: PaymentRefundPending) -> Park | None:
        """Know how much is on its way back; where that is waited for and nothing is, it is a manager's at once."""
        OrderPayment.objects.filter(payment_id=event.payment_id).update(refund_pending=event.refund_pending)
        if event.refund_pending or not saga.is_being_undone(saga.payment):
            return None
        return Park(
            "refund_stopped", "Money that has to go back is not on its way: its refund failed or was turned down."
        )

    @answer
    def refund_came_back(self, saga: LockedOrder, event: PaymentRefundFailed) -> None:
        """Hold money that the buyer's bank sent back for the order again, until a manager returns it."""
        OrderPayment.objects.filter(payment_id=event.payment_id).update(refunded=event.refunded_total)
        _recount(saga)
        data = {"amount": str(event.amount), "code": event.code}
        drop_allowance(saga, str(event.refund_id))
        record_step(saga, "payment.refund_failed", now=saga.now, reason=event.detail, data=data)

    @answer
    def settled(self, saga: LockedOrder, event: OrderSettled) -> Undone:
        """Hear that everything is back with its payer."""
        return Undone(event.attempt_id)

    def undo(self, saga: LockedOrder, row: CheckoutLeg) -> None:
        """Ask payments for everything back but what is the insurers', and earnest money, which waits for a word."""
        send(
            GiveBackPayments(
                order_id=saga.order.id,
                attempt_id=row.attempt_id,
                reason=saga.cause,
                keep_amount=earned_by_insurers(saga.legs.get(LegKind.POLICIES)),
                secured_amount=hold_deposit(saga),
            )
        )

    def is_over(self, saga: LockedOrder) -> bool:
        """Tell whether nothing more is to be paid for goods that are held."""
        return saga.stock.state == LegState.SUCCEEDED and due_from_buyer(saga.order) <= 0

    def hold_kinds(self, saga: LockedOrder) -> list[str]:
        """Hold the goods for a payment that is under way, and without end once all is paid."""
        part = PaymentRequest.of(saga.payment).next if saga.is_asked(self.kind) else None
        methods = {part.method} if part is not None and part.state == ASKED else set()
        if saga.checkout.state == SagaState.WAITING:
            begun = OrderPayment.objects.filter(order_id=saga.order.id, state=PaymentState.IN_FLIGHT)
            methods |= set(begun.values_list("method", flat=True))
        found: list[str] = [HoldKind.TRANSFER] if methods & BY_HAND else []
        found += [HoldKind.PAYMENT] if methods - BY_HAND else []
        return found + ([HoldKind.MANUAL] if saga.payment.state == LegState.SUCCEEDED else [])

    def _may_drop(self, saga: LockedOrder, row: CheckoutLeg) -> bool:
        return not saga.checkout.is_undoing and any(_is_droppable(part) for part in PaymentRequest.of(row).parts)

    def _drop(self, saga: LockedOrder, row: CheckoutLeg, said: Said) -> AskAgain | None:
        request = PaymentRequest.of(row)
        part = request.named(said.part.leg) if said.part is not None else None
        if part is None or not _is_droppable(part):
            raise SteeringRefused(droppable=[one.leg for one in request.parts if _is_droppable(one)])
        let(CHECKOUT)
        was, part.state = part.state, DROPPED
        _store(saga, request)
        return AskAgain() if was == ASKED else None


def _take(saga: LockedOrder, row: CheckoutLeg, part: PlannedPayment) -> None:
    send(
        TakePayment(
            order_id=saga.order.id,
            attempt_id=row.attempt_id,
            customer_id=saga.order.customer_id,
            amount=part.amount or ZERO,
            currency=saga.order.currency,
            method=part.method,
            token=part.token,
            payment_method_id=part.payment_method_id,
        )
    )


def _is_still_agreed_to(saga: LockedOrder, request: PaymentRequest, part: PlannedPayment) -> bool:
    return part.state == ASKED or is_agreed_to(saga.order, request, part, due_from_buyer(saga.order))


def _need_agreement(saga: LockedOrder, part: PlannedPayment) -> None:
    """Tell the buyer that what is left is theirs to pay by their own word."""
    due = due_from_buyer(saga.order)
    saga.record("payment.agreement_needed", data={"leg": part.leg, "amount": str(due)})
    publish(
        events.PaymentAgreementNeeded(
            order_id=saga.order.id,
            number=saga.order.number,
            customer_id=saga.order.customer_id,
            amount=due,
            currency=saga.order.currency,
        )
    )


def _is_droppable(part: PlannedPayment) -> bool:
    return part.state == PLANNED or (part.state == ASKED and part.method in BY_HAND)


def _settle_part(saga: LockedOrder, attempt_id: UUID | None, state: PartState, payment_id: UUID) -> bool:
    """Note what became of a planned payment; False when the payment is none of those."""
    request = PaymentRequest.of(saga.payment)
    part = next((one for one in request.parts if attempt_id and one.attempt_id == attempt_id), None)
    if part is None:
        return False
    part.state, part.payment_id = state, payment_id
    _store(saga, request)
    return True


def _is_kept(saga: LockedOrder, event: PaymentFailed) -> bool:
    """Tell whether the buyer may pay otherwise: they asked for it, and nobody called the payment off."""
    parts = PaymentRequest.of(saga.payment).parts
    part = next((one for one in parts if event.attempt_id and one.attempt_id == event.attempt_id), None)
    return part is not None and part.on_decline == HOLD and event.code != "cancelled"


def _drop_the_rest(saga: LockedOrder) -> None:
    """Drop what was planned after a payment that failed: the buyer pays all that is left by their own word."""
    request = PaymentRequest.of(saga.payment)
    for part in request.parts:
        if part.state == PLANNED:
            part.state = DROPPED
    _store(saga, request)


def _store(saga: LockedOrder, request: PaymentRequest) -> None:
    request.store(saga.payment)
    saga.mark(saga.payment, saga.payment.state)


def _know(saga: LockedOrder, event: PaymentCompleted | PaymentFailed, state: PaymentState) -> None:
    """Write down how a payment ended; it may not have been heard of."""
    OrderPayment.objects.bulk_create(
        [OrderPayment(payment_id=event.payment_id, order_id=saga.order.id, state=state, amount=event.amount)],
        update_conflicts=True,
        unique_fields=["payment_id"],
        update_fields=["order", "state", "amount"],
    )


def _recount(saga: LockedOrder) -> None:
    """Sum up anew what is paid: the buyer's payments, and what a bank lent."""
    taken = OrderPayment.objects.filter(order_id=saga.order.id, state=PaymentState.TAKEN)
    saga.order.amount_paid = sum((item.amount - item.refunded for item in taken), compute_lent(saga.legs))
    saga.order.touch(saga.now)
