"""The nearest terms that would be approved, told with every refusal that other terms may cure."""

from decimal import Decimal

import pytest

from financing.tests import make

pytestmark = pytest.mark.django_db(databases=["financing"])


def countered(**asked):
    application = make.application(**asked)
    offer = application.decision["counter_offer"]
    if offer is None:
        return None
    again = make.application(**asked | {"term_months": offer["term_months"], "down_payment": offer["down_payment"]})
    assert (again.status, str(again.monthly_payment)) == ("approved", offer["monthly_payment"])
    return offer["term_months"], Decimal(offer["down_payment"])


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        ({}, None),
        ({"monthly_income": "90000.00"}, (48, 500_000)),
        ({"monthly_income": "60000.00"}, (84, 500_000)),
        ({"term_months": 120}, (96, 500_000)),
        ({"term_months": 1}, (24, 500_000)),
        ({"down_payment": "100000.00"}, (36, 200_000)),
        ({"employment_status": "unemployed"}, None),
        ({"monthly_income": "25000.00"}, (36, 1_800_000)),
        ({"monthly_income": "18000.00"}, None),
    ],
)
def test_the_nearest_terms_that_pass_are_named(asked, offered):
    make.programme()
    assert countered(**asked) == offered
