"""The bank's view of all loans: how much is owed, and how late it is."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, CharField, Count, Q, Sum, Value, When

from core.money import ZERO
from financing.models import RUNNING, Loan, LoanStatus

_BUCKETS = {"current": (0, 0), "1-30": (1, 30), "31-60": (31, 60), "61-90": (61, 90), "90+": (91, None)}


@dataclass(frozen=True)
class Bucket:
    """Running loans of one lateness: their number and roubles."""

    name: str
    count: int
    balance: Decimal
    overdue: Decimal
    penalties: Decimal


@dataclass(frozen=True)
class Portfolio:
    """All loans: by lateness those that run, by number the others; roubles."""

    buckets: list[Bucket]
    by_status: dict[str, int]
    lent: Decimal
    written_off: Decimal

    @property
    def balance(self) -> Decimal:
        """Principal owed on running loans."""
        return sum((bucket.balance for bucket in self.buckets), ZERO)

    @property
    def at_risk_percent(self) -> Decimal:
        """Share of the balance that lies in loans more than 30 days late, per cent to two places."""
        late = sum((item.balance for item in self.buckets if item.name not in ("current", "1-30")), ZERO)
        return round(late / self.balance * 100, 2) if self.balance else ZERO


def read_portfolio(**filters: Any) -> Portfolio:
    """Count loans by lateness and by status, in two queries."""
    loans = Loan.objects.filter(**filters)
    counted = loans.values_list("status").order_by().annotate(count=Count("pk"), lent=Sum("principal"))
    rows = {status: (count, lent) for status, count, lent in counted}
    lost = loans.filter(status=LoanStatus.WRITTEN_OFF).aggregate(total=Sum("written_off_amount"))["total"]
    return Portfolio(
        buckets=_buckets(loans.filter(status__in=RUNNING)),
        by_status={status: rows[status][0] if status in rows else 0 for status in LoanStatus.values},
        lent=sum((lent for status, (_, lent) in rows.items() if status != LoanStatus.CANCELLED), ZERO),
        written_off=lost or ZERO,
    )


def _buckets(loans: Any) -> list[Bucket]:
    cases = [When(_within(*limits), then=Value(name)) for name, limits in _BUCKETS.items()]
    named = loans.annotate(bucket=Case(*cases, output_field=CharField())).values_list("bucket").order_by()
    sums = named.annotate(
        count=Count("pk"), balance=Sum("balance"), overdue=Sum("overdue_amount"), penalties=Sum("penalty_amount")
    )
    found = {row[0]: row[1:] for row in sums}
    return [Bucket(name, *found.get(name, (0, ZERO, ZERO, ZERO))) for name in _BUCKETS]


def _within(least: int, most: int | None) -> Q:
    return Q(days_past_due__gte=least) if most is None else Q(days_past_due__gte=least, days_past_due__lte=most)
