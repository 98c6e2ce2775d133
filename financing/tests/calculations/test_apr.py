import random
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy_financial
import pytest
import pyxirr
from hypothesis import assume, given
from hypothesis import strategies as st

from financing.rules.calculations import (
    Credit,
    DatedFlow,
    DayCount,
    Flow,
    NoRateFound,
    annuity_payment,
    annuity_schedule,
    apr_eu,
    apr_us,
    base_period,
    due_dates,
    psk,
    xirr,
)
from financing.rules.calculations.apr import (
    MONTH,
    THIRTY_DAY_PERIOD,
    BasePeriod,
    apr_eu_from_periods,
    eu_interval,
    psk_from_periods,
    xnfv,
)
from financing.rules.calculations.rates import in_order, present_value, root_near_zero
from financing.rules.calculations.tvm import (
    future_value,
    internal_rate,
    net_present_value,
    payment,
    periods,
    present_sum,
)
from financing.tests.calculations.make import days, moderate, percent, principals, rub

CENT_POINT = Decimal("0.01")


def level_flows(principal, rate, count):
    """Payout and payments of a level loan, not rounded."""
    amount = annuity_payment(principal, rate / 1200, count)
    return [Flow(-principal, 0), *(Flow(amount, month) for month in range(1, count + 1))]


def scaled(flows, factor):
    return [flow._replace(amount=flow.amount * factor) for flow in flows]


@given(principal=principals, rate=percent(1, 60), count=st.integers(1, 120))
@moderate
def test_psk_of_a_plain_annuity_is_its_rate(principal, rate, count):
    assert abs(psk_from_periods(level_flows(principal, rate, count)) - rate) <= CENT_POINT


@given(principal=principals, rate=percent(1, 60), count=st.integers(1, 120), fee=rub(100, 5000))
@moderate
def test_a_fee_raises_both_rates(principal, rate, count, fee):
    flows = level_flows(principal, rate, count)
    for when in (0, 1, count):
        dearer = [*flows, Flow(fee, when)]
        assert psk_from_periods(dearer) > psk_from_periods(flows)
        assert apr_eu_from_periods(dearer) > apr_eu_from_periods(flows)


@given(principal=principals, rate=percent(1, 60), count=st.integers(1, 120), seed=st.randoms())
@moderate
def test_rates_ignore_scale_and_the_order_of_rows(principal, rate, count, seed):
    flows = level_flows(principal, rate, count)
    shuffled = scaled(flows, 10)
    seed.shuffle(shuffled)
    assert psk_from_periods(shuffled) == pytest.approx(psk_from_periods(flows), abs=Decimal("1e-9"))
    assert apr_eu_from_periods(shuffled) == pytest.approx(apr_eu_from_periods(flows), abs=Decimal("1e-9"))


@given(principal=principals, rate=percent(1, 60), count=st.integers(1, 120))
@moderate
def test_flows_are_worth_nothing_at_the_rate_found(principal, rate, count):
    flows = level_flows(principal, rate, count)
    value = present_value(flows, compound_rest=False)(psk_from_periods(flows) / 1200)
    assert abs(value) <= principal * Decimal("1e-6")


@given(principal=principals, rate=percent(1, 60), count=st.integers(1, 120))
@moderate
def test_psk_is_not_above_the_eu_rate_which_compounds(principal, rate, count):
    flows = level_flows(principal, rate, count)
    assert psk_from_periods(flows) <= apr_eu_from_periods(flows)


@given(start=days, rate=percent(1, 60), count=st.integers(1, 60))
@moderate
def test_dated_months_are_equal_months(start, rate, count):
    flows = level_flows(Decimal(1_000_000), rate, count)
    dated = [DatedFlow(day, flow.amount) for day, flow in zip(due_dates(start, count + 1), flows, strict=True)]
    assert psk(dated) == psk_from_periods(flows)
    assert apr_eu(dated) == apr_eu_from_periods(flows)


def random_dated(data, count):
    start = data.draw(days)
    payout = DatedFlow(start, -data.draw(rub(10_000, 1_000_000)))
    payments = [
        DatedFlow(start + timedelta(days=data.draw(st.integers(2, 3000))), data.draw(rub(1, 100_000)))
        for _ in range(count)
    ]
    return [payout, *payments]


@given(data=st.data(), count=st.integers(1, 20), basis=st.sampled_from(["act/365f", "act/act isda", "30e/360"]))
@moderate
def test_xirr_agrees_with_pyxirr(data, count, basis):
    flows = random_dated(data, count)
    names = {"act/365f": DayCount.ACTUAL_365, "act/act isda": DayCount.ACTUAL_ACTUAL_ISDA, "30e/360": DayCount.EUROBOND}
    theirs = pyxirr.xirr([(day, float(amount)) for day, amount in flows], day_count=basis)
    assume(theirs is not None and -0.9 < theirs < 10)
    assert float(xirr(flows, names[basis])) == pytest.approx(theirs, abs=1e-7)


@given(data=st.data(), count=st.integers(1, 20), rate=percent(0, 40))
@moderate
def test_xnfv_agrees_with_pyxirr(data, count, rate):
    flows = random_dated(data, count)
    theirs = pyxirr.xnfv(float(rate / 100), [(day, float(amount)) for day, amount in flows])
    assert float(xnfv(rate / 100, flows)) == pytest.approx(theirs, rel=1e-9, abs=1e-4)


@given(amounts=st.lists(rub(1, 10_000), min_size=1, max_size=30), payout=rub(1_000, 100_000))
@moderate
def test_irr_agrees_with_pyxirr(amounts, payout):
    theirs = pyxirr.irr([-float(payout), *map(float, amounts)])
    assume(theirs is not None and -0.9 < theirs < 10)
    assert float(internal_rate([-payout, *amounts])) == pytest.approx(theirs, abs=1e-7)


@given(rate=percent(0, 10), count=st.integers(1, 120), paid=rub(1, 1000), present=rub(0, 100_000), start=st.booleans())
@moderate
def test_spreadsheet_functions_agree_with_numpy_financial(rate, count, paid, present, start):
    per, when = rate / 100, int(start)
    r, n, pmt, pv = float(per), count, -float(paid), float(present)
    close = {"rel": 1e-7, "abs": 1e-4}
    theirs_fv = numpy_financial.fv(r, n, pmt, pv, when)
    assert float(future_value(per, Decimal(count), -paid, present, start)) == pytest.approx(theirs_fv, **close)
    theirs_pv = numpy_financial.pv(r, n, pmt, pv, when)
    assert float(present_sum(per, Decimal(count), -paid, present, start)) == pytest.approx(theirs_pv, **close)
    theirs_pmt = numpy_financial.pmt(r, n, pv, 0, when)
    assert float(payment(per, Decimal(count), present, Decimal(0), start)) == pytest.approx(theirs_pmt, **close)


@given(rate=percent(0, 3), count=st.integers(1, 120), start=st.booleans())
@moderate
def test_nper_undoes_pmt(rate, count, start):
    level = payment(rate / 100, Decimal(count), Decimal(100_000), Decimal(0), start)
    assert periods(rate / 100, level, Decimal(100_000), Decimal(0), start) == pytest.approx(Decimal(count))


def test_npv_counts_the_first_flow_today():
    flows = [Decimal(-100), Decimal(60), Decimal(60)]
    assert float(net_present_value(Decimal("0.1"), flows)) == pytest.approx(numpy_financial.npv(0.1, [-100, 60, 60]))


@pytest.mark.parametrize(("flows", "rate"), [([-10, 4, 6], "0"), ([-100, 90], "-0.1"), ([-1, 100], "99")])
def test_irr_of_exact_cases(flows, rate):
    assert internal_rate([Decimal(flow) for flow in flows]) == pytest.approx(Decimal(rate), abs=Decimal("1e-12"))


def test_the_irr_nearest_to_zero_is_chosen():
    # Roots at 10 % and 50 %: -1 + 2.6/(1+r)... scaled so that both are exact.
    flows = [Decimal(-100), Decimal(260), Decimal(-165)]
    assert internal_rate(flows) == pytest.approx(Decimal("0.1"))
    mirrored = [Decimal(-100), Decimal(180), Decimal("-80.75")]  # -15 % and -5 %
    assert internal_rate(mirrored) == pytest.approx(Decimal("-0.05"))


def test_the_least_positive_root_is_the_psk():
    flows = [Flow(Decimal(-100), 0), Flow(Decimal(260), 1), Flow(Decimal(-165), 2)]
    assert psk_from_periods(flows, 1) == pytest.approx(Decimal(10))


@pytest.mark.parametrize("amounts", [[100, 100], [-100, -1], [0, 0]])
def test_flows_of_one_sign_have_no_rate(amounts):
    flows = [Flow(Decimal(amount), time) for time, amount in enumerate(amounts)]
    with pytest.raises(NoRateFound):
        psk_from_periods(flows)
    with pytest.raises(NoRateFound):
        internal_rate([Decimal(amount) for amount in amounts])


def test_rates_beyond_the_searched_range_are_refused_by_name():
    with pytest.raises(NoRateFound):
        psk_from_periods([Flow(Decimal(-1), 0), Flow(Decimal(10**8), 1)])
    with pytest.raises(NoRateFound):
        root_near_zero(lambda rate: Decimal(1), changes=2)
    with pytest.raises(NoRateFound):
        apr_eu_from_periods([Flow(Decimal(-1), 0), Flow(Decimal(10**8), 12)])
    with pytest.raises(NoRateFound):
        psk_from_periods([Flow(Decimal(1), 0), Flow(Decimal(-1), 1), Flow(Decimal(1), 2)])


def test_the_search_stops_on_an_exact_middle_or_a_jump():
    def middle(rate):
        return rate - Decimal("0.05")

    def jump(rate):
        return Decimal(1) if rate > Decimal("0.03") else Decimal(-1)

    assert root_near_zero(middle, changes=1) == Decimal("0.05")
    assert root_near_zero(jump, changes=1) == pytest.approx(Decimal("0.03"))


def test_payments_below_the_payout_have_a_psk_of_zero():
    assert psk_from_periods([Flow(Decimal(-100), 0), Flow(Decimal(90), 1)]) == 0


def test_flows_of_one_moment_are_one_flow():
    flows = [Flow(Decimal(5), 1), Flow(Decimal(-5), 0), Flow(Decimal(2), 1), Flow(Decimal(1), 2), Flow(Decimal(-1), 2)]
    assert in_order(flows) == [Flow(Decimal(-5), 0), Flow(Decimal(7), 1)]


def flows_on(*days_and_amounts):
    return [DatedFlow(date.fromisoformat(day), Decimal(amount)) for day, amount in days_and_amounts]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"], MONTH),
        (["2026-01-01", "2026-04-01", "2026-07-01"], BasePeriod(3, 0)),
        (["2026-01-01", "2026-01-15", "2026-01-29", "2026-02-05"], BasePeriod(0, 14)),
        (["2026-01-01", "2026-01-11", "2026-02-01"], BasePeriod(0, 15)),
        (["2026-01-01"], BasePeriod(12, 0)),
        (["2020-01-01", "2026-01-02"], BasePeriod(0, 365)),
    ],
)
def test_the_base_period_is_the_most_frequent_interval(dates, expected):
    assert base_period([date.fromisoformat(day) for day in dates]) == expected


def test_base_periods_of_a_year_are_whole():
    assert (MONTH.per_year, THIRTY_DAY_PERIOD.per_year, BasePeriod(3, 0).per_year) == (12, 12, 4)


def test_psk_may_read_a_month_as_thirty_days():
    flows = flows_on(("2026-01-15", "-1000"), ("2026-02-15", "1010"))
    assert psk(flows) == pytest.approx(Decimal(12))
    assert psk(flows, THIRTY_DAY_PERIOD) < 12


def test_psk_of_a_quarterly_loan_counts_quarters():
    flows = flows_on(("2026-01-15", "-1000"), ("2026-04-15", "1030"), ("2026-06-01", "0"))
    assert psk(flows, BasePeriod(3, 0)) == pytest.approx(Decimal(12))
    later = flows_on(("2026-01-15", "-1000"), ("2026-05-25", "1030"))
    assert psk(later, BasePeriod(3, 0)) < 12


def test_odd_days_of_psk_discount_simply():
    flows = flows_on(("2026-01-15", "-1000"), ("2026-02-25", "1013.37"))
    # 1000 * (1 + 10/30*i) * (1 + i) = 1013.37 near i = 1 %
    assert psk(flows) == pytest.approx(Decimal(12), abs=CENT_POINT)


@pytest.mark.parametrize(
    ("start", "end", "period", "years"),
    [
        ("2026-01-31", "2026-02-28", "month", Fraction(1, 12)),
        ("2026-03-31", "2026-04-30", "month", Fraction(1, 12)),
        ("2026-01-05", "2026-01-26", "week", Fraction(3, 52)),
        ("2026-01-05", "2026-01-28", "week", Fraction(3, 52) + Fraction(2, 365)),
        ("2024-02-29", "2025-02-28", "year", Fraction(1)),
        ("2023-03-01", "2024-03-05", "year", 1 + Fraction(4, 365)),
        ("2024-02-20", "2024-03-25", "month", Fraction(1, 12) + Fraction(5, 365)),
        ("2024-02-20", "2024-03-31", "month", Fraction(1, 12) + Fraction(9, 366)),
        ("2026-01-15", "2026-01-15", "month", Fraction(0)),
    ],
)
def test_time_by_the_eu_rule(start, end, period, years):
    assert eu_interval(date.fromisoformat(start), date.fromisoformat(end), period) == years


def test_the_eu_rate_of_a_weekly_loan():
    flows = flows_on(("2026-01-05", "-1000"), ("2026-01-12", "505"), ("2026-01-19", "505"))
    weekly = root_near_zero(
        present_value([Flow(Decimal(-1000), 0), Flow(Decimal(505), 1), Flow(Decimal(505), 2)], compound_rest=True), 1
    )
    assert apr_eu(flows, "week") == pytest.approx(((1 + weekly) ** 52 - 1) * 100)


@pytest.mark.parametrize(
    ("due", "amount", "apr"),
    [
        ("2026-07-15", "1050", "10"),  # six whole months: 1000 * (1 + i/2)
        ("2026-04-25", "1027.397260", "10"),  # 100 days of 365
        ("2027-01-15", "1100", "10"),
    ],
)
def test_the_us_rate_of_a_single_payment(due, amount, apr):
    assert apr_us(flows_on(("2026-01-15", "-1000"), (due, amount))) == pytest.approx(Decimal(apr), abs=CENT_POINT)


def test_the_us_rate_of_a_single_payment_over_a_year_and_days():
    flows = flows_on(("2026-01-15", "-1000"), ("2027-02-14", "1109.04"))  # 1000 * (1 + 30/365*i) * (1 + i)
    assert apr_us(flows) == pytest.approx(Decimal(10), abs=Decimal("0.1"))


def test_us_odd_days_are_counted_back_from_the_payment():
    flows = flows_on(("2026-01-20", "-1000"), ("2026-03-05", "507"), ("2026-04-05", "510"))
    shifted = [Flow(Decimal(-1000), 0), *(Flow(Decimal(a), q, Decimal(16) / 30) for a, q in (("507", 1), ("510", 2)))]
    assert apr_us(flows) == pytest.approx(psk_from_periods(shifted))


def test_quarterly_us_unit_periods():
    flows = flows_on(("2026-01-15", "-1000"), ("2026-04-15", "530"), ("2026-07-15", "515"))
    assert apr_us(flows, 3) == pytest.approx(Decimal(12), abs=CENT_POINT)


def test_psk_follows_the_rounded_schedule():
    rows = annuity_schedule(Credit(principal=Decimal(1_000_000), factors=[Decimal("0.0125")] * 60)).rows
    flows = [Flow(Decimal(-1_000_000), 0), *(Flow(row.payment, row.number) for row in rows)]
    random.Random(7).shuffle(flows)
    assert psk_from_periods(flows) == pytest.approx(Decimal(15), abs=Decimal("0.001"))
