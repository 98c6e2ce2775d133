"""Work out an early repayment without writing anything, so that a preview and the act are one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money import ZERO
from financing.models import VersionKind
from financing.queries.history import History
from financing.rules.calculations import DatedFlow, Debt, Part, Row, Strategy, psk, repay_early
from financing.rules.calculations.rounding import shown_percent
from financing.rules.calculations.servicing import Standing

PSK_PLACES = 3


@dataclass(frozen=True)
class PayoffQuote:
    """Sum that closes a loan on a day, roubles: `due` is unpaid instalments and penalties, `deposit` waits already."""

    day: date
    balance: Decimal
    interest: Decimal
    due: Decimal
    deposit: Decimal

    @property
    def total(self) -> Decimal:
        """The sum to pay."""
        return max(self.balance + self.interest + self.due - self.deposit, ZERO)


@dataclass(frozen=True)
class EarlyPlan:
    """Effects of an amount on a day, roubles: it pays what is `due`, then interest to the day, then principal.

    `saved_interest` is what need not be paid any more; `rows` follow, numbered on; `payment` is what a version keeps.
    """

    day: date
    kind: VersionKind
    due: Decimal
    interest: Decimal
    principal: Decimal
    surplus: Decimal
    balance: Decimal
    carried_interest: Decimal
    period_start: date
    payment: Decimal
    monthly_payment: Decimal
    psk: Decimal
    saved_interest: Decimal
    rows: Sequence[Row]

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing is owed after it."""
        return self.kind == VersionKind.PAYOFF


def quote_payoff(history: History, today: date, day: date, *, by_law: bool = False) -> PayoffQuote:
    """Quote what closes the loan on a day from today on; until then every instalment is taken for paid in time.

    `by_law` owes interest for the days of use whatever the payoff rule. Raises InvalidInput.
    """
    standing, debt = _look_ahead(history, today, day)
    interest = debt.interest_to(day) if by_law else debt.payoff_interest(day)
    return PayoffQuote(day, debt.balance, interest, standing.due, standing.deposit)


def _look_ahead(history: History, today: date, day: date) -> tuple[Standing, Debt]:
    """Return how the loan stands on a day, and the debt that is left of it once what is due then is paid."""
    last = max((row.due_date for row in history.rows), default=today)
    if not today <= day <= max(last, today):
        raise InvalidInput("date", "out_of_range", _("The date must lie between today and the last payment."))
    standing = history.standing(day, *history.paid_in_time(today, day))
    principal_due = standing.owed[Part.OVERDUE_PRINCIPAL] + standing.owed[Part.PRINCIPAL]
    return standing, history.debt(day, standing.balance - principal_due)


def plan_early(
    history: History, today: date, day: date, amount: Decimal, strategy: Strategy, *, by_law: bool = False
) -> EarlyPlan:
    """Work out what `amount` roubles do on a day from today on; `by_law` as in `quote_payoff`. Raises InvalidInput."""
    standing, debt = _look_ahead(history, today, day)
    left = amount - standing.due
    if left <= 0:
        detail = _("Pay more than the %(due)s that is due on that day.") % {"due": standing.due}
        raise InvalidInput("amount", "min_value", detail)
    interest = debt.interest_to(day) if by_law else debt.payoff_interest(day)
    surplus = left + standing.deposit - debt.balance - interest
    if surplus >= 0:
        return _payoff(history, standing, debt, day, interest, surplus)
    if left >= debt.balance + debt.interest_to(day):
        closing = standing.due + debt.balance + interest - standing.deposit
        detail = _("Pay the %(total)s that closes the loan, or less than what is left of it.") % {"total": closing}
        raise InvalidInput("amount", "between", detail)
    return _partial(history, standing, debt, day, left, strategy)


def _payoff(
    history: History, standing: Standing, debt: Debt, day: date, interest: Decimal, surplus: Decimal
) -> EarlyPlan:
    return EarlyPlan(
        day=day,
        kind=VersionKind.PAYOFF,
        due=standing.due,
        interest=interest,
        principal=debt.balance,
        surplus=surplus,
        balance=ZERO,
        carried_interest=ZERO,
        period_start=day,
        payment=debt.payment,
        monthly_payment=history.version.monthly_payment,
        psk=history.version.psk,
        saved_interest=_interest(history.later_rows(day)) - interest,
        rows=(),
    )


def _partial(
    history: History, standing: Standing, debt: Debt, day: date, amount: Decimal, strategy: Strategy
) -> EarlyPlan:
    result = repay_early(debt, amount, day, strategy)
    passed = history.last_number(day)
    rows = [row._replace(number=row.number + passed) for row in result.rows]
    return EarlyPlan(
        day=day,
        kind=VersionKind(strategy.value),
        due=standing.due,
        interest=result.interest,
        principal=result.principal,
        surplus=ZERO,
        balance=result.debt.balance,
        carried_interest=result.debt.accrued_interest,
        period_start=result.debt.period_start or day,
        payment=result.debt.payment,
        monthly_payment=result.schedule.payment,
        psk=compute_cost(result.debt.balance, day, rows, near=history.version.annual_rate),
        saved_interest=_interest(history.later_rows(day)) - result.interest - _interest(rows),
        rows=rows,
    )


def _interest(rows: Iterable[Any]) -> Decimal:
    return sum((row.interest for row in rows), ZERO)


def compute_cost(balance: Decimal, day: date, rows: Iterable[Row], *, near: Decimal) -> Decimal:
    """ПСК of what is left of a loan, per cent a year: as if its balance were paid out on the day."""
    paid = [DatedFlow(row.due_date or day, row.payment) for row in rows]
    return shown_percent(psk([DatedFlow(day, -balance), *paid], near=near), PSK_PLACES)
