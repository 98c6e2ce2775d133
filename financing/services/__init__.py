"""Everything financing can do."""

from financing.services.accruing import Accrued, accrue_loans
from financing.services.applying import apply_for_loan, request_loan
from financing.services.asking import receive_bank_answer, stop_asking
from financing.services.debits import confirm_debit, debit_agreed, receive_debit_answer, refuse_debit
from financing.services.lending import cancel_attempt, disburse_loan
from financing.services.limits import Written, limits_agreed, write_limits
from financing.services.mandates import look_after_debits
from financing.services.offering import (
    accept_offer,
    approve_application,
    expire_offer,
    reject_application,
    withdraw_application,
)
from financing.services.orders import close_order, copy_order
from financing.services.overriding import (
    confirm_override,
    drop_override,
    lend_agreed,
    offer_counter,
    override_decision,
    reject_override,
)
from financing.services.papers import add_document, review_document
from financing.services.programmes import (
    ProgrammeFields,
    change_agreed,
    change_programme,
    open_agreed,
    open_programme,
)
from financing.services.redating import Redated, follow_calendar, redate_loans
from financing.services.repaying import (
    BY_ACCOUNT,
    pay_loan,
    preview_early,
    preview_payoff,
    repay_loan_early,
    settle_payment,
)
from financing.services.returning import preview_return, return_loan
from financing.services.stages import end_collection, grant_moratorium, moratorium_agreed, start_collection
from financing.services.standing import settle_refund
from financing.services.telling import record_notice
from financing.services.work_calendar import CalendarWritten, write_calendar
from financing.services.workouts import (
    restructure_agreed,
    restructure_loan,
    reverse_payment,
    write_off_agreed,
    write_off_loan,
)

__all__ = [
    "BY_ACCOUNT",
    "Accrued",
    "CalendarWritten",
    "ProgrammeFields",
    "Redated",
    "Written",
    "accept_offer",
    "accrue_loans",
    "add_document",
    "apply_for_loan",
    "approve_application",
    "cancel_attempt",
    "change_agreed",
    "change_programme",
    "close_order",
    "confirm_debit",
    "confirm_override",
    "copy_order",
    "debit_agreed",
    "disburse_loan",
    "drop_override",
    "end_collection",
    "expire_offer",
    "follow_calendar",
    "grant_moratorium",
    "lend_agreed",
    "limits_agreed",
    "look_after_debits",
    "moratorium_agreed",
    "offer_counter",
    "open_agreed",
    "open_programme",
    "override_decision",
    "pay_loan",
    "preview_early",
    "preview_payoff",
    "preview_return",
    "receive_bank_answer",
    "receive_debit_answer",
    "record_notice",
    "redate_loans",
    "refuse_debit",
    "reject_application",
    "reject_override",
    "repay_loan_early",
    "request_loan",
    "restructure_agreed",
    "restructure_loan",
    "return_loan",
    "reverse_payment",
    "review_document",
    "settle_payment",
    "settle_refund",
    "start_collection",
    "stop_asking",
    "withdraw_application",
    "write_calendar",
    "write_limits",
    "write_off_agreed",
    "write_off_loan",
]
