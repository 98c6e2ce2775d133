"""Tables of financing: programmes, applications, loans, and what it knows of orders."""

from financing.models.applications import Application, ApplicationStatus
from financing.models.loans import Loan, LoanScheduleRow, LoanStatus
from financing.models.orders import ClosedAttempt, OrderCopy, OrderState
from financing.models.programmes import FinancingType, Programme, ProgrammeRate, ScheduleType

__all__ = [
    "Application",
    "ApplicationStatus",
    "ClosedAttempt",
    "FinancingType",
    "Loan",
    "LoanScheduleRow",
    "LoanStatus",
    "OrderCopy",
    "OrderState",
    "Programme",
    "ProgrammeRate",
    "ScheduleType",
]
