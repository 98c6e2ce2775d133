from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from financing.rules.decisions import Employment, Facts, Outcome, Rules, age_on, decide

RULES = Rules(
    min_term_months=3,
    max_term_months=96,
    min_amount=Decimal(50_000),
    max_amount=Decimal(5_000_000),
    min_down_payment_percent=Decimal(10),
    max_ltv_percent=Decimal(90),
    min_age=21,
    max_age_at_end=70,
    is_birth_date_required=False,
    max_vehicle_age=15,
    review_irregular_income_above=Decimal(1_000_000),
    living_minimum=Decimal(18_000),
    approve_dti_percent=Decimal(50),
    review_dti_percent=Decimal(80),
    max_psk_percent=Decimal(40),
)
FACTS = Facts(
    today=date(2026, 3, 1),
    value=Decimal(2_000_000),
    order_total=Decimal(2_000_000),
    down_payment=Decimal(500_000),
    amount=Decimal(1_500_000),
    term_months=36,
    employment=Employment.EMPLOYED,
    monthly_income=Decimal(200_000),
    monthly_obligations=Decimal(0),
    monthly_payment=Decimal(50_000),
    psk=Decimal(15),
    birth_date=date(1985, 5, 20),
    vehicle_year=2025,
)


def test_a_solid_applicant_is_approved_with_every_rule_on_record():
    decision = decide(FACTS, RULES)
    assert (decision.outcome, decision.reasons) == (Outcome.APPROVE, [])
    assert {check.code for check in decision.checks} == {
        "age", "term", "amount", "down_payment", "ltv", "vehicle_age", "employment", "income", "dti", "psk_cap",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "outcome", "reasons"),
    [
        ({"birth_date": date(2005, 3, 2)}, "reject", ["age"]),
        ({"birth_date": date(2005, 3, 1)}, "approve", []),
        ({"birth_date": date(1958, 3, 1)}, "reject", ["age"]),
        ({"birth_date": date(1958, 3, 2)}, "approve", []),
        ({"birth_date": None}, "approve", []),
        ({"term_months": 2}, "reject", ["term"]),
        ({"term_months": 97}, "reject", ["term"]),
        ({"amount": Decimal("49999.99")}, "reject", ["amount"]),
        ({"order_total": Decimal(1_499_999)}, "reject", ["amount"]),
        ({"down_payment": Decimal(166_666), "value": Decimal(1_666_666)}, "reject", ["down_payment", "ltv"]),
        ({"value": Decimal(1_600_000)}, "reject", ["ltv"]),
        ({"vehicle_year": 2013}, "reject", ["vehicle_age"]),
        ({"employment": Employment.UNEMPLOYED}, "reject", ["employment"]),
        ({"employment": Employment.ENTREPRENEUR}, "review", ["employment"]),
        ({"employment": Employment.RETIRED, "amount": Decimal(1_000_000)}, "approve", []),
        ({"monthly_income": Decimal(0)}, "review", ["income_zero"]),
        ({"monthly_income": Decimal(100_000)}, "approve", []),
        ({"monthly_income": Decimal("99999.99")}, "approve", []),
        ({"monthly_income": Decimal("99900")}, "review", ["dti"]),
        ({"monthly_income": Decimal("67999.99")}, "reject", ["income", "dti"]),
        ({"monthly_income": Decimal("62000")}, "reject", ["income", "dti"]),
        ({"monthly_obligations": Decimal(120_000)}, "reject", ["dti"]),
        ({"psk": Decimal("40.001")}, "reject", ["psk_cap"]),
    ],
)
def test_each_rule_names_its_reason(changes, outcome, reasons):
    decision = decide(replace(FACTS, **changes), RULES)
    assert (decision.outcome, decision.reasons) == (outcome, reasons)


@pytest.mark.parametrize(
    ("term", "vehicle_year", "balloon", "passed"),
    [
        (12, 2026, 1_000_000, True),
        (12, 2026, 1_000_001, False),
        (36, 2026, 800_000, True),
        (36, 2026, 800_001, False),
        (36, None, 800_001, False),
        (36, 2024, 600_000, True),
        (36, 2024, 600_001, False),
        (96, 2020, 600_000, True),
        (36, 2026, 0, True),
    ],
)
def test_a_residual_payment_is_held_to_the_age_of_the_car_by_then(term, vehicle_year, balloon, passed):
    rules = replace(RULES, residual_limits=("50", "45", "40", "35", "30"))
    facts = replace(FACTS, term_months=term, vehicle_year=vehicle_year, balloon=Decimal(balloon))
    assert decide(facts, rules).reasons == ([] if passed else ["residual"])
    assert decide(facts, RULES).reasons == []


def test_a_programme_may_ask_for_the_birth_date():
    decision = decide(replace(FACTS, birth_date=None), replace(RULES, is_birth_date_required=True))
    assert (decision.outcome, decision.reasons) == (Outcome.REVIEW, ["incomplete"])


def test_no_programme_lends_to_minors():
    minor = replace(FACTS, birth_date=date(2008, 3, 2))
    assert decide(minor, replace(RULES, min_age=0)).reasons == ["age"]


def test_a_hard_failure_outweighs_a_soft_one_and_comes_first():
    facts = replace(FACTS, employment=Employment.STUDENT, term_months=2)
    assert decide(facts, RULES).reasons == ["term", "employment"]


def test_age_counts_completed_years():
    assert age_on(date(2000, 2, 29), date(2021, 2, 28)) == 20
    assert age_on(date(2000, 2, 29), date(2021, 3, 1)) == 21


SEVERITY = {Outcome.APPROVE: 0, Outcome.REVIEW: 1, Outcome.REJECT: 2}


@given(income=st.decimals(1, 1_000_000, places=2), more=st.decimals(0, 1_000_000, places=2))
def test_more_income_never_makes_it_worse(income, more):
    poorer = decide(replace(FACTS, monthly_income=income), RULES)
    richer = decide(replace(FACTS, monthly_income=income + more), RULES)
    assert SEVERITY[richer.outcome] <= SEVERITY[poorer.outcome]


@given(income=st.decimals(0, 500_000, places=2), amount=st.decimals(1, 3_000_000, places=2))
def test_the_outcome_is_the_gravest_verdict_and_reasons_name_the_failures(income, amount):
    decision = decide(replace(FACTS, monthly_income=income, amount=amount), RULES)
    failed = {check.code for check in decision.checks if check.outcome is not Outcome.APPROVE}
    assert set(decision.reasons) == failed
    assert SEVERITY[decision.outcome] == max(SEVERITY[check.outcome] for check in decision.checks)
