"""Serve what payments is asked to do, and react to its own webhooks and to client cards."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from django.utils import timezone

from core.approvals import JoinCards, KnowCard, KnowPerson
from gateway.approvals import follow_cards
from gateway.people import follow_people
from messaging.subscriptions import subscribe
from payments import services
from payments.commands import (
    CloseAccount,
    DropLoan,
    ForfeitDeposit,
    GiveBackExcess,
    GiveBackLoanSurplus,
    GiveBackPayments,
    GiveBackPremium,
    GiveBackTicketPrice,
    Means,
    MoneyCommand,
    PassOnRepayment,
    PayClaim,
    PayOutDeposit,
    PayOutTradeIn,
    PostLoan,
    PostPremium,
    PostPremiumReturn,
    PostSale,
    PostTradeIn,
    PromiseLoan,
    RecordOrder,
    RecordOrderStatus,
    ReverseTradeIn,
    TakeLoanPayment,
    TakeMoney,
    TakePayment,
    TakePremium,
    TakeRepaymentBack,
    TakeTicketPrice,
)
from payments.events import (
    ChargeSettled,
    PaymentCompleted,
    PaymentRefunded,
    PaymentRefundFailed,
    PayoutSettled,
    WebhookReceived,
)
from payments.models import PayoutPurpose, Purpose
from payments.services import Ask, Premium


@subscribe(RecordOrder, RecordOrderStatus, partition_key="order_id", batch=True, replayable=True)
def copy_orders(commands: Sequence[RecordOrder | RecordOrderStatus]) -> None:
    """Keep owners, totals and statuses of orders at hand."""
    services.copy_orders(commands=commands)


@subscribe(TakePayment, GiveBackPayments, CloseAccount, partition_key="order_id")
def serve_checkout(command: TakePayment | GiveBackPayments | CloseAccount) -> None:
    """Take or return an order's money, in the order in which that was asked."""
    now = timezone.now()
    match command:
        case TakePayment():
            services.request_payment(
                order_id=command.order_id,
                attempt_id=command.attempt_id,
                customer_id=command.customer_id,
                amount=command.amount,
                currency=command.currency,
                means=Means(command.method, command.token, command.payment_method_id),
                now=now,
            )
        case GiveBackPayments():
            services.close_order(
                order_id=command.order_id,
                attempt_id=command.attempt_id,
                reason=command.reason,
                keep=command.keep_amount,
                secured=command.secured_amount,
                now=now,
            )
        case CloseAccount():
            close = services.close_order_account if command.refund_follows else services.close_order
            close(order_id=command.order_id, attempt_id=None, reason=command.reason, now=now)


@subscribe(GiveBackExcess, partition_key="order_id", on_parked="continue")
def refund_excess(command: GiveBackExcess) -> None:
    """Give back part of a payment whose order has become cheaper."""
    services.refund_excess(
        payment_id=command.payment_id, amount=command.amount, reason=command.reason, now=timezone.now()
    )


@subscribe(ForfeitDeposit, PayOutDeposit, partition_key="order_id")
def settle_deposit(command: ForfeitDeposit | PayOutDeposit) -> None:
    """Earn earnest money, or pay it out once more."""
    match command:
        case ForfeitDeposit():
            services.forfeit_deposit(ask=_ask(command), now=timezone.now())
        case PayOutDeposit():
            services.pay_out_deposit(ask=_ask(command, command.reason), now=timezone.now())


@subscribe(WebhookReceived, partition_key="subject")
def apply_webhook(event: WebhookReceived) -> None:
    """Do what a provider's message says."""
    services.apply_webhook(webhook_id=event.webhook_id, now=timezone.now())


@subscribe(PostSale, partition_key="order_id", start="now", name="payments.book_sale")
def post_sale(command: PostSale) -> None:
    """Earn what was paid for goods that were handed over."""
    services.post_sale(
        order_id=command.order_id,
        customer_id=command.customer_id,
        now=timezone.now(),
        receipt=command.receipt,
        version_number=command.version_number,
    )


@subscribe(PostTradeIn, ReverseTradeIn, PayOutTradeIn, partition_key="order_id")
def book_trade_ins(command: PostTradeIn | ReverseTradeIn | PayOutTradeIn) -> None:
    """Book cars taken in exchange, undo that, and pay what is owed for them, in the order in which it was asked."""
    now = timezone.now()
    match command:
        case PostTradeIn():
            services.post_trade_in(car=command, now=now)
        case ReverseTradeIn():
            services.reverse_trade_in(order_id=command.order_id, is_kept=command.is_kept, now=now)
        case PayOutTradeIn():
            services.pay_out(ask=_ask(command, command.reason), purpose=PayoutPurpose(command.purpose), now=now)


@subscribe(PromiseLoan, DropLoan, PostLoan, partition_key="order_id")
def follow_loan(command: PromiseLoan | DropLoan | PostLoan) -> None:
    """Keep what a loan pays of its order, and book it when it does."""
    match command:
        case PromiseLoan():
            services.promise_loan(
                application_id=command.application_id, order_id=command.order_id, amount=command.amount
            )
        case DropLoan():
            services.cancel_loan(application_id=command.application_id, order_id=command.order_id, now=timezone.now())
        case PostLoan():
            services.post_loan(
                application_id=command.application_id,
                order_id=command.order_id,
                customer_id=command.customer_id,
                amount=command.amount,
                currency=command.currency,
                bank=command.bank,
                now=timezone.now(),
            )


LoanCommand = TakeLoanPayment | GiveBackLoanSurplus | PassOnRepayment | TakeRepaymentBack


@subscribe(TakeLoanPayment, GiveBackLoanSurplus, PassOnRepayment, TakeRepaymentBack, partition_key="loan_id")
def serve_loan(command: LoanCommand) -> None:
    """Take what a borrower pays, give money back, pass on what the bank has counted, and not what bounced."""
    now = timezone.now()
    match command:
        case TakeLoanPayment():
            _take(command)
        case GiveBackLoanSurplus():
            if command.is_at_bank:
                services.claim_from_bank(
                    request_id=command.request_id,
                    loan_id=command.loan_id,
                    customer_id=command.customer_id,
                    amount=command.amount,
                    currency=command.currency,
                    bank=command.bank,
                    now=now,
                )
            services.pay_out(ask=_ask(command, command.reason), purpose=PayoutPurpose(command.purpose), now=now)
        case TakeRepaymentBack():
            services.take_repayment_back(request_id=command.request_id, now=now)
        case PassOnRepayment():
            services.pass_on_repayment(
                request_id=command.request_id,
                loan_id=command.loan_id,
                customer_id=command.customer_id,
                amount=command.amount,
                currency=command.currency,
                bank=command.bank,
                now=now,
            )


PolicyCommand = TakePremium | GiveBackPremium | PostPremium | PostPremiumReturn


@subscribe(TakePremium, GiveBackPremium, PostPremium, PostPremiumReturn, partition_key="policy_id")
def serve_policy(command: PolicyCommand) -> None:
    """Take a premium, pass it on to the insurer, and bring back what a policy did not use."""
    now = timezone.now()
    match command:
        case TakePremium():
            _take(command)
        case GiveBackPremium():
            services.refund_for(
                ask=_ask(command, command.reason),
                purpose=PayoutPurpose(command.purpose),
                order_id=command.order_id,
                now=now,
            )
        case PostPremium():
            services.post_premium(premium=_premium(command, command.commission), now=now)
        case PostPremiumReturn():
            services.return_premium(premium=_premium(command), alone=command.refunded_alone, now=now)


@subscribe(PayClaim, partition_key="claim_id")
def pay_claims(command: PayClaim) -> None:
    """Pay an approved claim to the insured, or to the bank that the car is pledged to."""
    services.pay_claim(ask=_ask(command), insurer=command.insurer, payee=command.payee, now=timezone.now())


@subscribe(TakeTicketPrice, GiveBackTicketPrice, partition_key="registration_id")
def serve_ticket(command: TakeTicketPrice | GiveBackTicketPrice) -> None:
    """Take the price of a seat, and give it back when the seat is given up."""
    if isinstance(command, TakeTicketPrice):
        _take(command)
    else:
        ask = _ask(command, command.reason)
        services.refund_for(ask=ask, purpose=PayoutPurpose(command.purpose), now=timezone.now())


def _take(command: TakeMoney) -> None:
    services.charge_for(
        ask=replace(_ask(command, command.description), receipt=command.receipt),
        purpose=Purpose(command.purpose),
        means=Means(command.method, command.token, command.payment_method_id),
        now=timezone.now(),
    )


def _ask(command: MoneyCommand, reason: str = "") -> Ask:
    return Ask(command.request_id, command.subject_id, command.customer_id, command.amount, command.currency, reason)


def _premium(command: PostPremium | PostPremiumReturn, commission: Decimal | None = None) -> Premium:
    return Premium(
        policy_id=command.policy_id,
        customer_id=command.customer_id,
        amount=command.amount,
        currency=command.currency,
        insurer=command.insurer,
        commission=commission,
        order_id=command.order_id,
        attempt=command.attempt,
    )


@subscribe(KnowCard, JoinCards, partition_key="client_id", on_parked="continue", replayable=True)
def know_cards(command: KnowCard | JoinCards) -> None:
    """Know whose client card it is: nobody acts as staff on what is theirs by their card."""
    follow_cards("payments", command)


Moved = PaymentCompleted | PaymentRefunded | PaymentRefundFailed | ChargeSettled | PayoutSettled


@subscribe(
    PaymentCompleted,
    PaymentRefunded,
    PaymentRefundFailed,
    ChargeSettled,
    PayoutSettled,
    batch=True,
    can_wait=True,
    needed_while="EXISTS (SELECT FROM payments_fiscalspan WHERE ended_at IS NULL)",
)
def make_receipts(events: Sequence[Moved]) -> None:
    """Draw up the receipts of money that moved."""
    services.make_receipts(
        payment_ids={event.payment_id for event in events if not isinstance(event, PayoutSettled)},
        request_ids={event.request_id for event in events if isinstance(event, PayoutSettled)},
        now=timezone.now(),
    )


@subscribe(KnowPerson, batch=True, on_parked="continue", replayable=True, can_wait=True)
def know_people(commands: Sequence[KnowPerson]) -> None:
    """Know people by name, phone and e-mail: staff see whom each row is about, and find it by them."""
    follow_people("payments", commands)
