"""Tables of financing: programmes, applications, loans and their money, and what it knows of orders."""

from financing.models.applications import Application, ApplicationStatus
from financing.models.loans import RUNNING, Loan, LoanScheduleRow, LoanStatus, LoanVersion, VersionKind
from financing.models.orders import ClosedAttempt, OrderCopy, OrderState
from financing.models.programmes import FinancingType, Programme, ProgrammeRate, ScheduleType
from financing.models.servicing import (
    Account,
    EntryKind,
    LoanEntry,
    LoanLine,
    LoanPayment,
    LoanPaymentMethod,
    LoanPaymentStatus,
    PaymentKind,
)

__all__ = [
    "RUNNING",
    "Account",
    "Application",
    "ApplicationStatus",
    "ClosedAttempt",
    "EntryKind",
    "FinancingType",
    "Loan",
    "LoanEntry",
    "LoanLine",
    "LoanPayment",
    "LoanPaymentMethod",
    "LoanPaymentStatus",
    "LoanScheduleRow",
    "LoanStatus",
    "LoanVersion",
    "OrderCopy",
    "OrderState",
    "PaymentKind",
    "Programme",
    "ProgrammeRate",
    "ScheduleType",
    "VersionKind",
]
