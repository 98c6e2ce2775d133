"""A loan being served: arrears, penalties and allocation as functions of dates."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from financing.rules.calculations import calculate
from financing.rules.calculations.arrears import LEGAL_ORDER, Part
from financing.rules.calculations.servicing import Instalment, Money, Terms, Turn, standing_on
from financing.tests.calculations.make import loan, moderate, rub

START = date(2026, 1, 15)
DAILY = Decimal("0.001")
QUOTE = calculate(loan(term_months=12), today=START)
ROWS = [Instalment(row.due_date, row.principal, row.interest, row.fees) for row in QUOTE.schedule]
P = Decimal("1000000.00")


def terms(**changes):
    return Terms(**({"principal": P, "start": START, "daily_penalty": DAILY} | changes))


def get_payment(row):
    return row.principal + row.interest + row.other


moneys = st.lists(
    st.builds(lambda after, amount: Money(START + timedelta(after), amount), st.integers(0, 500), rub(1, 200_000)),
    max_size=20,
)


def test_a_loan_paid_on_time_is_repaid():
    paid = [Money(row.due, get_payment(row)) for row in ROWS]
    before = standing_on(ROWS[-1].due - timedelta(1), terms(), [*ROWS, *paid])
    assert (before.is_repaid, before.days_past_due, before.due) == (False, 0, 0)
    after = standing_on(ROWS[-1].due, terms(), [*ROWS, *paid])
    assert (after.is_repaid, after.balance, after.deposit) == (True, 0, 0)
    assert after.interest_paid == QUOTE.total_interest


def test_money_ahead_waits_for_the_due_date():
    early = Money(START + timedelta(3), get_payment(ROWS[0]))
    waiting = standing_on(ROWS[0].due - timedelta(1), terms(), [*ROWS, early])
    assert (waiting.deposit, waiting.balance) == (early.amount, P)
    spent = standing_on(ROWS[0].due, terms(), [*ROWS, early])
    assert (spent.deposit, spent.balance) == (0, P - ROWS[0].principal)


def test_the_due_date_itself_is_not_late():
    on_the_day = standing_on(ROWS[0].due, terms(), ROWS)
    assert (on_the_day.owed[Part.PRINCIPAL], on_the_day.overdue, on_the_day.days_past_due) == (ROWS[0].principal, 0, 0)
    late = standing_on(ROWS[0].due + timedelta(10), terms(), ROWS)
    assert (late.days_past_due, late.overdue, late.oldest_due) == (10, get_payment(ROWS[0]), ROWS[0].due)
    assert late.owed[Part.PENALTY] == round(get_payment(ROWS[0]) * DAILY * 10, 2)


def test_one_kopeck_short_is_overdue():
    short = Money(ROWS[0].due, get_payment(ROWS[0]) - Decimal("0.01"))
    assert standing_on(ROWS[0].due + timedelta(1), terms(), [*ROWS, short]).overdue == Decimal("0.01")


def test_the_legal_order_and_another_table():
    day = ROWS[1].due
    money = Money(day, ROWS[0].interest + ROWS[0].principal + Decimal("100.00"))
    legal = standing_on(day, terms(), [*ROWS, money])
    assert legal.overdue == 0
    assert legal.penalty_paid == 100
    other = standing_on(
        day, terms(order=sorted(LEGAL_ORDER, key=lambda part: part is not Part.PENALTY)), [*ROWS, money]
    )
    assert other.penalty_paid > 100
    assert other.overdue > 0


def test_interest_may_run_on_overdue_principal():
    day = ROWS[0].due + timedelta(10)
    with_interest = standing_on(day, terms(overdue_rate=Decimal("0.15")), ROWS)
    extra = round(ROWS[0].principal * Decimal("0.15") * 10 / 365, 2)
    assert with_interest.owed[Part.OVERDUE_INTEREST] == ROWS[0].interest + extra
    paid = standing_on(day, terms(overdue_rate=Decimal("0.15")), [*ROWS, Money(day, with_interest.due)])
    assert (paid.due, paid.interest_paid) == (0, ROWS[0].interest + extra)


def test_other_sums_come_last():
    row = Instalment(ROWS[0].due, Decimal(100), Decimal(10), Decimal(5))
    left = standing_on(row.due, terms(), [row, Money(row.due, Decimal(112))])
    assert (left.owed[Part.OTHER], left.other_paid) == (3, 2)


def test_a_turn_repays_out_of_the_borrowers_money():
    day = ROWS[0].due + timedelta(5)
    due = standing_on(day, terms(), ROWS).due
    rest, interest = P - ROWS[0].principal, Decimal("2000.00")
    closed = standing_on(day, terms(), [ROWS[0], Money(day, due + rest + interest + 7), Turn(day, rest, interest)])
    assert (closed.balance, closed.due, closed.open_dues, closed.deposit, closed.is_repaid) == (0, 0, (), 7, True)
    assert closed.interest_paid == ROWS[0].interest + interest


def test_a_turn_may_waive_penalties_and_carry_the_rest():
    day = ROWS[0].due + timedelta(5)
    penalty = standing_on(day, terms(), ROWS).owed[Part.PENALTY]
    after = standing_on(day, terms(), [ROWS[0], Turn(day, waived=penalty)])
    assert (after.due, after.balance, after.oldest_due) == (0, P, None)


@given(received=moneys, day=st.integers(0, 600))
@moderate
def test_allocations_sum_to_the_money_and_nothing_is_below_zero(received, day):
    on = START + timedelta(day)
    known = standing_on(on, terms(), [*ROWS, *received])
    came = sum((item.amount for item in received if item.day <= on), Decimal(0))
    assert P - known.balance + known.interest_paid + known.penalty_paid + known.other_paid + known.deposit == came
    assert min(known.balance, known.deposit, *known.owed.values()) >= 0
    assert not (known.deposit and known.due)


@given(received=moneys, first=st.integers(0, 300), more=st.integers(0, 300))
@moderate
def test_looking_in_between_changes_nothing(received, first, more):
    """The job of every day finds what a job run once at the end finds."""
    end = START + timedelta(first + more)
    events = [*ROWS, *received]
    looked = [*events, Money(START + timedelta(first), Decimal(0)), Money(START + timedelta(first), Decimal(0))]
    assert standing_on(end, terms(), looked) == standing_on(end, terms(), events)


@given(days=st.integers(0, 700))
@moderate
def test_a_debt_never_shrinks_by_itself(days):
    earlier, later = (standing_on(START + timedelta(days + more), terms(), ROWS) for more in (0, 1))
    assert later.due >= earlier.due
    assert later.balance == earlier.balance == P
