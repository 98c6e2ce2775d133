"""Find which cars cost at most so much a month, as the figure on their cards says, without asking of each of them.

Cars of one class (new, used or neither known, and years that no threshold tells apart) at one price have one figure. Of
each class the prices are parted where the cheapest offer, or whether it is within the limit, changes. Between two
prices of the same offer the payment only rises; what lies about a change is left to whoever has the cars.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from functools import cached_property
from itertools import groupby, pairwise
from uuid import UUID

from core.money import ZERO
from financing.models import Programme
from financing.queries.cars import Car
from financing.queries.offers import CAR_LOAN, LoanOffer, Market, open_market
from financing.rules.calculations import add_months
from financing.rules.decisions import Rules, limit_residual

UNKNOWN_YEAR = 0
FIRST_YEAR, LAST_YEAR = 1, 9999
STEP = Decimal(5)
"""A fifth of such prices is whole: among them what is lent only rises; a little beside them it may not."""
NARROW = Decimal(250)
"""Roubles between two prices that are not told apart any further."""
LOWEST, HIGHEST = Decimal(1000), Decimal(10) ** 11
Outcome = tuple[UUID | None, bool]
"""The programme of the cheapest offer, and whether it is within the limit."""


@dataclass(frozen=True)
class CarBand:
    """Cars of some years (0 is that of an unknown one) and prices, both ends included; `is_used` None: not known."""

    is_used: bool | None
    first_year: int
    last_year: int
    price_min: Decimal
    price_max: Decimal


@dataclass(frozen=True)
class Affordable:
    """Cars that are `within` the limit, and those of which only their own figure tells."""

    within: list[CarBand]
    unsure: list[CarBand]


@dataclass(frozen=True)
class _CarClass:
    car: Car
    first_year: int
    last_year: int


def find_affordable(
    most: Decimal, *, term_months: int, day: date, down_payment: Callable[[Decimal], Decimal]
) -> Affordable:
    """Return the cars whose cheapest loan costs at most so many roubles a month, `down_payment` of their price down.

    What is paid down is the fifth, or another constant share, in whole roubles, rounded up.
    """
    market = open_market(CAR_LOAN, term_months, day)
    if not market.programmes:
        return Affordable([], [])
    return _Search(most, market, down_payment).parted()


class _Search:
    """One limit held against the programmes on offer; each price is calculated once, for all classes."""

    def __init__(self, most: Decimal, market: Market, down_payment: Callable[[Decimal], Decimal]) -> None:
        self.most, self.market, self.down_payment = most, market, down_payment
        self.known: dict[Decimal, tuple[Outcome, ...]] = {}
        self.payments: dict[Decimal, dict[UUID, Decimal]] = {}

    @cached_property
    def classes(self) -> list[_CarClass]:
        """Cars that the same thresholds of all programmes hold for."""
        years = [UNKNOWN_YEAR, *range(self._last.year - 100, self._last.year + 2)]
        found: list[tuple[int, int]] = []
        for (is_known, _alike), group in groupby(years, key=lambda year: (year > 0, self._thresholds(year))):
            same = list(group)
            found.append((same[0] if is_known else UNKNOWN_YEAR, same[-1]))
        known = [pair for pair in found if pair[0]]
        spans = [(UNKNOWN_YEAR, UNKNOWN_YEAR), *known]
        spans[1] = FIRST_YEAR, spans[1][1]
        spans[-1] = spans[-1][0], LAST_YEAR
        return [
            _CarClass(Car(last or None, is_used), first, last)
            for first, last in spans
            for is_used in (True, False, None)
        ]

    @cached_property
    def _last(self) -> date:
        return add_months(self.market.day, self.market.term_months)

    @cached_property
    def _rules(self) -> list[Rules]:
        return [item.rules for item in self.market.programmes]

    def _thresholds(self, year: int) -> tuple[tuple[bool, Decimal | None], ...]:
        """Tell the programmes' thresholds for a car of a year; beyond those looked at they are the same."""
        return tuple(
            (
                not year or self._last.year - year <= one.max_vehicle_age,
                limit_residual(one, self.market.day, self.market.term_months, year or None),
            )
            for one in self._rules
        )

    def outcomes(self, price: Decimal) -> tuple[Outcome, ...]:
        """Return the cheapest offer of each class at a price."""
        if price not in self.known:
            offers = self.market.price(price, self.down_payment(price))
            self.payments[price] = {one.terms.programme_id: one.monthly_payment for one in offers}
            cheapest = (self.market.cheapest(offers, item.car) for item in self.classes)
            self.known[price] = tuple(self._outcome(offer) for offer in cheapest)
        return self.known[price]

    def _outcome(self, offer: LoanOffer | None) -> Outcome:
        return (None, False) if offer is None else (offer.terms.programme_id, offer.monthly_payment <= self.most)

    def parted(self) -> Affordable:
        """Part the prices of each class."""
        prices = self._refined(self._first_prices())
        within: list[CarBand] = []
        unsure: list[CarBand] = []
        for number, item in enumerate(self.classes):
            for first, last, is_certain in _runs(prices, [self.known[price][number] for price in prices]):
                band = CarBand(item.car.is_used, item.first_year, item.last_year, first, last)
                (within if is_certain else unsure).append(band)
        return Affordable(within, unsure)

    def _first_prices(self) -> list[Decimal]:
        """Prices to begin with: one to each doubling up to where every programme asks for more, and beside them where
        a programme begins and ends to lend, and where it comes to the limit.
        """
        price, prices = LOWEST, {STEP}
        while price < HIGHEST:
            prices.add(price)
            self.outcomes(price)
            if not any(payment <= self.most for payment in self.payments[price].values()):
                break
            price *= 2
        share = 1 - self.down_payment(HIGHEST) / HIGHEST
        for item in self.market.programmes:
            for amount in (item.min_amount, item.max_amount):
                prices |= set(_beside(item.bank_rules.lent_within(amount) / share))
            prices |= set(self._at_the_limit(item))
        return sorted(one for one in prices if one > 0)

    def _at_the_limit(self, programme: Programme) -> Iterator[Decimal]:
        """Find where a programme's payment comes to the limit: payments are nearly in proportion to prices."""
        told = [(price, paid[programme.pk]) for price, paid in self.payments.items() if paid.get(programme.pk)]
        if told:
            price, payment = min(told, key=lambda pair: abs(pair[1] - self.most))
            for _again in range(2):
                price = max(STEP, _whole(price * self.most / payment))
                self.outcomes(price)
                payment = self.payments[price].get(programme.pk) or payment
            yield from _beside(price)

    def _refined(self, prices: Sequence[Decimal]) -> list[Decimal]:
        """Halve what lies between two prices whose outcomes differ, as long as it is wide."""
        self.outcomes(prices[0])
        found, left = [prices[0]], list(reversed(prices[1:]))
        while left:
            low, high = found[-1], left[-1]
            if high - low > NARROW and self.outcomes(low) != self.outcomes(high):
                left.append(_whole((low + high) / 2))
            else:
                self.outcomes(high)
                found.append(left.pop())
        return found


def _whole(price: Decimal) -> Decimal:
    return (price / STEP).quantize(Decimal(1), ROUND_DOWN) * STEP


def _beside(price: Decimal) -> tuple[Decimal, Decimal]:
    lower = _whole(max(price, ZERO))
    return lower, lower + STEP


def _runs(prices: Sequence[Decimal], outcomes: Sequence[Outcome]) -> Iterator[tuple[Decimal, Decimal, bool]]:
    """Ranges of prices that are within the limit for certain, and those about a change of the offer, which may be."""
    runs = [
        (outcome, [price for price, _outcome in group])
        for outcome, group in groupby(zip(prices, outcomes, strict=True), key=lambda pair: pair[1])
    ]
    for number, ((_programme, is_within), same) in enumerate(runs):
        first = same[0] + (STEP if number else ZERO)
        last = same[-1] - (STEP if number < len(runs) - 1 else ZERO)
        if is_within and first <= last:
            yield first, last, True
    for ((_one, is_below), below), ((_other, is_above), above) in pairwise(runs):
        if is_below or is_above:
            yield below[-1] - STEP, above[0] + STEP, False
