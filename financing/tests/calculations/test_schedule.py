from dataclasses import replace
from decimal import ROUND_UP, Decimal, getcontext, localcontext

import numpy_financial
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from financing.rules.calculations import (
    Credit,
    Rounding,
    annuity_payment,
    annuity_schedule,
    differentiated_schedule,
    fixed_payment_schedule,
    interest_factors,
    level_payment,
    period_rate,
    stepped_payments,
)
from financing.rules.calculations.dates import due_dates
from financing.rules.calculations.rounding import KOPECK, TO_KOPECK, UNROUNDED
from financing.rules.calculations.schedule import rate_step_payments
from financing.tests.calculations.make import (
    days,
    loan_bases,
    moderate,
    percent,
    principals,
    rates,
    terms_in_months,
)

ROUBLE = Decimal(1)


@st.composite
def credits(draw, **fixed):
    """Loans of equal or dated periods; `rate` is the yearly fraction they were made with."""
    rate, count = draw(rates) / 100, draw(terms_in_months)
    factors, due = [rate / 12] * count, ()
    if draw(st.booleans()):
        start, *due = due_dates(draw(days), count + 1)
        factors = interest_factors(rate, start, due, draw(loan_bases))
    return Credit(**{"principal": draw(principals), "factors": factors, "due_dates": due} | fixed)


plans = st.sampled_from([annuity_schedule, differentiated_schedule])


@given(credit=credits(), build=plans)
@moderate
def test_principal_is_repaid_to_the_kopeck(credit, build):
    rows = build(credit).rows
    assert sum(row.principal for row in rows) == credit.principal
    assert rows[-1].balance == 0
    assert all(row.balance >= 0 for row in rows)
    assert [row.number for row in rows] == list(range(1, len(credit.factors) + 1))


@given(credit=credits(), build=plans)
@moderate
def test_each_row_adds_up(credit, build):
    balance = credit.principal
    for row, factor in zip(build(credit).rows, credit.factors, strict=True):
        assert row.interest == TO_KOPECK(balance * factor)
        assert row.payment == row.principal + row.interest + row.fees
        balance -= row.principal
        assert row.balance == balance


@given(credit=credits(), rounding=st.sampled_from([TO_KOPECK, Rounding(ROUBLE, ROUND_UP)]))
@moderate
def test_payments_are_equal_but_the_last(credit, rounding):
    credit = replace(credit, payment_rounding=rounding)
    payment, rows = annuity_schedule(credit).payment, annuity_schedule(credit).rows
    assert {row.payment for row in rows[:-1]} <= {payment}
    growth = sum(accumulated(credit.factors))
    assert abs(rows[-1].payment - payment) <= rounding.unit * growth + rounding.unit


def accumulated(factors):
    """Return what a rouble paid too little in each row grows to: (1+i)^k of every later row."""
    growth = Decimal(1)
    for factor in reversed(factors):
        yield growth
        growth *= 1 + factor


@given(credit=credits())
@moderate
def test_the_balance_falls_while_the_payment_covers_the_interest(credit):
    schedule, balance = annuity_schedule(credit), credit.principal
    for row in schedule.rows:
        assert row.balance < balance or schedule.payment <= row.interest
        balance = row.balance


@given(principal=principals, count=terms_in_months, build=plans)
@moderate
def test_nothing_is_charged_at_a_rate_of_zero(principal, count, build):
    schedule = build(Credit(principal=principal, factors=[Decimal(0)] * count))
    assert schedule.total_interest == 0
    assert schedule.total_paid == principal
    assert all(abs(row.payment - principal / count) <= KOPECK for row in schedule.rows[:-1])
    assert abs(schedule.rows[-1].payment - principal / count) <= count * KOPECK


@given(principal=principals, rate=percent(1, 40), count=st.integers(2, 96))
@moderate
def test_a_level_loan_costs_more_than_a_differentiated_one(principal, rate, count):
    credit = Credit(principal=principal, factors=[rate / 1200] * count)
    slack = count * KOPECK
    assert annuity_schedule(credit).total_interest + slack >= differentiated_schedule(credit).total_interest


@given(principal=principals, rate=percent(1, 40), count=st.integers(1, 90), more=st.integers(1, 24))
@moderate
def test_longer_is_cheaper_a_month_and_dearer_in_all(principal, rate, count, more):
    short, long = (
        annuity_schedule(Credit(principal=principal, factors=[rate / 1200] * n)) for n in (count, count + more)
    )
    assert long.payment <= short.payment
    assert long.total_interest + (count + more) * KOPECK >= short.total_interest


@given(principal=principals, rate=percent(0, 39), count=terms_in_months, more=percent(0, 1))
@moderate
def test_a_higher_rate_costs_more(principal, rate, count, more):
    low, high = (
        annuity_schedule(Credit(principal=principal, factors=[yearly / 1200] * count)) for yearly in (rate, rate + more)
    )
    assert high.payment >= low.payment
    assert high.total_interest + count * KOPECK >= low.total_interest


@given(principal=principals, more=principals, rate=rates, count=terms_in_months)
@moderate
def test_a_larger_loan_has_a_larger_payment(principal, more, rate, count):
    factors = [rate / 1200] * count
    assert level_payment(principal + more, factors) >= level_payment(principal, factors)


@given(
    principal=principals,
    rate=rates,
    count=st.integers(2, 96),
    shares=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
@moderate
def test_a_larger_balloon_lowers_the_payment_and_costs_more(principal, rate, count, shares):
    small, large = (
        annuity_schedule(
            Credit(principal=principal, factors=[rate / 1200] * count, balloon=TO_KOPECK(principal * share / 100))
        )
        for share in sorted(shares)
    )
    assert large.payment <= small.payment
    assert large.total_interest + count * KOPECK >= small.total_interest
    assert sum(row.principal for row in large.rows) == principal


@given(credit=credits())
@moderate
def test_no_balloon_is_an_annuity_and_a_whole_one_is_interest_only(credit):
    rows = annuity_schedule(replace(credit, balloon=credit.principal)).rows
    assert all(row.principal == 0 for row in rows[:-1])
    assert rows[-1].principal == credit.principal


@given(credit=credits(), grace=st.integers(0, 12), build=plans)
@moderate
def test_grace_rows_pay_interest_alone(credit, grace, build):
    assume(grace < len(credit.factors))
    rows = build(replace(credit, interest_only=grace)).rows
    assert all(row.principal == 0 and row.balance == credit.principal for row in rows[:grace])
    assert sum(row.principal for row in rows) == credit.principal


@given(principal=principals, rate=rates, count=terms_in_months, balloon=st.integers(0, 90))
@moderate
def test_the_level_payment_agrees_with_numpy_financial(principal, rate, count, balloon):
    residual = principal * balloon / 100
    ours = annuity_payment(principal, rate / 1200, count, balloon=residual, rounding=UNROUNDED)
    theirs = numpy_financial.pmt(float(rate) / 1200, count, -float(principal), float(residual))
    assert float(ours) == pytest.approx(theirs, rel=1e-9)


@given(principal=principals, rate=percent(1, 40), count=st.integers(2, 60), row=st.integers(1, 60))
@moderate
def test_rows_agree_with_numpy_financial_before_rounding(principal, rate, count, row):
    assume(row < count)
    exact = Credit(
        principal=principal, factors=[rate / 1200] * count, payment_rounding=UNROUNDED, interest_rounding=UNROUNDED
    )
    interest = numpy_financial.ipmt(float(rate) / 1200, row, count, -float(principal))
    assert float(annuity_schedule(exact).rows[row - 1].interest) == pytest.approx(float(interest), rel=1e-6)


@given(principal=principals, rate=rates, count=terms_in_months, balloon=st.integers(0, 100), apart=st.booleans())
@moderate
def test_the_uneven_formula_is_the_closed_one_for_equal_periods(principal, rate, count, balloon, apart):
    residual, periods = principal * balloon / 100, count + apart
    uneven = level_payment(principal, [rate / 1200] * periods, balloon=residual, balloon_apart=apart)
    closed = annuity_payment(principal, rate / 1200, count, balloon=residual, balloon_apart=apart)
    assert uneven == closed


def test_an_exact_half_kopeck_of_interest_rounds_up():
    credit = Credit(principal=Decimal("600001.80"), factors=build_interest_factors("0.10", 12))
    assert annuity_schedule(credit).rows[0].interest == Decimal("5000.02")  # 600 001.80 * 10 % / 12 = 5000.015


def build_interest_factors(rate, count):
    return [period_rate(Decimal(rate))] * count


def test_a_balloon_apart_is_a_row_of_its_own():
    credit = Credit(
        principal=Decimal(1_000_000), factors=[Decimal("0.01")] * 13, balloon=Decimal(300_000), balloon_apart=True
    )
    schedule = annuity_schedule(credit)
    assert {row.payment for row in schedule.rows[:-1]} == {schedule.payment}
    assert schedule.rows[-1].payment == pytest.approx(Decimal(300_000), abs=Decimal("0.1"))


@pytest.mark.parametrize("build", [annuity_schedule, differentiated_schedule])
@pytest.mark.parametrize(("principal", "rate"), [("100", "0"), ("58000", "30"), ("1.81", "0")])
def test_rounding_up_never_ends_a_loan_before_its_term(build, principal, rate):
    credit = Credit(principal=Decimal(principal), factors=[Decimal(rate) / 1200] * 360)
    rows = build(credit).rows
    assert len(rows) == 360
    assert sum(row.principal for row in rows) == credit.principal


def test_tiny_loans_step_down_until_the_term_holds():
    credit = Credit(principal=Decimal(10), factors=[Decimal("0.0025")] * 360)
    schedule = annuity_schedule(credit)
    assert len(schedule.rows) == 360
    assert schedule.rows[-1].balance == 0


def test_a_given_payment_that_is_too_large_ends_the_rows():
    schedule = fixed_payment_schedule(Credit(principal=Decimal(100), factors=[Decimal(0)] * 10), Decimal(30))
    assert [row.payment for row in schedule.rows] == [30, 30, 30, 10]


def test_carried_interest_joins_the_first_row_and_is_never_added_to_the_debt():
    credit = Credit(principal=Decimal(1000), factors=[Decimal("0.01")] * 3, carried_interest=Decimal(500))
    rows = fixed_payment_schedule(credit, Decimal(340)).rows
    assert rows[0][2:] == (Decimal("510.00"), 0, Decimal("510.00"), 0, 1000)


def test_a_new_rate_recomputes_the_payment_on_the_balance():
    first, second = rate_step_payments(Decimal(1200), 12, [(1, Decimal(0)), (7, Decimal("0.01"))])
    assert first == 100
    assert second == annuity_payment(Decimal(600), Decimal("0.01"), 6, rounding=UNROUNDED)


def test_leasing_weights_count_from_the_first_day():
    unit, rentals = stepped_payments(Decimal(400), Decimal(0), [Decimal(3), Decimal(1)], in_advance=True)
    assert (unit, rentals) == (100, [300, 100])


@pytest.mark.parametrize("count", [1, 2, 360])
def test_a_single_payment_works(count):
    assert annuity_payment(Decimal(1000), Decimal("0.01"), 1) == 1010
    assert annuity_payment(Decimal(1000), Decimal(0), count) == TO_KOPECK(Decimal(1000) / count)


def test_a_rental_in_advance_is_discounted_one_period():
    late = annuity_payment(Decimal(1000), Decimal("0.01"), 12, rounding=UNROUNDED)
    assert annuity_payment(Decimal(1000), Decimal("0.01"), 12, in_advance=True, rounding=UNROUNDED) * Decimal(
        "1.01"
    ) == pytest.approx(late)


def test_compounding_twice_a_year_is_the_canadian_rate():
    assert period_rate(Decimal("0.06"), 12, 2) == pytest.approx(Decimal("0.00493862"), abs=Decimal("1e-8"))
    assert period_rate(Decimal("0.06"), 12, 12) == Decimal("0.005")


def test_no_result_depends_on_the_ambient_decimal_context():
    credit = Credit(principal=Decimal("987654.32"), factors=[Decimal("0.0124")] * 60)
    expected = annuity_schedule(credit)
    with localcontext():
        getcontext().prec, getcontext().rounding = 6, ROUND_UP
        assert annuity_schedule(credit) == expected


def test_rounding_knows_units_that_are_not_decimal_places():
    assert Rounding(Decimal(50))(Decimal("1025")) == 1050
    assert Rounding(Decimal(100), ROUND_UP)(Decimal("1000.01")) == 1100
    assert Rounding(Decimal(50)).down()(Decimal("1049")) == 1000
