"""Read how a bank's lending of a quarter stands to the limits of the Bank of Russia."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from uuid import UUID

from django.db.models import F, Q, Sum

from core.clock import dealer_day
from core.money import ZERO
from financing.errors import PskAboveCeiling
from financing.models import Application, ApplicationStatus, CreditLimit, LimitKind, LoanStatus, Programme
from financing.queries.limits import SHARES, Ceiling, get_quarter_start, limits_on
from financing.rules.calculations import DebtLoad, LoanQuote, debt_load_percent
from financing.rules.calculations.affordability import HIGH_FROM, MODERATE_FROM
from financing.rules.calculations.rounding import KOPECK

_LENT = F("approved_amount") + F("financed_fee")
_SHOWN = Decimal("0.001")
_AGREED = (ApplicationStatus.APPROVED, ApplicationStatus.ACCEPTED, ApplicationStatus.DISBURSED)
_TIERS = {
    DebtLoad.MODERATE: Q(debt_load_percent__gt=MODERATE_FROM, debt_load_percent__lte=HIGH_FROM),
    DebtLoad.HIGH: Q(debt_load_percent__gt=HIGH_FROM) | Q(debt_load_percent__isnull=True),
}


@dataclass(frozen=True)
class Share:
    """A bank's quarter in one tier of ПДН: per cent of its lending, and the roubles behind them.

    `agreed` stands in offers, accepted ones and loans; `base` is what it is a part of: what was paid out and what is
    agreed in the tier, but at least the plan.
    """

    tier: DebtLoad
    limit: Decimal
    agreed: Decimal
    base: Decimal

    @property
    def percent(self) -> Decimal:
        """Agreed of the base, per cent to three places, rounded up: what is above the limit never looks equal to it."""
        return (self.agreed / self.base * 100).quantize(_SHOWN, ROUND_UP) if self.base else ZERO

    @property
    def is_kept(self) -> bool:
        """Tell whether the limit holds."""
        return self.percent <= self.limit

    @property
    def room(self) -> Decimal:
        """Roubles that the limit leaves of the base, as it is: a loan at this debt load adds to both."""
        return max(ZERO, (self.base * self.limit / 100 - self.agreed).quantize(KOPECK, ROUND_DOWN))


def quarter_share(
    bank: str, tier: DebtLoad, row: CreditLimit, day: date, amount: Decimal = ZERO, besides: UUID | None = None
) -> Share:
    quarter = Application.objects.filter(programme__bank=bank, counted_in=get_quarter_start(day), status__in=_AGREED)
    standing = quarter.exclude(loan__status=LoanStatus.CANCELLED)
    if besides is not None:
        standing = standing.exclude(pk=besides)
    is_paid = Q(status=ApplicationStatus.DISBURSED)
    sums = standing.aggregate(
        agreed=Sum(_LENT, filter=_TIERS[tier], default=ZERO),
        paid=Sum(_LENT, filter=is_paid, default=ZERO),
        paid_in_tier=Sum(_LENT, filter=is_paid & _TIERS[tier], default=ZERO),
    )
    agreed = sums["agreed"] + amount
    base = sums["paid"] + agreed - sums["paid_in_tier"]
    plan = limits_on(day).row(LimitKind.PLAN, bank)
    return Share(tier, row.value, agreed, max(base, plan.value if plan else ZERO))


def compute_debt_load(application: Application, quote: LoanQuote) -> Decimal | None:
    """ПДН with a loan of these terms, per cent to two places; None without an income."""
    if not application.monthly_income:
        return None
    debts = [application.monthly_obligations, quote.average_payment]
    return round(debt_load_percent(debts, application.monthly_income), 2)


def ceiling_for(application: Application, programme: Programme, now: datetime) -> Ceiling | None:
    """The ceiling of ПСК that an agreement made now by a programme is held to."""
    is_used = (application.decision or {}).get("facts", {}).get("is_used")
    return limits_on(dealer_day(now)).ceiling(programme, is_used)


def require_ceiling(application: Application, psk: Decimal | None, now: datetime) -> None:
    """Stop an agreement whose ПСК (% a year) is above the ceiling of the day. Raises PskAboveCeiling."""
    ceiling = ceiling_for(application, application.programme, now)
    if ceiling is not None and psk is not None and psk > ceiling.percent:
        raise PskAboveCeiling(psk=str(psk), ceiling=str(ceiling.percent))


def shares_on(day: date) -> list[tuple[str, Share]]:
    """Each bank's shares of a day's quarter, where a limit concerns it: for the desk."""
    limits = limits_on(day)
    own = Programme.objects.filter(connection="").exclude(financing_type="leasing")
    banks = own.order_by("bank").values_list("bank", flat=True).distinct()
    rows = ((bank, tier, limits.row(kind, bank)) for bank in banks for tier, kind in SHARES.items())
    return [(bank, quarter_share(bank, tier, row, day)) for bank, tier, row in rows if row is not None]
