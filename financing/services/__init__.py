"""Everything financing can do."""

from financing.services.accruing import Accrued, accrue_loans, running_loans
from financing.services.applying import apply_for_loan, request_loan
from financing.services.asking import bank_question, hear_bank, stop_asking
from financing.services.early import EarlyPlan, PayoffQuote
from financing.services.lending import cancel_attempt, disburse_loan
from financing.services.offering import (
    accept_offer,
    approve_application,
    expire_offer,
    offers_of,
    reject_application,
    withdraw_application,
)
from financing.services.orders import close_order, copy_order
from financing.services.portfolio import Portfolio, read_portfolio
from financing.services.programmes import ProgrammeFields, change_programme, open_programme, programmes_on
from financing.services.quoting import quote_loan
from financing.services.repaying import (
    LoanMeans,
    pay_loan,
    preview_early,
    preview_payoff,
    repay_loan_early,
    settle_payment,
)
from financing.services.standing import History, settle_refund
from financing.services.workouts import restructure_loan, reverse_payment, write_off_loan

__all__ = [
    "Accrued",
    "EarlyPlan",
    "History",
    "LoanMeans",
    "PayoffQuote",
    "Portfolio",
    "ProgrammeFields",
    "accept_offer",
    "accrue_loans",
    "apply_for_loan",
    "approve_application",
    "bank_question",
    "cancel_attempt",
    "change_programme",
    "close_order",
    "copy_order",
    "disburse_loan",
    "expire_offer",
    "hear_bank",
    "offers_of",
    "open_programme",
    "pay_loan",
    "preview_early",
    "preview_payoff",
    "programmes_on",
    "quote_loan",
    "read_portfolio",
    "reject_application",
    "repay_loan_early",
    "request_loan",
    "restructure_loan",
    "reverse_payment",
    "running_loans",
    "settle_payment",
    "settle_refund",
    "stop_asking",
    "withdraw_application",
    "write_off_loan",
]
