"""The daily look at all running loans: what fell due, what is late, who is to be reminded.

Loans are drawn from dates, so a second run of a day finds nothing to do, and a missed day needs no catching up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connections
from django.db.models import Prefetch, Q

from core.clock import dealer_day
from core.db import transaction
from financing.events import LoanPaymentDue
from financing.models import RUNNING, EntryKind, Loan, LoanScheduleRow, LoanStage
from financing.queries.history import History
from financing.services.mandates import look_after_debits
from financing.services.repaying import carry_out, due_orders
from financing.services.standing import draw, post, refresh, totals
from messaging.outbox import publish

CHUNK = 200
REMIND_BEFORE = timedelta(days=3)
LOOK_AHEAD = timedelta(days=80)
"""Instalments later than that tell nothing of today: the next one is at most two months and a shift away, but after
credit holidays.
"""
_PICTURE = {
    "status": "text", "balance": "numeric", "deposit": "numeric", "overdue_amount": "numeric",
    "penalty_amount": "numeric", "overdue_since": "date", "days_past_due": "int", "next_due_date": "date",
    "next_payment": "numeric", "told_overdue": "date", "reminded_for": "date", "closed_at": "timestamptz",
    "stage": "text", "stage_until": "date",
}  # fmt: skip
"""What the daily look draws, and the types of the columns."""
_WRITTEN = {"id": "uuid"} | _PICTURE | {"version": "int", "updated_at": "timestamptz"}
_WRITE = """
UPDATE financing_loan AS l SET {assignments} FROM unnest({arrays}) AS t({columns}) WHERE l.id = t.id
""".format(
    assignments=", ".join(f"{name} = t.{name}" for name in _WRITTEN if name != "id"),
    arrays=", ".join(f"%s::{kind}[]" for kind in _WRITTEN.values()),
    columns=", ".join(_WRITTEN),
)


@dataclass
class Accrued:
    """Counts of a run: loans looked at, and of them those that changed."""

    seen: int = 0
    changed: int = 0


def accrue_loans(*, now: datetime) -> Iterator[Accrued]:
    """Carry out what was ordered for today and draw every running loan anew, some hundreds at a time.

    Yields what was found so far after each step.
    """
    found = Accrued()
    for payment_id in due_orders(now):
        carry_out(payment_id=payment_id, now=now)
    look_after_debits(now=now)
    reached: UUID | None = None
    while ids := _next_ids(reached):
        reached = ids[-1]
        found.changed += _accrue(ids, now)
        found.seen += len(ids)
        yield found


def _next_ids(after: UUID | None) -> list[UUID]:
    running = Loan.objects.filter(status__in=RUNNING).order_by("pk")
    if after is not None:
        running = running.filter(pk__gt=after)
    return list(running.values_list("pk", flat=True)[:CHUNK])


def _accrue(ids: Sequence[UUID], now: datetime) -> int:
    """Draw some loans in one transaction; loans that a payment holds at this moment are drawn by it."""
    today = dealer_day(now)
    resting = Loan.objects.filter(pk__in=ids, stage=LoanStage.MORATORIUM).values("pk")
    near = LoanScheduleRow.objects.filter(Q(due_date__lte=today + LOOK_AHEAD) | Q(loan_id__in=resting))
    with transaction("financing"):
        loans = (
            Loan.objects.select_for_update(skip_locked=True)
            .filter(pk__in=ids, status__in=RUNNING)
            .order_by("pk")
            .prefetch_related("versions", Prefetch("rows", near), "payments")
        )
        changed = [loan for loan in loans if _look_at(loan, today, now)]
        _write(changed)
        Loan.objects.filter(pk__in=[loan.pk for loan in loans]).update(accrued_on=today)
    return len(changed)


def _write(loans: Sequence[Loan]) -> None:
    """Write the pictures by one statement; the ORM's bulk update takes five times as long as all the rest."""
    with connections["financing"].cursor() as cursor:
        cursor.execute(_WRITE, [[getattr(loan, name) for loan in loans] for name in _WRITTEN])


def _look_at(loan: Loan, today: date, now: datetime) -> bool:
    """Draw one loan and tell its news; return whether anything is different."""
    before = {name: getattr(loan, name) for name in _PICTURE}
    history = History(loan)
    standing = history.standing(today)
    if standing.is_repaid:
        refresh(loan, history, now, EntryKind.DUE)
        return True
    draw(loan, history, standing, now)
    _remind(loan, today)
    if before == {name: getattr(loan, name) for name in _PICTURE}:
        return False
    if (before["balance"], before["deposit"]) != (loan.balance, loan.deposit):
        post(loan, totals(loan, history, standing), EntryKind.DUE, today, now)
    loan.touch(now)
    return True


def _remind(loan: Loan, today: date) -> None:
    """Remind of an instalment some days before, once, unless the money for it is here."""
    due = loan.next_due_date
    if due is None or not today < due <= today + REMIND_BEFORE or loan.reminded_for == due:
        return
    loan.reminded_for = due
    if loan.deposit < loan.next_payment:
        publish(
            LoanPaymentDue(
                loan_id=loan.id,
                customer_id=loan.customer_id,
                due_date=due,
                amount=loan.next_payment - loan.deposit,
                currency=loan.currency,
            )
        )
