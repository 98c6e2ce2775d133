"""What payments does when it hears of orders, loans, policies and its own webhooks."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from clients.events import ClientCreated, ClientMerged, ClientUpdated
from financing.events import (
    ApplicationAccepted,
    ApplicationApproved,
    ApplicationRejected,
    ApplicationWithdrawn,
    LoanDisbursed,
    LoanPaymentReceived,
    LoanPaymentRequested,
    LoanPaymentReversed,
    LoanSurplusRefundRequested,
)
from gateway.approvals import join_cards, know_card
from insurance.events import (
    ClaimPayoutRequested,
    InstalmentPaid,
    PolicyCancelled,
    PolicyEndorsed,
    PolicyPurchased,
    PolicyRefundRequested,
    PolicyReinstated,
    PremiumRequested,
)
from messaging.subscriptions import subscribe
from orders.events import (
    ExcessRefundRequested,
    OrderCancelled,
    OrderCompleted,
    OrderCreated,
    OrderStatusChanged,
    OrderUpdated,
    PaymentRequested,
    RefundRequested,
)
from payments import services
from payments.events import WebhookReceived
from payments.models import PayoutPurpose, Purpose
from payments.services import Ask, Means, Premium
from showroom.events import TicketRefundRequested, TicketRequested


@subscribe(OrderCreated, OrderUpdated, OrderStatusChanged, OrderCancelled, lane="order_id", batch=True, replayable=True)
def copy_orders(events: Sequence[OrderCreated | OrderUpdated | OrderStatusChanged | OrderCancelled]) -> None:
    """Keep owners, totals and statuses of orders at hand."""
    services.copy_orders(events=events)


@subscribe(PaymentRequested, RefundRequested, OrderCancelled, lane="order_id")
def serve_checkout(event: PaymentRequested | RefundRequested | OrderCancelled) -> None:
    """Take or return an order's money, in the order in which that was asked."""
    match event:
        case PaymentRequested():
            _take(event)
        case RefundRequested():
            services.close_order(
                order_id=event.order_id,
                attempt_id=event.attempt_id,
                reason=event.reason,
                keep=event.keep_amount,
                now=timezone.now(),
            )
        case OrderCancelled():
            close = services.shut_till if event.refund_follows else services.close_order
            close(order_id=event.order_id, attempt_id=None, reason=event.reason, now=timezone.now())


@subscribe(ExcessRefundRequested, lane="order_id", on_parked="continue")
def refund_excess(event: ExcessRefundRequested) -> None:
    """Give back part of a payment whose order has become cheaper."""
    services.refund_excess(payment_id=event.payment_id, amount=event.amount, reason=event.reason, now=timezone.now())


def _take(event: PaymentRequested) -> None:
    services.request_payment(
        order_id=event.order_id,
        attempt_id=event.attempt_id,
        customer_id=event.customer_id,
        amount=event.amount,
        currency=event.currency,
        means=Means(event.method, event.token, event.payment_method_id),
        now=timezone.now(),
    )


@subscribe(WebhookReceived, lane="subject")
def apply_webhook(event: WebhookReceived) -> None:
    """Do what a provider's message says."""
    services.apply_webhook(webhook_id=event.webhook_id, now=timezone.now())


@subscribe(OrderCompleted, lane="order_id", start="now")
def book_sale(event: OrderCompleted) -> None:
    """Earn what was paid for goods that were handed over."""
    services.book_sale(order_id=event.order_id, customer_id=event.customer_id, now=timezone.now())


LoanNews = ApplicationApproved | ApplicationAccepted | ApplicationRejected | ApplicationWithdrawn | LoanDisbursed


@subscribe(
    ApplicationApproved, ApplicationAccepted, ApplicationRejected, ApplicationWithdrawn, LoanDisbursed, lane="order_id"
)
def follow_loan(event: LoanNews) -> None:
    """Keep what a loan pays of its order, and book it when it does."""
    match event:
        case ApplicationApproved(is_accepted=True) | ApplicationAccepted():
            services.promise_loan(application_id=event.application_id, order_id=event.order_id, amount=event.amount)
        case ApplicationRejected() | ApplicationWithdrawn():
            services.cancel_loan(application_id=event.application_id, order_id=event.order_id, now=timezone.now())
        case LoanDisbursed():
            services.book_loan(
                application_id=event.application_id,
                order_id=event.order_id,
                customer_id=event.customer_id,
                amount=event.amount,
                currency=event.currency,
                bank=event.bank,
                now=timezone.now(),
            )


LoanMoney = LoanPaymentRequested | LoanSurplusRefundRequested | LoanPaymentReceived | LoanPaymentReversed


@subscribe(LoanPaymentRequested, LoanSurplusRefundRequested, LoanPaymentReceived, LoanPaymentReversed, lane="loan_id")
def serve_loan(event: LoanMoney) -> None:
    """Take what a borrower pays, give money back, pass on what the bank has counted, and not what bounced."""
    now = timezone.now()
    match event:
        case LoanPaymentRequested():
            ask = Ask(
                event.request_id, event.loan_id, event.customer_id, event.amount, event.currency, event.description
            )
            means = Means(event.method, event.token, event.payment_method_id)
            services.charge_for(ask=ask, purpose=Purpose.LOAN, means=means, now=now)
        case LoanSurplusRefundRequested():
            if event.is_at_bank:
                services.claim_from_bank(
                    request_id=event.request_id,
                    loan_id=event.loan_id,
                    customer_id=event.customer_id,
                    amount=event.amount,
                    currency=event.currency,
                    bank=event.bank,
                    now=now,
                )
            ask = Ask(event.request_id, event.loan_id, event.customer_id, event.amount, event.currency, event.reason)
            services.pay_out(ask=ask, purpose=PayoutPurpose.LOAN, now=now)
        case LoanPaymentReversed():
            services.take_repayment_back(request_id=event.request_id, now=now)
        case LoanPaymentReceived() if event.request_id is not None:
            services.pass_on_repayment(
                request_id=event.request_id,
                loan_id=event.loan_id,
                customer_id=event.customer_id,
                amount=event.amount,
                currency=event.currency,
                bank=event.bank,
                now=now,
            )


BookedNews = PolicyPurchased | PolicyCancelled | PolicyEndorsed | PolicyReinstated | InstalmentPaid
PolicyNews = PremiumRequested | PolicyRefundRequested | BookedNews


@subscribe(
    PremiumRequested, PolicyRefundRequested, PolicyPurchased, PolicyCancelled, PolicyEndorsed, PolicyReinstated,
    InstalmentPaid,
    lane="policy_id",
)  # fmt: skip
def serve_policy(event: PolicyNews) -> None:
    """Take a premium, pass it on to the insurer, and bring back what a policy did not use."""
    now = timezone.now()
    match event:
        case PremiumRequested():
            ask = Ask(
                event.request_id, event.policy_id, event.customer_id, event.amount, event.currency, event.description
            )
            means = Means(event.method, event.token, event.payment_method_id)
            services.charge_for(ask=ask, purpose=Purpose.POLICY, means=means, now=now)
        case PolicyRefundRequested():
            ask = Ask(event.request_id, event.policy_id, event.customer_id, event.amount, event.currency, event.reason)
            services.refund_for(ask=ask, purpose=PayoutPurpose.POLICY, order_id=event.order_id, now=now)
        case _:
            _book_policy(event, now)


def _book_policy(event: BookedNews, now: datetime) -> None:
    """Changes and reinstatements are paid by themselves; what a change gives back goes the way its premium came."""
    match event:
        case PolicyPurchased():
            services.book_premium(
                premium=_premium(
                    event,
                    event.premium if event.premium_paid is None else event.premium_paid,
                    commission=event.commission,
                    order_id=event.order_id,
                ),
                now=now,
            )
        case PolicyCancelled():
            premium = _premium(event, event.refund_amount, order_id=event.order_id, attempt=event.version_number)
            services.return_premium(premium=premium, alone=event.refunded_alone, now=now)
        case PolicyReinstated():
            services.book_premium(premium=_premium(event, event.premium_paid, attempt=event.version_number), now=now)
        case InstalmentPaid():
            services.book_premium(premium=_premium(event, event.amount, attempt=event.version_number), now=now)
        case PolicyEndorsed() if event.premium_difference < 0:
            back = -event.premium_difference - event.taken_off
            less = _premium(event, back, order_id=event.order_id, attempt=event.version_number)
            services.return_premium(premium=less, alone=event.refunded_alone, now=now)
        case PolicyEndorsed():
            services.book_premium(
                premium=_premium(event, event.premium_difference, attempt=event.version_number), now=now
            )


def _premium(event: BookedNews, amount: Decimal, **more: Any) -> Premium:
    return Premium(
        policy_id=event.policy_id,
        customer_id=event.customer_id,
        amount=amount,
        currency=event.currency,
        insurer=event.insurer,
        **more,
    )


@subscribe(ClaimPayoutRequested, lane="claim_id")
def pay_claims(event: ClaimPayoutRequested) -> None:
    """Pay an approved claim to the insured, or to the bank that the car is pledged to."""
    ask = Ask(event.request_id, event.claim_id, event.customer_id, event.amount, event.currency)
    services.pay_claim(ask=ask, insurer=event.insurer, payee=event.payee, now=timezone.now())


@subscribe(TicketRequested, TicketRefundRequested, lane="registration_id")
def serve_ticket(event: TicketRequested | TicketRefundRequested) -> None:
    """Take the price of a seat, and give it back when the seat is given up."""
    text = event.description if isinstance(event, TicketRequested) else event.reason
    ask = Ask(event.request_id, event.registration_id, event.customer_id, event.amount, event.currency, text)
    if isinstance(event, TicketRefundRequested):
        services.refund_for(ask=ask, purpose=PayoutPurpose.TICKET, now=timezone.now())
        return
    means = Means(event.method, event.token, event.payment_method_id)
    services.charge_for(ask=ask, purpose=Purpose.TICKET, means=means, now=timezone.now())


@subscribe(ClientCreated, ClientUpdated, ClientMerged, lane="client_id", on_parked="continue", replayable=True)
def know_cards(event: ClientCreated | ClientUpdated | ClientMerged) -> None:
    """Know whose client card it is: nobody acts as staff on what is theirs by their card."""
    if isinstance(event, ClientMerged):
        join_cards("payments", card_id=event.client_id, other_id=event.other_id)
    else:
        know_card("payments", card_id=event.client_id, user_id=event.user_id)
