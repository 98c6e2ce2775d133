"""Managers' screens for programmes, applications, overrides and loans; every word goes through a service."""

from financing.admin.applications import ApplicationAdmin
from financing.admin.loans import LoanAdmin, LoanPaymentAdmin, LoanRefundAdmin
from financing.admin.overrides import OverrideAdmin
from financing.admin.papers import ApplicationDocumentAdmin
from financing.admin.programmes import ProgrammeAdmin

__all__ = [
    "ApplicationAdmin",
    "ApplicationDocumentAdmin",
    "LoanAdmin",
    "LoanPaymentAdmin",
    "LoanRefundAdmin",
    "OverrideAdmin",
    "ProgrammeAdmin",
]
