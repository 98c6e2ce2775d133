"""Tables of financing: programmes, applications with their papers, loans and their money, what it knows of orders."""

from financing.models.applications import Application, ApplicationStatus
from financing.models.limits import CreditLimit, LimitKind
from financing.models.loans import (
    RUNNING,
    Loan,
    LoanScheduleRow,
    LoanStage,
    LoanStageChange,
    LoanStatus,
    LoanVersion,
    VersionKind,
)
from financing.models.offers import BankOffer, NoticeState, OfferStatus
from financing.models.orders import ClosedAttempt, OrderCopy, OrderState
from financing.models.overrides import Override, OverrideStatus
from financing.models.papers import ApplicationDocument, PaperKind, PaperStatus
from financing.models.programmes import Programme, ProgrammeRate, ScheduleType
from financing.models.servicing import (
    Account,
    EntryKind,
    LoanEntry,
    LoanLine,
    LoanPayment,
    LoanPaymentMethod,
    LoanPaymentStatus,
    LoanRefund,
    PaymentKind,
    RefundStatus,
)
from financing.models.work_calendar import WorkCalendarYear
from financing.rules.kinds import FinancingType

__all__ = [
    "RUNNING",
    "Account",
    "Application",
    "ApplicationDocument",
    "ApplicationStatus",
    "BankOffer",
    "ClosedAttempt",
    "CreditLimit",
    "EntryKind",
    "FinancingType",
    "LimitKind",
    "Loan",
    "LoanEntry",
    "LoanLine",
    "LoanPayment",
    "LoanPaymentMethod",
    "LoanPaymentStatus",
    "LoanRefund",
    "LoanScheduleRow",
    "LoanStage",
    "LoanStageChange",
    "LoanStatus",
    "LoanVersion",
    "NoticeState",
    "OfferStatus",
    "OrderCopy",
    "OrderState",
    "Override",
    "OverrideStatus",
    "PaperKind",
    "PaperStatus",
    "PaymentKind",
    "Programme",
    "ProgrammeRate",
    "RefundStatus",
    "ScheduleType",
    "VersionKind",
    "WorkCalendarYear",
]
