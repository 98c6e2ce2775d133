"""Random programmes and loans under every convention, against the day-by-day loan of `simulation`."""

import os
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count

import pytest

from financing.models import Loan, LoanPayment, LoanScheduleRow, LoanVersion, VersionKind
from financing.queries.early import plan_early, quote_payoff
from financing.queries.history import History
from financing.rules.bank_rules import UNITS, BankFee, BankRules, FirstPeriod, RoundingMode
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
from financing.rules.calculations.terms import LOAN_DAY_COUNTS
from financing.tests import simulation
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
        share = chance.choice([Decimal(0), Decimal(1), Decimal(chance.randint(1, 99)) / 100])
        self.balloon = (self.lent * share).quantize(Decimal("0.01")) if self.kind == "balloon" else Decimal(0)
        self.rules = self.choose_rules()
        self.is_interest_on_overdue = chance.random() < 0.3
        self.penalty = Decimal(chance.choice([0, 3, 5])) / 100
        self.order = [part.value for part in LEGAL_ORDER]
        if chance.random() < 0.3:
            chance.shuffle(self.order)

    def choose_rules(self):
        chance = self.chance
        payment_day = chance.choice([None, chance.randint(1, 28), chance.choice([29, 30, 31])])
        shift = chance.choice(list(Shift))
        fees = ()
        if chance.random() < 0.4:
            fees = (BankFee(name="account", when="each", amount=Decimal(chance.randint(1, 50_000)) / 100),)
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
            fees=fees,
        )

    @property
    def terms(self):
        added = self.rules.terms(self.payout, self.lent, self.payments, read_calendar)
        return LoanTerms(
            vehicle_price=self.lent + 1,
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
            lent=kopecks(self.lent),
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
            fee_each=sum(kopecks(fee.amount) for fee in rules.fees),
            penalty=Fraction(self.penalty) / 100,
            is_interest_on_overdue=self.is_interest_on_overdue,
            order=tuple(self.order),
        )


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
            principal=case.lent,
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
            principal=case.lent, payment=quote.regular, monthly_payment=quote.monthly_payment, psk=quote.psk,
            created_at=next_moment(),
        )  # fmt: skip
        self.versions, self.payments, self.rows = [first], [], row_models(1, quote.schedule)

    @property
    def history(self):
        held = {"versions": self.versions, "payments": self.payments, "rows": self.rows}
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


def run(seed):
    case = Case(seed)
    quote = quoted(case)
    if quote is None:
        return False
    plan = simulation.first_plan(case.deal)
    assert read_lines(quote.schedule) == drawn(plan), seed
    if case.balloon != case.lent:
        assert kopecks(quote.regular) == plan.regular, seed
    (check_lateness if case.chance.random() < 0.5 else check_early)(case, Served(case, quote), plan)
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
