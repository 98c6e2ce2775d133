"""Declare what financing holds of a person, and what erasure leaves of it."""

from datetime import datetime
from functools import partial
from uuid import UUID

from dateutil.relativedelta import relativedelta
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from accounts.events import UserDeleted, UserStayed
from core.db import on_commit
from core.files.kept import PAPERS
from core.files.orphans import names_files
from core.files.papers import destroy_papers
from financing.models import (
    Application,
    ApplicationDocument,
    BankOffer,
    CreditLimit,
    Loan,
    LoanEntry,
    LoanLine,
    LoanPayment,
    LoanRefund,
    LoanScheduleRow,
    LoanStageChange,
    LoanVersion,
    OrderCopy,
    Override,
    Programme,
    WorkCalendarYear,
)
from financing.models.applications import OPEN
from financing.models.loans import RUNNING
from financing.models.servicing import RefundStatus
from messaging.people.classified import keeps, plain
from messaging.people.departures import open_door
from messaging.people.endings import Ending, left
from messaging.people.personal import Obligation, erase, holds, obliges
from messaging.subscriptions import subscribe

YEARS = 5
_FIVE_YEARS = "five years after the loan has ended"
_IDENTIFIED = "whom a loan was given is known by its papers (115-FZ art. 7); without a loan the papers are deleted"


def _forget_papers(papers: QuerySet[ApplicationDocument]) -> None:
    """Papers that a loan stands on stay as long as its contract; the others go, and their files after the commit."""
    _destroy(papers.filter(application__loan__isnull=True))


def _old_papers(now: datetime) -> QuerySet[ApplicationDocument]:
    """Of people who have left: papers of loans that ended so long ago that nobody has to know them any more."""
    going = ApplicationDocument.objects.filter(application__customer_id__in=left("financing"))
    loans = Loan.objects.annotate(ended_at=Coalesce("closed_at", "cancelled_at", "updated_at"))
    over = loans.exclude(status__in=RUNNING).filter(ended_at__lt=now - relativedelta(years=YEARS))
    return going.filter(application__loan__in=over.values("pk"))


def _destroy(going: QuerySet[ApplicationDocument]) -> None:
    paths = list(going.values_list("path", flat=True))
    ApplicationDocument.objects.filter(pk__in=list(going.values_list("pk", flat=True))).delete()
    on_commit("financing", partial(destroy_papers, paths))


holds(
    Application,
    blank={"birth_date": None, "employment_status": "", "monthly_income": 0, "monthly_obligations": 0}
    | {"decision": {}, "note": ""},
)
holds(ApplicationDocument, owner="application__customer_id", blank={"note": ""}, erase=_forget_papers)
holds(BankOffer, owner="application__customer_id", blank={"detail": ""})
holds(Override, owner="application__customer_id", blank={"reason": "–", "note": ""})
holds(LoanVersion, owner="loan__customer_id", blank={"reason": ""})
holds(LoanStageChange, owner="loan__customer_id", blank={"reason": ""})
holds(LoanScheduleRow, owner="loan__customer_id")
holds(LoanPayment, owner="loan__customer_id", blank={"reason": "", "failure_detail": ""})
holds(LoanRefund, owner="loan__customer_id", blank={"reason": "–", "failure_detail": ""})
holds(LoanEntry, owner="loan__customer_id", blank={"reason": ""})
holds(LoanLine, owner="entry__loan__customer_id")


def _obligations(user_id: UUID) -> list[Obligation]:
    """Loans that are not repaid, applications that somebody decides, and money that goes back."""
    loans = Loan.objects.filter(customer_id=user_id, status__in=RUNNING).order_by("pk").values_list("pk", flat=True)
    asked = Application.objects.filter(customer_id=user_id, status__in=OPEN).order_by("pk").values_list("pk", flat=True)
    coming = LoanRefund.objects.filter(loan__customer_id=user_id, status=RefundStatus.REQUESTED).order_by("pk")
    return [
        *(Obligation("loan", loan_id) for loan_id in loans),
        *(Obligation("refund", refund_id) for refund_id in coming.values_list("pk", flat=True)),
        *(Obligation("application", application_id) for application_id in asked),
    ]


obliges("financing", _obligations)

plain(
    Programme,
    "bank name connection allocation_order residual_limits required_documents currency valid_from valid_to fees",
)
plain(Application, "currency counted_in")
plain(CreditLimit, "bank valid_from valid_to source")
plain(
    Loan,
    "bank currency disbursed_date cooling_off_until last_due_date next_due_date overdue_since accrued_on reminded_for"
    " told_overdue stage_until",
)
plain(LoanVersion, "from_date period_start")
plain(LoanStageChange, "ground from_date until")
plain(LoanScheduleRow, "due_date")
plain(BankOffer, "connection reference code")
plain(WorkCalendarYear, "days_off working_days source")
plain(OrderCopy, "number currency")
keeps(ApplicationDocument, "name path sha256", why=_IDENTIFIED, until=_FIVE_YEARS, ends=Ending(_old_papers, _destroy))
plain(ApplicationDocument, "content_type")
plain(LoanPayment, "currency strategy value_date connection reference failure_code")
plain(LoanRefund, "currency failure_code")
plain(LoanEntry, "day")


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what financing and its log tell of a person; rows of money and their ids stay."""
    erase("financing", event.user_id)


@subscribe(UserStayed)
def let_in_again(event: UserStayed) -> None:
    """Let new business begin again for somebody who was not erased after all."""
    open_door("financing", event.user_id, event.closing_id)


names_files(ApplicationDocument, "path", kind=PAPERS, folder="applications")
