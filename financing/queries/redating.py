"""Work out where a decree of working days puts the coming payments of signed loans, without writing anything."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from core.clock import dealer_day
from core.money import ZERO
from financing.models import RUNNING, Loan, LoanScheduleRow, LoanStage, LoanVersion, VersionKind, WorkCalendarYear
from financing.queries.history import History
from financing.rules.bank_rules import Calendar
from financing.rules.calculations import Debt, Part, Row, Shift

CHUNK = 200
MOST_LOOKED_AT, MOST_SHOWN = 2_000, 100
LONGEST_TERM_YEARS = 31
NOTICE = timedelta(days=3)
"""A payment never moves to an earlier day within the days in which its borrower is reminded of it."""
_SHIFTED = [shift.value for shift in Shift if shift is not Shift.NONE]


@dataclass(frozen=True)
class Redating:
    """Coming payments of one loan on their new days, roubles: `moves` are pairs of the old day and the new one."""

    loan: Loan
    moves: Sequence[tuple[date, date]]
    version: LoanVersion
    rows: Sequence[Row]
    interest_change: Decimal


@dataclass(frozen=True)
class ShownRedating:
    """One loan that would change: roubles of interest, its first day that moves, and how many do."""

    loan_id: UUID
    bank: str
    old_due_date: date
    due_date: date
    payments: int
    interest_change: Decimal


@dataclass(frozen=True)
class RedatingPreview:
    """Changes that following a year would make, of the loans looked at; not `is_whole` where there are more of them."""

    year: int
    seen: int
    loans: int
    payments: int
    earlier: int
    interest_change: Decimal
    shown: Sequence[ShownRedating]
    is_whole: bool


def preview_redating(year: int, *, now: datetime, most: int = MOST_LOOKED_AT) -> RedatingPreview:
    """Tell what signed loans would change by, were they let follow a year's calendar as it is now."""
    today, found, seen = dealer_day(now), list[Redating](), 0
    is_whole, calendar = False, read_calendar(today)
    for loans in _list_shifted(today):
        if not loans:
            is_whole = True
            break
        if seen >= most:
            break
        seen += len(loans)
        found += filter(None, (plan_redating(History(loan), today, calendar, {year}) for loan in loans))
    moves = [move for item in found for move in item.moves]
    return RedatingPreview(
        year=year,
        seen=seen,
        loans=len(found),
        payments=len(moves),
        earlier=sum(new < old for old, new in moves),
        interest_change=sum((item.interest_change for item in found), ZERO),
        shown=[_show(item) for item in found[:MOST_SHOWN]],
        is_whole=is_whole,
    )


def _show(item: Redating) -> ShownRedating:
    old, new = item.moves[0]
    return ShownRedating(item.loan.id, item.loan.bank, old, new, len(item.moves), item.interest_change)


def _list_shifted(today: date) -> Iterator[list[Loan]]:
    """Read running loans whose payments avoid days off, some hundreds at a time; the last lot is empty."""
    reached: UUID | None = None
    while ids := next_shifted(reached, today):
        reached = ids[-1]
        read = Loan.objects.filter(pk__in=ids).order_by("pk").prefetch_related("versions", "rows", "payments", "stages")
        yield list(read)
    yield []


def read_calendar(today: date) -> Calendar:
    """Read once the working days of all years that a payment to come may lie in."""
    read = WorkCalendarYear.read(today.year - 1, today.year + LONGEST_TERM_YEARS)
    return lambda _first, _last: read


def next_shifted(after: UUID | None, today: date) -> list[UUID]:
    """Return the next running loans with payments to come that avoid days off, by their ids."""
    running = Loan.objects.filter(
        status__in=RUNNING, last_due_date__gt=today, bank_rules__due_shift__in=_SHIFTED
    ).order_by("pk")
    if after is not None:
        running = running.filter(pk__gt=after)
    return list(running.values_list("pk", flat=True)[:CHUNK])


def plan_redating(history: History, today: date, calendar: Calendar, years: Collection[int]) -> Redating | None:
    """Work out the schedule that moves coming payments off the days off of some years; None where nothing moves.

    The payments stay as large as they were and the last one takes the difference: interest runs to the moved day by
    the loan's own count. What is due today or was due stays, and so does what was paid.
    """
    later = history.later_rows(today)
    old = [row.due_date for row in later]
    placed = history.loan.rules.redate(history.loan.disbursed_date, old, calendar)
    new = [moved if _may_move(day, moved, today, years) else day for day, moved in zip(old, placed, strict=True)]
    return _plan(history, today, new)


def place_payments(history: History, since: date, days: Mapping[int, date]) -> Redating | None:
    """Work out the schedule after a day by which payments of these numbers are due on these days, as they were told.

    None where they are so already.
    """
    return _plan(history, since, [days.get(row.number, row.due_date) for row in history.later_rows(since)])


def _plan(history: History, today: date, new: Sequence[date]) -> Redating | None:
    later = history.later_rows(today)
    old = [row.due_date for row in later]
    if new == old:
        return None
    standing = history.standing(today)
    balance = standing.balance - standing.owed[Part.OVERDUE_PRINCIPAL] - standing.owed[Part.PRINCIPAL]
    debt = replace(history.debt(today, balance), due_dates=new)
    passed = history.last_number(today)
    rows = [row._replace(number=row.number + passed) for row in _draw(history, debt, later)]
    return Redating(
        loan=history.loan,
        moves=[(day, moved) for day, moved in zip(old, new, strict=True) if day != moved],
        version=_version(history, debt, rows),
        rows=rows,
        interest_change=sum((row.interest for row in rows), ZERO) - sum((row.interest for row in later), ZERO),
    )


def _may_move(day: date, moved: date, today: date, years: Collection[int]) -> bool:
    is_of_years = day.year in years or moved.year in years
    return is_of_years and (moved > day or moved > today + NOTICE)


def _draw(history: History, debt: Debt, later: Sequence[LoanScheduleRow]) -> list[Row]:
    """Draw the payments left on their new days; what holidays put off stays with the last one."""
    put_off = history.version.deferred_interest
    if put_off:
        since = debt.since if debt.since > history.version.from_date else _find_end_of_holidays(history)
        debt = replace(debt, since=since, period_start=None, accrued_interest=ZERO)
    is_interest_only = debt.balloon == debt.balance and not any(row.principal for row in later[:-1])
    plan = debt.reduced_schedule() if is_interest_only else debt.kept_schedule()
    rows = list(plan.rows)
    last = rows[-1]
    rows[-1] = last._replace(payment=last.payment + put_off, interest=last.interest + put_off)
    return rows


def _find_end_of_holidays(history: History) -> date:
    """Return the day that payments resumed after: the version began with the holidays."""
    ends = [item.until for item in history.loan.stages.all() if item.stage == LoanStage.MORATORIUM and item.until]
    return max(ends, default=history.version.from_date)


def _version(history: History, debt: Debt, rows: Sequence[Row]) -> LoanVersion:
    """Build the row of the new schedule: from the last due day on, so that no period's interest is split."""
    old = history.version
    return LoanVersion(
        loan=history.loan,
        number=max(item.number for item in history.loan.versions.all()) + 1,
        kind=VersionKind.REDATING,
        from_date=debt.since,
        period_start=debt.period_start or debt.since,
        annual_rate=old.annual_rate,
        principal=debt.balance,
        payment=old.payment,
        monthly_payment=old.monthly_payment,
        psk=old.psk,
        carried_interest=debt.accrued_interest,
        deferred_interest=old.deferred_interest if rows else ZERO,
    )
