"""A second loan, kept day by day in fractions: written from the rules in words, sharing no code with the product.

Money is in whole kopecks, time is one day after another, and nothing is worked out ahead but the level payment.
"""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor

DAY = timedelta(days=1)
HOLIDAYS = {(1, day) for day in range(1, 9)} | {(2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (11, 4)}
MOVED = {
    2025: ({(5, 2), (5, 8), (6, 13), (11, 3), (12, 31)}, {(11, 1)}),
    2026: ({(1, 9), (3, 9), (5, 11), (12, 31)}, set()),
}


@dataclass(frozen=True)
class Agreement:
    """Everything that was agreed: kopecks, `rate` a year and `penalty` a day as fractions."""

    payout: date
    lent: int
    payments: int
    rate: Fraction
    kind: str
    balloon: int
    day_count: str
    shift: str
    month_end: str
    payment_day: int | None
    least_days: int
    is_interest_first: bool
    unit: int
    rounding: str
    interest_rounding: str
    fees: tuple[tuple[str | int, int, bool, str], ...]
    penalty: Fraction
    is_interest_on_overdue: bool
    order: tuple[str, ...]
    more_off: frozenset[date] = frozenset()
    premium_counted: int = 0

    def fee(self, number: int, payments: int = 0) -> int:
        """What is paid with a payment besides the debt: `fees` say when, how much, whether ПСК counts it, and whether
        it is paid in cash, comes on top of what is lent, or is kept from the payout.
        """
        last = max(payments, self.payments)
        return sum(
            amount
            for when, amount, _counts, _how in self.fees
            if when in ("each", number) or (when == "yearly" and number % 12 == 0 and number < last)
        )

    @property
    def fee_first(self) -> int:
        """What is paid on the day of the payout, from whatever purse."""
        return sum(amount for when, amount, *_how in self.fees if when == "disbursement")

    def first_by(self, how: str) -> int:
        """What of it is paid from one purse: `cash`, `financed` or `withheld`."""
        return sum(fee[1] for fee in self.fees if fee[0] == "disbursement" and fee[3] == how)

    @property
    def handed_over(self) -> int:
        """What the seller gets of the debt."""
        return self.lent - self.first_by("financed") - self.first_by("withheld")


def is_free(day: date) -> bool:
    """Tell whether nobody works on a day."""
    if day.year in MOVED:
        off, working = MOVED[day.year]
        if (day.month, day.day) in working:
            return False
        return day.weekday() > 4 or (day.month, day.day) in HOLIDAYS | off
    if day.weekday() > 4 or (day.month, day.day) in HOLIDAYS:
        return True
    # A weekday after a weekend that swallowed a holiday of spring, summer or autumn makes up for it.
    swallowed, before = 0, day - DAY
    while before.weekday() > 4 or (before.month, before.day) in HOLIDAYS:
        if before.weekday() > 4 and (before.month, before.day) in HOLIDAYS and before.month > 1:
            swallowed += 1
        before -= DAY
    return swallowed > 0


def moved(day: date, rule: str, more_off: frozenset[date] = frozenset()) -> date:
    """Walk to a working day."""
    if rule == "none":
        return day
    step = -DAY if rule == "preceding" else DAY
    found = day
    while is_free(found) or found in more_off:
        found += step
    if rule == "modified_following" and found.month != day.month:
        found = day
        while is_free(found) or found in more_off:
            found -= DAY
    return found


def is_last(day: date) -> bool:
    """Tell whether a month ends."""
    return (day + DAY).day == 1


def is_nominal(day: date, wanted: int, month_end: str) -> bool:
    """Tell whether a payment would be due on this day, were every day a working one."""
    if day.day == wanted:
        return True
    if month_end == "clamp":
        return is_last(day) and day.day < wanted
    return day.day == 1 and (day - DAY).day < wanted


def nominal_days(deal: Agreement) -> list[date]:
    """Walk through the calendar and note the due days as if none were moved."""
    wanted = deal.payment_day or deal.payout.day
    day = deal.payout + (timedelta(days=deal.least_days) if deal.payment_day else DAY)
    found: list[date] = []
    while len(found) < deal.payments:
        if is_nominal(day, wanted, deal.month_end):
            found.append(day)
        day += DAY
    return found


def month_before(day: date, months: int) -> date:
    """Step back whole months, to the last day of a month that is too short."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
    found = date(year, month, 1)
    while found.day < day.day and not is_last(found):
        found += DAY
    return found


def month_after(day: date, months: int) -> date:
    """Step on whole months, to the last day of a month that is too short."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    found = date(year, month, 1)
    while found.day < day.day and not is_last(found):
        found += DAY
    return found


def count_days(year: int) -> int:
    """Count a year's days."""
    return (date(year + 1, 1, 1) - date(year, 1, 1)).days


def twelfths(start: date, end: date) -> Fraction:
    """Count months as twelfths of the year, the broken one by its days."""
    months = 0
    while month_after(start, months + 1) <= end:
        months += 1
    for whole in (months, months + 1):
        if whole and (month_after(start, whole) == end or month_before(end, whole) == start):
            return Fraction(whole, 12)
    broken = month_before(end, months)
    length = (broken - month_before(broken, 1)).days
    return Fraction(months, 12) + Fraction((broken - start).days, 12 * length)


def years(start: date, end: date, day_count: str) -> Fraction:
    """Add up the days after `start` to `end`, each as its part of a year."""
    if day_count == "30/360":
        return twelfths(start, end) if end > start else Fraction(0)
    total, day = Fraction(0), start + DAY
    while day <= end:
        base = {"actual/365": 365, "actual/360": 360}.get(day_count)
        if base is None:
            base = count_days(day.year if day_count == "actual/actual" else (day - DAY).year)
        total += Fraction(1, base)
        day += DAY
    return total


def count_part(start: date, end: date, period: tuple[date, date], day_count: str) -> Fraction:
    """Count a part of a payment period: where months are twelfths, its share of the period's days."""
    if day_count != "30/360":
        return years(start, end, day_count)
    return years(*period, day_count) * Fraction((end - start).days, (period[1] - period[0]).days)


def rounded(amount: Fraction, unit: int, mode: str) -> int:
    """Round kopecks to a multiple of the unit."""
    steps = amount / unit
    whole = floor(steps)
    rest = steps - whole
    if mode == "up":
        whole += rest > 0
    elif mode == "half_up":
        whole += rest >= Fraction(1, 2)
    elif mode == "half_even":
        whole += rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1)
    return whole * unit


@dataclass
class Line:
    """One payment of the plan, kopecks."""

    due: date
    principal: int
    interest: int
    fee: int

    @property
    def debt(self) -> int:
        """Principal and interest."""
        return self.principal + self.interest


@dataclass(frozen=True)
class Left:
    """What is left to repay: kopecks, the parts of a year of its periods, and how many of them are of interest only.

    `carried` interest is owed from before and joins the first payment; `number` is that of the payment before it.
    """

    balance: int
    balloon: int
    shares: list[Fraction]
    free: int = 0
    carried: int = 0
    number: int = 0
    is_held: bool = False
    payments: int = 0


def walk(deal: Agreement, left: Left, payment: int, level: bool) -> list[Line]:
    """Pay one period after another; the last takes what is left, and nothing is paid once nothing is owed."""
    lines: list[Line] = []
    balance = left.balance
    for number, share in enumerate(left.shares):
        if not balance and lines:
            break
        interest = rounded(balance * deal.rate * share, 1, deal.interest_rounding)
        interest += 0 if lines else left.carried
        principal = (payment - interest if level else payment) if number >= left.free else 0
        if has_dates(deal) or left.is_held or (left.carried and not lines):
            principal = max(principal, 0)
        principal = balance if number == len(left.shares) - 1 else min(principal, balance)
        balance -= principal
        fee = deal.fee(left.number + number + 1, left.payments)
        lines.append(Line(deal.payout, principal, interest, fee))
    return lines


def has_dates(deal: Agreement) -> bool:
    """Tell whether sums depend on the calendar, so that a long period may cost more than the payment."""
    return (deal.day_count, deal.shift, deal.month_end, deal.payment_day) != ("30/360", "none", "clamp", None)


def exact_level(left: Left, rate: Fraction) -> Fraction:
    """Solve for the level payment: what is owed grows by each period and is brought to the balloon."""
    owed, paid = Fraction(left.balance), Fraction(0)
    for number, share in enumerate(left.shares[left.free :]):
        owed, paid = owed * (1 + rate * share), paid * (1 + rate * share) + 1
        owed += left.carried if number == 0 and not left.free else 0
    return (owed - left.balloon) / paid


def level(deal: Agreement, left: Left) -> tuple[int, list[Line]]:
    """Find the regular payment and the plan by it."""
    count = len(left.shares)
    if left.balloon == left.balance:
        lines = walk(deal, replace(left, free=count), 0, level=True)
        return lines[0].interest - left.carried, lines
    exact = exact_level(left, deal.rate)
    payment = rounded(exact, deal.unit, deal.rounding)
    lines, down = walk(deal, left, payment, level=True), rounded(exact, deal.unit, "down")
    if (has_dates(deal) or left.is_held) and any(line.debt > payment for line in lines[left.free : count - 1]):
        payment = down = least(deal, left)
        lines = walk(deal, left, payment, level=True)
    while len(lines) < count:
        payment, lines = down, walk(deal, left, down, level=True)
        down -= deal.unit
    return payment, lines


def least(deal: Agreement, left: Left) -> int:
    """Try payments, in ever smaller steps, for the least after which the last one is no greater."""

    def will_do(payment: int) -> bool:
        lines = walk(deal, left, payment, level=True)
        return len(lines) < len(left.shares) or lines[-1].debt - left.balloon <= payment

    step, payment = deal.unit, deal.unit
    while not will_do(payment + step):
        step *= 2
    while step >= deal.unit:
        if not will_do(payment + step):
            payment += step
        step //= 2
    while not will_do(payment):
        payment += deal.unit
    return payment


def equal_parts(deal: Agreement, left: Left) -> tuple[int, list[Line]]:
    """Share the debt out over the payments."""
    count, amount = len(left.shares) - left.free, left.balance - left.balloon
    part = rounded(Fraction(amount, count), 1, deal.interest_rounding)
    if part * (count - 1) >= amount:
        part = rounded(Fraction(amount, count), 1, "down")
    return part, walk(deal, left, part, level=False)


@dataclass
class Plan:
    """A plan of payments: the regular sum, the lines, and how many of the first are of interest only."""

    regular: int
    lines: list[Line]
    free: int = 0


def first_plan(deal: Agreement) -> Plan:
    """Draw the plan that is signed."""
    nominal = nominal_days(deal)
    due = [moved(day, deal.shift, deal.more_off) for day in nominal]
    free = 0
    if deal.is_interest_first and deal.payment_day and deal.payments > 1:
        free = int(nominal[0] > month_after(deal.payout, 1))
    starts = [deal.payout, *due[:-1]]
    if has_dates(deal):
        shares = [years(start, end, deal.day_count) for start, end in zip(starts, due, strict=True)]
    else:
        shares = [Fraction(1, 12)] * deal.payments
    build = equal_parts if deal.kind == "differentiated" else level
    regular, lines = build(deal, Left(deal.lent, deal.balloon, shares, free))
    for line, day in zip(lines, due, strict=False):
        line.due = day
    return Plan(regular, lines, free)


def early_plan(deal: Agreement, plan: Plan, day: date, amount: int, strategy: str) -> tuple[int, int, Plan]:
    """Pay more on a day between due days; return interest, principal and the plan of what is left."""
    passed = [line for line in plan.lines if line.due <= day]
    left = [line for line in plan.lines if line.due > day]
    start = passed[-1].due if passed else deal.payout
    period = (start, left[0].due)
    balance = deal.lent - sum(line.principal for line in passed)
    interest = rounded(balance * deal.rate * count_part(start, day, period, deal.day_count), 1, deal.interest_rounding)
    after, due = balance - (amount - interest), [line.due for line in left]
    shares = [count_part(day, due[0], period, deal.day_count)]
    shares += [years(begin, end, deal.day_count) for begin, end in pairwise(due)]
    free, is_level = 0 if passed else min(plan.free, len(due) - 1), deal.kind != "differentiated"
    rest = Left(after, min(deal.balloon, after), shares, free, number=len(passed))
    if strategy == "reduce_payment":
        regular, lines = (level if is_level else equal_parts)(deal, rest)
    else:
        regular, lines = plan.regular, walk(deal, rest, plan.regular, level=is_level)
    for line, when in zip(lines, due, strict=False):
        line.due = when
    return interest, amount - interest, Plan(regular, lines, free)


@dataclass
class Ledger:
    """The loan as it is served: what fell due and is open, and what was paid."""

    deal: Agreement
    lines: list[Line]
    balance: int
    waits: int = 0
    penalty: Fraction = Fraction(0)
    extra: Fraction = Fraction(0)
    penalty_paid: int = 0
    extra_paid: int = 0
    interest_paid: int = 0
    open: list[Line] = field(default_factory=list)

    def live(self, day: date, money: int) -> None:
        """Live through one day: what is late costs, then what is due falls due, then money comes."""
        for line in self.open:
            if line.due < day:
                self.penalty += (line.debt + line.fee) * self.deal.penalty
                if self.deal.is_interest_on_overdue:
                    counted = "actual/365" if self.deal.day_count == "30/360" else self.deal.day_count
                    self.extra += line.principal * self.deal.rate * years(day - DAY, day, counted)
        self.open += [Line(line.due, line.principal, line.interest, line.fee) for line in self.lines if line.due == day]
        self.waits += money
        self.spend(day)

    def owed(self, day: date) -> dict[str, int]:
        """Name what is owed on a day."""
        late = [line for line in self.open if line.due < day]
        now = [line for line in self.open if line.due >= day]
        return {
            "overdue_interest": sum(line.interest for line in late) + self.owed_extra,
            "overdue_principal": sum(line.principal for line in late),
            "penalty": rounded(self.penalty, 1, "half_up") - self.penalty_paid,
            "interest": sum(line.interest for line in now),
            "principal": sum(line.principal for line in now),
            "other": sum(line.fee for line in self.open),
        }

    @property
    def owed_extra(self) -> int:
        """Interest on late principal."""
        return rounded(self.extra, 1, "half_up") - self.extra_paid

    def spend(self, day: date) -> None:
        """Spend what waits, in the order agreed."""
        if self.waits <= 0:
            return
        owed = self.owed(day)
        for name in self.deal.order:
            taken = min(self.waits, owed[name])
            self.waits -= taken
            self.pay(name, taken, day)
        self.open = [line for line in self.open if line.debt or line.fee]

    def pay(self, name: str, taken: int, day: date) -> None:
        """Take a sum off what it is for, the oldest first."""
        if name == "penalty":
            self.penalty_paid += taken
            return
        is_late, kind = name.startswith("overdue"), {"other": "fee"}.get(name, name.removeprefix("overdue_"))
        self.balance -= taken if kind == "principal" else 0
        self.interest_paid += taken if kind == "interest" else 0
        for line in self.open:
            if kind == "fee" or (line.due < day) == is_late:
                part = min(taken, getattr(line, kind))
                setattr(line, kind, getattr(line, kind) - part)
                taken -= part
        if kind == "interest":
            self.extra_paid += taken
