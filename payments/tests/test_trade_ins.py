"""Cars taken in exchange in the ledger: part of the sale, owed above it, and reversed when the deal is undone."""

from decimal import Decimal
from uuid import UUID

import pytest

from core.ids import uuid7
from messaging.testing import deliver_twice, drain_outbox
from payments.commands import PayOutTradeIn, PostTradeIn, ReverseTradeIn
from payments.models import LedgerEntry, LedgerLine, Payout
from payments.public import TradeInBooks, booked_trade_ins, ledger_disagreements
from payments.tests.conftest import running_sandbox, sandbox

__all__ = ["running_sandbox", "sandbox"]
pytestmark = pytest.mark.django_db(databases=["payments", "orders"])
WORTH, SURPLUS = Decimal("500000.00"), Decimal("100000.00")


def taken(surplus: Decimal = Decimal(0)) -> UUID:
    """A car was taken in, as two deliveries of one command told."""
    order_id = uuid7()
    deliver_twice("payments", PostTradeIn(
        order_id=order_id, customer_id=uuid7(), amount=WORTH, surplus=surplus, currency="RUB"
    ))  # fmt: skip
    return order_id


def undone(order_id: UUID, *, is_kept: bool) -> None:
    deliver_twice("payments", ReverseTradeIn(order_id=order_id, is_kept=is_kept))


def balances():
    found: dict[str, Decimal] = {}
    for code, amount in LedgerLine.objects.values_list("account_id", "amount"):
        found[code.partition(":")[0]] = found.get(code.partition(":")[0], Decimal(0)) + amount
    return {code: amount for code, amount in found.items() if amount}


@pytest.mark.parametrize(("surplus", "owed"), [(Decimal(0), {}), (SURPLUS, {"trade_in": -SURPLUS})])
def test_its_value_is_ours_in_a_car_and_earned_as_far_as_it_paid(surplus, owed):
    order_id = taken(surplus)
    assert balances() == {"used_cars": WORTH, "sales": surplus - WORTH} | owed
    assert booked_trade_ins() == {order_id: TradeInBooks(WORTH, False, Decimal(0))}
    assert LedgerEntry.objects.get().order_id == order_id


@pytest.mark.parametrize("surplus", [Decimal(0), SURPLUS])
def test_a_car_that_went_back_leaves_nothing(surplus):
    order_id = taken(surplus)
    undone(order_id, is_kept=False)
    assert (balances(), booked_trade_ins()[order_id].is_undone) == ({}, True)


def test_the_price_of_a_car_that_stays_is_owed_instead_of_earned():
    undone(taken(SURPLUS), is_kept=True)
    assert balances() == {"used_cars": WORTH, "trade_in": -WORTH}


def test_what_was_never_booked_is_not_reversed():
    undone(uuid7(), is_kept=True)
    assert not LedgerEntry.objects.exists()


def test_what_is_owed_is_paid_once_a_request(running_sandbox):
    order_id = taken(SURPLUS)
    asked = PayOutTradeIn(
        request_id=uuid7(), order_id=order_id, customer_id=uuid7(), amount=SURPLUS, currency="RUB", reason="2026-1"
    )
    deliver_twice("payments", asked)
    drain_outbox("payments", "orders")
    paid = Payout.objects.get()
    assert (paid.purpose, paid.subject_id, paid.status, paid.amount) == ("trade_in", order_id, "succeeded", SURPLUS)
    assert balances() == {"used_cars": WORTH, "sales": SURPLUS - WORTH, "provider": -SURPLUS}
    assert booked_trade_ins()[order_id].paid_out == SURPLUS
    assert ledger_disagreements() == []
