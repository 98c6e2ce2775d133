"""Rows 19 and 20: the executor of a provider call dies, or the provider answers too late; money moves once."""

import pytest

from tests.chaos.roles import NOWHERE

PLACES = ["calls.after_lease", "calls.after_provider", "calls.before_commit"]


@pytest.fixture
def silent_provider(rig):
    """The provider's webhooks never arrive, so that only asking it tells what it did."""
    rig.run("sandbox", AUTOSALON_PUBLIC_URL=NOWHERE)
    rig.ready()
    yield
    rig.run("sandbox")


@pytest.mark.usefixtures("silent_provider")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("card", ["tok_success", "tok_declined"])
def test_a_dead_executor_charges_once(rig, place, card):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("external", f"{place}:payments.charge=kill")
    order_id = rig.place(vehicle, token, card=card)
    rig.await_strike(f"{place}:payments.charge")
    rig.forget_leases()
    outcome = {"tok_success": ("paid", "succeeded"), "tok_declined": ("cancelled", "failed")}[card]
    assert rig.ended(order_id, token)["status"] == outcome[0]
    rig.settle()
    assert rig.charges(order_id) == [("charge", outcome[1])]


@pytest.mark.parametrize("place", PLACES)
def test_a_dead_executor_refunds_once(rig, place):
    token, vehicle = rig.token(), rig.known_vehicle()
    order_id = rig.place(vehicle, token)
    rig.ended(order_id, token)
    rig.arm("external", f"{place}:payments.refund=kill")
    rig.cancel(order_id)
    rig.await_strike(f"{place}:payments.refund")
    rig.forget_leases()
    assert rig.ended(order_id, token)["status"] == "refunded"
    assert rig.charges(order_id) == [("charge", "succeeded"), ("refund", "succeeded")]


def test_money_that_comes_after_the_order_was_cancelled_goes_back(rig):
    token, vehicle = rig.token(), rig.known_vehicle()
    order_id = rig.place(vehicle, token, card="tok_timeout")
    rig.wait(lambda: rig.charges(order_id), 30, "the provider is never asked")
    rig.cancel(order_id)
    assert rig.ended(order_id, token)["status"] == "cancelled"
    rig.settle()
    assert rig.charges(order_id) == [("charge", "succeeded"), ("refund", "succeeded")]


def test_a_provider_that_answers_too_late_is_asked_and_charges_once(rig):
    token, vehicle = rig.token(), rig.known_vehicle()
    order_id = rig.place(vehicle, token, card="tok_timeout")
    assert rig.ended(order_id, token)["status"] == "paid"
    assert rig.charges(order_id) == [("charge", "succeeded")]


def test_without_the_provider_orders_are_taken_and_paid_when_it_is_back(rig):
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(3)]
    rig.end("sandbox")
    orders = [rig.place(vehicle, token) for vehicle in vehicles]
    tried = "SELECT count(*) FROM messaging_external_call WHERE finished_at IS NULL AND attempts > 0"
    rig.wait(lambda: rig.one("payments", tried) == 3, 30, "the provider is not tried")
    rig.run("sandbox")
    assert {rig.ended(order_id, token)["status"] for order_id in orders} == {"paid"}


@pytest.fixture
def receipts(rig):
    """The clock has begun to make receipts: every movement from now on has one."""
    rig.run("beat")
    opened = "SELECT count(*) FROM payments_fiscalspan WHERE ended_at IS NULL"
    rig.wait(lambda: rig.one("payments", opened) == 1, 60, "no receipts are made")
    yield
    rig.end("beat")


@pytest.mark.usefixtures("receipts")
@pytest.mark.parametrize("place", ["calls.after_provider", "calls.before_commit"])
def test_every_movement_has_one_receipt_though_register_and_worker_die(rig, place):
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(2)]
    rig.arm("external", f"{place}:payments.fiscalize=kill")
    first = rig.place(vehicles[0], token)
    rig.await_strike(f"{place}:payments.fiscalize")
    rig.end("sandbox")
    second = rig.place(vehicles[1], token)
    rig.run("sandbox")
    rig.forget_leases()
    assert {rig.ended(order_id, token)["status"] for order_id in (first, second)} == {"paid"}
    rig.wait(lambda: rig.one("payments", _WAITING) == 0, 60, "receipts are not registered")
    rig.settle()
    told = rig.rows("payments", _TOLD)
    assert {(amount, count, said) for amount, count, said in told} == {(amount, 1, amount) for amount, *_ in told}
    assert len(told) >= 2
    assert len({number for (number,) in rig.rows("payments", _NUMBERS)}) == len(told)


_WAITING = """
SELECT count(*) FROM payments_ledgerentry AS e LEFT JOIN payments_receipt AS r ON r.cause_id = e.id
WHERE e.kind = 'charge' AND e.created_at >= (SELECT min(began_at) FROM payments_fiscalspan)
  AND r.state IS DISTINCT FROM 'registered'
"""
_TOLD = """
SELECT p.amount, count(*), sum(r.amount) FROM payments_ledgerentry AS e
JOIN payments_payment AS p ON p.id = e.payment_id JOIN payments_receipt AS r ON r.cause_id = e.id
WHERE e.kind = 'charge' GROUP BY e.id, p.amount
"""
_NUMBERS = "SELECT r.fiscal_number FROM payments_receipt AS r WHERE r.state = 'registered'"
