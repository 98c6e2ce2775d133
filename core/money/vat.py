"""Value added tax of Russia: rates as dated rows with their sources, and the tax that a price includes.

Pure functions. Sources and what is left out: docs/taxes.md. A day without a row is refused, never guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from core.money import ZERO, money


class NoTaxRule(DomainError):
    """No row of the law is known for this day, regime and kind of goods."""

    code = "no_tax_rule"
    detail = _("No rule of VAT is known for this day and kind of sale.")


class Regime(StrEnum):
    """Tax regime of a seller: general, or simplified without VAT, or simplified with a low rate."""

    GENERAL = "general"
    SIMPLIFIED = "simplified"
    SIMPLIFIED_5 = "simplified_5"
    SIMPLIFIED_7 = "simplified_7"


class VatKind(StrEnum):
    """Way in which something sold is taxed: at a rate of the law, of the difference to its cost, or not at all."""

    STANDARD = "standard"
    REDUCED = "reduced"
    ZERO = "zero"
    MARGIN = "margin"
    EXEMPT = "exempt"


@dataclass(frozen=True)
class Rate:
    """A rate in per cent of a kind of goods under a regime, from `since` until the day before the next row's."""

    regime: Regime
    kind: VatKind
    since: date
    percent: int
    source: str


@dataclass(frozen=True)
class Vat:
    """The tax of a line: its rate in per cent, None where there is no VAT, and the amount within the price."""

    percent: int | None
    amount: Decimal


_2019, _2025, _2026 = date(2019, 1, 1), date(2025, 1, 1), date(2026, 1, 1)
_RAISED = "303-FZ of 3 August 2018, art. 1"
_AGAIN = "425-FZ of 28 November 2025, art. 2 item 8; letter of the tax service SD-4-3/11802@ of 29 December 2025"
_MARGIN = "Tax Code art. 154 item 5.1, art. 164 item 4"
_LOW = "176-FZ of 12 July 2024: Tax Code art. 164 item 8"
RATES = (
    Rate(Regime.GENERAL, VatKind.STANDARD, _2019, 20, f"Tax Code art. 164 item 3; {_RAISED}"),
    Rate(Regime.GENERAL, VatKind.STANDARD, _2026, 22, f"Tax Code art. 164 item 3; {_AGAIN}"),
    Rate(Regime.GENERAL, VatKind.MARGIN, _2019, 20, f"{_MARGIN}; {_RAISED}"),
    Rate(Regime.GENERAL, VatKind.MARGIN, _2026, 22, f"{_MARGIN}; {_AGAIN}"),
    Rate(Regime.GENERAL, VatKind.REDUCED, _2019, 10, "Tax Code art. 164 item 2"),
    Rate(Regime.GENERAL, VatKind.ZERO, _2019, 0, "Tax Code art. 164 item 1"),
    Rate(Regime.SIMPLIFIED_5, VatKind.STANDARD, _2025, 5, _LOW),
    Rate(Regime.SIMPLIFIED_5, VatKind.REDUCED, _2025, 5, _LOW),
    Rate(Regime.SIMPLIFIED_5, VatKind.ZERO, _2025, 0, _LOW),
    Rate(Regime.SIMPLIFIED_7, VatKind.STANDARD, _2025, 7, _LOW),
    Rate(Regime.SIMPLIFIED_7, VatKind.REDUCED, _2025, 7, _LOW),
    Rate(Regime.SIMPLIFIED_7, VatKind.ZERO, _2025, 0, _LOW),
)
"""Every rate there is, oldest first within its kind."""


def find_percent(regime: Regime, kind: VatKind, day: date) -> int | None:
    """Return the rate of a sale on the dealer's `day`, in per cent; None where it bears no VAT. Raises NoTaxRule."""
    if kind == VatKind.EXEMPT or regime == Regime.SIMPLIFIED:
        return None
    rows = [row for row in RATES if (row.regime, row.kind) == (regime, kind) and row.since <= day]
    if not rows:
        raise NoTaxRule(day=day.isoformat(), regime=regime.value, vat_kind=kind.value)
    return rows[-1].percent


def find_regime(regimes: Sequence[tuple[date, Regime]], day: date) -> Regime:
    """Return the regime that holds on a day, of rows (first day, regime) in any order. Raises NoTaxRule."""
    begun = [row for row in regimes if row[0] <= day]
    if not begun:
        raise NoTaxRule(_("The seller's tax regime on %(day)s is not known.") % {"day": day}, day=day.isoformat())
    return max(begun)[1]


def compute_vat(amount: Decimal, percent: int) -> Decimal:
    """Return the VAT within an amount, by the calculated rate percent / (100 + percent), half up to the kopeck."""
    return money(amount * percent / (100 + percent))


def reckon(regime: Regime, kind: VatKind, day: date, total: Decimal, cost: Decimal | None = None) -> Vat:
    """Return the VAT within a line's `total`, whatever discount made it so.

    By the margin scheme it is the tax within what `total` exceeds `cost` by, and nothing when it does not. Raises
    NoTaxRule.
    """
    percent = find_percent(regime, kind, day)
    if percent is None:
        return Vat(None, ZERO)
    if kind != VatKind.MARGIN:
        return Vat(percent, compute_vat(total, percent))
    if cost is None:
        raise NoTaxRule(_("The margin scheme needs the price that the vehicle was bought for."), vat_kind=kind.value)
    return Vat(percent, compute_vat(max(ZERO, total - cost), percent))
