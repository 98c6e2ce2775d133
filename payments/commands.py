"""Declare what payments does when it is asked: take, give back and pay out money, and book what partners do with it.

Whoever wants money moved builds upon these; payments knows none of them. Answers repeat `request_id`, the purpose and
the id of what was paid for, by which each finds its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from core.events import Command, command

CARD = "card"
METHODS = (CARD, "sbp", "cash", "bank_transfer")
"""Methods of paying."""
BY_HAND = frozenset({"cash", "bank_transfer"})
"""Methods that no bank answers for within minutes: a person brings or sends the money, and a manager confirms it."""


@dataclass(frozen=True)
class Means:
    """Means of payment that somebody chose: a method, and for a card a token or a stored method of theirs.

    A card that is named by neither is asked for on the provider's own page.
    """

    method: str
    token: str = ""
    payment_method_id: UUID | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Means":
        """Read `{method, token? | payment_method_id?}`, as JSON has it."""
        stored = given.get("payment_method_id")
        return cls(given.get("method") or "", given.get("token") or "", UUID(str(stored)) if stored else None)


class Supplier(msgspec.Struct, frozen=True, kw_only=True):
    """A company in whose name the dealer sells, as its agent: `inn` with right check digits, `telephone` from a `+`."""

    name: str
    inn: str
    telephone: str


class ReceiptItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that money is taken for, as the buyer's receipt names it. `amount` is the line's, in the currency.

    `vat_rate` is in per cent; None for what the regime of the seller (`seller_id`, or the one by default) taxes a
    `vat_kind` of goods at: one of core.money.vat.VatKind, or empty for the standard one. `subject` is one of
    payments.rules.receipts.SUBJECTS; goods that are `marked` carry their code when they are handed over. `vat_amount`
    is the tax within `amount` where it is not the rate's of it, as by the margin scheme. `supplier` is whose goods or
    services they are, where the dealer only sells them as an agent.
    """

    name: str
    amount: Decimal
    unit_price: Decimal
    quantity: int = 1
    vat_rate: Decimal | None = None
    vat_kind: str = ""
    seller_id: UUID | None = None
    subject: str = "commodity"
    marking_code: str = ""
    vat_amount: Decimal | None = None
    supplier: Supplier | None = None


class MoneyCommand(Command, frozen=True, kw_only=True):
    """Base of what moves money for one thing (a loan, a policy, a seat). `request_id` is new for each try."""

    purpose: ClassVar[str]
    subject: ClassVar[str]

    request_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str

    @property
    def subject_id(self) -> UUID:
        """Return the id of the thing that is paid for."""
        found: UUID = getattr(self, self.subject)
        return found


class TakeMoney(MoneyCommand, frozen=True, kw_only=True):
    """Base of what takes money by a way of payment. Answer: payment.charge_settled.

    `receipt` says what it is taken for; who sends none gets a receipt of one line, named by the purpose.
    """

    method: str
    token: str = ""
    payment_method_id: UUID | None = None
    description: str = ""
    receipt: list[ReceiptItem] = []


# Orders ---------------------------------------------------------------------------------------------------------------
@command("checkout.payment_requested", sender="orders", aggregate="checkout", key="order_id")
class TakePayment(Command, frozen=True, kw_only=True):
    """Take a payment for this order. Answers: payment.completed, payment.failed."""

    order_id: UUID
    attempt_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    method: str
    token: str = ""
    payment_method_id: UUID | None = None


@command("checkout.excess_refund_requested", sender="orders", aggregate="checkout", key="order_id")
class GiveBackExcess(Command, frozen=True, kw_only=True):
    """Give back part of a payment: the order has become cheaper since. Answer: payment.refunded."""

    order_id: UUID
    payment_id: UUID
    amount: Decimal
    reason: str


@command("checkout.refund_requested", sender="orders", aggregate="checkout", key="order_id")
class GiveBackPayments(Command, frozen=True, kw_only=True):
    """Cancel or refund every payment of the order but `keep_amount`, which insurers have earned by policies that ended
    before, and `secured_amount`: earnest money, which nobody gives back by hand either. Asked again with less of it,
    the difference goes back. Answers: payment.refunded each, then payment.order_settled.
    """

    order_id: UUID
    attempt_id: UUID
    reason: str
    keep_amount: Decimal = Decimal(0)
    secured_amount: Decimal = Decimal(0)


class RecordOrder(Command, frozen=True, kw_only=True):
    """Keep whose an order is and what its buyer owes, as of the newest `version_number`.

    `receipt` is what is sold, for the receipts of all the order's money: it stands here, and not in the request for
    each payment, because a buyer may pay without a checkout, and because the fact that implies it holds the lines.
    """

    order_id: UUID
    customer_id: UUID
    number: str
    amount: Decimal
    currency: str
    version_number: int
    receipt: list[ReceiptItem] = []


class RecordOrderStatus(Command, frozen=True, kw_only=True):
    """Keep where an order stands."""

    order_id: UUID
    status: str


class CloseAccount(Command, frozen=True, kw_only=True):
    """Take no more money for an order; give back what was paid, unless `refund_follows` as a command of its own."""

    order_id: UUID
    reason: str
    refund_follows: bool = False


class PostSale(Command, frozen=True, kw_only=True):
    """Earn what was paid for goods that were handed over.

    `receipt` is what was sold as of `version_number`, where goods among it are marked: each piece with its code, which
    nobody knew before. It comes with the sale, so that the receipts of the handover cannot miss it.
    """

    order_id: UUID
    customer_id: UUID
    version_number: int = 0
    receipt: list[ReceiptItem] = []


@command("deposit.forfeit_requested", sender="orders", aggregate="deposit", key="order_id")
class ForfeitDeposit(MoneyCommand, frozen=True, kw_only=True):
    """Earn the earnest money secured in an order's account, once per `request_id`: the sale failed by its buyer's
    fault. No more is earned than is there. Answer: payment.forfeit_settled.
    """

    purpose, subject = "deposit", "order_id"

    order_id: UUID


@command("deposit.payout_requested", sender="orders", aggregate="deposit", key="order_id")
class PayOutDeposit(MoneyCommand, frozen=True, kw_only=True):
    """Pay the second half of earnest money that goes back double, at our own expense, once per `request_id`.

    The first half goes back by payments.commands.GiveBackPayments. Answer: payment.payout_settled.
    """

    purpose, subject = "deposit", "order_id"

    order_id: UUID
    reason: str


@command("trade_in.taken", sender="orders", aggregate="trade_in", key="order_id")
class PostTradeIn(Command, frozen=True, kw_only=True):
    """Book a car taken in exchange at its value; `surplus` of it is above what it pays for, and owed. No answer."""

    order_id: UUID
    customer_id: UUID
    amount: Decimal
    surplus: Decimal
    currency: str


@command("trade_in.undone", sender="orders", aggregate="trade_in", key="order_id")
class ReverseTradeIn(Command, frozen=True, kw_only=True):
    """Undo what was booked of a car taken in exchange: it went back, or `is_kept` and its price is owed. No answer."""

    order_id: UUID
    is_kept: bool


@command("trade_in.payout_requested", sender="orders", aggregate="trade_in", key="order_id")
class PayOutTradeIn(MoneyCommand, frozen=True, kw_only=True):
    """Pay its former owner what we owe for a car, once per `request_id`. Answer: payment.payout_settled."""

    purpose, subject = "trade_in", "order_id"

    order_id: UUID
    reason: str


# Loans ----------------------------------------------------------------------------------------------------------------
@command("loan.payment_requested", sender="financing", aggregate="loan", key="loan_id")
class TakeLoanPayment(TakeMoney, frozen=True, kw_only=True):
    """Take an instalment or an early repayment. `request_id` is new for each try. Answer: payment.charge_settled."""

    purpose, subject = "loan", "loan_id"

    loan_id: UUID
    bank: str = ""


@command("loan.surplus_refund_requested", sender="financing", aggregate="loan", key="loan_id")
class GiveBackLoanSurplus(MoneyCommand, frozen=True, kw_only=True):
    """Give back money of a loan that is not owed, or was lent for a purchase that was undone.

    `is_at_bank`: its `bank` has it, by a debit or because it counted it; the bank then owes it to us, or has to be
    given so much less. Answer: payment.payout_settled.
    """

    purpose, subject = "loan", "loan_id"

    loan_id: UUID
    reason: str = ""
    bank: str = ""
    is_at_bank: bool = False


class PromiseLoan(Command, frozen=True, kw_only=True):
    """Keep what a loan is going to pay of its order."""

    application_id: UUID
    order_id: UUID
    amount: Decimal


class DropLoan(Command, frozen=True, kw_only=True):
    """Count no longer on a loan that was promised."""

    application_id: UUID
    order_id: UUID


class PostLoan(Command, frozen=True, kw_only=True):
    """Book what a bank paid into an order."""

    application_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    bank: str


class PassOnRepayment(Command, frozen=True, kw_only=True):
    """Owe the bank what a borrower paid by the request, now that the bank has counted it."""

    request_id: UUID
    loan_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    bank: str


class TakeRepaymentBack(Command, frozen=True, kw_only=True):
    """Owe the bank nothing for a repayment that it no longer counts."""

    request_id: UUID


# Policies and claims --------------------------------------------------------------------------------------------------
@command("insurance.premium_requested", sender="insurance", aggregate="policy", key="policy_id")
class TakePremium(TakeMoney, frozen=True, kw_only=True):
    """Take the premium of a policy bought by itself. `request_id` is new for each try.

    Answer: payment.charge_settled.
    """

    purpose, subject = "policy", "policy_id"

    policy_id: UUID


class GiveBackPremium(MoneyCommand, frozen=True, kw_only=True):
    """Give back a premium that a policy did not use, by the way it was paid. Answer: payment.payout_settled."""

    purpose, subject = "policy", "policy_id"

    policy_id: UUID
    reason: str
    order_id: UUID | None = None


class PostPremium(Command, frozen=True, kw_only=True):
    """Owe an insurer a premium, paid by itself or within `order_id`, less our `commission` (None: the usual one).

    `attempt` tells apart what is booked of one policy: its purchase is the first, a change has the policy's version.
    """

    policy_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    insurer: str
    commission: Decimal | None = None
    order_id: UUID | None = None
    attempt: int = 1


class PostPremiumReturn(Command, frozen=True, kw_only=True):
    """Have an insurer owe us what a policy did not use; `refunded_alone` of it had been paid outside its order."""

    policy_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    insurer: str
    order_id: UUID | None = None
    attempt: int = 1
    refunded_alone: Decimal = Decimal(0)


@command("claim.payout_requested", sender="insurance", aggregate="claim", key="claim_id")
class PayClaim(MoneyCommand, frozen=True, kw_only=True):
    """Pay an approved claim to the insured, or to the bank that `payee` names.

    `request_id` is new for each payout. Answer: payment.payout_settled.
    """

    purpose, subject = "claim", "claim_id"

    claim_id: UUID
    policy_id: UUID
    insurer: str = ""
    payee: str = ""


# Seats ----------------------------------------------------------------------------------------------------------------
@command("event.ticket_requested", sender="showroom", aggregate="registration", key="registration_id")
class TakeTicketPrice(TakeMoney, frozen=True, kw_only=True):
    """Take the price of a seat. `request_id` is new for each try. Answer: payment.charge_settled."""

    purpose, subject = "ticket", "registration_id"

    registration_id: UUID
    event_id: UUID


@command("event.ticket_refund_requested", sender="showroom", aggregate="registration", key="registration_id")
class GiveBackTicketPrice(MoneyCommand, frozen=True, kw_only=True):
    """Give back the price of a seat, by the way it was paid. Answer: payment.payout_settled."""

    purpose, subject = "ticket", "registration_id"

    registration_id: UUID
    event_id: UUID
    reason: str
