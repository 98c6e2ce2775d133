"""Random programmes and loans under every convention, against the day-by-day loan of `simulation`."""

import os
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count
from unittest.mock import patch

import pytest

from financing.models import Loan, LoanPayment, LoanScheduleRow, LoanVersion, VersionKind, WorkCalendarYear
from financing.queries.early import plan_early, quote_payoff
from financing.queries.history import History
from financing.queries.redating import plan_redating
from financing.rules.bank_rules import UNITS, BankFee, BankRules, FeePayment, FirstPeriod, RoundingMode
from financing.rules.calculations import (
    DayCount,
    LoanTerms,
    MonthEnd,
    PaymentBelowInterest,
    ScheduleKind,
    Shift,
    Strategy,
    calculate,
    russian_calendar,
)
from financing.rules.calculations.arrears import LEGAL_ORDER
from financing.rules.calculations.terms import LOAN_DAY_COUNTS, premium_fees
from financing.services.stages import _suspended
from financing.services.workouts import _new_terms
from financing.tests import simulated_changes, simulation
from financing.tests.calculations.make import DECREES

SHORT, LONG, CHUNK = 300, 10_000, 200
FIRST_SEED = int(os.environ.get("SIMULATED_FROM", "1"))
CALENDAR = russian_calendar(range(2023, 2062), DECREES)
MOMENTS = count()


def read_calendar(_first, _last):
    return CALENDAR


class Case:
    """One random loan, as the product is told of it and as the simulation is."""

    def __init__(self, seed):
        chance = random.Random(seed)
        self.chance, self.seed = chance, seed
        self.payout = date(2025, 1, 1) + timedelta(days=chance.randrange(1100))
        self.payments = chance.choice([1, 2, 3, chance.randint(4, 36), chance.randint(37, 120)])
        self.lent = Decimal(chance.randint(5_000_000, 500_000_000)) / 100
        self.rate = Decimal(chance.choice([0, 1, chance.randint(1, 999), chance.randint(1000, 4500)])) / 100
        self.kind = chance.choice(["annuity", "annuity", "differentiated", "balloon"])
        self.premium = self.choose_premium()
        share = chance.choice([Decimal(0), Decimal(1), Decimal(chance.randint(1, 99)) / 100])
        self.balloon = (self.lent * share).quantize(Decimal("0.01")) if self.kind == "balloon" else Decimal(0)
        self.rules = self.choose_rules()
        self.is_interest_on_overdue = chance.random() < 0.3
        self.penalty = Decimal(chance.choice([0, 3, 5])) / 100
        self.order = [part.value for part in LEGAL_ORDER]
        if chance.random() < 0.3:
            chance.shuffle(self.order)

    def choose_premium(self):
        """Insurance that the loan pays: in all, and the part that ПСК counts."""
        if self.chance.random() < 0.6:
            return Decimal(0), Decimal(0)
        lent = Decimal(self.chance.randint(100, 3_000_000)) / 100
        return lent, self.chance.choice([Decimal(0), lent, (lent / 3).quantize(Decimal("0.01"))])

    def choose_rules(self):
        chance = self.chance
        payment_day = chance.choice([None, chance.randint(1, 28), chance.choice([29, 30, 31])])
        shift = chance.choice(list(Shift))
        return BankRules(
            day_count=chance.choice(LOAN_DAY_COUNTS),
            due_shift=shift,
            month_end=chance.choice(list(MonthEnd)),
            payment_day=payment_day,
            min_first_period_days=chance.randint(15 if shift is Shift.PRECEDING else 10, 30),
            first_period=chance.choice(list(FirstPeriod)) if payment_day else FirstPeriod.LEVEL,
            payment_unit=chance.choice(UNITS) if self.kind != "differentiated" else UNITS[0],
            payment_rounding=chance.choice(list(RoundingMode)),
            interest_rounding=chance.choice(list(RoundingMode)),
            fees=tuple(self.choose_fee() for _ in range(chance.choice([0, 0, 1, 1, 3]))),
        )

    def choose_fee(self):
        chance = self.chance
        size = {"amount": Decimal(chance.randint(1, 50_000)) / 100}
        if chance.random() < 0.3:
            size = {"percent": Decimal(chance.randint(1, 9_999)) / 10_000}
        when = chance.choice(["disbursement", "each", "yearly", chance.randint(1, self.payments)])
        paid = chance.choice(list(FeePayment)) if when == "disbursement" else FeePayment.CASH
        return BankFee(name="fee", when=when, in_psk=chance.random() < 0.7, paid=paid, **size)

    @property
    def principal(self):
        """The whole debt: what is lent to the order, and the fees that come on top."""
        return Decimal(self.deal.lent) / 100

    @property
    def terms(self):
        added = self.rules.terms(self.payout, self.lent, self.payments, read_calendar)
        added["fees"] += premium_fees(*self.premium)
        return LoanTerms(
            vehicle_price=self.lent - self.premium[0] + 1,
            down_payment=Decimal(1),
            term_months=self.payments,
            annual_rate=self.rate,
            schedule=ScheduleKind(self.kind),
            balloon=self.balloon,
            **added,
        )

    @property
    def deal(self):
        rules = self.rules
        return simulation.Agreement(
            payout=self.payout,
            lent=kopecks(self.lent) + sum(self.size(fee) for fee in rules.fees if fee.paid == "financed"),
            payments=self.payments,
            rate=Fraction(self.rate) / 100,
            kind=self.kind,
            balloon=kopecks(self.balloon),
            day_count=rules.day_count.value,
            shift=rules.due_shift.value,
            month_end=rules.month_end.value,
            payment_day=rules.payment_day,
            least_days=rules.min_first_period_days,
            is_interest_first=rules.first_period is FirstPeriod.INTEREST_ONLY,
            unit=kopecks(rules.payment_unit),
            rounding=rules.payment_rounding.value,
            interest_rounding=rules.interest_rounding.value,
            premium_counted=kopecks(self.premium[1]),
            fees=tuple((fee.when, self.size(fee), fee.in_psk, fee.paid.value) for fee in rules.fees),
            penalty=Fraction(self.penalty) / 100,
            is_interest_on_overdue=self.is_interest_on_overdue,
            order=tuple(self.order),
        )

    def size(self, fee):
        """What is paid each time, kopecks: a percentage is of all that is lent, but for fees that come on top."""
        if fee.amount is not None:
            return kopecks(fee.amount)
        return simulation.rounded(kopecks(self.lent) * Fraction(fee.percent) / 100, 1, "half_up")


def kopecks(amount):
    found = amount * 100
    assert found == found.to_integral_value(), amount
    return int(found)


def quoted(case):
    """The product's schedule; None where it says that the payment would not cover the interest, and it would not."""
    try:
        return calculate(case.terms, today=case.payout)
    except PaymentBelowInterest:
        plan = simulation.first_plan(case.deal)
        assert plan.lines[0].principal <= 0
        return None


def read_lines(rows):
    return [(row.due_date, kopecks(row.principal), kopecks(row.interest), kopecks(row.fees)) for row in rows]


def drawn(plan):
    return [(line.due, line.principal, line.interest, line.fee) for line in plan.lines]


class Served:
    """The product's loan in memory: rows as the services would write them."""

    def __init__(self, case, quote):
        self.loan = Loan(
            principal=case.principal,
            financed_fee=case.principal - case.lent,
            annual_rate=case.rate,
            term_months=case.payments,
            schedule=case.kind,
            balloon=case.balloon,
            bank_rules=case.rules.stored(),
            penalty_daily_percent=case.penalty,
            is_interest_on_overdue=case.is_interest_on_overdue,
            allocation_order=case.order,
            disbursed_date=case.payout,
        )
        first = LoanVersion(
            number=1, kind=VersionKind.PAYOUT, from_date=case.payout, period_start=case.payout, annual_rate=case.rate,
            principal=case.principal, payment=quote.regular, monthly_payment=quote.monthly_payment, psk=quote.psk,
            created_at=next_moment(),
        )  # fmt: skip
        self.versions, self.payments, self.rows = [first], [], row_models(1, quote.schedule)

    @property
    def history(self):
        held = {"versions": self.versions, "payments": self.payments, "rows": self.rows, "stages": []}
        self.loan._prefetched_objects_cache = held
        return History(self.loan)

    def pay(self, day, amount, version=None):
        self.payments.append(
            LoanPayment(
                kind="early" if version else "instalment",
                amount=amount,
                value_date=day,
                status="received",
                received_at=next_moment(),
                schedule=version,
                surplus=Decimal(0),
            )
        )

    def repay_early(self, day, amount, strategy):
        plan = plan_early(self.history, day, day, amount, strategy)
        version = LoanVersion(
            number=2, kind=plan.kind, from_date=day, period_start=plan.period_start, annual_rate=self.loan.annual_rate,
            principal=plan.balance, payment=plan.payment, monthly_payment=plan.monthly_payment, psk=plan.psk,
            carried_interest=plan.carried_interest, repaid_principal=plan.principal, repaid_interest=plan.interest,
            created_at=next_moment(),
        )  # fmt: skip
        self.versions.append(version)
        self.rows += row_models(2, plan.rows)
        self.pay(day, amount, version)
        return plan


def next_moment():
    return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=next(MOMENTS))


def row_models(version, rows):
    return [LoanScheduleRow(version=version, **row._asdict()) for row in rows]


def check_lateness(case, served, plan):
    """Some payments on time, some late, short or too much: the same debt on every day that anything happens."""
    chance, deal = case.chance, case.deal
    ledger = simulation.Ledger(deal, plan.lines, deal.lent)
    last = plan.lines[min(len(plan.lines), 5) - 1].due + timedelta(days=chance.randint(1, 70))
    paid = {}
    for line in plan.lines[:5]:
        day = min(line.due + timedelta(days=chance.choice([0, 0, 0, 1, 3, 40])), last)
        share = chance.choice([1, 1, Decimal("0.5"), Decimal("1.2")])
        amount = (Decimal(line.debt + line.fee) / 100 * share).quantize(Decimal("0.01"))
        if amount:
            paid[day] = paid.get(day, 0) + amount
    for day, amount in sorted(paid.items()):
        served.pay(day, amount)
    history, day = served.history, case.payout
    while day < last:
        day += simulation.DAY
        ledger.live(day, kopecks(paid.get(day, Decimal(0))))
        if day in paid or day == last or chance.random() < 0.02:
            standing = history.standing(day)
            owed = {part.value: kopecks(amount) for part, amount in standing.owed.items()}
            assert owed == ledger.owed(day), (case.seed, day)
            found = (standing.balance, standing.deposit, standing.penalty_paid, standing.interest_paid)
            expected = (ledger.balance, ledger.waits, ledger.penalty_paid, ledger.interest_paid)
            assert tuple(map(kopecks, found)) == expected, (case.seed, day)


def check_early(case, served, plan):
    """More than is due on a day between two due days, then a payoff on another."""
    chance, deal = case.chance, case.deal
    place = chance.randrange(len(plan.lines))
    begin = plan.lines[place - 1].due if place else case.payout
    gap = (plan.lines[place].due - begin).days
    if gap < 3:
        return
    day = begin + timedelta(days=chance.randint(1, gap - 1))
    for line in plan.lines[:place]:
        if line.debt + line.fee:
            served.pay(line.due, Decimal(line.debt + line.fee) / 100)
    balance = deal.lent - sum(line.principal for line in plan.lines[:place])
    part = simulation.count_part(begin, day, (begin, plan.lines[place].due), deal.day_count)
    interest = simulation.rounded(balance * deal.rate * part, 1, deal.interest_rounding)
    payoff = quote_payoff(served.history, day, day)
    assert (kopecks(payoff.balance), kopecks(payoff.interest)) == (balance, interest), (case.seed, day)
    if balance < 100 * 100:
        return
    amount = interest + chance.randint(1, balance - 1)
    strategy = chance.choice(list(Strategy))
    found = served.repay_early(day, Decimal(amount) / 100, strategy)
    paid, repaid, after = simulation.early_plan(deal, plan, day, amount, strategy.value)
    assert (kopecks(found.interest), kopecks(found.principal)) == (paid, repaid), (case.seed, day)
    assert read_lines(found.rows) == drawn(after), (case.seed, day, strategy)
    standing = served.history.standing(day)
    assert kopecks(standing.balance) == balance - repaid, (case.seed, day)


def check_change(case, served, plan):
    """Credit holidays, new terms or moved payments, on a loan some of whose payments may be late."""
    chance, deal = case.chance, case.deal
    at = chance.randrange(min(len(plan.lines), 8))
    begin = plan.lines[at - 1].due if at else case.payout
    gap = (plan.lines[at].due - begin).days
    if gap < 3:
        return
    day = begin + timedelta(days=chance.randint(1, gap - 1))
    paid = {line.due: line.debt + line.fee for line in plan.lines[: max(at - chance.choice([0, 0, 1, 2]), 0)]}
    ledger, today = simulation.Ledger(deal, plan.lines, deal.lent), case.payout
    for when, amount in paid.items():
        if amount:
            served.pay(when, Decimal(amount) / 100)
    while today < day:
        today += simulation.DAY
        ledger.live(today, paid.get(today, 0))
    if not ledger.balance:
        return
    change = chance.choice([check_holidays, check_new_terms, check_moved])
    change(case, served, plan, ledger, day)


def check_cost(shown, found, seed):
    assert abs(float(shown) - found) < 0.000502, (seed, shown, found)


def check_payout(case, quote):
    """Of the debt the seller gets what no fee takes; what the borrower pays in all beside it are the fees in cash."""
    deal, rules = case.deal, case.rules
    withheld = rules.withheld_fee(case.lent)
    assert (kopecks(quote.amount_financed), kopecks(quote.withheld)) == (deal.lent, kopecks(withheld)), case.seed
    assert kopecks(case.lent - withheld) == deal.handed_over, case.seed
    assert kopecks(quote.total_paid) == sum(row.payment for row in quote.schedule) * 100 + deal.first_by("cash")
    assert rules.lent_within(case.principal) <= case.lent, case.seed
    assert case.lent - rules.lent_within(case.principal) <= Decimal("0.03"), case.seed


def check_rows(rows, lines, seed):
    assert read_lines(rows) == drawn(simulation.Plan(0, lines)), seed
    assert sum(row.principal for row in rows) * 100 == sum(line.principal for line in lines)


def check_holidays(case, served, plan, ledger, day):
    months = case.chance.randint(1, 6)
    version, rows = _suspended(served.history, day, simulation.month_after(day, months))
    lines = simulated_changes.holidays(case.deal, plan, ledger, day, months)
    check_rows(rows, lines, case.seed)
    check_cost(version.psk, simulated_changes.later_cost(ledger.balance, day, lines), case.seed)


def check_new_terms(case, served, plan, ledger, day):
    months, chance = case.chance.randint(1, 60), case.chance
    rate = chance.choice([case.rate, Decimal(chance.randint(0, 3000)) / 100])
    version, rows = _new_terms(served.history, day, months, rate)
    lines = simulated_changes.new_terms(case.deal, plan, ledger, day, months, Fraction(rate) / 100)
    check_rows(rows, lines, case.seed)
    check_cost(version.psk, simulated_changes.later_cost(ledger.balance, day, lines), case.seed)


def check_moved(case, served, plan, ledger, day):
    """Some due days to come become days off; what was late stays as it was."""
    later = [line.due for line in plan.lines if line.due > day]
    more_off = frozenset(due for due in later if case.chance.random() < 0.3)
    calendar = replace(CALENDAR, days_off=CALENDAR.days_off | more_off, working_days=CALENDAR.working_days - more_off)
    found = plan_redating(served.history, day, lambda _first, _last: calendar, {due.year for due in later})
    lines = simulated_changes.moved_payments(replace(case.deal, more_off=more_off), plan, day)
    if [line.due for line in lines] == later:
        assert found is None, case.seed
        return
    check_rows(found.rows, lines, case.seed)
    was = served.history.standing(day)
    found.version.created_at = next_moment()
    served.versions.append(found.version)
    served.rows += row_models(found.version.number, found.rows)
    assert served.history.standing(day) == was, case.seed


def run(seed):
    case = Case(seed)
    quote = quoted(case)
    if quote is None:
        return False
    plan = simulation.first_plan(case.deal)
    assert read_lines(quote.schedule) == drawn(plan), seed
    if case.balloon != case.principal:
        assert kopecks(quote.regular) == plan.regular, seed
    check_payout(case, quote)
    check_cost(quote.psk, simulated_changes.first_cost(case.deal, plan, case.rules.is_dated), seed)
    check = case.chance.choice([check_lateness, check_early, check_change])
    with patch.object(WorkCalendarYear, "read", staticmethod(read_calendar)):
        check(case, Served(case, quote), plan)
    return True


def run_some(first, how_many):
    lent = [run(seed) for seed in range(first, first + how_many)]
    assert sum(lent) > how_many * 0.9


def test_random_loans_are_those_of_the_simulation():
    run_some(FIRST_SEED, SHORT)


@pytest.mark.proof
@pytest.mark.parametrize("part", range(LONG // CHUNK))
def test_ten_thousand_random_loans_are_those_of_the_simulation(part):
    run_some(FIRST_SEED + SHORT + part * CHUNK, CHUNK)


def test_every_convention_is_among_the_random_ones():
    rules = [Case(seed).rules for seed in range(FIRST_SEED, FIRST_SEED + SHORT)]
    assert {item.day_count for item in rules} == set(LOAN_DAY_COUNTS) - {DayCount.BOND}
    assert {item.due_shift for item in rules} == set(Shift)
    assert {item.month_end for item in rules} == set(MonthEnd)
    assert {item.first_period for item in rules} == set(FirstPeriod)
    assert {item.interest_rounding for item in rules} == set(RoundingMode)
    assert {item.payment_day for item in rules} >= {None, 29, 30, 31}
    assert {fee.paid for item in rules for fee in item.fees} == set(FeePayment)
