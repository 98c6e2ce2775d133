"""Move the coming payments of signed loans to where a decree of working days puts them."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from financing.events import LoanRedated
from financing.models import RUNNING, EntryKind, Loan, WorkCalendarYear
from financing.queries.history import History
from financing.queries.redating import Redating, next_shifted, plan_redating, read_calendar
from financing.services.repaying import write_rows
from financing.services.standing import adopt, refresh
from messaging.outbox import publish


@dataclass
class Redated:
    """Counts of a run: loans looked at, of them those that changed, and the payments that moved."""

    seen: int = 0
    changed: int = 0
    payments: int = 0


def follow_calendar(*, year: int, actor_id: UUID | None, now: datetime) -> WorkCalendarYear:
    """Let signed loans follow a year's row from now on: `redate_loans` moves what is not yet due, this night and
    whenever a loan comes to have such a payment. Once is enough. Raises InvalidInput where no decree is entered.
    """
    with transaction("financing"):
        row = WorkCalendarYear.objects.select_for_update().filter(year=year, withdrawn_at=None).first()
        if row is None:
            raise InvalidInput("year", "no_decree", _("The decree of this year is not entered."))
        if row.followed_at is None:
            row.followed_at, row.followed_by = now, actor_id
            row.save(update_fields=["followed_at", "followed_by"])
    return row


def redate_loans(*, now: datetime) -> Iterator[Redated]:
    """Move the coming payments of every running loan by the years that signed loans follow, some hundreds at a time.

    A second run finds nothing to do. Yields what was found so far after each step.
    """
    found, today = Redated(), dealer_day(now)
    followed = WorkCalendarYear.objects.filter(withdrawn_at=None, followed_at__isnull=False, year__gte=today.year)
    years = set(followed.values_list("year", flat=True))
    reached: UUID | None = None
    while years and (ids := next_shifted(reached, today)):
        reached = ids[-1]
        for item in _redate(ids, years, now):
            found.changed += 1
            found.payments += len(item.moves)
        found.seen += len(ids)
        yield found


def _redate(ids: list[UUID], years: Set[int], now: datetime) -> list[Redating]:
    """Re-date some loans in one transaction; those that a payment holds at this moment come the next night."""
    today = dealer_day(now)
    with transaction("financing"):
        calendar = read_calendar(today)
        loans = (
            Loan.objects.select_for_update(skip_locked=True)
            .filter(pk__in=ids, status__in=RUNNING)
            .order_by("pk")
            .prefetch_related("versions", "rows", "payments", "stages")
        )
        plans = [plan_redating(History(loan), today, calendar, years) for loan in loans]
        changed = [plan for plan in plans if plan]
        for plan in changed:
            _write(plan, now)
    return changed


def _write(plan: Redating, now: datetime) -> None:
    loan, version = Loan.objects.get(pk=plan.loan.pk), plan.version
    version.created_at = now
    version.save(force_insert=True)
    write_rows(version, plan.rows)
    history = History(loan)
    adopt(loan, history)
    refresh(loan, history, now, EntryKind.DUE)
    old, new = plan.moves[0]
    publish(
        LoanRedated(
            loan_id=loan.id,
            customer_id=loan.customer_id,
            payments=len(plan.moves),
            old_due_date=old,
            due_date=new,
            amount=next(row.payment for row in plan.rows if row.due_date == new),
            currency=loan.currency,
        )
    )
