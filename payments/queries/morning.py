"""Read what money came in lately: what the desk shows in the morning."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from core.clock import day_begins, dealer_day
from core.money import DEFAULT_CURRENCY, ZERO
from payments.models import TAKEN, Payment

DAYS = 30
MOST = 5_000


@dataclass(frozen=True)
class MoneyIn:
    """Money taken by the day it was asked for, in roubles; `is_cut` where only the newest payments were added up."""

    days: list[tuple[date, Decimal]]
    is_cut: bool

    def total(self, days: int) -> Decimal:
        """Sum of the last so many days."""
        return sum((amount for _day, amount in self.days[-days:]), ZERO)


def read_money_in(*, now: datetime) -> MoneyIn:
    """Add up at most five thousand of the newest payments of thirty days; what went back since is not in it."""
    today = dealer_day(now)
    days = [today - timedelta(days=number) for number in reversed(range(DAYS))]
    lately = Payment.objects.filter(created_at__gte=day_begins(days[0])).order_by("-created_at", "-id")
    columns = ("created_at", "status", "currency", "amount", "refunded_amount")
    rows = list(lately.values_list(*columns)[: MOST + 1])
    sums = dict.fromkeys(days, ZERO)
    for created_at, status, currency, amount, refunded in rows[:MOST]:
        if status in TAKEN and currency == DEFAULT_CURRENCY and dealer_day(created_at) in sums:
            sums[dealer_day(created_at)] += amount - refunded
    return MoneyIn(list(sums.items()), len(rows) > MOST)
