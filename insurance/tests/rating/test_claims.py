from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.rules.rating import (
    Basis,
    InvalidRisk,
    Loss,
    UnderInsurance,
    claim_payout,
    is_total_loss,
    reserve_after,
    split_payout,
    under_insurance_percent,
)
from insurance.tests.rating.make import moderate, rub

LOSS = Loss(loss=Decimal(300_000), sum_insured=Decimal(1_000_000), value=Decimal(1_000_000))


@st.composite
def losses(draw):
    return Loss(
        loss=draw(rub(0, 3_000_000)),
        sum_insured=draw(rub(1, 2_000_000)),
        value=draw(rub(1, 2_000_000)),
        deductible=draw(rub(0, 100_000)),
        under_insurance=draw(st.sampled_from(UnderInsurance)),
        total_loss=draw(st.booleans()),
        basis=draw(st.sampled_from(Basis)),
        aggregate=draw(st.booleans()),
        wear=draw(st.integers(0, 100).map(lambda share: Decimal(share) / 100)),
        salvage=draw(rub(0, 100_000)),
    )


@given(loss=losses())
@moderate
def test_a_payout_stays_within_the_sum_insured_less_the_deductible(loss):
    assert 0 <= claim_payout(loss) <= max(loss.sum_insured - loss.deductible, 0)


@given(losses=st.lists(losses(), max_size=6), limit=rub(1, 2_000_000))
@moderate
def test_payouts_of_a_policy_stay_within_an_aggregate_limit(losses, limit):
    paid = Decimal(0)
    for loss in losses:
        paid += claim_payout(replace(loss, sum_insured=limit, aggregate=True, paid_before=paid))
    assert paid <= limit


@given(estimate=rub(0, 1000), paid=rub(0, 1000), debt=rub(0, 1000))
@moderate
def test_reserves_and_shares_are_never_negative(estimate, paid, debt):
    assert reserve_after(estimate, paid) >= 0
    to_bank, to_owner = split_payout(paid, debt)
    assert to_bank + to_owner == paid
    assert 0 <= to_bank <= debt
    assert to_owner >= 0


def test_a_conditional_deductible_pays_all_or_nothing():
    small = replace(LOSS, deductible=Decimal(300_000), conditional_deductible=True)
    assert claim_payout(small) == 0
    assert claim_payout(replace(small, deductible=Decimal(299_999))) == 300_000
    assert claim_payout(replace(LOSS, deductible=Decimal(20_000))) == 280_000


def test_under_insurance_cuts_a_partial_loss_in_proportion():
    half = replace(LOSS, sum_insured=Decimal(500_000))
    assert claim_payout(half) == 150_000
    assert claim_payout(replace(half, under_insurance=UnderInsurance.FIRST_LOSS)) == 300_000
    assert under_insurance_percent(Decimal(500_000), Decimal(1_000_000)) == 50
    assert under_insurance_percent(Decimal(2), Decimal(1)) == 0


def test_a_total_loss_pays_the_sum_insured_less_wear_and_salvage():
    total = replace(LOSS, total_loss=True, wear=Decimal("0.1"), salvage=Decimal(50_000))
    assert claim_payout(total) == 950_000  # wear counts against an aggregate sum only
    assert claim_payout(replace(total, aggregate=True)) == 850_000
    assert claim_payout(replace(total, basis=Basis.MARKET, value=Decimal(700_000))) == 650_000


def test_an_exhausted_aggregate_pays_nothing():
    assert claim_payout(replace(LOSS, aggregate=True, paid_before=Decimal(2_000_000))) == 0


def test_a_total_loss_is_a_repair_above_its_share_of_the_value():
    assert is_total_loss(Decimal(751), Decimal(1000))
    assert not is_total_loss(Decimal(750), Decimal(1000))


@pytest.mark.parametrize(
    "changes", [{"loss": Decimal(-1)}, {"salvage": Decimal(-1)}, {"value": Decimal(0)}, {"sum_insured": Decimal(0)}]
)
def test_impossible_sums_are_refused(changes):
    with pytest.raises(InvalidRisk):
        claim_payout(replace(LOSS, **changes))
