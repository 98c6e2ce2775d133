"""Facts that financing publishes about applications and loans."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from core.approvals import ApprovalNews
from core.events import Event, event, implies
from payments.commands import DropLoan, PassOnRepayment, PostLoan, PromiseLoan, TakeRepaymentBack


@event("financing.submitted", aggregate="application", key="application_id")
class ApplicationSubmitted(Event):
    """An application was received and will be scored."""

    application_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    attempt_id: UUID | None = None


@event("financing.approved", aggregate="application", key="application_id")
class ApplicationApproved(Event):
    """An offer stands until `expires_at`; `is_accepted` when the client agreed beforehand to exactly these terms."""

    application_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    annual_rate: Decimal
    term_months: int
    monthly_payment: Decimal
    expires_at: datetime
    is_accepted: bool
    attempt_id: UUID | None = None


@event("financing.accepted", aggregate="application", key="application_id", internal=True)
class ApplicationAccepted(Event):
    """The client accepted the offer."""

    application_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    attempt_id: UUID | None = None


@event("financing.rejected", aggregate="application", key="application_id")
class ApplicationRejected(Event):
    """No loan; `reasons` are the codes of the rules that failed."""

    application_id: UUID
    order_id: UUID
    customer_id: UUID
    reasons: list[str]
    detail: str
    attempt_id: UUID | None = None


@event("financing.override_wanted", aggregate="application", key="application_id", internal=True)
class OverrideWanted(Event):
    """A manager would lend what the rules refused, and the amount needs a second person's word."""

    application_id: UUID
    override_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    proposed_by: UUID


@event("financing.override_refused", aggregate="application", key="application_id", internal=True)
class OverrideRefused(Event):
    """The second person did not agree: the refusal stands."""

    application_id: UUID
    override_id: UUID
    order_id: UUID
    customer_id: UUID


@event("financing.withdrawn", aggregate="application", key="application_id", internal=True)
class ApplicationWithdrawn(Event):
    """The application ended before a loan was paid out (by the client, the saga or the clock)."""

    application_id: UUID
    order_id: UUID
    customer_id: UUID
    reason: str
    attempt_id: UUID | None = None


@event("financing.offer_lapsed", aggregate="application", key="application_id", internal=True)
class OfferLapsed(Event):
    """The time an offer stood for is over: financing's own alarm, set when the offer is made."""

    application_id: UUID


@event("financing.banks_silent", aggregate="application", key="application_id", internal=True)
class BanksSilent(Event):
    """The time banks had to decide is over: financing's own alarm, set when they are asked."""

    application_id: UUID


@event("financing.disbursed", aggregate="application", key="application_id")
class LoanDisbursed(Event):
    """The loan was paid into the order."""

    application_id: UUID
    loan_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    attempt_id: UUID | None = None
    bank: str = ""


@event("loan.payment_received", aggregate="loan", key="loan_id")
class LoanPaymentReceived(Event):
    """An instalment or an early repayment was booked."""

    loan_id: UUID
    customer_id: UUID
    amount: Decimal
    currency: str
    balance: Decimal
    request_id: UUID | None = None
    bank: str = ""


@event("loan.overdue", aggregate="loan", key="loan_id")
class LoanOverdue(Event):
    """A due amount was not paid in time."""

    loan_id: UUID
    customer_id: UUID
    due_date: date
    overdue_amount: Decimal
    currency: str


@event("loan.closed", aggregate="loan", key="loan_id")
class LoanClosed(Event):
    """Nothing is owed any more; `reason` is repaid, returned (in the cooling-off days), written_off or cancelled."""

    loan_id: UUID
    customer_id: UUID
    order_id: UUID | None = None
    reason: str = "repaid"


@event("loan.payment_due", aggregate="loan", key="loan_id", internal=True)
class LoanPaymentDue(Event):
    """An instalment falls due in a few days: the borrower's reminder, once per instalment."""

    loan_id: UUID
    customer_id: UUID
    due_date: date
    amount: Decimal
    currency: str


@event("loan.payment_reversed", aggregate="loan", key="loan_id", internal=True)
class LoanPaymentReversed(Event):
    """A payment that had been counted bounced and counts no more; `request_id` names it, `balance` is owed again."""

    loan_id: UUID
    customer_id: UUID
    request_id: UUID
    amount: Decimal
    currency: str
    reason: str
    balance: Decimal | None = None


@event("loan.payment_refused", aggregate="loan", key="loan_id", internal=True)
class LoanPaymentRefused(Event):
    """A borrower's payment did not come, by a bank's debit or by card; `request_id` names it. Nothing was counted."""

    loan_id: UUID
    customer_id: UUID
    request_id: UUID
    amount: Decimal
    currency: str
    code: str


@event("loan.restructured", aggregate="loan", key="loan_id", internal=True)
class LoanRestructured(Event):
    """The rest of the loan is repaid by a new schedule, agreed with the borrower."""

    loan_id: UUID
    customer_id: UUID
    term_months: int
    monthly_payment: Decimal
    currency: str


@event("loan.redated", aggregate="loan", key="loan_id", internal=True)
class LoanRedated(Event):
    """Coming payments moved as a decree moved days off: `payments` of them, the first from `old_due_date`."""

    loan_id: UUID
    customer_id: UUID
    payments: int
    old_due_date: date
    due_date: date
    amount: Decimal
    currency: str


@event("loan.stage_changed", aggregate="loan", key="loan_id", internal=True)
class LoanStageChanged(Event):
    """A loan has credit holidays (`moratorium`, to `until`), is in `collection`, or runs as agreed (empty)."""

    loan_id: UUID
    customer_id: UUID
    stage: str
    until: date | None = None


@event("financing.approval_changed", aggregate="approval", key="approval_id", internal=True)
class FinancingApprovalChanged(ApprovalNews):
    """An action of this app began to wait for a second person, or its waiting ended."""


# What these facts mean to payments -----------------------------------------------------------------------------------
@implies(ApplicationApproved, ApplicationAccepted, command=PromiseLoan)
def promise_loan(fact: ApplicationApproved | ApplicationAccepted) -> PromiseLoan | None:
    """Have the amount of an accepted loan not asked of the buyer."""
    if isinstance(fact, ApplicationApproved) and not fact.is_accepted:
        return None
    return PromiseLoan(application_id=fact.application_id, order_id=fact.order_id, amount=fact.amount)


@implies(ApplicationRejected, ApplicationWithdrawn, command=DropLoan)
def drop_loan(fact: ApplicationRejected | ApplicationWithdrawn) -> DropLoan:
    """Have the amount asked of the buyer again."""
    return DropLoan(application_id=fact.application_id, order_id=fact.order_id)


@implies(LoanDisbursed, command=PostLoan)
def post_loan(fact: LoanDisbursed) -> PostLoan:
    """Have the loan booked as money of its order."""
    return PostLoan(
        application_id=fact.application_id,
        order_id=fact.order_id,
        customer_id=fact.customer_id,
        amount=fact.amount,
        currency=fact.currency,
        bank=fact.bank,
    )


@implies(LoanPaymentReceived, command=PassOnRepayment)
def pass_on_repayment(fact: LoanPaymentReceived) -> PassOnRepayment | None:
    """Have the bank owed what we took for it; what the borrower paid to the bank itself is nothing of ours."""
    if fact.request_id is None:
        return None
    return PassOnRepayment(
        request_id=fact.request_id,
        loan_id=fact.loan_id,
        customer_id=fact.customer_id,
        amount=fact.amount,
        currency=fact.currency,
        bank=fact.bank,
    )


@implies(LoanPaymentReversed, command=TakeRepaymentBack)
def take_repayment_back(fact: LoanPaymentReversed) -> TakeRepaymentBack:
    """Have the bank owed no more for what bounced."""
    return TakeRepaymentBack(request_id=fact.request_id)
