"""Read everything that happened to a loan, and how it stood on any day."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

from core.money import ZERO
from financing.models import (
    Loan,
    LoanPayment,
    LoanPaymentStatus,
    LoanScheduleRow,
    LoanVersion,
    ScheduleType,
    VersionKind,
)
from financing.rules.calculations import Debt, Part, capped_daily_rate
from financing.rules.calculations.servicing import Happening, Instalment, Money, Standing, Terms, Turn, standing_on

PERCENT = Decimal(100)
_NEW_TERMS = (VersionKind.RESTRUCTURING, VersionKind.MORATORIUM)


class History:
    """Everything that happened to a loan, read once."""

    def __init__(self, loan: Loan) -> None:
        self.loan = loan
        self.versions: list[LoanVersion] = [item for item in loan.versions.all() if item.cancelled_at is None]
        self.payments: list[LoanPayment] = sorted(
            (item for item in loan.payments.all() if item.status == LoanPaymentStatus.RECEIVED),
            key=lambda item: (item.received_at, item.pk),
        )

    @property
    def version(self) -> LoanVersion:
        """The schedule that rules now."""
        return self.versions[-1]

    @cached_property
    def rows(self) -> list[LoanScheduleRow]:
        """The instalments that count: of each schedule those that fall due while it rules."""
        until = {self.version.number: date.max}
        until |= {earlier.number: later.from_date for earlier, later in pairwise(self.versions)}
        ruling = [row for row in self.loan.rows.all() if row.due_date <= until.get(row.version, date.min)]
        return sorted(ruling, key=lambda row: (row.due_date, row.number))

    @cached_property
    def terms(self) -> Terms:
        """Return the contract's terms of the debt, the penalty held to its legal cap (353-FZ art. 5 part 21)."""
        loan = self.loan
        daily = loan.penalty_daily_percent / PERCENT
        return Terms(
            principal=loan.principal,
            start=loan.disbursed_date,
            daily_penalty=capped_daily_rate(daily, interest_accrues=loan.is_interest_on_overdue),
            overdue_rate=self.version.annual_rate / PERCENT if loan.is_interest_on_overdue else ZERO,
            overdue_days=loan.rules.overdue_days,
            order=[Part(name) for name in loan.allocation_order],
        )

    def happenings(self) -> Iterator[Happening]:
        """Instalments, then money and new schedules in the order they were recorded."""
        for row in self.rows:
            yield Instalment(row.due_date, row.principal, row.interest, row.fees)
        recorded: list[tuple[datetime, tuple[Happening, ...]]] = [
            (item.received_at, self._list_happenings(item)) for item in self.payments if item.received_at
        ]
        paid_for = {item.schedule_id for item in self.payments}
        recorded += [
            (item.created_at, (_turn(item),))
            for item in self.versions[1:]
            if item.pk not in paid_for and item.kind != VersionKind.REDATING  # it moves coming payments and no money
        ]
        for _, happened in sorted(recorded, key=lambda pair: pair[0]):
            yield from happened

    def _list_happenings(self, payment: LoanPayment) -> tuple[Happening, ...]:
        money = Money(payment.value_date, payment.amount)
        turns = tuple(_turn(item) for item in self.versions if item.pk == payment.schedule_id)
        return money, *turns, Money(payment.value_date, -payment.surplus)

    def standing(self, day: date, *more: Happening) -> Standing:
        """Return how the loan stands at the end of a day, with some more happenings."""
        return standing_on(day, self.terms, [*self.happenings(), *more])

    def paid_in_time(self, after: date, until: date) -> list[Happening]:
        """The instalments of coming days as if each were paid on its day: what a look ahead takes for granted."""
        return [Money(row.due_date, row.payment) for row in self.rows if after < row.due_date <= until]

    def later_rows(self, day: date) -> list[LoanScheduleRow]:
        """The instalments that fall due after a day."""
        return [row for row in self.rows if row.due_date > day]

    def last_number(self, day: date) -> int:
        """Return the number of the last instalment due by a day; what is paid at the payout has none."""
        return max((row.number for row in self.rows if row.due_date <= day), default=0)

    def debt(self, day: date, balance: Decimal) -> Debt:
        """The running debt between two due dates, for early repayment; the last period lasts until `day` at least."""
        version, later, rules = self.version, self.later_rows(day), self.loan.rules
        passed = [row.due_date for row in self.rows if version.from_date < row.due_date <= day]
        since = passed[-1] if passed else version.from_date
        put_off = version.deferred_interest if later else ZERO  # the last payment holds it
        return Debt(
            balance=balance,
            annual_rate=version.annual_rate / PERCENT,
            since=since,
            due_dates=[row.due_date for row in later] or [day],
            fees=[row.fees for row in later],
            interest_only=int(self._is_interest_next(day)),
            pays_interest=rules.is_dated,
            payoff_rule=rules.payoff_rule,
            payment_rounding=rules.conventions.payment_rounding,
            interest_rounding=rules.conventions.interest_rounding,
            payment=version.payment,
            period_start=None if passed else version.period_start,
            accrued_interest=put_off if passed else version.carried_interest,
            balloon=min(self.loan.balloon, balance),
            equal_principal=self.loan.schedule == ScheduleType.DIFFERENTIATED,
            day_count=rules.day_count,
        )

    def _is_interest_next(self, day: date) -> bool:
        """Tell whether the next payment is still the first of all, and of interest only by the bank's rules."""
        is_first = not self.last_number(day) and all(item.kind not in _NEW_TERMS for item in self.versions)
        return is_first and self.loan.rules.pays_interest_first(self.loan.disbursed_date, self.loan.term_months)


def _turn(version: LoanVersion) -> Turn:
    return Turn(version.from_date, version.repaid_principal, version.repaid_interest, version.waived_penalty)
