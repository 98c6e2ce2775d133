"""Request of other apps what each leg of a checkout needs, and take it back."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from catalog.commands import HoldStock, ReleaseStock, WantedLine
from core.ids import uuid7
from financing.commands import DecideLoan, DisburseLoan, WithdrawLoan
from gateway.approvals import let
from insurance.commands import IssuePolicies, RevokePolicies
from messaging.outbox import publish, send
from orders import events
from orders.approvals import AGREED_BEFORE
from orders.models import CheckoutLeg, LegKind, Order, OrderReturn, ReturnState
from orders.models.checkout import earned_by_insurers
from orders.services.deposits import hold_deposit
from orders.services.funding import (
    ASKED,
    DROPPED,
    OFFLINE,
    PLANNED,
    Part,
    is_agreed_to,
    next_part,
    parts_of,
    set_part,
)
from orders.services.holds import GRACE
from payments.commands import GiveBackPayments, TakePayment

if TYPE_CHECKING:
    from orders.services.saga import Saga


def request_stock(saga: "Saga", leg: CheckoutLeg) -> None:
    """Ask the catalogue to hold the lines, in place of what an earlier attempt holds if the leg names one."""
    until = (saga.order.reservation_expires_at or saga.now) + GRACE
    lines = [WantedLine(product_id=line.product_id, quantity=line.quantity) for line in saga.lines if line.product_id]
    send(
        HoldStock(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            lines=lines,
            expires_at=until,
            replaces=UUID(leg.request["replaces"]) if leg.request.get("replaces") else None,
        )
    )


def _request_loan(saga: "Saga", leg: CheckoutLeg) -> None:
    send(
        DecideLoan(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            customer_id=saga.order.customer_id,
            currency=saga.order.currency,
            application=leg.request,
            auto_accept=bool(leg.request.get("auto_accept", True)),
        )
    )


def _request_trade_in(saga: "Saga", leg: CheckoutLeg) -> None:
    """Credit a trade-in that a manager may agree to alone, agreed to at the placing; all else waits for a manager."""
    if leg.request.get("is_agreed"):
        let(AGREED_BEFORE)
        saga.credit_trade_in(Decimal(leg.request["amount"]))
    else:
        saga.call_manager(leg.kind, "trade_in_offered", f"{leg.request['amount']} {saga.order.currency}")


def _request_payment(saga: "Saga", leg: CheckoutLeg) -> None:
    """Ask for the next payment that is planned; with none, wait for the buyer. Asked again, it is the same one.

    One that would take more than the buyer agreed to (the bank lent less, their car was valued lower, a line was added)
    is dropped: they pay what is left by their own word.
    """
    due, part = due_from_buyer(saga.order), next_part(leg)
    if due <= 0:
        saga.succeed(LegKind.PAYMENT)
        return
    if part is None:
        saga.wait()
        return
    if part["state"] == PLANNED and not is_agreed_to(saga.order, leg, part, due):
        set_part(saga, part, state=DROPPED)
        saga.note("payment.agreement_needed", data={"leg": part["leg"], "amount": str(due)})
        publish(
            events.PaymentAgreementNeeded(
                order_id=saga.order.id,
                number=saga.order.number,
                customer_id=saga.order.customer_id,
                amount=due,
                currency=saga.order.currency,
            )
        )
        _request_payment(saga, leg)
        return
    if part["state"] == PLANNED:
        is_first = not any(other.get("attempt_id") for other in parts_of(leg))
        leg.attempt_id = leg.attempt_id if is_first else uuid7()
        amount = min(Decimal(part.get("amount") or due), due)
        set_part(saga, part, state=ASKED, attempt_id=str(leg.attempt_id), amount=str(amount))
    _ask_for(saga, leg, next_part(leg) or part)
    if part["method"] in OFFLINE:
        saga.wait()


def _ask_for(saga: "Saga", leg: CheckoutLeg, part: Part) -> None:
    method_id = part.get("payment_method_id")
    send(
        TakePayment(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            customer_id=saga.order.customer_id,
            amount=Decimal(part["amount"]),
            currency=saga.order.currency,
            method=part["method"],
            token=part.get("token") or "",
            payment_method_id=UUID(method_id) if method_id else None,
        )
    )


def _request_policies(saga: "Saga", leg: CheckoutLeg) -> None:
    send(
        IssuePolicies(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            customer_id=saga.order.customer_id,
            currency=saga.order.currency,
            quotes=leg.request["quotes"],
        )
    )


def _request_disbursement(saga: "Saga", leg: CheckoutLeg) -> None:
    loan = saga.legs[LegKind.LOAN]
    send(DisburseLoan(order_id=saga.order.id, attempt_id=loan.attempt_id))


REQUESTS: dict[str, Callable[["Saga", CheckoutLeg], None]] = {
    LegKind.STOCK: request_stock,
    LegKind.TRADE_IN: _request_trade_in,
    LegKind.LOAN: _request_loan,
    LegKind.PAYMENT: _request_payment,
    LegKind.POLICIES: _request_policies,
    LegKind.DISBURSEMENT: _request_disbursement,
}


def _undo(command: type[WithdrawLoan | RevokePolicies]) -> Callable[["Saga", CheckoutLeg], None]:
    def request(saga: "Saga", leg: CheckoutLeg) -> None:
        reason = (saga.checkout.failure or {}).get("code", "cancelled")
        send(command(order_id=saga.order.id, attempt_id=leg.attempt_id, reason=reason))

    return request


def _undo_payment(saga: "Saga", leg: CheckoutLeg) -> None:
    """Ask for everything back but what is the insurers', and earnest money, which waits for a word."""
    policies = saga.legs.get(LegKind.POLICIES)
    send(
        GiveBackPayments(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            reason=(saga.checkout.failure or {}).get("code", "cancelled"),
            keep_amount=earned_by_insurers(policies),
            secured_amount=hold_deposit(saga),
        )
    )


def _undo_stock(saga: "Saga", leg: CheckoutLeg) -> None:
    """Ask for the goods back on sale; a car that comes back from its owner has its kilometres."""
    taken_back = OrderReturn.objects.filter(order_id=saga.order.id, state=ReturnState.ACCEPTED).first()
    send(
        ReleaseStock(
            order_id=saga.order.id,
            attempt_id=leg.attempt_id,
            reason="returned" if taken_back else (saga.checkout.failure or {}).get("code", "cancelled"),
            mileage=taken_back.mileage if taken_back and sum(bool(line.vin) for line in saga.lines) == 1 else None,
        )
    )


UNDO: dict[str, Callable[["Saga", CheckoutLeg], None]] = {
    LegKind.STOCK: _undo_stock,
    LegKind.LOAN: _undo(WithdrawLoan),
    LegKind.PAYMENT: _undo_payment,
    LegKind.POLICIES: _undo(RevokePolicies),
}


def due_from_buyer(order: Order) -> Decimal:
    """Return what the buyer has to pay by themselves: the total less trade-in, loan and what is paid."""
    return order.payable - order.loan_amount - order.amount_paid
