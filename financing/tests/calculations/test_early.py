from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from financing.rules.calculations import (
    Credit,
    DayCount,
    Debt,
    InvalidTerms,
    Strategy,
    annuity_schedule,
    due_dates,
    interest_factors,
    payoff_quote,
    repay_early,
)
from financing.rules.calculations.rounding import KOPECK, TO_KOPECK
from financing.tests.calculations.make import days, loan_bases, moderate, percent, principals


def build_debt(principal, rate, start, count, basis=DayCount.ACTUAL_365, **more):
    due = due_dates(start, count + 1)[1:]
    factors = interest_factors(rate, start, due, basis)
    balloon = more.get("balloon", Decimal(0))
    payment = annuity_schedule(Credit(principal=principal, factors=factors, balloon=balloon)).payment
    if more.get("equal_principal"):
        payment = TO_KOPECK(principal / count)
    return Debt(
        balance=principal, annual_rate=rate, since=start, due_dates=due, payment=payment, day_count=basis, **more
    )


@st.composite
def debts(draw):
    rate = draw(percent(1, 40)) / 100
    return build_debt(
        draw(principals),
        rate,
        draw(days),
        draw(st.integers(1, 84)),
        draw(loan_bases),
        equal_principal=draw(st.booleans()),
    )


def total_interest(result):
    return result.interest + result.schedule.total_interest


@st.composite
def partials(draw):
    """A debt, a day inside its first period, and a sum below the payoff."""
    debt = draw(debts())
    day = debt.since + timedelta(days=draw(st.integers(0, (debt.due_dates[0] - debt.since).days)))
    share = draw(st.integers(1, 99))
    return debt, day, TO_KOPECK(payoff_quote(debt, day).total * share / 100)


@given(case=partials())
@moderate
def test_a_shorter_term_saves_most_and_both_save(case):
    debt, day, amount = case
    slack = KOPECK * 2 * len(debt.due_dates)
    shorter, lower = (repay_early(debt, amount, day, strategy) for strategy in reversed(Strategy))
    assert total_interest(shorter) <= total_interest(lower) + slack
    assert total_interest(lower) <= debt.kept_schedule().total_interest + slack


@given(case=partials(), strategy=st.sampled_from(Strategy), now=st.booleans())
@moderate
def test_principal_is_still_repaid_to_the_kopeck(case, strategy, now):
    debt, day, amount = case
    result = repay_early(debt, amount, day, strategy, interest_now=now)
    assert result.interest + result.principal == amount
    assert result.principal + sum(row.principal for row in result.rows) == debt.balance
    assert result.rows[-1].balance == 0
    assert len(result.rows) <= len(debt.due_dates)
    assert not result.closed


@given(case=partials(), strategy=st.sampled_from(Strategy), extra=st.integers(0, 10_000))
@moderate
def test_the_payoff_closes_the_loan_and_the_rest_goes_back(case, strategy, extra):
    debt, day, _ = case
    result = repay_early(debt, payoff_quote(debt, day).total + extra, day, strategy)
    assert result.closed
    assert (result.rows, result.debt.balance, result.refund) == ((), 0, extra)


@given(case=partials(), strategy=st.sampled_from(Strategy))
@moderate
def test_nothing_changes_nothing(case, strategy):
    debt, day, _ = case
    result = repay_early(debt, Decimal(0), day, strategy)
    assert (result.debt, result.schedule, result.interest, result.principal) == (debt, debt.kept_schedule(), 0, 0)


@given(case=partials(), strategy=st.sampled_from(Strategy), cut=st.integers(1, 99))
@moderate
def test_two_partials_on_one_day_equal_their_sum(case, strategy, cut):
    debt, day, amount = case
    first = TO_KOPECK(amount * cut / 100)
    once = repay_early(debt, amount, day, strategy)
    twice = repay_early(repay_early(debt, first, day, strategy).debt, amount - first, day, strategy)
    assert abs(once.debt.balance - twice.debt.balance) <= KOPECK
    assert abs(once.debt.payment - twice.debt.payment) <= KOPECK
    assert abs(len(once.rows) - len(twice.rows)) <= 1


@given(case=partials())
@moderate
def test_accrued_interest_of_the_parts_is_that_of_the_period(case):
    debt, day, _ = case
    whole = debt.interest_to(debt.due_dates[0])
    settled = repay_early(debt, debt.interest_to(day), day, Strategy.REDUCE_TERM).debt
    assert abs(debt.interest_to(day) + settled.interest_to(debt.due_dates[0]) - whole) <= KOPECK


START = date(2026, 1, 15)


def plain(**more):
    return build_debt(Decimal("1000000.00"), Decimal("0.12"), START, 12, **more)


def test_a_payoff_adds_what_is_overdue():
    debt = plain(overdue=Decimal("100.00"), penalties=Decimal("7.00"))
    payoff = payoff_quote(debt, date(2026, 1, 25))
    assert payoff.interest == Decimal("3287.67")
    assert payoff.total == Decimal("1003394.67")


def test_a_loan_in_arrears_can_only_be_closed():
    with pytest.raises(InvalidTerms) as refusal:
        repay_early(plain(penalties=Decimal(1)), Decimal(1000), START, Strategy.REDUCE_TERM)
    assert refusal.value.code == "overdue"


@pytest.mark.parametrize("day", [date(2026, 1, 14), date(2026, 2, 16)])
def test_a_day_outside_the_current_period_is_refused(day):
    with pytest.raises(InvalidTerms, match="date"):
        payoff_quote(plain(), day)


def test_a_negative_amount_is_refused():
    with pytest.raises(InvalidTerms, match="negative"):
        repay_early(plain(), Decimal(-1), START, Strategy.REDUCE_TERM)


def test_a_sum_below_the_accrued_interest_leaves_the_rest_for_the_next_payment():
    result = repay_early(plain(), Decimal("1000.00"), date(2026, 1, 25), Strategy.REDUCE_PAYMENT)
    assert (result.interest, result.principal) == (1000, 0)
    assert result.debt.accrued_interest == Decimal("2287.67")
    assert result.debt.payment == plain().payment
    assert result.rows[0].payment == plain().payment


def test_interest_may_wait_for_the_next_payment():
    result = repay_early(plain(), Decimal(100_000), date(2026, 1, 25), Strategy.REDUCE_TERM, interest_now=False)
    assert (result.interest, result.principal) == (0, 100_000)
    assert result.debt.accrued_interest == Decimal("3287.67")


def test_a_sum_between_balance_and_payoff_leaves_interest_alone():
    debt = plain()
    result = repay_early(debt, Decimal(1_001_000), date(2026, 1, 25), Strategy.REDUCE_PAYMENT, interest_now=False)
    assert (result.principal, result.interest, result.closed) == (1_000_000, 1000, False)
    assert [row.payment for row in result.rows] == [Decimal("2287.67")]


def test_a_shorter_term_keeps_the_payment_and_the_other_keeps_the_dates():
    shorter = repay_early(plain(), Decimal(300_000), START, Strategy.REDUCE_TERM)
    lower = repay_early(plain(), Decimal(300_000), START, Strategy.REDUCE_PAYMENT)
    assert shorter.rows[0].payment == plain().payment
    assert shorter.rows[-1].due_date < plain().due_dates[-1]
    assert lower.rows[-1].due_date == plain().due_dates[-1]
    assert lower.debt.payment < plain().payment


def test_a_balloon_shrinks_only_with_the_debt():
    debt = plain(balloon=Decimal(500_000))
    lower = repay_early(debt, Decimal(300_000), START, Strategy.REDUCE_PAYMENT)
    assert lower.rows[-1].payment > 500_000
    flat = repay_early(debt, Decimal(600_000), START, Strategy.REDUCE_PAYMENT)
    assert {row.principal for row in flat.rows[:-1]} == {0}


def test_equal_parts_are_kept_or_lowered():
    debt = plain(equal_principal=True)
    shorter = repay_early(debt, Decimal(500_000), START, Strategy.REDUCE_TERM)
    lower = repay_early(debt, Decimal(500_000), START, Strategy.REDUCE_PAYMENT)
    assert {row.principal for row in shorter.rows[:-1]} == {debt.payment}
    assert lower.rows[0].principal == TO_KOPECK(Decimal(500_000) / 12)
    assert lower.debt.payment == lower.rows[0].principal
