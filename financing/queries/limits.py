"""Limits as a decision reads them: the ceiling of ПСК by category of car, and the shares of a quarter's lending."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import Q

from financing.models import CreditLimit, FinancingType, LimitKind, Programme
from financing.rules.calculations import DebtLoad, debt_load_tier

ABOVE_AVERAGE = Decimal(4) / 3
"""353-FZ art. 6 part 11: at the signing not more than a third above the Bank of Russia's average."""
PSK_STEP = Decimal("0.001")
LENT_UP_TO_KM = 1000
"""The Bank of Russia's categories of car loans part here."""
SHARES = {DebtLoad.MODERATE: LimitKind.SHARE_MODERATE, DebtLoad.HIGH: LimitKind.SHARE_HIGH}


@dataclass(frozen=True)
class Ceiling:
    """The most that ПСК may be, % a year, and where that comes from."""

    percent: Decimal
    source: str


class Limits:
    """The rows that are in force on a day."""

    def __init__(self, rows: Iterable[CreditLimit]) -> None:
        self._rows: dict[tuple[str, str], CreditLimit] = {}
        for row in sorted(rows, key=lambda row: row.valid_from):
            self._rows[row.kind, row.bank] = row

    def row(self, kind: LimitKind, bank: str) -> CreditLimit | None:
        """The bank's own row, else that of all."""
        return self._rows.get((kind, bank)) or self._rows.get((kind, ""))

    def ceiling(self, programme: Programme, is_used: bool | None) -> Ceiling | None:
        """The ceiling of ПСК: the law's by the car's category, or the programme's own where that is lower.

        A car of unknown mileage falls under the lower of both categories. Leasing is no consumer credit. None where
        neither is known.
        """
        kinds = {True: [LimitKind.PSK_USED], False: [LimitKind.PSK_NEW], None: [LimitKind.PSK_NEW, LimitKind.PSK_USED]}
        rows = [self.row(kind, programme.bank) for kind in kinds[is_used] if _is_consumer_credit(programme)]
        found = [Ceiling(compute_ceiling(row.value), row.source) for row in rows if row is not None]
        if programme.max_psk_percent is not None:
            found.append(Ceiling(programme.max_psk_percent, programme.bank))
        return min(found, key=lambda ceiling: ceiling.percent, default=None)

    def share_row(self, programme: Programme, load: Decimal | None) -> CreditLimit | None:
        """The share that lending at this ПДН (per cent; None where no income is known) is held to, if any."""
        kind = SHARES.get(get_debt_tier(load))
        if kind is None or programme.is_connected or not _is_consumer_credit(programme):
            return None
        return self.row(kind, programme.bank)


def compute_ceiling(average: Decimal) -> Decimal:
    """The ceiling that follows from an average value of ПСК, both % a year."""
    return (average * ABOVE_AVERAGE).quantize(PSK_STEP, ROUND_HALF_UP)


def get_debt_tier(load: Decimal | None) -> DebtLoad:
    """The tier of a ПДН; without an income there is none to carry the debt."""
    return DebtLoad.HIGH if load is None else debt_load_tier(load)


def _is_consumer_credit(programme: Programme) -> bool:
    return programme.financing_type != FinancingType.LEASING


def limits_on(day: date) -> Limits:
    """Read the rows in force, in one query."""
    return Limits(CreditLimit.objects.filter(Q(withdrawn_at=None), valid_from__lte=day, valid_to__gte=day))


def get_quarter_start(day: date) -> date:
    """The first day of a day's quarter."""
    return day.replace(month=day.month - (day.month - 1) % 3, day=1)
