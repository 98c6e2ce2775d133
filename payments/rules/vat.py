"""Codes of value added tax as receipts name them (tag 1199); the rates themselves are rows of core.money.vat."""

from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money.vat import RATES, NoTaxRule, Regime, VatKind, find_percent
from payments.errors import ReceiptImpossible

WITHOUT = 6
"""Code of a line without the tax."""
CODES = {20: (1, 3), 10: (2, 4), 0: (5, 5), 5: (7, 9), 7: (8, 10), 22: (11, 12)}
"""Codes of a rate in per cent: of goods handed over, and of the rate calculated from a sum (22/122).

Sources: ФНС ЕД-7-20/662@ of 14 September 2020, for 22 per cent ЕД-7-20/1050@.
"""
_REGIMES = {
    "general": Regime.GENERAL,
    "simplified_5": Regime.SIMPLIFIED_5,
    "simplified_7": Regime.SIMPLIFIED_7,
    "exempt": Regime.SIMPLIFIED,
}
NAMES = {regime: name for name, regime in _REGIMES.items()}
"""Regimes of core.money.vat by their names here and in the settings."""


def find_code(percent: Decimal | None, *, kind: str, regime: str, day: date, is_advance: bool) -> int:
    """Return the code of tag 1199 for a rate, or for what a `regime` taxes a `kind` of goods at where none is named.

    `kind` is one of core.money.vat.VatKind, or empty for the standard one; `day` is that of the settlement. By the
    margin scheme the rate is calculated whenever the money comes (НК РФ, article 164, paragraph 4). Raises
    ReceiptImpossible where no row has the rate in force that day.
    """
    rate = _find_rate(kind, regime, day) if percent is None else _check(percent, day)
    if rate is None:
        return WITHOUT
    code, calculated = CODES[rate]
    return calculated if is_advance or kind == VatKind.MARGIN else code


def _find_rate(kind: str, regime: str, day: date) -> int | None:
    if regime not in _REGIMES:
        raise _unknown(regime, day)
    try:
        return find_percent(_REGIMES[regime], VatKind(kind or VatKind.STANDARD), day)
    except NoTaxRule as error:
        raise _unknown(regime, day) from error


def _check(percent: Decimal, day: date) -> int:
    """Return a named rate as a row in force has it."""
    for row in RATES:
        if row.percent == percent and row.since <= day and find_percent(row.regime, row.kind, day) == percent:
            return row.percent
    raise _unknown(str(percent), day)


def _unknown(rate: str, day: date) -> ReceiptImpossible:
    return ReceiptImpossible(
        "vat_rate_unknown", _("No row of rates has %(rate)s on %(day)s.") % {"rate": rate, "day": day}
    )
