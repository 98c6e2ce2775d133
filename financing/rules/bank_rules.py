"""A bank's own rules of a loan: days, due dates, rounding, fees and payoff, frozen with each offer and each loan."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from enum import StrEnum
from itertools import count, islice
from typing import Any

import msgspec

from financing.rules.calculations import Conventions, DayCount, Fee, MonthEnd, PayoffRule, Rounding, Shift, add_months
from financing.rules.calculations.dates import WorkCalendar
from financing.rules.calculations.rounding import KOPECK, TO_KOPECK
from financing.rules.calculations.terms import AT_DISBURSEMENT, WITH_EACH_PAYMENT

YEARLY = "yearly"
MONTHS_A_YEAR = 12
LEAST_FIRST_PERIOD, MOST_LEAST_FIRST_PERIOD = 10, 30
"""FINANCE 2.4: the first payment is due 10 to 60 days after the payout, before a shift."""
UNITS = (KOPECK, Decimal("0.10"), Decimal(1), Decimal(10), Decimal(100))

Calendar = Callable[[int, int], WorkCalendar]
"""Read the working days of the years from one to another."""


class FirstPeriod(StrEnum):
    """Rule for a first period longer than a month: a payment like the others, or one of interest only."""

    LEVEL = "level"
    INTEREST_ONLY = "interest_only"


class RoundingMode(StrEnum):
    """Direction of a rounding."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


MAX_FEES = 20
MODES = {
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
    RoundingMode.UP: ROUND_UP,
    RoundingMode.DOWN: ROUND_DOWN,
}


class FeeKind(StrEnum):
    """Purpose of what a borrower pays besides the debt."""

    FEE = "fee"
    INSURANCE = "insurance"


class FeePayment(StrEnum):
    """Source of a fee of the payout: the borrower's purse, a larger loan, or a smaller payout."""

    CASH = "cash"
    FINANCED = "financed"
    WITHHELD = "withheld"


class BankFee(msgspec.Struct, frozen=True, kw_only=True):
    """A fee or a premium of a programme: roubles, or per cent of what is lent.

    Due at the payout, with `each` payment, `yearly` (with every twelfth but the last) or with the payment of a number.
    What is lent, of which all per cents are, is the sum before the fees that the loan itself pays.
    """

    name: str
    kind: FeeKind = FeeKind.FEE
    when: str | int = AT_DISBURSEMENT
    amount: Decimal | None = None
    percent: Decimal | None = None
    in_psk: bool = True
    paid: FeePayment = FeePayment.CASH

    def in_roubles(self, lent: Decimal) -> Decimal:
        """Return what is paid each time for `lent` roubles."""
        return self.amount if self.amount is not None else TO_KOPECK(lent * (self.percent or 0) / 100)

    def numbers(self, payments: int) -> list[str | int]:
        """Say with which payments of a loan it is paid."""
        if self.when == YEARLY:
            return list(range(MONTHS_A_YEAR, payments, MONTHS_A_YEAR))
        return [self.when] if not isinstance(self.when, int) or self.when <= payments else []


class BankRules(msgspec.Struct, frozen=True, kw_only=True):
    """Conventions of one loan. The defaults are how loans ran before programmes chose: twelfths of a year, due on the
    calendar day of the payout, each sum to the kopeck, interest for the days of use.

    `payment_day` is the day of the month, else that of the payout; the first payment then is the first such day at
    least `min_first_period_days` after the payout. `programme_version` is that of the programme they were read of.
    """

    day_count: DayCount = DayCount.THIRTY_360
    due_shift: Shift = Shift.NONE
    month_end: MonthEnd = MonthEnd.CLAMP
    payment_day: int | None = None
    min_first_period_days: int = LEAST_FIRST_PERIOD
    first_period: FirstPeriod = FirstPeriod.LEVEL
    payment_unit: Decimal = KOPECK
    payment_rounding: RoundingMode = RoundingMode.HALF_UP
    interest_rounding: RoundingMode = RoundingMode.HALF_UP
    payoff_rule: PayoffRule = PayoffRule.TO_THE_DAY
    fees: tuple[BankFee, ...] = ()
    programme_version: int = 0

    @property
    def is_dated(self) -> bool:
        """Tell whether sums depend on the days: else every month is a twelfth of the year."""
        is_calendar = self.due_shift is Shift.NONE and self.month_end is MonthEnd.CLAMP and self.payment_day is None
        return self.day_count is not DayCount.THIRTY_360 or not is_calendar

    @property
    def overdue_days(self) -> DayCount:
        """Count of days for interest on overdue principal; where months are twelfths, of 365 to the year."""
        return DayCount.ACTUAL_365 if self.day_count is DayCount.THIRTY_360 else self.day_count

    @property
    def conventions(self) -> Conventions:
        """The roundings; due dates are worked out here."""
        return Conventions(
            payment_rounding=Rounding(self.payment_unit, MODES[self.payment_rounding]),
            interest_rounding=Rounding(KOPECK, MODES[self.interest_rounding]),
            pays_interest=self.is_dated,
        )

    def due_dates(self, payout: date, payments: int, calendar: Calendar) -> tuple[date, ...]:
        """Return the due dates of a loan paid out on a day, shifted to working days."""
        least = 1 if self.payment_day is None else self.min_first_period_days
        return self.due_dates_after(payout, payout, payments, calendar, least=least)

    def due_dates_after(
        self, payout: date, day: date, payments: int, calendar: Calendar, *, least: int = 1
    ) -> tuple[date, ...]:
        """Return so many due dates of a loan after a day, the first at least so many days after it before a shift."""
        anchor, earliest = self._anchor(payout), day + timedelta(days=least)
        passed = (day.year - anchor.year) * MONTHS_A_YEAR + day.month - anchor.month - 1
        first = max(passed, 1) if self.payment_day is None else passed
        working = WorkCalendar()
        if self.due_shift is not Shift.NONE:
            working = calendar(day.year - 1, add_months(earliest, payments + 2).year + 1)
        plain = (add_months(anchor, number, self.month_end) for number in count(first))
        due = (working.shift(item, self.due_shift) for item in plain if item >= earliest)
        return tuple(islice((item for item in due if item > day), payments))

    def redate(self, payout: date, due: Sequence[date], calendar: Calendar) -> list[date]:
        """Return where the calendar puts payments due on these days: each belongs to the plain due day nearest to it,
        since plain days are 28 days apart at least and a shift is shorter than half of that.
        """
        if self.due_shift is Shift.NONE or not due:
            return list(due)
        anchor, working = self._anchor(payout), calendar(due[0].year - 1, due[-1].year + 1)
        return [working.shift(self._find_plain_day(anchor, day), self.due_shift) for day in due]

    def _find_plain_day(self, anchor: date, day: date) -> date:
        months = (day.year - anchor.year) * MONTHS_A_YEAR + day.month - anchor.month
        near = (add_months(anchor, months + step, self.month_end) for step in (-1, 0, 1))
        return min(near, key=lambda plain: abs(day - plain))

    def _anchor(self, payout: date) -> date:
        """Return the day that all due dates are counted from: January has every day of a month."""
        return payout if self.payment_day is None else date(payout.year, 1, self.payment_day)

    def pays_interest_first(self, payout: date, payments: int) -> bool:
        """Tell whether the first payment is of interest only: its period is longer than a month, shifts aside."""
        if self.first_period is FirstPeriod.LEVEL or self.payment_day is None or payments == 1:
            return False
        plain = msgspec.structs.replace(self, due_shift=Shift.NONE)
        return plain.due_dates(payout, 1, _no_calendar)[0] > add_months(payout, 1)

    def fee_list(self, lent: Decimal, payments: int) -> list[Fee]:
        """Return the fees of a loan of `lent` roubles in so many payments."""
        return [
            Fee(
                fee.name,
                fee.in_roubles(lent),
                when,
                financed=fee.paid is FeePayment.FINANCED,
                in_psk=fee.in_psk,
                withheld=fee.paid is FeePayment.WITHHELD,
            )
            for fee in self.fees
            for when in fee.numbers(payments)
        ]

    def financed_fee(self, lent: Decimal) -> Decimal:
        """Return what fees add to a loan of `lent` roubles."""
        return self._add_up(FeePayment.FINANCED, lent)

    def withheld_fee(self, lent: Decimal) -> Decimal:
        """Return what fees keep from the payout of a loan of `lent` roubles."""
        return self._add_up(FeePayment.WITHHELD, lent)

    def _add_up(self, paid: FeePayment, lent: Decimal) -> Decimal:
        return sum((fee.in_roubles(lent) for fee in self.fees if fee.paid is paid), Decimal("0.00"))

    def lent_within(self, principal: Decimal) -> Decimal:
        """Return the most that is lent for a principal with its fees in it, roubles; zero or less where they eat it."""
        added = [fee for fee in self.fees if fee.paid is FeePayment.FINANCED]
        fixed = sum((fee.amount or Decimal(0) for fee in added), Decimal(0))
        share = sum((fee.percent or Decimal(0) for fee in added), Decimal(100))
        return ((principal - fixed) * 100 / share).quantize(KOPECK, ROUND_DOWN)

    def fees_of_rows(self, lent: Decimal, numbers: Sequence[int], payments: int) -> list[Decimal]:
        """Return what is paid besides the debt with the payments of these numbers, of so many in all; roubles."""
        fees = self.fee_list(lent, payments)
        each = sum((fee.amount for fee in fees if fee.when == WITH_EACH_PAYMENT), Decimal("0.00"))
        return [sum((fee.amount for fee in fees if fee.when == number), each) for number in numbers]

    def terms(self, payout: date, lent: Decimal, payments: int, calendar: Calendar) -> dict[str, Any]:
        """Return what these rules add to the terms of a loan: dates where sums depend on them, roundings, fees."""
        shared: dict[str, Any] = {"day_count": self.day_count, "conventions": self.conventions}
        if self.is_dated:
            shared |= {
                "disbursement_date": payout,
                "due_on": self.due_dates(payout, payments, calendar),
                "grace_months": int(self.pays_interest_first(payout, payments)),
            }
        return shared | {"fees": self.fee_list(lent, payments)}

    def stored(self) -> dict[str, Any]:
        """Return them as a column holds them, in full: a later default does not reach them."""
        columns: dict[str, Any] = msgspec.to_builtins(self)
        return columns


def _no_calendar(_first: int, _last: int) -> WorkCalendar:
    return WorkCalendar()


def read_rules(stored: Mapping[str, Any] | None) -> BankRules:
    """Return rules as they were stored. Raises msgspec.ValidationError, also for a rule that nobody knows."""
    return msgspec.convert(dict(stored or {}), BankRules, strict=False)
