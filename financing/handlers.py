"""Serve what financing is asked to do, and react to payments, client cards and its own alarms."""

from collections.abc import Sequence

from django.utils import timezone

from core.approvals import JoinCards, KnowCard, KnowPerson
from financing import services
from financing.commands import ClosePurchase, DecideLoan, DisburseLoan, RecordPurchase, WithdrawLoan
from financing.events import BanksSilent, OfferLapsed
from financing.models import OrderState
from financing.services.approving import EXPIRY_HANDLER
from financing.services.asking import SILENCE_HANDLER
from gateway.approvals import follow_cards
from gateway.people import follow_people
from messaging.subscriptions import subscribe
from payments.events import ChargeSettled, PayoutSettled

PURPOSE = "loan"
OrderCommand = RecordPurchase | ClosePurchase | DecideLoan | WithdrawLoan | DisburseLoan


@subscribe(RecordPurchase, ClosePurchase, DecideLoan, WithdrawLoan, DisburseLoan, partition_key="order_id")
def serve_order(command: OrderCommand) -> None:
    """Follow an order; in one partition, so that its loan is never asked for before the order itself is known."""
    now = timezone.now()
    match command:
        case RecordPurchase():
            services.copy_order(
                order_id=command.order_id,
                customer_id=command.customer_id,
                number=command.number,
                total_amount=command.total_amount,
                currency=command.currency,
                version=command.version_number,
                product_ids=command.product_ids,
            )
        case ClosePurchase():
            state = OrderState.PAID if command.is_paid else OrderState.CANCELLED
            services.close_order(order_id=command.order_id, state=state, now=now)
        case DecideLoan():
            services.request_loan(
                order_id=command.order_id,
                attempt_id=command.attempt_id,
                customer_id=command.customer_id,
                application=command.application,
                auto_accept=command.auto_accept,
                now=now,
            )
        case WithdrawLoan():
            services.cancel_attempt(
                order_id=command.order_id, attempt_id=command.attempt_id, reason=command.reason, now=now
            )
        case DisburseLoan():
            services.disburse_loan(order_id=command.order_id, attempt_id=command.attempt_id, now=now)


@subscribe(OfferLapsed, name=EXPIRY_HANDLER)
def expire_offer(event: OfferLapsed) -> None:
    """End an offer nobody took in time."""
    services.expire_offer(application_id=event.application_id, now=timezone.now())


@subscribe(BanksSilent, name=SILENCE_HANDLER)
def stop_asking(event: BanksSilent) -> None:
    """Decide without the banks that did not answer in time."""
    services.stop_asking(application_id=event.application_id, now=timezone.now())


@subscribe(ChargeSettled, partition_key="subject_id")
def settle_payment(event: ChargeSettled) -> None:
    """Count a borrower's money that arrived, or note that it did not."""
    if event.purpose == PURPOSE:
        services.settle_payment(
            loan_id=event.subject_id,
            payment_id=event.request_id,
            is_paid=event.is_paid,
            code=event.code,
            detail=event.detail,
            now=timezone.now(),
        )


@subscribe(PayoutSettled, partition_key="subject_id")
def settle_refund(event: PayoutSettled) -> None:
    """Note what became of a borrower's surplus that goes back; others' payouts are not ours."""
    services.settle_refund(
        refund_id=event.request_id, is_paid=event.is_paid, code=event.code, detail=event.detail, now=timezone.now()
    )


@subscribe(KnowCard, JoinCards, partition_key="client_id", on_parked="continue", replayable=True)
def know_cards(command: KnowCard | JoinCards) -> None:
    """Know whose client card it is: nobody acts as staff on what is theirs by their card."""
    follow_cards("financing", command)


@subscribe(KnowPerson, batch=True, on_parked="continue", replayable=True, can_wait=True)
def know_people(commands: Sequence[KnowPerson]) -> None:
    """Know people by name, phone and e-mail: staff see whom each row is about, and find it by them."""
    follow_people("financing", commands)
