"""Answer what other apps may read of financing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby, islice
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from core.clock import dealer_day
from core.plugins import Disagreement
from financing.models import (
    Account,
    Application,
    ApplicationStatus,
    BankOffer,
    ClosedAttempt,
    Loan,
    LoanEntry,
    LoanLine,
    LoanPayment,
    LoanPaymentMethod,
    LoanPaymentStatus,
    LoanRefund,
    LoanScheduleRow,
    LoanStatus,
    LoanVersion,
    OfferStatus,
    PaperKind,
)
from financing.queries.affordable import Affordable, CarBand, find_affordable
from financing.queries.cars import Car, describe_car
from financing.queries.limits import LENT_UP_TO_KM
from financing.queries.offers import (
    LoanOffer,
    ProgrammeChoice,
    cheapest_offers,
    loan_offer,
    offer_stamp,
    programme_choices,
    read_offer_terms,
    recalculate_offer,
    require_programme,
)
from financing.rules.application_fields import check_fields, read_fields
from financing.rules.clock import silent_since

__all__ = [
    "LENT_UP_TO_KM",
    "Affordable",
    "Car",
    "CarBand",
    "LoanFacts",
    "LoanOffer",
    "PaperKind",
    "ProgrammeChoice",
    "cheapest_offers",
    "check_application",
    "debits_for_somebody",
    "describe_car",
    "find_affordable",
    "loan_disagreements",
    "loan_offer",
    "loans_by_order",
    "offer_stamp",
    "programme_choices",
    "read_offer_terms",
    "recalculate_offer",
    "refunds_of_loans",
    "require_programme",
    "silent_banks",
    "waiting_for_somebody",
]

COUNTED = 100


@dataclass(frozen=True)
class LoanFacts:
    """Facts about a loan that the books need: roubles, and the checkout's attempt that it belongs to.

    `paid_out` is what its order got: the principal less the fees that the loan itself paid.
    """

    order_id: UUID
    loan_id: UUID
    application_id: UUID
    attempt_id: UUID | None
    status: str
    principal: Decimal
    paid_out: Decimal
    currency: str

    @property
    def is_owed(self) -> bool:
        """Tell whether the loan still pays for its order."""
        return self.status != LoanStatus.CANCELLED


def check_application(application: Mapping[str, Any], *, now: datetime) -> None:
    """Refuse fields of an application that no bank could decide on, before an order is placed. Raises InvalidInput."""
    check_fields(read_fields(application), dealer_day(now))


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
            paid_out=loan.paid_out,
            currency=loan.currency,
        )


def debits_for_somebody(now: datetime) -> Q:
    """The condition of debits that wait for a person: no bank answers, or one took back what cannot be counted so."""
    told_by_hand = Q(connection="") | Q(asked_at__lte=silent_since(now))
    waits = Q(status=LoanPaymentStatus.PENDING) & told_by_hand | Q(recalled_at__isnull=False)
    return Q(method=LoanPaymentMethod.ACCOUNT) & waits


def waiting_for_somebody(*, now: datetime) -> dict[str, int]:
    """Count the debits that wait for a person; nothing is counted beyond a hundred."""
    rows = LoanPayment.objects.filter(debits_for_somebody(now))
    return {"debits_waiting": len(rows.values_list("pk", flat=True)[:COUNTED])}


def silent_banks(*, seconds: int, now: datetime) -> dict[str, tuple[int, datetime]]:
    """By connection, how much its bank has not answered in time, and since when: applications asked for so long ago.

    Debits count from when a manager may bring them on paper. None is counted beyond a hundred of each.
    """
    asked = BankOffer.objects.filter(status=OfferStatus.ASKED, asked_at__lte=now - timedelta(seconds=seconds))
    told = LoanPayment.objects.filter(
        method=LoanPaymentMethod.ACCOUNT, status=LoanPaymentStatus.PENDING, asked_at__lte=silent_since(now)
    )
    found: dict[str, tuple[int, datetime]] = {}
    for rows in (asked, told):
        waiting = rows.exclude(connection="").order_by("asked_at").values_list("connection", "asked_at")
        for name, since in waiting[:COUNTED]:
            if since is None:
                continue
            count, oldest = found.get(name, (0, since))
            found[name] = count + 1, min(oldest, since)
    return found


def loan_disagreements() -> Iterator[Disagreement]:
    """Everything within financing that does not agree: applications, loans, schedules, books, undone attempts."""
    yield from _applications_without_loans()
    yield from _applications_nobody_decides()
    yield from _loans_unlike_their_applications()
    yield from _schedules_that_do_not_add_up()
    yield from _books_that_do_not_balance()
    yield from _debits_nobody_answered()
    yield from _undone_loans_that_keep_money()
    yield from _closed_attempts_that_hold_something()


def _applications_without_loans() -> Iterator[Disagreement]:
    lost = Application.objects.filter(status=ApplicationStatus.DISBURSED, loan__isnull=True)
    for application in lost.order_by("pk"):
        yield Disagreement(
            "application_without_loan", {"application_id": str(application.id)}, "paid out, and there is no loan"
        )


def _applications_nobody_decides() -> Iterator[Disagreement]:
    """An application waits for banks only while one of them is asked."""
    asked = BankOffer.objects.filter(application=OuterRef("pk"), status=OfferStatus.ASKED)
    waiting = Application.objects.filter(status=ApplicationStatus.SCORING)
    for application in waiting.exclude(Exists(asked)).order_by("pk"):
        yield Disagreement(
            "application_nobody_decides", {"application_id": str(application.id)}, "it waits, and no bank is asked"
        )


def _loans_unlike_their_applications() -> Iterator[Disagreement]:
    alike = Q(
        application__status=ApplicationStatus.DISBURSED,
        principal=F("application__approved_amount") + F("application__financed_fee"),
        financed_fee=F("application__financed_fee"),
        order_id=F("application__order_id"),
        customer_id=F("application__customer_id"),
    )
    for loan in Loan.objects.exclude(alike).select_related("application").order_by("pk"):
        application = loan.application
        yield Disagreement(
            "loan_unlike_application",
            {"loan_id": str(loan.id), "application_id": str(application.id)},
            f"{loan.principal} lent, {application.approved_amount} and {application.financed_fee} of fees approved, "
            f"application {application.status}",
        )


def _schedules_that_do_not_add_up() -> Iterator[Disagreement]:
    """The rows of every schedule repay what was owed when it began."""
    rows = LoanScheduleRow.objects.filter(loan=OuterRef("loan"), version=OuterRef("number")).order_by()
    repaid = Subquery(rows.values("loan").annotate(total=Sum("principal")).values("total"))
    versions = LoanVersion.objects.annotate(repaid=Coalesce(repaid, Decimal(0))).exclude(repaid=F("principal"))
    for version in versions.order_by("loan_id", "number"):
        yield Disagreement(
            "schedule_does_not_add_up",
            {"loan_id": str(version.loan_id)},
            f"version {version.number}: {version.repaid} of {version.principal} repaid",
        )
    yield from _rows_that_do_not_follow()


def _rows_that_do_not_follow() -> Iterator[Disagreement]:
    """A balance is the one before it less the principal between them, and the last is nothing."""
    rows = LoanScheduleRow.objects.order_by("loan_id", "version", "number").values_list(
        "loan_id", "version", "number", "principal", "balance"
    )
    for (loan_id, _), group in groupby(rows.iterator(chunk_size=5000), key=itemgetter(0, 1)):
        balance: Decimal | None = None
        for _, _, number, principal, left in group:
            if balance is not None and balance - principal != left:
                yield _break(loan_id, f"row {number}: {left}, not {balance - principal}")
            balance = left
        if balance:
            yield _break(loan_id, f"{balance} left after the last row")


def _break(loan_id: UUID, detail: str) -> Disagreement:
    return Disagreement("schedule_balance_breaks", {"loan_id": str(loan_id)}, detail)


def _books_that_do_not_balance() -> Iterator[Disagreement]:
    """Each entry of a loan's book sums to zero, and its principal account holds what the loan says is owed."""
    uneven = LoanEntry.objects.annotate(total=Sum("lines__amount")).exclude(total=0).order_by("loan_id", "pk")
    for entry in uneven:
        ids = {"loan_id": str(entry.loan_id), "entry_id": str(entry.id)}
        yield Disagreement("loan_entry_unbalanced", ids, f"its lines sum to {entry.total}")
    lines = LoanLine.objects.filter(entry__loan=OuterRef("pk"), account=Account.PRINCIPAL).order_by()
    owed = Subquery(lines.values("entry__loan").annotate(total=Sum("amount")).values("total"))
    for loan in Loan.objects.annotate(booked=Coalesce(owed, Decimal(0))).exclude(booked=F("balance")).order_by("pk"):
        yield Disagreement(
            "loan_book_unlike_balance", {"loan_id": str(loan.id)}, f"{loan.balance} owed, {loan.booked} booked"
        )


def _undone_loans_that_keep_money() -> Iterator[Disagreement]:
    """All that was paid on a loan goes back when its purchase is undone, and never more than was paid."""
    asked = LoanRefund.objects.filter(payment=OuterRef("pk")).order_by().values("payment")
    back = Coalesce(Subquery(asked.annotate(total=Sum("amount")).values("total")), Decimal(0))
    paid = LoanPayment.objects.filter(status=LoanPaymentStatus.RECEIVED).annotate(back=back)
    kept = Q(loan__status=LoanStatus.CANCELLED, back__lt=F("amount"))
    for payment in paid.filter(kept | Q(back__gt=F("amount"))).order_by("pk"):
        ids = {"loan_id": str(payment.loan_id), "payment_id": str(payment.id)}
        yield Disagreement("loan_refunds_unlike_payment", ids, f"{payment.amount} paid, {payment.back} given back")


def refunds_of_loans(*, chunk: int = 2000) -> Iterator[dict[UUID, Decimal]]:
    """Return what was asked of payments to be given back, by request, in chunks."""
    rows = LoanRefund.objects.order_by("pk").values_list("pk", "amount").iterator(chunk_size=chunk)
    while some := dict(islice(rows, chunk)):
        yield some


def _debits_nobody_answered() -> Iterator[Disagreement]:
    """The money of a debit counts by its bank's number alone: what has none was believed."""
    counted = LoanPayment.objects.filter(
        method=LoanPaymentMethod.ACCOUNT,
        status__in=[LoanPaymentStatus.RECEIVED, LoanPaymentStatus.REVERSED],
        reference="",
    )
    for payment in counted.order_by("pk"):
        ids = {"loan_id": str(payment.loan_id), "payment_id": str(payment.id)}
        yield Disagreement("debit_nobody_answered", ids, f"{payment.amount} counted without a number at the bank")


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


def count_under_review() -> int:
    """Count the applications that wait for a manager's decision; nothing is counted beyond a hundred."""
    waiting = Application.objects.filter(status=ApplicationStatus.UNDER_REVIEW)
    return len(waiting.values_list("pk", flat=True)[:COUNTED])
