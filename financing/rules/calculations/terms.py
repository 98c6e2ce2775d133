"""Take what a loan calculation is asked for, with the checks that name the wrong field."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from financing.rules.calculations.dates import MonthEnd, Shift, WorkCalendar, add_months
from financing.rules.calculations.daycount import DayCount
from financing.rules.calculations.errors import InvalidTerms
from financing.rules.calculations.rounding import TO_KOPECK, ZERO, Rounding

MAX_TERM_MONTHS = 360
MAX_AMOUNT = Decimal("999999999999.99")
MAX_ANNUAL_RATE = Decimal(1000)
MONEY_PLACES, RATE_PLACES = 2, 4
FIRST_YEAR, LAST_YEAR = 1990, 2200
MIN_FIRST_PERIOD_DAYS, MAX_FIRST_PERIOD_DAYS = 10, 60
AT_DISBURSEMENT, WITH_EACH_PAYMENT = "disbursement", "each"
LOAN_DAY_COUNTS = (
    DayCount.THIRTY_360,
    DayCount.ACTUAL_365,
    DayCount.ACTUAL_360,
    DayCount.ACTUAL_ACTUAL,
    DayCount.ACTUAL_ACTUAL_ISDA,
)


class ScheduleKind(StrEnum):
    """Way of repaying the debt."""

    ANNUITY = "annuity"
    DIFFERENTIATED = "differentiated"
    BALLOON = "balloon"


@dataclass(frozen=True)
class Fee:
    """A charge in roubles, paid at disbursement, with each payment or with payment number `when`.

    A financed one is added to the loan, a withheld one is kept from its payout. `in_psk` is off for what the law
    demands (OSAGO) and for the borrower's own choice (353-FZ art. 6).
    """

    name: str
    amount: Decimal
    when: str | int = AT_DISBURSEMENT
    financed: bool = False
    in_psk: bool = True
    withheld: bool = False


def premium_fees(lent: Decimal, in_psk: Decimal) -> list[Fee]:
    """Premiums in roubles that a loan pays, as its fees; `in_psk` of them count in ПСК, those of OSAGO do not."""
    both = (
        Fee("insurance", in_psk, financed=True),
        Fee("insurance by law", lent - in_psk, financed=True, in_psk=False),
    )
    return [fee for fee in both if fee.amount]


@dataclass(frozen=True)
class Conventions:
    """Settings of a bank programme that a calculation follows: rounding, month ends, shifts to working days.

    With `pays_interest` no payment is below its interest, however long its period: the debt never grows.
    """

    payment_rounding: Rounding = field(default=TO_KOPECK)
    interest_rounding: Rounding = field(default=TO_KOPECK)
    month_end: MonthEnd = MonthEnd.CLAMP
    shift: Shift = Shift.NONE
    calendar: WorkCalendar = field(default_factory=WorkCalendar)
    pays_interest: bool = False


@dataclass(frozen=True, kw_only=True)
class LoanTerms:
    """The fields of POST /financing/calculate: money in roubles, `annual_rate` in per cent a year.

    Without dates the periods are equal months on `30/360`; with dates the day count is `actual/actual` unless named.
    A missing disbursement date lies one month before the first payment, and the other way round. Due dates keep the
    day of the first payment date given, else that of the disbursement; `due_on` are due dates worked out elsewhere.
    """

    vehicle_price: Decimal
    down_payment: Decimal
    term_months: int
    annual_rate: Decimal
    schedule: ScheduleKind = ScheduleKind.ANNUITY
    balloon: Decimal = ZERO
    grace_months: int = 0
    fees: Sequence[Fee] = ()
    first_payment_date: date | None = None
    disbursement_date: date | None = None
    day_count: DayCount | None = None
    due_on: Sequence[date] = ()
    conventions: Conventions = field(default_factory=Conventions)

    @property
    def amount_financed(self) -> Decimal:
        """Vehicle price - down payment + financed fees, roubles."""
        return self.vehicle_price - self.down_payment + sum((fee.amount for fee in self.fees if fee.financed), ZERO)

    @property
    def withheld(self) -> Decimal:
        """Fees that the lender keeps from the payout, roubles."""
        return sum((fee.amount for fee in self.fees if fee.withheld), ZERO)

    @property
    def basis(self) -> DayCount:
        """The day count named, or the default."""
        dated = self.first_payment_date or self.disbursement_date
        return self.day_count or (DayCount.ACTUAL_ACTUAL if dated else DayCount.THIRTY_360)

    @cached_property
    def dates(self) -> tuple[date, tuple[date, ...]] | None:
        """The payout date and the due dates, or None where the terms have no date."""
        payout = self.disbursement_date
        if payout and self.due_on:
            return payout, tuple(self.due_on)
        if payout is None and self.first_payment_date:
            payout = add_months(self.first_payment_date, -1)
        return (payout, self._due_dates(payout)) if payout else None

    def shown_dates(self, today: date | None) -> tuple[date, ...]:
        """The due dates; those of terms without a date are counted from `today`, or missing without it."""
        if self.dates:
            return self.dates[1]
        return self._due_dates(today) if today else ()

    def _due_dates(self, payout: date) -> tuple[date, ...]:
        anchor, first = (self.first_payment_date, 0) if self.first_payment_date else (payout, 1)
        months, rules = range(first, first + self.term_months), self.conventions
        due = tuple(add_months(anchor, number, rules.month_end) for number in months)
        if rules.shift is Shift.NONE:
            return due
        return tuple(rules.calendar.shift(day, rules.shift) for day in due)


def find_problems(terms: LoanTerms) -> list[InvalidTerms]:
    """Return everything that is wrong with the terms, in the order of the fields; nothing where a schedule exists."""
    unreal = list(_unreal_numbers(terms))
    return unreal or list(_problems(terms))


def check_terms(terms: LoanTerms) -> None:
    """Raise the first problem of the terms, an InvalidTerms."""
    for problem in find_problems(terms):
        raise problem


def _unreal_numbers(terms: LoanTerms) -> Iterator[InvalidTerms]:
    numbers = {name: getattr(terms, name) for name in ("vehicle_price", "down_payment", "annual_rate", "balloon")}
    numbers |= {f"fees.{number}.amount": fee.amount for number, fee in enumerate(terms.fees)}
    for name, number in numbers.items():
        if not number.is_finite():
            yield InvalidTerms(name, "invalid", "A number is needed.")


def _problems(terms: LoanTerms) -> Iterator[InvalidTerms]:
    yield from _number_problems(terms)
    for number, fee in enumerate(terms.fees):
        yield from _fee_problems(terms, fee, f"fees.{number}")
    if terms.withheld and terms.withheld >= terms.amount_financed:
        yield InvalidTerms("fees", "max_value", "The fees kept from the payout must be less than the loan.")
    yield from _schedule_problems(terms)
    yield from _date_problems(terms)


def _number_problems(terms: LoanTerms) -> Iterator[InvalidTerms]:
    yield from _money_problems("vehicle_price", terms.vehicle_price)
    if terms.vehicle_price == 0:
        yield InvalidTerms("vehicle_price", "min_value", "The price must be above zero.")
    yield from _money_problems("down_payment", terms.down_payment)
    if terms.down_payment >= terms.vehicle_price:
        yield InvalidTerms("down_payment", "max_value", "The down payment must be below the price.")
    if not 1 <= terms.term_months <= MAX_TERM_MONTHS:
        yield InvalidTerms("term_months", "out_of_range", f"The term must be 1 to {MAX_TERM_MONTHS} months.")
    if not 0 <= terms.annual_rate <= MAX_ANNUAL_RATE:
        yield InvalidTerms("annual_rate", "out_of_range", f"The rate must be 0 to {MAX_ANNUAL_RATE} % a year.")
    elif terms.annual_rate != round(terms.annual_rate, RATE_PLACES):
        yield InvalidTerms("annual_rate", "max_decimal_places", f"At most {RATE_PLACES} decimals are allowed.")


def _money_problems(name: str, amount: Decimal) -> Iterator[InvalidTerms]:
    if not 0 <= amount <= MAX_AMOUNT:
        yield InvalidTerms(name, "out_of_range", f"The amount must be 0 to {MAX_AMOUNT}.")
    elif amount != round(amount, MONEY_PLACES):
        yield InvalidTerms(name, "max_decimal_places", f"At most {MONEY_PLACES} decimals are allowed.")


def _fee_problems(terms: LoanTerms, fee: Fee, name: str) -> Iterator[InvalidTerms]:
    yield from _money_problems(f"{name}.amount", fee.amount)
    known = fee.when in (AT_DISBURSEMENT, WITH_EACH_PAYMENT)
    if not known and not (isinstance(fee.when, int) and 1 <= fee.when <= terms.term_months):
        yield InvalidTerms(f"{name}.when", "invalid_choice", "Use disbursement, each, or the number of a payment.")
    if fee.financed and fee.when != AT_DISBURSEMENT:
        yield InvalidTerms(f"{name}.financed", "invalid", "Only a fee paid at disbursement can be financed.")
    if fee.withheld and (fee.financed or fee.when != AT_DISBURSEMENT):
        detail = "Only a fee paid at disbursement can be withheld, and one that is financed is not."
        yield InvalidTerms(f"{name}.withheld", "invalid", detail)


def _schedule_problems(terms: LoanTerms) -> Iterator[InvalidTerms]:
    yield from _money_problems("balloon", terms.balloon)
    if terms.balloon > terms.amount_financed:
        yield InvalidTerms("balloon", "max_value", "The balloon must not exceed the amount financed.")
    if terms.balloon and terms.schedule is not ScheduleKind.BALLOON:
        yield InvalidTerms("balloon", "invalid", "Only a balloon schedule has a balloon.")
    if not 0 <= terms.grace_months < terms.term_months:
        yield InvalidTerms("grace_months", "out_of_range", "The grace must be shorter than the term.")
    if terms.basis not in LOAN_DAY_COUNTS:
        yield InvalidTerms("day_count", "invalid_choice", "The day count is not one of loans.")


def _date_problems(terms: LoanTerms) -> Iterator[InvalidTerms]:
    for name in ("disbursement_date", "first_payment_date"):
        day: date | None = getattr(terms, name)
        if day and not FIRST_YEAR <= day.year <= LAST_YEAR:
            yield InvalidTerms(name, "out_of_range", f"The year must be {FIRST_YEAR} to {LAST_YEAR}.")
    if terms.disbursement_date and terms.first_payment_date:
        days = (terms.first_payment_date - terms.disbursement_date).days
        if not MIN_FIRST_PERIOD_DAYS <= days <= MAX_FIRST_PERIOD_DAYS:
            limits = f"{MIN_FIRST_PERIOD_DAYS} to {MAX_FIRST_PERIOD_DAYS} days after the disbursement"
            yield InvalidTerms("first_payment_date", "out_of_range", f"The first payment must be {limits}.")
