"""The suite's own test: with one promise of messaging broken on purpose, its scenario must notice."""

import os
from collections.abc import Iterator

import pytest

from tests.chaos.audit import audit, mark
from tests.chaos.rig import Rig
from tests.chaos.roles import NOWHERE
from tests.product import ROOT


@pytest.fixture(scope="module")
def spoiled() -> Iterator[Rig]:
    """An installation that may be ruined."""
    running = Rig(ROOT / ".data" / f"chaos-spoiled-{os.getpid()}")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def sabotaged(spoiled: Rig) -> Iterator[Rig]:
    yield spoiled
    spoiled.disarm()
    for role in ("relay", "worker", "external", "sandbox"):
        spoiled.run(role)
    spoiled.ready()


def kinds(found):
    return {item[0] for item in found}


def test_a_done_mark_of_its_own_doubles_an_effect(sabotaged):
    rig, token, vehicle = sabotaged, sabotaged.token(), sabotaged.known_vehicle()
    since = mark(rig)
    rig.run("worker", mutant="done_mark_apart")
    rig.ready()
    rig.arm("worker", "mutant.between:catalog.serve_checkout=kill")
    order_id = rig.place(vehicle, token)
    rig.await_strike("mutant.between:catalog.serve_checkout")
    rig.ended(order_id, token)
    rig.settle()
    assert "effect twice" in kinds(audit(rig, since))


def test_a_mark_before_the_effect_loses_it(sabotaged):
    rig, token, vehicle = sabotaged, sabotaged.token(), sabotaged.known_vehicle()
    rig.run("worker", mutant="mark_first")
    rig.ready()
    rig.arm("worker", "mutant.between:catalog.serve_checkout=kill")
    order_id = rig.place(vehicle, token)
    rig.await_strike("mutant.between:catalog.serve_checkout")
    with pytest.raises(AssertionError, match="does not end"):
        rig.ended(order_id, token, 8)


def test_without_a_sweep_the_last_event_is_lost(sabotaged):
    rig, token, vehicle = sabotaged, sabotaged.token(), sabotaged.known_vehicle()
    rig.run("relay", mutant="no_sweep")
    rig.ready()
    rig.arm("relay", "relay.before_wakeup:catalog=kill@2")
    order_id = rig.place(vehicle, token)
    rig.await_strike("relay.before_wakeup:catalog", times=2)
    assert rig.ended(order_id, token)["status"] == "paid"
    with pytest.raises(AssertionError, match="still moves"):
        rig.settle(10)


def test_without_dedup_a_replay_doubles_effects(sabotaged):
    rig, token, vehicle = sabotaged, sabotaged.token(), sabotaged.known_vehicle()
    since = mark(rig)
    order_id = rig.place(vehicle, token)
    rig.ended(order_id, token)
    rig.settle()
    rig.run("relay", mutant="no_dedup")
    rig.ready()
    rig.rewind("catalog", "catalog.serve_checkout")
    rig.wait(lambda: "answered twice" in kinds(audit(rig, since)), 60, "nobody notices")


def test_a_cursor_that_moves_first_loses_a_delivery(sabotaged):
    rig, token, vehicle = sabotaged, sabotaged.token(), sabotaged.known_vehicle()
    rig.run("relay", mutant="cursor_first")
    rig.ready()
    rig.arm("relay", "mutant.between:catalog=kill")
    order_id = rig.place(vehicle, token)
    rig.await_strike("mutant.between:catalog")
    with pytest.raises(AssertionError, match="does not end"):
        rig.ended(order_id, token, 8)


def test_an_executor_that_does_not_ask_charges_twice(sabotaged):
    rig, token, vehicle = sabotaged, sabotaged.token(), sabotaged.known_vehicle()
    rig.run("external", mutant="no_repeat_check")
    rig.run("sandbox", AUTOSALON_PUBLIC_URL=NOWHERE)
    rig.ready()
    rig.arm("external", "calls.after_provider:payments.charge=kill")
    order_id = rig.place(vehicle, token)
    rig.await_strike("calls.after_provider:payments.charge")
    rig.forget_leases()
    rig.ended(order_id, token)
    assert rig.charges(order_id) != [("charge", "succeeded")]
