"""Rates of value added tax as receipts name them (tag 1199): dated rows, and a day without a row is refused."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from payments.errors import ReceiptImpossible

WITHOUT = 6
"""Code of a line without the tax."""
REGIMES = ("general", "simplified_5", "simplified_7", "exempt")
"""Regimes of a seller: which rate a line has that names none."""


@dataclass(frozen=True)
class Rate:
    """A rate in per cent from its first to its last day (None: in force), with its two codes of tag 1199.

    `code` is of goods handed over, `advance_code` of the rate calculated from money paid beforehand (22/122).
    """

    percent: Decimal
    code: int
    advance_code: int
    since: date
    until: date | None
    source: str


RATES = (
    Rate(Decimal(20), 1, 3, date(2019, 1, 1), date(2025, 12, 31), "303-ФЗ of 3 August 2018"),
    Rate(Decimal(22), 11, 12, date(2026, 1, 1), None, "425-ФЗ of 28 November 2025, ФНС ЕД-7-20/1050@"),
    Rate(Decimal(10), 2, 4, date(2019, 1, 1), None, "НК РФ, article 164, paragraph 2"),
    Rate(Decimal(0), 5, 5, date(2019, 1, 1), None, "НК РФ, article 164, paragraph 1"),
    Rate(Decimal(5), 7, 9, date(2025, 1, 1), None, "176-ФЗ of 12 July 2024"),
    Rate(Decimal(7), 8, 10, date(2025, 1, 1), None, "176-ФЗ of 12 July 2024"),
)
_STANDARD = frozenset({Decimal(20), Decimal(22)})
_SIMPLIFIED = {"simplified_5": Decimal(5), "simplified_7": Decimal(7)}


def find_code(percent: Decimal | None, *, regime: str, day: date, is_advance: bool) -> int:
    """Return the code of tag 1199 for a rate, or for what a `regime` has where the line names none.

    `day` is that of the settlement. Raises ReceiptImpossible where no row has the rate in force that day.
    """
    if percent is None and regime == "exempt":
        return WITHOUT
    rows = [row for row in RATES if row.since <= day and (row.until is None or day <= row.until)]
    for row in rows:
        if _fits(row, percent, regime):
            return row.advance_code if is_advance else row.code
    raise ReceiptImpossible(
        "vat_rate_unknown", _("No row of rates has %(rate)s on %(day)s.") % {"rate": percent or regime, "day": day}
    )


def _fits(row: Rate, percent: Decimal | None, regime: str) -> bool:
    if percent is not None:
        return row.percent == percent
    return row.percent in _STANDARD if regime == "general" else row.percent == _SIMPLIFIED.get(regime)
