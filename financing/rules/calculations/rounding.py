"""Decimal arithmetic with one fixed precision and explicit rounding, so that no result depends on ambient state."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

KOPECK = Decimal("0.01")
ZERO = Decimal("0.00")
ONE = Decimal(1)
PERCENT = Decimal(100)
PRECISION = Context(prec=34, rounding=ROUND_HALF_EVEN, traps=[DivisionByZero, InvalidOperation, Overflow])
# Rounding looks at 28 digits: the last six only carry the error of quotients such as r/12, which would otherwise
# turn an exact half kopeck into a little less.
MEANT = Context(prec=28, rounding=ROUND_HALF_EVEN)


def precise(function: Callable[P, T]) -> Callable[P, T]:
    """Run `function` with 34 significant digits whatever the thread's decimal context says."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        with localcontext(PRECISION):
            return function(*args, **kwargs)

    return wrapper


@dataclass(frozen=True, slots=True)
class Rounding:
    """Rule of rounding: to a multiple of `unit` roubles by a `decimal` mode; mode None keeps every digit."""

    unit: Decimal = KOPECK
    mode: str | None = ROUND_HALF_UP
    _is_decimal_place: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _, digits, exponent = self.unit.as_tuple()
        object.__setattr__(self, "_is_decimal_place", digits == (1,) and int(exponent) <= 0)

    def __call__(self, amount: Decimal) -> Decimal:
        """Round an amount in roubles."""
        if self.mode is None:
            return amount
        amount = MEANT.plus(amount)
        if self._is_decimal_place:
            return amount.quantize(self.unit, self.mode)
        return (amount / self.unit).quantize(ONE, self.mode) * self.unit

    def down(self) -> "Rounding":
        """Return the same unit, rounded towards zero."""
        return Rounding(self.unit, ROUND_DOWN)


TO_KOPECK = Rounding()
UNROUNDED = Rounding(mode=None)


@precise
def shown_percent(value: Decimal, places: int) -> Decimal:
    """Round a rate in per cent half up to `places` decimals, the way it is shown (SWD(2012)128, 4.1.2)."""
    return MEANT.plus(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
