"""The plumbing: ids in order, money in kopecks, transactions that name their database."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import db
from core.ids import uuid7
from core.money import line_total, money
from orders.models import OrderCounter


def test_ids_are_version_seven_and_grow_with_time():
    ids = [uuid7() for _ in range(1000)]
    assert {found.version for found in ids} == {7}
    assert len(set(ids)) == 1000
    assert ids[0].int >> 80 <= ids[-1].int >> 80


@given(st.decimals(min_value=0, max_value=10**9, places=4), st.integers(min_value=1, max_value=1000))
def test_a_line_is_rounded_once_to_the_kopeck(price, quantity):
    total = line_total(price, quantity)
    assert total == total.quantize(Decimal("0.01"))
    assert abs(total - price * quantity) <= Decimal("0.005")


def test_money_is_never_a_float():
    with pytest.raises(TypeError):
        money(0.1)
    assert money("0.005") == Decimal("0.01")


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_an_inner_failure_dooms_the_whole_transaction():
    def work():
        with db.transaction("orders"):
            OrderCounter.objects.create(year=1, last_number=1)
            with pytest.raises(ValueError), db.transaction("orders"):
                raise ValueError
            OrderCounter.objects.create(year=2, last_number=1)

    with pytest.raises(Exception, match="atomic"):
        work()
    assert not OrderCounter.objects.exists()


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_hooks_run_inside_and_after():
    order = []
    with db.transaction("orders"):
        db.on_commit("orders", lambda: order.append("after"))
        db.before_commit("orders", "once", lambda: order.append("inside"))
        db.before_commit("orders", "once", lambda: order.append("twice"))
    assert order == ["inside", "after"]
    with pytest.raises(db.OutsideTransaction):
        db.before_commit("orders", "once", lambda: None)


@pytest.mark.django_db(databases=["orders"])
def test_the_outside_world_is_not_called_inside_a_transaction():
    db.refuse_inside_transaction()
    with db.transaction("orders"), pytest.raises(db.InsideTransaction):
        db.refuse_inside_transaction()
