"""Early repayment: what closes a loan on a day, and the schedule after a partial payment."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from financing.rules.calculations.daycount import DayCount, interest_factor, interest_factors
from financing.rules.calculations.errors import InvalidTerms
from financing.rules.calculations.rounding import TO_KOPECK, ZERO, Rounding, precise
from financing.rules.calculations.schedule import (
    Credit,
    Row,
    Schedule,
    annuity_schedule,
    differentiated_schedule,
    fixed_payment_schedule,
    fixed_principal_schedule,
)


class PayoffRule(StrEnum):
    """Rule for the interest that closes a loan: for the days of use, or for the whole period that has begun."""

    TO_THE_DAY = "to_the_day"
    WHOLE_PERIOD = "whole_period"


class Strategy(StrEnum):
    """Choice of what a partial payment reduces: the payment or the term."""

    REDUCE_PAYMENT = "reduce_payment"
    REDUCE_TERM = "reduce_term"


@dataclass(frozen=True, kw_only=True)
class Debt:
    """A running loan between two payments; roubles, `annual_rate` a fraction.

    Interest is settled up to `since`, a day inside the period that began on `period_start`, except for
    `accrued_interest`, which is owed from before. `payment` is the regular payment: of a level loan in all, of a
    differentiated one (`equal_principal`) its part of the principal. `fees` are those of the rows left, the first
    `interest_only` of which repay nothing.
    """

    balance: Decimal
    annual_rate: Decimal
    since: date
    due_dates: Sequence[date]
    payment: Decimal
    period_start: date | None = None
    accrued_interest: Decimal = ZERO
    overdue: Decimal = ZERO
    penalties: Decimal = ZERO
    balloon: Decimal = ZERO
    equal_principal: bool = False
    fees: Sequence[Decimal] = ()
    interest_only: int = 0
    pays_interest: bool = False
    payoff_rule: PayoffRule = PayoffRule.TO_THE_DAY
    day_count: DayCount = DayCount.ACTUAL_ACTUAL
    payment_rounding: Rounding = field(default=TO_KOPECK)
    interest_rounding: Rounding = field(default=TO_KOPECK)

    def interest_to(self, day: date) -> Decimal:
        """Interest owed on `day`, inclusive of that day, roubles."""
        factor = interest_factor(self.annual_rate, self.since, day, self.day_count, self._period)
        return self.accrued_interest + self.interest_rounding(self.balance * factor)

    def payoff_interest(self, day: date) -> Decimal:
        """Interest that closes the loan on `day` by its payoff rule, roubles; a period that has just ended is over."""
        is_between = day == self.since and self.period_start is None
        is_whole = self.payoff_rule is PayoffRule.WHOLE_PERIOD and not is_between
        return self.interest_to(max(day, self.due_dates[0]) if is_whole else day)

    @property
    def _period(self) -> tuple[date, date]:
        return self.period_start or self.since, self.due_dates[0]

    def _credit(self) -> Credit:
        first, *rest = interest_factors(self.annual_rate, self.since, self.due_dates, self.day_count)
        first = interest_factor(self.annual_rate, self.since, self.due_dates[0], self.day_count, self._period)
        return Credit(
            principal=self.balance,
            factors=[first, *rest],
            due_dates=self.due_dates,
            balloon=min(self.balloon, self.balance),
            carried_interest=self.accrued_interest,
            fees=self.fees,
            interest_only=min(self.interest_only, len(rest)),
            pays_interest=self.pays_interest,
            payment_rounding=self.payment_rounding,
            interest_rounding=self.interest_rounding,
        )

    @precise
    def kept_schedule(self) -> Schedule:
        """The rows left at the present payment; they end early where the debt is repaid sooner."""
        if self.equal_principal:
            return fixed_principal_schedule(self._credit(), self.payment)
        return fixed_payment_schedule(self._credit(), self.payment)

    @precise
    def reduced_schedule(self) -> Schedule:
        """The rows left at a payment computed anew over the same due dates."""
        return differentiated_schedule(self._credit()) if self.equal_principal else annuity_schedule(self._credit())


@dataclass(frozen=True)
class Payoff:
    """Sum that closes a loan on a day, roubles."""

    day: date
    balance: Decimal
    interest: Decimal
    overdue: Decimal
    penalties: Decimal

    @property
    def total(self) -> Decimal:
        """The sum to pay."""
        return self.balance + self.interest + self.overdue + self.penalties


@dataclass(frozen=True)
class EarlyRepayment:
    """Effects of an extra payment, roubles: how it splits, what goes back to the payer, and the rows that follow."""

    interest: Decimal
    principal: Decimal
    refund: Decimal
    closed: bool
    debt: Debt
    schedule: Schedule

    @property
    def rows(self) -> tuple[Row, ...]:
        """Payments left, numbered from 1."""
        return self.schedule.rows


@precise
def payoff_quote(debt: Debt, day: date) -> Payoff:
    """Return what closes the loan on `day`: balance + interest to the day + overdue + penalties.

    353-FZ art. 11: interest is owed for the days of use only. Raises InvalidTerms.
    """
    _check_day(debt, day)
    return Payoff(day, debt.balance, debt.interest_to(day), debt.overdue, debt.penalties)


@precise
def repay_early(
    debt: Debt, amount: Decimal, day: date, strategy: Strategy, *, interest_now: bool = True
) -> EarlyRepayment:
    """Apply an extra payment of `amount` roubles on `day`; nothing is stored, so a preview is the same call.

    It pays the interest to the day, then principal; with `interest_now` off the interest waits for the next payment
    and all goes to principal. A loan with overdue sums can only be closed. An amount over the payoff closes the loan
    and the rest is refunded; 0 changes nothing. Raises InvalidTerms.
    """
    payoff = payoff_quote(debt, day)
    if amount < 0:
        raise InvalidTerms("amount", "min_value", "The amount must not be negative.")
    if amount >= payoff.total:
        closed = replace(debt, balance=ZERO, accrued_interest=ZERO, overdue=ZERO, penalties=ZERO, since=day)
        empty = Schedule(ZERO, ())
        return EarlyRepayment(payoff.interest, debt.balance, amount - payoff.total, True, closed, empty)
    if not amount:
        return EarlyRepayment(ZERO, ZERO, ZERO, False, debt, debt.kept_schedule())
    if debt.overdue or debt.penalties:
        raise InvalidTerms("amount", "overdue", "Overdue sums come first; a larger amount would close the loan.")
    return _partial(debt, amount, payoff, strategy, interest_now)


def _partial(debt: Debt, amount: Decimal, payoff: Payoff, strategy: Strategy, interest_now: bool) -> EarlyRepayment:
    interest = min(amount, payoff.interest) if interest_now else max(amount - debt.balance, ZERO)
    principal = amount - interest
    after = replace(
        debt,
        balance=debt.balance - principal,
        accrued_interest=payoff.interest - interest,
        since=payoff.day,
        period_start=debt.period_start or debt.since,
    )
    reduce = strategy is Strategy.REDUCE_PAYMENT and bool(principal) and bool(after.balance)
    schedule = after.reduced_schedule() if reduce else after.kept_schedule()
    if reduce:
        part = schedule.rows[min(debt.interest_only, len(schedule.rows) - 1)].principal
        after = replace(after, payment=part if debt.equal_principal else schedule.payment)
    return EarlyRepayment(interest, principal, ZERO, False, after, schedule)


def _check_day(debt: Debt, day: date) -> None:
    if not debt.since <= day <= debt.due_dates[0]:
        raise InvalidTerms("date", "out_of_period", f"The date must lie between {debt.since} and {debt.due_dates[0]}.")
