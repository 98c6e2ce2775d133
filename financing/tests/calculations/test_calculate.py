from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from financing.rules.calculations import (
    Conventions,
    DayCount,
    Fee,
    InvalidTerms,
    PaymentBelowInterest,
    Rounding,
    ScheduleKind,
    Shift,
    calculate,
    find_problems,
    russian_calendar,
)
from financing.rules.calculations.rounding import KOPECK
from financing.tests.calculations.make import DECREES, loan, loans, moderate, rub

FEE = Decimal("30000.00")


@given(terms=loans(), kind=st.sampled_from(ScheduleKind), grace=st.integers(0, 6))
@moderate
def test_a_quote_adds_up(terms, kind, grace):
    terms = replace(terms, schedule=kind, grace_months=min(grace, terms.term_months - 1))
    quote = calculate(terms)
    assert quote.amount_financed == terms.vehicle_price - terms.down_payment
    assert len(quote.schedule) == terms.term_months
    assert sum(row.principal for row in quote.schedule) == quote.amount_financed
    assert quote.total_paid == quote.amount_financed + quote.total_interest
    assert quote.psk_amount == quote.total_interest


@given(terms=loans(), more=rub(1, 10_000))
@moderate
def test_a_larger_down_payment_lowers_the_payment(terms, more):
    richer = replace(terms, down_payment=terms.down_payment + more)
    assert calculate(richer).monthly_payment <= calculate(terms).monthly_payment


@given(terms=loans(day_count=DayCount.THIRTY_360))
@moderate
def test_a_plain_loan_costs_its_rate(terms):
    assert abs(calculate(terms).psk - terms.annual_rate) <= Decimal("0.01")


@given(terms=loans(), fee=rub(100, 20_000), when=st.sampled_from(["disbursement", "each", 1]), financed=st.booleans())
@moderate
def test_a_fee_counts_in_the_rates_only_if_it_must_be_paid(terms, fee, when, financed):
    financed = financed and when == "disbursement"
    plain = calculate(replace(terms, fees=[Fee("choice", fee, when, financed, in_psk=False)]))
    counted = calculate(replace(terms, fees=[Fee("must", fee, when, financed)]))
    assert counted.psk >= plain.psk
    assert counted.apr >= plain.apr
    assert counted.psk_amount > plain.psk_amount
    assert counted.schedule == plain.schedule


@given(terms=loans())
@moderate
def test_the_same_terms_give_the_same_quote(terms):
    assert repr(calculate(terms)) == repr(calculate(replace(terms)))


def test_a_known_loan():
    quote = calculate(loan())
    assert quote.amount_financed == 1_000_000
    assert quote.monthly_payment == Decimal("23789.93")
    assert (quote.apr, quote.psk) == (Decimal("16.08"), Decimal("15.000"))
    assert quote.schedule[0][:2] == (1, None)
    assert [quote.apr.as_tuple().exponent, quote.psk.as_tuple().exponent] == [-2, -3]


def test_rows_without_dates_may_be_shown_from_a_day():
    quote = calculate(loan(), today=date(2026, 1, 31))
    assert [row.due_date for row in quote.schedule[:2]] == [date(2026, 2, 28), date(2026, 3, 31)]
    assert quote.monthly_payment == calculate(loan()).monthly_payment


def test_dates_are_completed_from_each_other():
    by_first = calculate(loan(first_payment_date=date(2026, 2, 15)))
    by_payout = calculate(loan(disbursement_date=date(2026, 1, 15)))
    by_both = calculate(loan(disbursement_date=date(2026, 1, 15), first_payment_date=date(2026, 2, 15)))
    assert by_first == by_payout == by_both
    assert by_first.schedule[0].due_date == date(2026, 2, 15)
    assert by_first.schedule[0].interest == Decimal("12739.73")  # 31 days of 365: actual/actual by default


def test_due_dates_may_shift_to_working_days():
    rules = Conventions(shift=Shift.FOLLOWING, calendar=russian_calendar([2026], DECREES))
    rows = calculate(loan(disbursement_date=date(2026, 4, 1), conventions=rules)).schedule
    assert [row.due_date for row in rows[:3]] == [date(2026, 5, 4), date(2026, 6, 1), date(2026, 7, 1)]


def test_payments_may_be_whole_roubles():
    rules = Conventions(payment_rounding=Rounding(Decimal(1), "ROUND_UP"))
    assert calculate(loan(conventions=rules)).monthly_payment == 23_790


def test_a_balloon_is_paid_with_the_last_row():
    quote = calculate(loan(schedule=ScheduleKind.BALLOON, balloon=Decimal("400000.00")))
    assert quote.schedule[-1].payment == pytest.approx(quote.monthly_payment + 400_000, abs=Decimal(1))


def test_a_balloon_of_the_whole_debt_is_interest_only():
    quote = calculate(loan(schedule=ScheduleKind.BALLOON, balloon=Decimal(1_000_000), annual_rate=Decimal(12)))
    assert quote.monthly_payment == 10_000
    assert quote.schedule[-1].payment == 1_010_000


def test_a_differentiated_loan_names_its_greatest_payment():
    quote = calculate(loan(schedule=ScheduleKind.DIFFERENTIATED, grace_months=2))
    assert quote.monthly_payment == max(row.payment for row in quote.schedule) == quote.schedule[2].payment


def test_fees_are_paid_where_they_say():
    fees = [
        Fee("each", Decimal(100), "each"),
        Fee("third", Decimal(700), 3),
        Fee("apart", FEE),
        Fee("in", FEE, financed=True),
    ]
    quote = calculate(loan(fees=fees))
    assert quote.amount_financed == 1_000_000 + FEE
    assert [row.fees for row in quote.schedule[:4]] == [100, 100, 800, 100]
    assert quote.monthly_payment == quote.schedule[0].payment
    assert quote.total_paid == sum(row.payment for row in quote.schedule) + FEE
    assert quote.psk_amount == quote.total_interest + 60 * 100 + 700 + 2 * FEE


def test_a_payment_that_never_repays_is_refused():
    with pytest.raises(PaymentBelowInterest) as refusal:
        calculate(loan(term_months=360, annual_rate=Decimal(900)))
    assert (refusal.value.field, refusal.value.code) == ("term_months", "payment_below_interest")


def test_fees_that_eat_the_loan_are_refused():
    with pytest.raises(InvalidTerms) as refusal:
        calculate(loan(fees=[Fee("all", Decimal(1_000_000))]))
    assert (refusal.value.field, refusal.value.code) == ("fees", "max_value")


PAYOUT = date(2026, 1, 15)
WRONG = [
    ({"vehicle_price": Decimal(0)}, "vehicle_price", "min_value"),
    ({"vehicle_price": Decimal("NaN")}, "vehicle_price", "invalid"),
    ({"vehicle_price": Decimal("Infinity")}, "vehicle_price", "invalid"),
    ({"vehicle_price": Decimal(10) ** 40}, "vehicle_price", "out_of_range"),
    ({"down_payment": Decimal(-1)}, "down_payment", "out_of_range"),
    ({"down_payment": Decimal("0.001")}, "down_payment", "max_decimal_places"),
    ({"down_payment": Decimal(1_500_000)}, "down_payment", "max_value"),
    ({"term_months": 0}, "term_months", "out_of_range"),
    ({"term_months": 361}, "term_months", "out_of_range"),
    ({"annual_rate": Decimal("-0.01")}, "annual_rate", "out_of_range"),
    ({"annual_rate": Decimal("1000.01")}, "annual_rate", "out_of_range"),
    ({"annual_rate": Decimal("14.90001")}, "annual_rate", "max_decimal_places"),
    ({"grace_months": 60}, "grace_months", "out_of_range"),
    ({"grace_months": -1}, "grace_months", "out_of_range"),
    ({"balloon": Decimal(1)}, "balloon", "invalid"),
    ({"balloon": Decimal("1000000.01"), "schedule": ScheduleKind.BALLOON}, "balloon", "max_value"),
    ({"day_count": DayCount.EUROBOND}, "day_count", "invalid_choice"),
    ({"fees": [Fee("x", Decimal(-1))]}, "fees.0.amount", "out_of_range"),
    ({"fees": [Fee("x", Decimal("NaN"))]}, "fees.0.amount", "invalid"),
    ({"fees": [Fee("x", FEE, "never")]}, "fees.0.when", "invalid_choice"),
    ({"fees": [Fee("a", FEE), Fee("x", FEE, 61)]}, "fees.1.when", "invalid_choice"),
    ({"fees": [Fee("x", FEE, "each", financed=True)]}, "fees.0.financed", "invalid"),
    ({"disbursement_date": date(1900, 1, 1)}, "disbursement_date", "out_of_range"),
    ({"first_payment_date": date(9999, 12, 31)}, "first_payment_date", "out_of_range"),
    ({"disbursement_date": PAYOUT, "first_payment_date": date(2026, 1, 20)}, "first_payment_date", "out_of_range"),
    ({"disbursement_date": PAYOUT, "first_payment_date": date(2026, 3, 25)}, "first_payment_date", "out_of_range"),
]


@pytest.mark.parametrize(("changes", "field", "code"), WRONG)
def test_wrong_terms_are_refused_by_field(changes, field, code):
    with pytest.raises(InvalidTerms) as refusal:
        calculate(loan(**changes))
    assert (refusal.value.field, refusal.value.code) == (field, code)
    assert refusal.value.detail


def test_every_problem_is_named_at_once():
    problems = find_problems(loan(term_months=0, annual_rate=Decimal(-1)))
    assert [problem.field for problem in problems] == ["term_months", "annual_rate", "grace_months"]
    assert find_problems(loan()) == []


def test_kopecks_stay_kopecks():
    quote = calculate(loan(down_payment=Decimal(1), fees=[Fee("x", Decimal(1), financed=True)]))
    money = [quote.amount_financed, quote.monthly_payment, quote.total_interest, quote.total_paid, quote.psk_amount]
    money += [amount for row in quote.schedule for amount in row[2:]]
    assert {amount.as_tuple().exponent for amount in money} == {KOPECK.as_tuple().exponent}
