"""The shape of tariff data: dated rows with their source, and the factors a premium is made of."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, TypeVar

from django.utils.translation import gettext as _

from core.money import ZERO, money
from insurance.rules.rating.errors import InvalidRisk, TariffMissing

T = TypeVar("T")
ONE = Decimal(1)


@dataclass(frozen=True)
class Dated(Generic[T]):
    """A tariff row in force from `valid_from` through `valid_to` (open when None), and where it was read.

    `secondary` marks a value read in the press or a public repository, not in the directive itself.
    """

    value: T
    valid_from: date
    source: str
    valid_to: date | None = None
    secondary: bool = True

    def in_force(self, day: date) -> bool:
        """Tell whether the row counts on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def row_on(rows: Iterable[Dated[T]], day: date, table: str, fits: Callable[[T], bool] = lambda value: True) -> Dated[T]:
    """Return the newest fitting row in force on a day; the order of rows does not matter. Raises TariffMissing.

    `table` is the name of the table, for the refusal.
    """
    found = [row for row in rows if row.in_force(day) and fits(row.value)]
    if not found:
        raise TariffMissing(table, day)
    return max(found, key=lambda row: row.valid_from)


@dataclass(frozen=True)
class Factor:
    """One line of a premium's breakdown: its code, its value, and the source of its row."""

    code: str
    value: Decimal
    source: str = ""


@dataclass(frozen=True)
class Premium:
    """A premium in roubles, the unrounded product, and the factors that multiply to it in their order."""

    amount: Decimal
    unrounded: Decimal
    breakdown: tuple[Factor, ...]


def multiply(factors: Iterable[Factor]) -> Premium:
    """Return the premium of factors: their product, rounded once, half up to the kopeck."""
    factors = tuple(factors)
    product = ONE
    for factor in factors:
        product *= factor.value
    return Premium(money(product), product, factors)


@dataclass(frozen=True)
class Driver:
    """A named driver: completed years of age and of driving on the first day of the policy, and the КБМ class."""

    age: int
    experience: int
    kbm_class: str = "3"


@dataclass(frozen=True)
class AgeExperience:
    """A table of factors by age and experience, in completed years; a pair that cannot occur is None."""

    age_from: Sequence[int]
    experience_from: Sequence[int]
    rows: Sequence[Sequence[Decimal | None]]

    def factor(self, driver: Driver) -> Decimal:
        """Return the factor of a driver. Raises InvalidRisk where nobody of that age can have that experience."""
        age = bisect_right(self.age_from, driver.age) - 1
        experience = bisect_right(self.experience_from, driver.experience) - 1
        if age < 0:
            told = _("Drivers must be at least %(age)d years old.") % {"age": self.age_from[0]}
            raise InvalidRisk("drivers", "too_young", told)
        row = self.rows[age]
        factor = row[experience] if 0 <= experience < len(row) else None
        if factor is None:
            raise InvalidRisk("drivers", "experience_impossible", _("The driving experience does not fit the age."))
        return factor


def non_negative(name: str, amount: Decimal) -> None:
    """Refuse an amount below zero. Raises InvalidRisk."""
    if amount < ZERO:
        raise InvalidRisk(name, "min_value", _("The amount must not be negative."))
