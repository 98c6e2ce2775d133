"""Managers' screens for programmes, limits, applications, overrides and loans; every word goes through a service."""

from financing.admin.applications import ApplicationAdmin
from financing.admin.limits import CreditLimitAdmin
from financing.admin.loans import LoanAdmin, LoanPaymentAdmin, LoanRefundAdmin
from financing.admin.overrides import OverrideAdmin
from financing.admin.papers import ApplicationDocumentAdmin
from financing.admin.programmes import ProgrammeAdmin
from financing.admin.work_calendar import WorkCalendarYearAdmin

__all__ = [
    "ApplicationAdmin",
    "ApplicationDocumentAdmin",
    "CreditLimitAdmin",
    "LoanAdmin",
    "LoanPaymentAdmin",
    "LoanRefundAdmin",
    "OverrideAdmin",
    "ProgrammeAdmin",
    "WorkCalendarYearAdmin",
]
