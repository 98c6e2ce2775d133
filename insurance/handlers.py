"""Serve what insurance is asked to do, and react to payments, cars, loans, client cards and its own alarms."""

from collections.abc import Sequence

from django.utils import timezone

from catalog.events import ProductCreated, ProductDeleted, ProductUpdated
from core.approvals import JoinCards, KnowCard, KnowPerson
from core.money import ZERO
from financing.events import LoanClosed, LoanDisbursed, LoanPaymentReceived, LoanPaymentReversed
from gateway.approvals import follow_cards
from gateway.people import follow_people
from insurance import services
from insurance.commands import IssuePolicies, RecordOwner, RevokePolicies
from insurance.events import PolicyCancellationDue, PolicyTermEnded, PurchaseLapsed
from insurance.services.buying import LAPSE_HANDLER
from insurance.services.ending import CANCELLATION_HANDLER
from insurance.services.issuing import EXPIRY_HANDLER
from messaging.subscriptions import subscribe
from payments.events import ChargeSettled, PayoutSettled


@subscribe(RecordOwner, IssuePolicies, RevokePolicies, partition_key="order_id")
def serve_order(command: RecordOwner | IssuePolicies | RevokePolicies) -> None:
    """Follow an order, insure it, and take its policies back."""
    now = timezone.now()
    match command:
        case RecordOwner():
            products = set(command.product_ids)
            services.copy_order(order_id=command.order_id, customer_id=command.customer_id, products=products)
        case IssuePolicies():
            services.issue_policies(
                order_id=command.order_id,
                attempt_id=command.attempt_id,
                customer_id=command.customer_id,
                quotes=command.quotes,
                now=now,
            )
        case RevokePolicies():
            services.revoke_policies(
                order_id=command.order_id, attempt_id=command.attempt_id, reason=command.reason, now=now
            )


@subscribe(ProductCreated, ProductUpdated, ProductDeleted, batch=True, replayable=True)
def copy_vehicles(events: Sequence[ProductCreated | ProductUpdated | ProductDeleted]) -> None:
    """Keep at hand what our own cars are, so that nobody else has to tell."""
    services.copy_vehicles(events=events)


@subscribe(ChargeSettled, PayoutSettled, partition_key="subject_id", name="insurance.hear_payments")
def receive_payments(event: ChargeSettled | PayoutSettled) -> None:
    """Put policies in force that were paid for, and note payouts that have left; others' requests are not ours."""
    now = timezone.now()
    settle = services.settle_charge if isinstance(event, ChargeSettled) else services.settle_payout
    settle(request_id=event.request_id, is_paid=event.is_paid, code=event.code, detail=event.detail, now=now)


@subscribe(LoanDisbursed, LoanPaymentReceived, LoanPaymentReversed, LoanClosed, partition_key="loan_id")
def follow_pledge(event: LoanDisbursed | LoanPaymentReceived | LoanPaymentReversed | LoanClosed) -> None:
    """Know which bank a car is pledged to, and for how much."""
    now = timezone.now()
    match event:
        case LoanDisbursed():
            services.pledge_car(
                order_id=event.order_id,
                customer_id=event.customer_id,
                loan_id=event.loan_id,
                bank=event.bank,
                debt=event.amount,
                now=now,
            )
        case LoanPaymentReceived() | LoanPaymentReversed() if event.balance is not None:
            services.change_debt(loan_id=event.loan_id, balance=event.balance, now=now)
        case LoanClosed():
            services.change_debt(loan_id=event.loan_id, balance=ZERO, now=now)


@subscribe(PolicyTermEnded, name=EXPIRY_HANDLER)
def expire_policy(event: PolicyTermEnded) -> None:
    """End a policy with its term."""
    services.expire_policy(policy_id=event.policy_id, now=timezone.now())


@subscribe(PolicyCancellationDue, name=CANCELLATION_HANDLER)
def cancel_when_due(event: PolicyCancellationDue) -> None:
    """End a policy on the day its insured chose."""
    services.cancel_when_due(policy_id=event.policy_id, last_date=event.last_date, now=timezone.now())


@subscribe(PurchaseLapsed, name=LAPSE_HANDLER)
def lapse_purchase(event: PurchaseLapsed) -> None:
    """Let a policy go that nobody paid for."""
    services.lapse_purchase(policy_id=event.policy_id, version=event.version_number, now=timezone.now())


@subscribe(KnowCard, JoinCards, partition_key="client_id", on_parked="continue", replayable=True)
def know_cards(command: KnowCard | JoinCards) -> None:
    """Know whose client card it is: nobody acts as staff on what is theirs by their card."""
    follow_cards("insurance", command)


@subscribe(KnowPerson, batch=True, on_parked="continue", replayable=True, can_wait=True)
def know_people(commands: Sequence[KnowPerson]) -> None:
    """Know people by name, phone and e-mail: staff see whom each row is about, and find it by them."""
    follow_people("insurance", commands)
