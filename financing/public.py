"""What other apps may read of financing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from core.books import Disagreement
from financing.application_fields import check_fields, read_fields
from financing.clock import local_date
from financing.models import Application, ApplicationStatus, ClosedAttempt, Loan, LoanScheduleRow, LoanStatus

__all__ = ["LoanFacts", "check_application", "loan_disagreements", "loans_by_order"]


@dataclass(frozen=True)
class LoanFacts:
    """What the books need to know of a loan: roubles, and the checkout's attempt that it belongs to."""

    order_id: UUID
    loan_id: UUID
    application_id: UUID
    attempt_id: UUID | None
    status: str
    principal: Decimal
    currency: str

    @property
    def is_owed(self) -> bool:
        """Whether the loan still pays for its order."""
        return self.status != LoanStatus.CANCELLED


def check_application(application: Mapping[str, Any], *, now: datetime) -> None:
    """Refuse fields of an application that no bank could decide on, before an order is placed. Raises InvalidInput."""
    check_fields(read_fields(application), local_date(now))


def loans_by_order(*, chunk: int = 2000) -> Iterator[LoanFacts]:
    """Every loan, in order of its order."""
    loans = Loan.objects.select_related("application").order_by("order_id", "pk")
    for loan in loans.iterator(chunk_size=chunk):
        yield LoanFacts(
            order_id=loan.order_id,
            loan_id=loan.id,
            application_id=loan.application_id,
            attempt_id=loan.application.attempt_id,
            status=loan.status,
            principal=loan.principal,
            currency=loan.currency,
        )


def loan_disagreements() -> Iterator[Disagreement]:
    """Everything within financing that does not agree: applications, loans, schedules, undone attempts."""
    yield from _applications_without_loans()
    yield from _loans_unlike_their_applications()
    yield from _schedules_that_do_not_add_up()
    yield from _closed_attempts_that_hold_something()


def _applications_without_loans() -> Iterator[Disagreement]:
    lost = Application.objects.filter(status=ApplicationStatus.DISBURSED, loan__isnull=True)
    for application in lost.order_by("pk"):
        yield Disagreement(
            "application_without_loan", {"application_id": str(application.id)}, "paid out, and there is no loan"
        )


def _loans_unlike_their_applications() -> Iterator[Disagreement]:
    alike = Q(
        application__status=ApplicationStatus.DISBURSED,
        principal=F("application__approved_amount"),
        order_id=F("application__order_id"),
        customer_id=F("application__customer_id"),
    )
    for loan in Loan.objects.exclude(alike).select_related("application").order_by("pk"):
        application = loan.application
        yield Disagreement(
            "loan_unlike_application",
            {"loan_id": str(loan.id), "application_id": str(application.id)},
            f"{loan.principal} lent, {application.approved_amount} approved, application {application.status}",
        )


def _schedules() -> QuerySet[Loan, Any]:
    return Loan.objects.order_by("pk").values("id", "principal", "total_interest", "term_months").annotate(
        repaid=Sum("rows__principal"),
        interest=Sum("rows__interest"),
        row_count=Count("rows"),
        least_balance=Min("rows__balance"),
    )  # fmt: skip


def _schedules_that_do_not_add_up() -> Iterator[Disagreement]:
    whole = Q(repaid=F("principal"), interest=F("total_interest"), least_balance=0, row_count__lte=F("term_months"))
    for row in _schedules().exclude(whole):
        yield Disagreement(
            "schedule_does_not_add_up",
            {"loan_id": str(row["id"])},
            f"{row['repaid']} of {row['principal']} repaid, interest {row['interest']} of {row['total_interest']}",
        )
    yield from _rows_that_do_not_follow()


def _rows_that_do_not_follow() -> Iterator[Disagreement]:
    """A balance is the one before it less the principal between them."""
    rows = LoanScheduleRow.objects.order_by("loan_id", "number").values_list(
        "loan_id", "loan__principal", "number", "principal", "balance"
    )
    loan_id, balance = None, Decimal(0)
    for row_loan, lent, number, principal, left in rows.iterator(chunk_size=5000):
        balance = (lent if row_loan != loan_id else balance) - principal
        if balance != left:
            yield Disagreement(
                "schedule_balance_breaks", {"loan_id": str(row_loan)}, f"row {number}: {left}, not {balance}"
            )
        loan_id, balance = row_loan, left


def _closed_attempts_that_hold_something() -> Iterator[Disagreement]:
    closed = ClosedAttempt.objects.values("attempt_id")
    held = Application.objects.filter(attempt_id__in=closed).exclude(
        Q(status__in=[ApplicationStatus.REJECTED, ApplicationStatus.WITHDRAWN, ApplicationStatus.EXPIRED])
        | Q(loan__status=LoanStatus.CANCELLED)
    )
    for application in held.order_by("pk"):
        yield Disagreement(
            "closed_attempt_holds_something",
            {"attempt_id": str(application.attempt_id), "application_id": str(application.id)},
            f"its purchase was undone, and the application is {application.status}",
        )
