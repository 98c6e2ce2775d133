"""The second loan when it does not go as agreed: its cost in per cent, credit holidays, new terms, moved payments.

Written from the rules in words like `simulation`, and like it sharing no code with the product.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from fractions import Fraction

from financing.tests.simulation import (
    DAY,
    Agreement,
    Ledger,
    Left,
    Line,
    Plan,
    count_part,
    equal_parts,
    is_nominal,
    level,
    month_after,
    month_before,
    moved,
    rounded,
    walk,
    years,
)

NOTICE_DAYS = 3


def cost(flows: Iterable[tuple[Fraction, float]]) -> float:
    """Find ПСК, per cent a year, of flows at months since the payout: the rate of a month at which they are worth
    nothing, times twelve. A broken month counts simply, by its part of thirty days (353-FZ art. 6 part 2.1).
    """
    timed = [(int(months), float(months - int(months)), amount) for months, amount in flows]

    def worth(rate: float) -> float:
        return sum(amount / ((1 + rest * rate) * (1 + rate) ** whole) for whole, rest, amount in timed)

    if sum(amount for *_when, amount in timed) <= 0:
        return 0.0
    low, high = 0.0, 0.001
    while worth(high) > 0:
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if worth(middle) > 0 else (low, middle)
    return low * 1200


def months_since(start: date, day: date) -> Fraction:
    """Count months, each of thirty days where it is broken; a month is whole seen from either of its ends."""
    months = 0
    while month_after(start, months + 1) <= day:
        months += 1
    is_whole = month_after(start, months) == day or (months and month_before(day, months) == start)
    if day.day == start.day or is_whole:
        return Fraction(months)
    return months + Fraction((day - month_after(start, months)).days, 30)


def first_cost(deal: Agreement, plan: Plan, is_dated: bool) -> float:
    """Find ПСК of what was signed: fees and premiums that count are taken off the payout or added
    to payments, others are not.
    """
    unseen = replace(deal, fees=tuple(fee for fee in deal.fees if not fee[2]))
    counted = replace(deal, fees=tuple(fee for fee in deal.fees if fee[2]))
    flows = [(Fraction(0), float(counted.fee_first + deal.premium_counted - deal.lent))]
    for number, line in enumerate(plan.lines, 1):
        when = months_since(deal.payout, line.due) if is_dated else Fraction(number)
        flows.append((when, float(line.debt + line.fee - unseen.fee(number))))
    return cost(flows)


def later_cost(balance: int, day: date, lines: list[Line]) -> float:
    """Find ПСК of what is left, as if it were paid out today."""
    paid = [(months_since(day, line.due), float(line.debt + line.fee)) for line in lines]
    return cost([(Fraction(0), float(-balance)), *paid])


def days_after(deal: Agreement, day: date, how_many: int) -> list[date]:
    """Walk through the calendar to the coming due days, moved to working ones."""
    wanted, at, found = deal.payment_day or deal.payout.day, day - 20 * DAY, list[date]()
    while len(found) < how_many:
        is_later = at > deal.payout or deal.payment_day is not None
        if is_later and at > day and is_nominal(at, wanted, deal.month_end):
            due = moved(at, deal.shift, deal.more_off)
            if due > day:
                found.append(due)
        at += DAY
    return found


def place(lines: list[Line], due: list[date]) -> list[Line]:
    """Give each payment its day."""
    for line, day in zip(lines, due, strict=False):
        line.due = day
    return lines


def count_parts(deal: Agreement, start: date, due: list[date]) -> list[Fraction]:
    """Count each period as its part of a year."""
    return [years(begin, end, deal.day_count) for begin, end in zip([start, *due], due, strict=False)]


def running_interest(deal: Agreement, plan: Plan, balance: int, day: date) -> int:
    """Count the interest since the last due day, on what is not yet due."""
    passed, left = split(plan, day)
    start = passed[-1].due if passed else deal.payout
    part = count_part(start, day, (start, left[0].due), deal.day_count)
    return rounded(balance * deal.rate * part, 1, deal.interest_rounding)


def split(plan: Plan, day: date) -> tuple[list[Line], list[Line]]:
    """Part the payments that fell due from those to come."""
    return [line for line in plan.lines if line.due <= day], [line for line in plan.lines if line.due > day]


def owed_interest(deal: Agreement, plan: Plan, ledger: Ledger, day: date) -> int:
    """Sum the interest that is owed by a day: what is open, and what ran since, on all that is not repaid."""
    owed = ledger.owed(day)
    return running_interest(deal, plan, ledger.balance, day) + owed["overdue_interest"] + owed["interest"]


def holidays(deal: Agreement, plan: Plan, ledger: Ledger, day: date, months: int) -> list[Line]:
    """Suspend the payments for some months: what is open and what was left follows in the same size, and the interest
    owed until then is paid with the last.
    """
    passed, left = split(plan, day)
    until, count = month_after(day, months), len(left) + len(ledger.open)
    resting = rounded(ledger.balance * deal.rate * years(day, until, deal.day_count), 1, deal.interest_rounding)
    put_off = owed_interest(deal, plan, ledger, day) + resting
    due = days_after(deal, until, count)
    rest = Left(
        ledger.balance, 0, count_parts(deal, until, due), number=len(passed), is_held=True, payments=len(passed) + count
    )
    lines = place(walk(deal, rest, plan.regular, level=deal.kind != "differentiated"), due)
    lines[-1].interest += put_off
    return lines


def new_terms(deal: Agreement, plan: Plan, ledger: Ledger, day: date, months: int, rate: Fraction) -> list[Line]:
    """Repay all that is left in so many payments at another rate; the interest owed joins the first of them."""
    passed, _left = split(plan, day)
    carried, due = owed_interest(deal, plan, ledger, day), days_after(deal, day, months)
    deal = replace(deal, rate=rate)
    rest = Left(
        ledger.balance, min(deal.balloon, ledger.balance), count_parts(deal, day, due), carried=carried,
        number=len(passed), payments=len(passed) + months,
    )  # fmt: skip
    build = equal_parts if deal.kind == "differentiated" else level
    return place(build(deal, rest)[1], due)


def moved_payments(deal: Agreement, plan: Plan, day: date) -> list[Line]:
    """Move the payments to come off days that became days off, and pay them in the same size; the last takes the
    difference.
    """
    passed, left = split(plan, day)
    start = passed[-1].due if passed else deal.payout
    wanted = deal.payment_day or deal.payout.day
    due = []
    for line in left:
        plain = nearest_plain(line.due, wanted, deal.month_end)
        new = moved(plain, deal.shift, deal.more_off)
        due.append(new if new > line.due or (new - day).days > NOTICE_DAYS else line.due)
    balance = deal.lent - sum(line.principal for line in passed)
    free = 0 if passed else min(plan.free, len(due) - 1)
    if deal.balloon == balance and not any(line.principal for line in left[:-1]):
        free = len(due)
    rest = Left(balance, 0, count_parts(deal, start, due), free, number=len(passed))
    return place(walk(deal, rest, plan.regular, level=deal.kind != "differentiated"), due)


def nearest_plain(day: date, wanted: int, month_end: str) -> date:
    """Walk both ways to the day on which the payment would be due, were every day a working one."""
    back = ahead = day
    while True:
        if is_nominal(back, wanted, month_end):
            return back
        if is_nominal(ahead, wanted, month_end):
            return ahead
        back, ahead = back - DAY, ahead + DAY
