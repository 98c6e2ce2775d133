"""Everything financing can do."""

from financing.services.applying import apply_for_loan, request_loan
from financing.services.lending import cancel_attempt, disburse_loan
from financing.services.offering import (
    accept_offer,
    approve_application,
    expire_offer,
    reject_application,
    withdraw_application,
)
from financing.services.orders import close_order, copy_order
from financing.services.programmes import ProgrammeFields, change_programme, open_programme, programmes_on

__all__ = [
    "ProgrammeFields",
    "accept_offer",
    "apply_for_loan",
    "approve_application",
    "cancel_attempt",
    "change_programme",
    "close_order",
    "copy_order",
    "disburse_loan",
    "expire_offer",
    "open_programme",
    "programmes_on",
    "reject_application",
    "request_loan",
    "withdraw_application",
]
