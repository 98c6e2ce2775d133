"""Every read of financing that is more than a filter: structs out, never a write."""

from financing.queries.bank_offers import list_offers
from financing.queries.borrowing import (
    ApplicationCard,
    LoanCard,
    LoanPage,
    OfferCard,
    list_applications,
    list_loans,
    read_application,
    read_loan,
)
from financing.queries.early import EarlyPlan, PayoffQuote
from financing.queries.history import History
from financing.queries.loans import running_loans
from financing.queries.overrides import four_eyes_above
from financing.queries.paper_files import read_document
from financing.queries.papers import PapersPage, read_own_paper, read_papers
from financing.queries.portfolio import Portfolio, read_portfolio
from financing.queries.programmes import programmes_on, rules_on_offer
from financing.queries.questions import bank_question, find_mandate, is_same_sum
from financing.queries.redating import RedatingPreview, preview_redating
from financing.queries.shares import Share, shares_on
from financing.queries.wanted_papers import papers_lacking, papers_to_send
from financing.queries.work_calendar import show_work_year
from financing.rules.keys import get_debit_key
from financing.rules.quoting import quote_loan

__all__ = [
    "ApplicationCard",
    "EarlyPlan",
    "History",
    "LoanCard",
    "LoanPage",
    "OfferCard",
    "PapersPage",
    "PayoffQuote",
    "Portfolio",
    "RedatingPreview",
    "Share",
    "bank_question",
    "find_mandate",
    "four_eyes_above",
    "get_debit_key",
    "is_same_sum",
    "list_applications",
    "list_loans",
    "list_offers",
    "papers_lacking",
    "papers_to_send",
    "preview_redating",
    "programmes_on",
    "quote_loan",
    "read_application",
    "read_document",
    "read_loan",
    "read_own_paper",
    "read_papers",
    "read_portfolio",
    "rules_on_offer",
    "running_loans",
    "shares_on",
    "show_work_year",
]
