import json
from decimal import Decimal
from fractions import Fraction

import pytest

from financing.rules.calculations.dates import MonthEnd
from financing.rules.calculations.daycount import DayCount
from financing.rules.calculations.rounding import Rounding
from financing.rules.calculations.vectors import KINDS, differences, verify
from financing.rules.calculations.vectors.reading import day_count, fraction, number, rounding
from financing.tests.calculations.make import vector_file

LOAN = {"principal": "1000000", "annual_rate": "0.15", "payments_per_year": 12}
DATES = {"disbursed": "2026-01-15", "due_dates": ["2026-02-15", "2026-03-15", "2026-04-15"]}


def answer(kind, **inputs):
    return KINDS[kind](inputs)


def test_every_published_finance_example_is_reproduced():
    report = verify(vector_file("finance.json"))
    assert (report.mismatches, report.unknown_kinds, report.passed) == ([], [], report.total)


def test_every_kind_of_the_shared_file_is_known():
    kinds = json.loads(vector_file("finance.json").read_text(encoding="utf-8"))["kinds"]
    assert set(kinds) <= set(KINDS)


def write(tmp_path, **changes):
    vector = {
        "id": "one",
        "kind": "interest_only_payment",
        "inputs": {"principal": "1200", "annual_rate": "0.12"},
        "expected": {"payment": "12.00"},
        "tolerance": "0.00",
    }
    path = tmp_path / "vectors.json"
    path.write_text(json.dumps({"vectors": [vector | changes]}), encoding="utf-8")
    return path


def test_a_right_answer_passes(tmp_path):
    assert verify(write(tmp_path))[:2] == (1, 1)


def test_a_wrong_value_is_reported_with_its_path(tmp_path):
    report = verify(write(tmp_path, expected={"payment": "12.01"}))
    assert (report.passed, report.total) == (0, 1)
    assert report.mismatches[0][1:4] == ("interest_only_payment", "payment", "12.01")


def test_an_unknown_kind_counts_as_a_failure(tmp_path):
    report = verify(write(tmp_path, kind="horoscope"))
    assert (report.passed, report.total, report.unknown_kinds) == (0, 1, ["horoscope"])


@pytest.mark.parametrize("inputs", [{}, {"principal": "a lot", "annual_rate": "0.12"}, {"principal": 1.5}])
def test_inputs_that_cannot_be_read_are_a_mismatch(tmp_path, inputs):
    assert verify(write(tmp_path, inputs=inputs)).mismatches[0].key == "error"


def test_other_kinds_can_be_given(tmp_path):
    report = verify(write(tmp_path, kind="premium"), {"premium": lambda inputs: {"payment": Decimal(12)}})
    assert report.passed == 1


@pytest.mark.parametrize(
    ("expected", "actual", "tolerance", "paths"),
    [
        ({"a": "1.005"}, {"a": Decimal("1.01")}, "0.005", []),
        ({"a": "1.00"}, {"a": Decimal("1.01")}, "0.005", ["a"]),
        ({"years": "1+34/365"}, {"years": Fraction(399, 365)}, "0", []),
        ({"rows": [{"n": 2, "x": "5"}]}, {"rows": [{"n": 1, "x": 4}, {"n": 2, "x": 5}]}, "0", []),
        ({"rows": [{"n": 3, "x": "5"}]}, {"rows": [{"n": 1, "x": 4}]}, "0", ["rows.3"]),
        ({"l": ["M", "2"]}, {"l": ["M", 3]}, "0", ["l.1"]),
        ({"l": ["M"]}, {"l": ["M", "2"]}, "0", ["l"]),
        ({"flag": True}, {"flag": True}, "0", []),
        ({"flag": True}, {"flag": Decimal(1)}, "0", []),
        ({"date": "2026-01-31"}, {"date": "2026-02-01"}, "0", ["date"]),
        ({"gone": "1"}, {}, "0", ["gone"]),
        ({"a": {"b": "1"}}, {"a": 1}, "0", ["a"]),
        ({"none": None}, {"none": None}, "0", []),
    ],
)
def test_values_are_compared_as_exact_numbers(expected, actual, tolerance, paths):
    assert [path for path, *_ in differences(expected, actual, Fraction(tolerance))] == paths


def test_numbers_are_read_exactly_and_floats_refused():
    assert fraction("1+34/365") == Fraction(399, 365)
    assert number("12/48") == Decimal("0.25")
    assert number("1e-7") == Decimal("1e-7")
    with pytest.raises(ValueError):
        fraction(0.1)


@pytest.mark.parametrize(
    ("text", "market", "expected"),
    [
        ("ACT/ACT, a day belongs to the year of its end: days in (start, end]", False, DayCount.ACTUAL_ACTUAL),
        ("act/act ISDA", False, DayCount.ACTUAL_ACTUAL_ISDA),
        ("actual/actual", True, DayCount.ACTUAL_ACTUAL_ISDA),
        ("ACT/365F", False, DayCount.ACTUAL_365),
        ("30/360 (one twelfth a month)", False, DayCount.THIRTY_360),
        ("30/360", True, DayCount.BOND),
        ("30/360 bond basis", True, DayCount.BOND),
        ("30E/360 ISDA", True, DayCount.GERMAN),
        ("30/360 SIA", True, DayCount.US),
        ("30/360 european", True, DayCount.EUROBOND),
    ],
)
def test_day_counts_are_read_by_their_usual_names(text, market, expected):
    assert day_count(text, market=market) is expected


def test_an_unknown_day_count_is_refused():
    with pytest.raises(ValueError, match="lunar"):
        day_count("lunar")


def test_roundings_are_read_with_their_unit():
    assert rounding({"rounding": "UP", "unit": "1"}) == Rounding(Decimal(1), "ROUND_UP")
    assert rounding({"rounding": "none (carry full precision)"}).mode is None
    assert rounding({}) == Rounding()


def test_a_range_of_rows_is_summed():
    whole = answer("amortization_range", **LOAN, payments=12, from_payment=1, to_payment=12)
    head = answer("amortization_range", **LOAN, payments=12, from_payment=1, to_payment=5)
    tail = answer("amortization_range", **LOAN, payments=12, from_payment=6, to_payment=12)
    assert whole["principal_sum"] == 1_000_000 == head["principal_sum"] + tail["principal_sum"]
    assert whole["interest_sum"] == head["interest_sum"] + tail["interest_sum"]
    assert head["balance"] == 1_000_000 - head["principal_sum"]
    assert whole["balance"] == 0


def test_equal_weights_are_an_annuity():
    stepped = answer("stepped_payments", **LOAN, weights=["1"] * 12)
    assert stepped["full_payment"] == answer("annuity_payment", **LOAN, payments=12)["payment"]
    assert stepped["payments"] == [stepped["full_payment"]] * 12


def test_weights_scale_payments_in_arrears():
    stepped = answer("stepped_payments", **LOAN | {"annual_rate": "0"}, weights=["0", "1", "3"])
    assert (stepped["full_payment"], stepped["payments"]) == (250_000, [0, 250_000, 750_000])


def test_a_dealer_pays_what_the_lender_would_lose():
    offer = {
        "car_price": "1000", "deposit": "100", "deposit_month": 0, "instalment": "450", "instalments": 2,
        "first_instalment_month": 1, "supplier_paid_in_month": 0, "contribution_month": 0,
        "lender_annual_rate": "0.12", "compounding_per_year": 12,
    }  # fmt: skip
    # 1000 - 100 - 450/1.01 - 450/1.0201
    assert answer("dealer_subvention", **offer) == {"contribution": Decimal("13.32")}
    assert answer("dealer_subvention", **offer | {"contribution_month": 1}) == {"contribution": Decimal("13.46")}


def test_a_differentiated_schedule_is_answered_by_dates():
    rows = answer("schedule_differentiated", **LOAN, **DATES, day_count="ACT/365F")
    assert [row["due"] for row in rows["rows"]] == DATES["due_dates"]
    assert rows["rows"][0]["interest"] == Decimal("12739.73")  # 1 000 000 * 15 % * 31/365
    assert rows["last_payment_absorbs_residue"] is True


def test_a_balloon_may_fall_due_a_period_later():
    later = answer("balloon_payment", **LOAN, payments=12, balloon="400000", balloon_due="one month later")
    assert later["last_payment"] == 400_000
    assert later["payment"] > answer("balloon_payment", **LOAN, payments=12, balloon="400000")["payment"]


def test_a_balance_is_answered_for_a_payment_in_figures_or_words():
    loan = LOAN | {"amortization_payments": 12, "payments_made": 3}
    rounded = answer("balloon_balance", **loan)["balance_after"]
    assert answer("balloon_balance", **loan, payment="90258.31")["balance_after"] == rounded


def test_total_interest_is_exact_without_rounding():
    total = answer("annuity_total_interest", **LOAN, payments=12, payment_rounding="none")
    assert total == {"total_interest": Decimal("83099.75"), "total_payable": Decimal("1083099.75")}


def test_interest_may_run_to_the_next_due_date():
    inputs = {
        "annual_rate": "0.12", "balance_after_last_payment": "1000", "day_count": "30/360",
        "last_payment_date": "2026-01-10", "next_due": "2026-02-10", "payoff_date": "2026-01-20",
    }  # fmt: skip
    assert answer("payoff_amount", **inputs)["interest"] == Decimal("3.23")
    assert answer("payoff_amount", **inputs, rule="interest for the whole period")["interest"] == 10


def test_a_missing_day_may_roll_to_the_next_month():
    rolled = answer("payment_dates", disbursed="2023-01-30", count=2, month_end="roll to the 1st, keep the day")
    assert rolled == {"due_dates": {"1": "2023-03-01", "2": "2023-03-30"}}
    assert MonthEnd.ROLL == "roll"


def test_early_payments_may_fall_between_due_dates():
    inputs = {
        "principal": "3000", "annual_rate": "0.12", "day_count": "30/360", **DATES, "scheduled_payment": "1020.07",
        "payments_made": [{"date": "2026-01-25", "amount": "1000"}], "strategy": "reduce_payment",
    }  # fmt: skip
    result = answer("early_repayment", **inputs)
    assert [row["n"] for row in result["rows"]] == [1, 2, 3, 4]
    assert result["rows"][0]["interest"] == Decimal("9.68")  # a month's 30.00 * 10/31
    assert result["payment_after"] < Decimal("1020.07")
    assert sum(row["principal"] for row in result["rows"]) == 3000


def test_spreadsheet_functions_take_payments_at_the_start():
    late = answer("tvm_pv", args=["0.01", "12", "-100"])["value"]
    early = answer("tvm_pv", args=["0.01", "12", "-100", "0", "begin"])["value"]
    assert early == pytest.approx(late * Decimal("1.01"))


def test_a_net_present_value_takes_flows_in_a_list_or_as_arguments():
    listed = answer("tvm_npv", args=["0.1", ["-100", "110"]])
    assert listed == answer("tvm_npv", args=["0.1", "-100", "110"]) == {"value": 0}


def test_flows_grow_to_the_last_date():
    flows = [{"date": "2025-01-01", "amount": "100"}, {"date": "2026-01-01", "amount": "50"}]
    assert answer("xnfv", flows=flows, rate="0.1") == {"value_at_last_date": 160}


# What is said in words ------------------------------------------------------------------------------------------------
PAYOFF = {
    "principal": "100", "annual_rate": "0.07", "balance_after_last_payment": "83.57", "last_payment_date": "2024-02-01",
    "next_due": "2024-03-01", "payoff_date": "2024-02-15", "unit": "0.01", "rounding": "HALF_EVEN",
    "day_count": "30/360; inside a month actual days / days of that period",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "amount"),
    [
        ("", "83.81"),
        ("interest accrues to the pay-off day", "83.81"),
        ("interest of the whole current period", "84.06"),
        ("the full period's interest is due", "84.06"),
        ("interest to the next due date", "84.06"),
    ],
)
def test_a_payoff_follows_its_rule(rule, amount):
    assert answer("payoff_amount", **PAYOFF, rule=rule)["amount"] == Decimal(amount)


@pytest.mark.parametrize(
    ("kind", "inputs", "name"),
    [
        ("payoff_amount", PAYOFF, "rule"),
        ("payment_dates", {"disbursed": "2024-01-31", "count": 2}, "month_end"),
        ("balloon_payment", LOAN | {"payments": 12, "balloon": "1"}, "balloon_due"),
        ("balloon_balance", LOAN | {"payments_made": 1, "amortization_payments": 12}, "payment"),
    ],
)
def test_a_rule_that_nobody_knows_is_refused(kind, inputs, name):
    with pytest.raises(ValueError, match=f"unknown {name}: 'by the stars'"):
        answer(kind, **inputs | {name: "by the stars"})


def test_a_repayment_by_an_unknown_strategy_is_refused():
    early = LOAN | DATES | {"day_count": "act/365", "scheduled_payment": "350000", "payments_made": []}
    with pytest.raises(ValueError, match="astrology"):
        answer("early_repayment", **early, strategy="astrology")


@pytest.mark.parametrize("said", ["none", "none (carry full precision)", "unrounded"])
def test_where_interest_is_not_rounded_payments_are_not(said):
    exact = answer("schedule_annuity", **LOAN, payments=12, interest_rounding=said)
    assert exact["payment"] != exact["payment"].quantize(Decimal("0.01"))
    assert max(abs(row["payment"] - exact["payment"]) for row in exact["rows"]) < Decimal("1e-20")
    for rule in ({"payment_rounding": "HALF_UP"}, {"payment_unit": "0.01"}):
        rounded = answer("schedule_annuity", **LOAN, payments=12, interest_rounding=said, **rule)
        assert rounded["payment"] == exact["payment"].quantize(Decimal("0.01"))


def test_a_part_of_a_day_counts():
    late = {"overdue_amount": "10000", "rate_per_day": "0.001"}
    for days in ("1.5", Decimal("1.5"), "3/2"):
        assert answer("late_penalty", **late, days=days) == {"penalty": Decimal(15)}


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        ("tvm_irr", {"flows": "-100; 60; 60"}, {"irr": "0.1306623862918074852584262652"}),
        ("tvm_irr", {"flows": '["-100", "60", "60"]'}, {"irr": "0.1306623862918074852584262652"}),
        ("stepped_payments", LOAN | {"annual_rate": "0", "weights": "0, 1, 3"}, {"payments": "0, 250000, 750000"}),
        (
            "schedule_differentiated",
            LOAN | {"disbursed": "2026-01-15", "day_count": "ACT/365F", "due_dates": "2026-02-15 2026-03-15"},
            {"rows": [{"n": 1, "interest": "12739.73"}]},
        ),
    ],
)
def test_a_list_may_be_text(tmp_path, kind, inputs, expected):
    path = write(tmp_path, kind=kind, inputs=inputs, expected=expected, tolerance="0.0000001")
    assert verify(path).mismatches == []
