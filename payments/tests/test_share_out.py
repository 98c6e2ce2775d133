from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money.shares import share_out

KOPECKS = st.integers(0, 10**12).map(lambda number: Decimal(number) / 100)
WEIGHTS = st.lists(KOPECKS, min_size=1, max_size=12).filter(any)


@given(KOPECKS, WEIGHTS)
def test_parts_sum_to_the_amount_to_the_kopeck(amount, weights):
    assert sum(share_out(amount, weights)) == amount


@given(WEIGHTS, st.data())
def test_no_part_is_above_its_weight_and_the_whole_is_the_weights(weights, data):
    total = sum(weights)
    amount = data.draw(st.integers(0, int(total * 100)).map(lambda number: Decimal(number) / 100))
    assert all(part <= weight for part, weight in zip(share_out(amount, weights), weights, strict=True))
    assert share_out(total, weights) == weights


@given(KOPECKS, WEIGHTS)
def test_every_part_is_within_a_kopeck_of_its_exact_share(amount, weights):
    total = sum(int(weight * 100) for weight in weights)
    for part, weight in zip(share_out(amount, weights), weights, strict=True):
        assert abs(int(part * 100) * total - int(amount * 100) * int(weight * 100)) < total


@pytest.mark.parametrize(("amount", "weights"), [("-1", ["1"]), ("1", ["0"]), ("1", ["2", "-1"])])
def test_nonsense_is_refused(amount, weights):
    with pytest.raises(ValueError, match="shared out"):
        share_out(Decimal(amount), [Decimal(weight) for weight in weights])
