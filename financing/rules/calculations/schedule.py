"""Repayment schedules: level, equal-principal, balloon, interest-only grace and stepped, exact to the kopeck."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import repeat
from typing import NamedTuple

from financing.rules.calculations.rounding import ONE, TO_KOPECK, UNROUNDED, ZERO, Rounding, precise


class Row(NamedTuple):
    """One payment in roubles: payment = principal + interest + fees; `balance` is what is owed after it."""

    number: int
    due_date: date | None
    payment: Decimal
    principal: Decimal
    interest: Decimal
    fees: Decimal
    balance: Decimal


@dataclass(frozen=True)
class Schedule:
    """Rows of one loan and its regular `payment` in roubles, fees aside."""

    payment: Decimal
    rows: tuple[Row, ...]

    @property
    def total_interest(self) -> Decimal:
        """Interest of all rows, roubles."""
        return sum((row.interest for row in self.rows), ZERO)

    @property
    def total_paid(self) -> Decimal:
        """All payments of the rows, roubles."""
        return sum((row.payment for row in self.rows), ZERO)


@dataclass(frozen=True, kw_only=True)
class Credit:
    """Inputs of a schedule: roubles, the interest factor of each period, and optional dates and fees.

    `balloon` joins the last payment, or is a payment of its own (`balloon_apart`); the first `interest_only` rows
    repay nothing; `carried_interest` is owed from before the first period and joins its interest. With `pays_interest`
    no payment is below its interest.
    """

    principal: Decimal
    factors: Sequence[Decimal]
    due_dates: Sequence[date] = ()
    fees: Sequence[Decimal] = ()
    balloon: Decimal = ZERO
    balloon_apart: bool = False
    interest_only: int = 0
    carried_interest: Decimal = ZERO
    pays_interest: bool = False
    payment_rounding: Rounding = field(default=TO_KOPECK)
    interest_rounding: Rounding = field(default=TO_KOPECK)


PrincipalPlan = Callable[[int, Decimal], Decimal]


def _rows(credit: Credit, compute_principal: PrincipalPlan) -> tuple[Row, ...]:
    """Walk the periods: interest on the balance, then principal by the plan; the last row takes what is left.

    A debt repaid early ends the rows; a residue never adds one.
    """
    rows: list[Row] = []
    balance, carried, last = credit.principal, credit.carried_interest, len(credit.factors)
    dates, fees = credit.due_dates or repeat(None), credit.fees or repeat(ZERO)
    periods = enumerate(zip(credit.factors, dates, fees, strict=False), 1)
    while balance or not rows:
        number, (factor, due, fee) = next(periods)
        interest = credit.interest_rounding(balance * factor) + carried
        principal = balance if number == last else min(compute_principal(number, interest), balance)
        balance, carried = balance - principal, ZERO
        rows.append(Row(number, due, principal + interest + fee, principal, interest, fee, balance))
    return tuple(rows)


def _level_plan(credit: Credit, payment: Decimal) -> PrincipalPlan:
    """Principal = payment - interest, in a long month with a high balance below zero; interest carried from before is
    never added to the debt: then the first row pays at least all its interest.
    """

    def compute_principal(number: int, interest: Decimal) -> Decimal:
        if number <= credit.interest_only:
            return ZERO
        principal = payment - interest
        is_held = credit.pays_interest or (number == 1 and credit.carried_interest)
        return max(principal, ZERO) if is_held else principal

    return compute_principal


@precise
def annuity_payment(
    principal: Decimal,
    rate: Decimal,
    payments: int,
    *,
    balloon: Decimal = ZERO,
    balloon_apart: bool = False,
    in_advance: bool = False,
    rounding: Rounding = TO_KOPECK,
) -> Decimal:
    """Return the level payment in roubles at `rate` a period (a fraction): (P - B*v^n)*i / (1 - v^n), v = 1/(1+i);
    paid in advance it is divided by 1+i. A balloon apart falls due one period after the last payment.
    """
    if not rate:
        return rounding((principal - balloon) / payments)
    discount = (1 + rate) ** -payments
    residual = balloon * discount / (1 + rate) if balloon_apart else balloon * discount
    payment = (principal - residual) * rate / (1 - discount)
    return rounding(payment / (1 + rate) if in_advance else payment)


@precise
def level_payment(
    principal: Decimal,
    factors: Sequence[Decimal],
    *,
    balloon: Decimal = ZERO,
    balloon_apart: bool = False,
    rounding: Rounding = TO_KOPECK,
) -> Decimal:
    """Return the exact level payment in roubles over uneven periods: (P*prod(1+f) - B) / S_n with
    S_k = S_(k-1)*(1+f_k) + 1 (the formula of Apache Fineract's progressive loans).

    A balloon apart takes the last period for itself: no level payment falls there.
    """
    growth, annuity = ONE, Decimal(0)
    for factor in factors:
        growth *= 1 + factor
        annuity = annuity * (1 + factor) + 1
    return rounding((principal * growth - balloon) / (annuity - 1 if balloon_apart else annuity))


@precise
def fixed_payment_schedule(credit: Credit, payment: Decimal) -> Schedule:
    """Repay by a payment agreed elsewhere; rows end early where it repays sooner."""
    return Schedule(payment, _rows(credit, _level_plan(credit, payment)))


@precise
def annuity_schedule(credit: Credit) -> Schedule:
    """Repay by a level payment computed exactly over the periods after the grace; the last row takes the residue.

    A payment whose rounding would repay the debt before its last row is rounded down instead, so that the term stays
    as agreed. Where `pays_interest` lifts a payment of a long period, the others are the least whole units at which the
    last one is no greater. A balloon of the whole debt is interest-only.
    """
    if credit.balloon == credit.principal:
        rows = _rows(credit, lambda number, interest: ZERO)
        return Schedule(rows[0].interest - credit.carried_interest, rows)
    rows_wanted, factors = len(credit.factors), credit.factors[credit.interest_only :]
    carried = ZERO if credit.interest_only else credit.carried_interest
    principal = credit.principal + carried / (1 + factors[0])
    exact = level_payment(
        principal, factors, balloon=credit.balloon, balloon_apart=credit.balloon_apart, rounding=UNROUNDED
    )
    schedule = fixed_payment_schedule(credit, credit.payment_rounding(exact))
    payment = credit.payment_rounding.down()(exact)
    if credit.pays_interest and _is_lifted(credit, schedule):
        payment = _least_payment(credit, payment)
        schedule = fixed_payment_schedule(credit, payment)
    while len(schedule.rows) < rows_wanted:
        schedule = fixed_payment_schedule(credit, payment)
        payment -= credit.payment_rounding.unit
    return schedule


def _is_lifted(credit: Credit, schedule: Schedule) -> bool:
    rows = schedule.rows[credit.interest_only : len(credit.factors) - 1]
    return any(row.principal + row.interest > schedule.payment for row in rows)


def _least_payment(credit: Credit, start: Decimal) -> Decimal:
    """Find the least payment in whole units whose last row is no greater than it, the balloon aside."""
    unit, wanted = credit.payment_rounding.unit, len(credit.factors)

    def is_enough(units: int) -> bool:
        rows = fixed_payment_schedule(credit, units * unit).rows
        return len(rows) < wanted or rows[-1].principal + rows[-1].interest - credit.balloon <= units * unit

    low, high = 0, max(int(start / unit), 1)
    while not is_enough(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high * unit


@precise
def differentiated_schedule(credit: Credit) -> Schedule:
    """Repay equal parts of the principal with interest on the balance; the first payment is the greatest.

    The parts are P/n rounded to the kopeck, the last takes the remainder.
    """
    parts = len(credit.factors) - credit.interest_only
    amortised = credit.principal - credit.balloon
    part = credit.interest_rounding(amortised / parts)
    if part * (parts - 1) >= amortised:
        part = credit.interest_rounding.down()(amortised / parts)
    return fixed_principal_schedule(credit, part)


@precise
def fixed_principal_schedule(credit: Credit, part: Decimal) -> Schedule:
    """Repay by equal parts of the principal agreed elsewhere; rows end early where they repay sooner."""
    rows = _rows(credit, lambda number, interest: ZERO if number <= credit.interest_only else part)
    return Schedule(max(row.payment - row.fees for row in rows), rows)


@precise
def first_differentiated_payment(
    principal: Decimal, rate: Decimal, payments: int, rounding: Rounding = TO_KOPECK
) -> Decimal:
    """Return the first and greatest payment as lenders advertise it, roubles: q(P/n + P*i), rounded once."""
    return rounding(principal / payments + principal * rate)


@precise
def rate_step_payments(principal: Decimal, payments: int, steps: Sequence[tuple[int, Decimal]]) -> list[Decimal]:
    """Return the unrounded level payment from each step on, roubles.

    `steps` are (number of the first payment at the rate, period rate); at each the payment is recomputed on the
    balance over the payments left.
    """
    result = []
    for (start, rate), (following, _) in zip(steps, [*steps[1:], (payments + 1, ZERO)], strict=True):
        payment = annuity_payment(principal, rate, payments - start + 1, rounding=UNROUNDED)
        result.append(payment)
        for _ in range(following - start):
            principal -= payment - principal * rate
    return result


@precise
def stepped_payments(
    principal: Decimal,
    rate: Decimal,
    weights: Sequence[Decimal],
    *,
    in_advance: bool = False,
    rounding: Rounding = TO_KOPECK,
) -> tuple[Decimal, list[Decimal]]:
    """Return the payment of weight 1 and all payments, roubles: unit = P / sum(w_k*(1+i)^-k), payment = q(w_k*unit).

    In advance k counts from 0, else from 1; a weight of 0 is a payment holiday, one of 3 a triple rental.
    """
    first = 0 if in_advance else 1
    unit = principal / sum((weight * (1 + rate) ** -period for period, weight in enumerate(weights, first)), ZERO)
    return rounding(unit), [rounding(weight * unit) for weight in weights]
