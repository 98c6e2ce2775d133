from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from financing.rules.calculations import (
    InvalidTerms,
    LeaseTerms,
    ZeroInterestOffer,
    dealer_contribution,
    lease,
    overpricing_percent,
)
from financing.rules.calculations.rounding import KOPECK
from financing.tests.calculations.make import moderate, percent, rub


def terms(**changes):
    fields = {"price": Decimal(2_000_000), "advance": Decimal(400_000), "months": 36, "rate": Decimal("0.015")}
    return LeaseTerms(**(fields | changes))


@given(
    price=rub(500_000, 9_000_000), months=st.integers(1, 60), rate=percent(0, 3), share=st.integers(0, 100),
    advance=st.booleans(),
)  # fmt: skip
@moderate
def test_rentals_and_the_buy_out_repay_the_financed_sum(price, months, rate, share, advance):
    deal = terms(price=price, months=months, rate=rate / 100, in_advance=advance)
    deal = terms(
        price=price, months=months, rate=rate / 100, in_advance=advance,
        buy_out=((price - deal.advance) * share / 100).quantize(KOPECK),
    )  # fmt: skip
    result = lease(deal)
    assert len(result.rows) == months + 1
    assert result.rows[-1].balance == 0
    assert sum(row.rental for row in result.rows) - sum(row.interest for row in result.rows) == price - deal.advance


def test_a_rental_in_advance_carries_no_interest_first():
    rows = lease(terms()).rows
    assert rows[0].interest == 0
    assert lease(terms(in_advance=False)).rows[0].interest == 24_000


def test_vat_is_a_column_of_its_own():
    result = lease(terms(vat_rate=Decimal("0.22"), buy_out=Decimal(1000)))
    assert result.rows[-1].total == 1220
    assert result.total == sum(row.rental + row.vat for row in result.rows)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"advance": Decimal(2_000_000)}, "advance"), ({"buy_out": Decimal(1_600_001)}, "buy_out")],
)
def test_sums_that_cannot_be_are_refused(changes, field):
    with pytest.raises(InvalidTerms) as refusal:
        lease(terms(**changes))
    assert refusal.value.field == field


def test_overpricing_is_simple():
    assert overpricing_percent(Decimal(1300), Decimal(1000), Decimal(3)) == 10


def test_an_offer_at_zero_costs_the_dealer_nothing_at_a_rate_of_zero():
    offer = ZeroInterestOffer(car_price=Decimal(1000), deposit=Decimal(100), instalment=Decimal(300), instalments=3)
    assert dealer_contribution(offer, Decimal(0)) == 0
    assert dealer_contribution(offer, Decimal("0.01")) > 0
