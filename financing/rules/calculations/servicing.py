"""A loan being served: what is owed on a day, told from instalments and money by their dates alone.

Nothing is accrued "one day more": the same dates and sums give the same debt however often it is asked for, so that
a job run twice changes nothing and a payment that bounced is undone by leaving it out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from financing.rules.calculations.arrears import LEGAL_ORDER, Part, allocate, days_past_due
from financing.rules.calculations.daycount import DayCount, year_fraction
from financing.rules.calculations.rounding import TO_KOPECK, ZERO, Rounding, precise


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Terms of a debt by its contract: roubles; `daily_penalty` a fraction a day of what is overdue, penalties
    aside; `overdue_rate` a fraction a year on overdue principal, 0 where contract interest stops there.

    `order` is the table in which money is spent; `overdue_days` counts the days of the overdue rate.
    """

    principal: Decimal
    start: date
    daily_penalty: Decimal = ZERO
    overdue_rate: Decimal = ZERO
    overdue_days: DayCount = DayCount.ACTUAL_365
    order: Sequence[Part] = LEGAL_ORDER
    rounding: Rounding = field(default=TO_KOPECK)


class Instalment(NamedTuple):
    """A scheduled payment, roubles."""

    due: date
    principal: Decimal
    interest: Decimal
    other: Decimal = ZERO


class Money(NamedTuple):
    """Money from the borrower, or with a minus back to them, roubles."""

    day: date
    amount: Decimal


class Turn(NamedTuple):
    """A new schedule takes over on a day: open instalments are carried into it.

    The roubles repaid come out of the borrower's money; `waived` penalties are forgiven.
    """

    day: date
    principal: Decimal = ZERO
    interest: Decimal = ZERO
    waived: Decimal = ZERO


Happening = Instalment | Money | Turn


@dataclass(frozen=True)
class Standing:
    """A loan at the end of a day, roubles: `owed` by part, `balance` the principal not yet repaid, overdue or not.

    `deposit` is the borrower's money that waits for the next due date; the rest are sums paid so far.
    """

    day: date
    balance: Decimal
    deposit: Decimal
    owed: Mapping[Part, Decimal]
    oldest_due: date | None
    open_dues: tuple[date, ...]
    interest_paid: Decimal
    penalty_paid: Decimal
    other_paid: Decimal

    @property
    def overdue(self) -> Decimal:
        """Overdue interest and principal, penalties aside."""
        return self.owed[Part.OVERDUE_INTEREST] + self.owed[Part.OVERDUE_PRINCIPAL]

    @property
    def due(self) -> Decimal:
        """All that is to be paid now, today's instalment and penalties included."""
        return sum(self.owed.values(), ZERO)

    @property
    def days_past_due(self) -> int:
        """Days since the oldest unpaid due date; 1 on the day after it."""
        return days_past_due(self.oldest_due, self.day) if self.oldest_due else 0

    @property
    def is_repaid(self) -> bool:
        """Tell whether nothing is owed any more: principal, interest and penalties."""
        return not self.balance and not self.due


@dataclass
class _Open:
    """An instalment of which something is unpaid."""

    due: date
    sums: dict[Part, Decimal]


_CURRENT = (Part.INTEREST, Part.PRINCIPAL, Part.OTHER)
_ITEMS: dict[Part, tuple[Part, bool]] = {
    Part.OVERDUE_INTEREST: (Part.INTEREST, True),
    Part.OVERDUE_PRINCIPAL: (Part.PRINCIPAL, True),
    Part.INTEREST: (Part.INTEREST, False),
    Part.PRINCIPAL: (Part.PRINCIPAL, False),
}
"""Which part of an instalment a part of the debt is, and whether it is overdue; `other` is both."""


class _Book:
    """The loan between two moments; penalties are kept unrounded, so that asking in between changes nothing."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.day = terms.start
        self.balance = terms.principal
        self.deposit = self.penalty = self.extra = ZERO
        self.penalty_paid = self.interest_paid = self.other_paid = self.extra_paid = ZERO
        self.open: list[_Open] = []

    def move_to(self, day: date) -> None:
        for item in self.open:
            days = days_past_due(max(item.due, self.day), day)
            self.penalty += sum(item.sums.values(), ZERO) * self.terms.daily_penalty * days
            if days and self.terms.overdue_rate:
                years = year_fraction(max(item.due, self.day), day, self.terms.overdue_days)
                self.extra += item.sums[Part.PRINCIPAL] * self.terms.overdue_rate * years
        self.day = day

    def apply(self, happening: Happening) -> None:
        match happening:
            case Instalment():
                sums = dict(zip(_CURRENT, (happening.interest, happening.principal, happening.other), strict=True))
                self.open.append(_Open(happening.due, sums))
            case Money():
                self.deposit += happening.amount
            case _:
                self._turn(happening)
        self._spend()

    def _turn(self, turn: Turn) -> None:
        self.open.clear()
        self.extra = self.extra_paid = ZERO
        self.balance -= turn.principal
        self.interest_paid += turn.interest
        self.penalty -= turn.waived
        self.deposit -= turn.principal + turn.interest

    def _sum(self, part: Part, *, is_overdue: bool) -> Decimal:
        return sum((item.sums[part] for item in self.open if (item.due < self.day) == is_overdue), ZERO)

    def owed(self) -> dict[Part, Decimal]:
        owed = {name: self._sum(part, is_overdue=is_overdue) for name, (part, is_overdue) in _ITEMS.items()}
        owed[Part.OVERDUE_INTEREST] += self.terms.rounding(self.extra) - self.extra_paid
        owed[Part.PENALTY] = self.terms.rounding(self.penalty) - self.penalty_paid
        owed[Part.OTHER] = sum((item.sums[Part.OTHER] for item in self.open), ZERO)
        return owed

    def _spend(self) -> None:
        if self.deposit <= 0:
            return
        spent, self.deposit = allocate(self.deposit, self.owed(), self.terms.order)
        for name, amount in spent.items():
            self._settle(name, amount)
        self.open = [item for item in self.open if any(item.sums.values())]

    def _settle(self, name: Part, amount: Decimal) -> None:
        if name is Part.PENALTY:
            self.penalty_paid += amount
            return
        part, is_overdue = _ITEMS.get(name, (Part.OTHER, None))
        rest = amount
        for item in self.open:
            if is_overdue is None or (item.due < self.day) == is_overdue:
                taken = min(rest, item.sums[part])
                item.sums[part] -= taken
                rest -= taken
        if part is Part.PRINCIPAL:
            self.balance -= amount
        elif part is Part.INTEREST:
            self.interest_paid += amount
            self.extra_paid += rest
        else:
            self.other_paid += amount

    def standing(self) -> Standing:
        late = [item.due for item in self.open if item.due < self.day]
        return Standing(
            day=self.day,
            balance=self.balance,
            deposit=self.deposit,
            owed=MappingProxyType(self.owed()),
            oldest_due=min(late, default=None),
            open_dues=tuple(item.due for item in self.open),
            interest_paid=self.interest_paid,
            penalty_paid=self.penalty_paid,
            other_paid=self.other_paid,
        )


@precise
def standing_on(day: date, terms: Terms, happenings: Iterable[Happening]) -> Standing:
    """Return a loan's standing at the end of `day`.

    Of one day, instalments fall due first, then money and new schedules follow in the order given. An instalment's
    due date is not overdue itself; money that nothing is owed for waits as a deposit and is spent on the due dates.
    """
    book = _Book(terms)
    timed = ((item.due if isinstance(item, Instalment) else item.day, item) for item in happenings)
    ordered = sorted(timed, key=lambda pair: (pair[0], not isinstance(pair[1], Instalment)))
    for moment, item in ordered:
        if moment > day:
            break
        book.move_to(moment)
        book.apply(item)
    book.move_to(day)
    return book.standing()
