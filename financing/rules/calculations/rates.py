"""Periodic rates, and the search for a rate that makes the present value of flows zero."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import accumulate, chain, pairwise, repeat
from operator import itemgetter, mul
from typing import NamedTuple

from financing.rules.calculations.errors import NoRateFound
from financing.rules.calculations.rounding import ONE, precise

Function = Callable[[Decimal], Decimal]
Point = tuple[Decimal, Decimal]
TOLERANCE = Decimal("1E-13")
HIGHEST_GROWTH = Decimal("1E6")
ZERO_POINT = Decimal(0)
LEAST_RATE = Decimal("1E-7")
FIRST_GUESS = Decimal("0.01")
NARROW = (Decimal(1) / 1024, Decimal(1) / 64, Decimal(1) / 8, Decimal(1))
LONG_RUN = 16
POWER_STEPS = 8
"""What raising to one high power costs, in steps of a table of all powers."""
COARSE_GROWTH, FINE_GROWTH = Decimal("1.1"), Decimal("1.02")


@precise
def period_rate(annual_rate: Decimal, payments_per_year: int = 12, compounding_per_year: int | None = None) -> Decimal:
    """Return the rate of one payment period: r/p, or (1+r/c)^(c/p) - 1 where interest compounds c times a year."""
    compounding = compounding_per_year or payments_per_year
    if compounding == payments_per_year:
        return annual_rate / payments_per_year
    return (1 + annual_rate / compounding) ** (Decimal(compounding) / payments_per_year) - 1


class Flow(NamedTuple):
    """Money at a time of `whole` periods and a `rest` of one since the first flow; to the borrower it is negative."""

    amount: Decimal
    whole: int
    rest: Decimal = Decimal(0)


def in_order(flows: Iterable[Flow]) -> list[Flow]:
    """Sort flows by time and sum those of one moment, so that the order of rows cannot matter."""
    merged: list[Flow] = []
    for flow in sorted(flows, key=itemgetter(1, 2)):
        if merged and merged[-1][1:] == flow[1:]:
            merged[-1] = Flow(merged[-1].amount + flow.amount, *flow[1:])
        else:
            merged.append(flow)
    return [flow for flow in merged if flow.amount]


def sign_changes(flows: Iterable[Flow]) -> int:
    """Count the changes of sign of flows in order of time: one change means one root. Raises NoRateFound at none."""
    changes = sum((first.amount > 0) != (second.amount > 0) for first, second in pairwise(flows))
    if not changes:
        raise NoRateFound("the flows never change sign")
    return changes


class _Run(NamedTuple):
    """Equal amounts at `length` periods in a row from period `first` on."""

    amount: Decimal
    first: int
    length: int


class _Group:
    """Flows whose periods have the same rest: long runs of equal amounts, and the others one by one."""

    def __init__(self) -> None:
        self.runs: list[_Run] = []
        self.amounts: list[Decimal] = []
        self.wholes: list[int] = []

    def add(self, run: _Run) -> None:
        if run.length >= LONG_RUN:
            self.runs.append(run)
        else:
            self.amounts += repeat(run.amount, run.length)
            self.wholes += range(run.first, run.first + run.length)

    @property
    def powers(self) -> int:
        """Count the powers that a present value of them takes."""
        return len(self.amounts) + 2 * len(self.runs)


def _runs(flows: Iterable[Flow]) -> Iterator[tuple[Decimal, _Run]]:
    """Split flows in order of time where the amount or the rest changes, or a period is left out."""
    flows = iter(flows)
    last, first, rest = next(flows)
    count = 1
    for amount, whole, part in flows:
        if amount == last and whole == first + count and part == rest:
            count += 1
        else:
            yield rest, _Run(last, first, count)
            last, first, rest, count = amount, whole, part, 1
    yield rest, _Run(last, first, count)


def _grouped(flows: Iterable[Flow]) -> dict[Decimal, _Group]:
    groups: dict[Decimal, _Group] = defaultdict(_Group)
    for rest, run in _runs(flows):
        groups[rest].add(run)
    return groups


def _powers(base: Decimal, top: int, is_dense: bool) -> Callable[[int], Decimal]:
    """Return n -> base^n for n from 0 to top: a table where many are asked for."""
    if is_dense:
        return list(accumulate(chain((ONE,), repeat(base, top)), mul)).__getitem__
    return base.__pow__


def present_value(flows: Sequence[Flow], *, compound_rest: bool) -> Function:
    """Return i -> sum of amount / ((1+i)^whole * rest factor) of flows in order of time.

    The rest of a period discounts as (1+i)^rest when compounded (EU), else as 1 + rest*i (353-FZ, US Appendix J). A run
    of equal amounts is a geometric series: a*(v^first - v^(first+count)) / (1-v), v = 1/(1+i).
    """
    groups = _grouped(flows)
    top = max(flow.whole for flow in flows) + 1
    is_dense = sum(group.powers for group in groups.values()) * POWER_STEPS > top
    is_compounded = compound_rest and any(groups)

    def value(rate: Decimal) -> Decimal:
        discount = 1 / (1 + rate)
        power = _powers(discount, top, is_dense)
        step = 1 - discount
        growth = (1 + rate).ln() if is_compounded else ZERO_POINT
        total = ZERO_POINT
        for rest, group in groups.items():
            part = sum(map(mul, group.amounts, map(power, group.wholes)), ZERO_POINT)
            for amount, first, count in group.runs:
                part += amount * ((power(first) - power(first + count)) / step if step else count)
            total += part / ((rest * growth).exp() if is_compounded else 1 + rest * rate)
        return total

    return value


def _solve(function: Function, first: Point, second: Point) -> Decimal:
    """Return the root between two points of opposite sign: Ridders' method. Each turn at least halves the bracket,
    so that guesses come ever closer together and the search ends.
    """
    (low, at_low), (high, at_high) = sorted((first, second))
    last = low
    while True:
        middle = (low + high) / 2
        at_middle = function(middle)
        if not at_middle:
            return middle
        slope = (at_middle * at_middle - at_low * at_high).sqrt()
        guess = middle + (middle - low) * (at_middle / slope).copy_sign(at_middle * (at_low - at_high))
        at_guess = function(guess)
        if not at_guess or abs(guess - last) < TOLERANCE:
            return guess
        points = sorted([(low, at_low), (middle, at_middle), (guess, at_guess), (high, at_high)])
        last = guess
        (low, at_low), (high, at_high) = next(pair for pair in pairwise(points) if pair[0][1] * pair[1][1] <= 0)


def _first_root(function: Function, rates: Iterable[Decimal]) -> Decimal:
    """Return the root between the first neighbours of opposite sign. Raises NoRateFound."""
    for low, high in pairwise((rate, function(rate)) for rate in rates):
        if low[1] * high[1] <= 0:
            return _solve(function, low, high)
    raise NoRateFound("no rate in the searched range")


def _positive_grid() -> Iterator[Decimal]:
    """Rates from 0 upward in steps of 2 %, so that the least of several roots is found."""
    yield Decimal(0)
    rate = LEAST_RATE
    while rate < HIGHEST_GROWTH:
        yield rate
        rate *= FINE_GROWTH


def _away_from(guess: Decimal, is_upward: bool) -> Iterator[Decimal]:
    """Rates ever further from a guess above zero, downward through zero towards -100 %."""
    yield from (guess * (1 + part if is_upward else 1 - part) for part in NARROW)
    growth = 2 * guess if is_upward else guess
    while growth < HIGHEST_GROWTH:
        yield growth if is_upward else 1 / (1 + growth) - 1
        growth *= 2


@precise
def only_root(function: Function, first_amount: Decimal, guess: Decimal) -> Decimal:
    """Return the rate of a period at which flows that change sign once are worth nothing; the search begins at
    `guess`, above zero. Raises NoRateFound.

    Above its root the value has the sign of the first flow, which tells where to go from the guess.
    """
    at_guess = function(guess)
    last = guess, at_guess
    for rate in _away_from(guess, is_upward=at_guess * first_amount < 0):
        point = rate, function(rate)
        if last[1] * point[1] <= 0:
            return _solve(function, last, point)
        last = point
    raise NoRateFound("no rate in the searched range")


@precise
def least_positive_root(flows: Iterable[Flow], guess: Decimal = FIRST_GUESS) -> Decimal:
    """Return the least positive rate of a period at which the flows are worth nothing; 0 where payments do not
    exceed the payouts. `guess` is where the search for an only root begins. Raises NoRateFound.
    """
    flows = in_order(flows)
    changes = sign_changes(flows)
    function = present_value(flows, compound_rest=False)
    if changes > 1:
        return _first_root(function, _positive_grid())
    if function(ZERO_POINT) * flows[0].amount >= 0:
        return Decimal(0)
    return only_root(function, flows[0].amount, max(guess, LEAST_RATE))


@precise
def root_near_zero(function: Function, changes: int) -> Decimal:
    """Return the rate nearest to zero, above -100 %, where `function` is zero: the search walks away from zero on
    both sides at once, in finer steps where the flows change sign more than once. Raises NoRateFound.
    """
    step = COARSE_GROWTH if changes == 1 else FINE_GROWTH
    growth, nearest = ONE, [(ZERO_POINT, function(ZERO_POINT))] * 2
    while growth < HIGHEST_GROWTH:
        growth *= step
        found = []
        for side, rate in enumerate((growth - 1, 1 / growth - 1)):
            point = rate, function(rate)
            if nearest[side][1] * point[1] <= 0:
                found.append(_solve(function, nearest[side], point))
                if changes == 1:
                    break
            nearest[side] = point
        if found:
            return min(found, key=abs)
    raise NoRateFound("no rate in the searched range")
