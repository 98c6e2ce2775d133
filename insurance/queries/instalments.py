"""Read what of a premium is still owed."""

from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from core.clock import dealer_day
from core.money import ZERO
from insurance.errors import InstalmentOverdue
from insurance.models import (
    Instalment,
    InstalmentState,
    MoneyKind,
    MoneyState,
    Policy,
    next_planned,
)


def outstanding(policy: Policy) -> Decimal:
    """Return what of a policy's premium has not come in, roubles: still planned, or not owed any more."""
    rest = policy.instalments.exclude(state=InstalmentState.PAID).aggregate(sum=Sum("amount", default=ZERO))
    return Decimal(rest["sum"])


def planned(policy: Policy) -> list[Instalment]:
    """Instalments of a locked policy that are still to be paid, in their order."""
    return list(policy.instalments.filter(state=InstalmentState.PLANNED).order_by("number"))


def refuse_overdue(policy: Policy, now: datetime) -> None:
    """Raises InstalmentOverdue."""
    due = next_planned(planned(policy))
    if due is not None and due.is_overdue_on(dealer_day(now)):
        raise InstalmentOverdue(due_date=str(due.due_date))


def is_being_paid(policy: Policy) -> bool:
    """Tell whether a payment of an instalment was begun and is not answered."""
    return policy.money_requests.filter(kind=MoneyKind.INSTALMENT, state=MoneyState.ASKED).exists()
