"""The calculator over HTTP."""

from decimal import Decimal

import pytest

from core.testing import Api

TERMS = {"vehicle_price": "1500000", "down_payment": 300000, "term_months": 36, "annual_rate": "14.90"}
PATH = "/financing/calculate"


def refused(body, field):
    response = Api().post(PATH, body)
    assert response.status_code == 400, response.content
    problem = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert field in [error["field"] for error in problem["errors"]], problem
    return problem


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
def test_anyone_may_calculate(path):
    response = Api().post(path, TERMS)
    assert response.status_code == 200, response.content
    quote = response.json()
    assert quote["amount_financed"] == "1200000.00"
    assert quote["monthly_payment"] == "41539.65"
    assert quote["apr"] == "15.96"
    assert quote["psk"] == "14.900"
    assert len(quote["schedule"]) == 36
    assert quote["schedule"][-1]["balance"] == "0.00"
    assert set(quote["schedule"][0]) == {
        "number", "due_date", "payment", "principal", "interest", "fees", "balance",
    }  # fmt: skip
    assert sum(Decimal(row["principal"]) for row in quote["schedule"]) == Decimal("1200000.00")


def test_dates_fees_and_day_count_are_taken():
    response = Api().post(
        PATH,
        TERMS
        | {
            "disbursement_date": "2026-01-31",
            "first_payment_date": "2026-02-28",
            "day_count": "actual/365",
            "schedule": "differentiated",
            "fees": [
                {"name": "setup", "amount": "10000", "when": "disbursement", "financed": True},
                {"name": "monthly", "amount": "100", "when": "each"},
                {"name": "third", "amount": "50", "when": 3, "in_psk": False},
            ],
        },
    )
    assert response.status_code == 200, response.content
    rows = response.json()["schedule"]
    assert [row["due_date"] for row in rows[:3]] == ["2026-02-28", "2026-03-28", "2026-04-28"]
    assert [row["fees"] for row in rows[:4]] == ["100.00", "100.00", "150.00", "100.00"]
    assert response.json()["amount_financed"] == "1210000.00"


def test_a_balloon_is_paid_last():
    response = Api().post(PATH, TERMS | {"schedule": "balloon", "balloon": "400000"})
    assert Decimal(response.json()["schedule"][-1]["payment"]) > 400_000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"term_months": 0}, "term_months"),
        ({"term_months": 361}, "term_months"),
        ({"term_months": "many"}, "term_months"),
        ({"down_payment": "1500000"}, "down_payment"),
        ({"down_payment": "-1"}, "down_payment"),
        ({"vehicle_price": 0}, "vehicle_price"),
        ({"vehicle_price": "1.001"}, "vehicle_price"),
        ({"vehicle_price": "NaN"}, "vehicle_price"),
        ({"annual_rate": "-0.01"}, "annual_rate"),
        ({"annual_rate": "14.90001"}, "annual_rate"),
        ({"annual_rate": "1001"}, "annual_rate"),
        ({"schedule": "flat"}, "schedule"),
        ({"schedule": "balloon", "balloon": "1200000.01"}, "balloon"),
        ({"balloon": "1"}, "balloon"),
        ({"grace_months": 36}, "grace_months"),
        ({"day_count": "30/365"}, "day_count"),
        ({"first_payment_date": "2026-13-01"}, "first_payment_date"),
        ({"first_payment_date": "9999-12-31"}, "first_payment_date"),
        ({"disbursement_date": "2026-01-31", "first_payment_date": "2026-01-30"}, "first_payment_date"),
        ({"fees": [{"name": "x", "amount": "1", "when": "never"}]}, "fees.0.when"),
        ({"fees": [{"name": "x", "amount": "1", "when": 37}]}, "fees.0.when"),
        ({"fees": [{"name": "x", "amount": "-1"}]}, "fees.0.amount"),
        ({"fees": "all"}, "fees"),
    ],
)
def test_wrong_terms_are_named(changes, field):
    refused(TERMS | changes, field)


def test_missing_terms_are_named():
    problem = refused({}, "vehicle_price")
    assert {error["code"] for error in problem["errors"]} == {"required"}


@pytest.mark.parametrize(
    "extreme",
    [
        {"annual_rate": "1000", "term_months": 360},
        {"annual_rate": "0", "term_months": 1},
        {"fees": [{"name": "x", "amount": "999999999999.99", "when": "disbursement"}]},
        {"fees": [{"name": "x", "amount": "1200000", "when": "disbursement"}]},
        {"vehicle_price": "0.03", "down_payment": "0.01", "term_months": 360},
        {"vehicle_price": "999999999999.99", "down_payment": 0, "term_months": 360, "annual_rate": "999"},
    ],
)
def test_extremes_never_break_it(extreme):
    assert Api().post(PATH, TERMS | extreme).status_code in (200, 400)
