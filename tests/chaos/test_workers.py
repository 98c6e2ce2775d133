"""Rows 8-12 and 24: workers die whole or in part, freeze, or meet an event that kills them; clocks run twice or not."""

import os
import signal

import pytest

HANDLERS = ["catalog.serve_checkout", "payments.serve_checkout", "orders.checkout", "payments.copy_orders"]


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_a_pool_process_dies_around_its_commit_and_the_effect_is_there_once(rig, moment, handler):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("worker", f"dispatch.{moment}:{handler}=kill")
    order_id = rig.place(vehicle, token)
    rig.await_strike(f"dispatch.{moment}:{handler}")
    assert rig.ended(order_id, token)["status"] == "paid"
    assert rig.charges(order_id) == [("charge", "succeeded")]


def test_the_whole_worker_dies_while_it_works(rig):
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(6)]
    orders = [rig.place(vehicle, token) for vehicle in vehicles[:3]]
    rig.roles["worker"].kill_group()
    rig.roles["external"].kill_group()
    orders += [rig.place(vehicle, token) for vehicle in vehicles[3:]]
    rig.forget_leases()
    assert {rig.ended(order_id, token)["status"] for order_id in orders} == {"paid"}


def test_a_frozen_worker_holds_its_shard_until_the_database_ends_its_session(rig):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("worker", "dispatch.before_commit:catalog.serve_checkout=freeze:30")
    order_id = rig.place(vehicle, token)
    rig.await_strike("dispatch.before_commit:catalog.serve_checkout")
    assert rig.ended(order_id, token, 28)["status"] == "paid"
    stopped = [pid for pid in rig.pool("worker") if _state(pid) == "T"]
    assert stopped, "the worker was not frozen any more"
    rig.wait(lambda: not any(_state(pid) == "T" for pid in stopped), 40, "the worker does not thaw")
    assert rig.charges(order_id) == [("charge", "succeeded")]


def test_an_event_that_kills_its_worker_is_parked_and_holds_up_nobody_else(rig):
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(2)]
    rig.arm("worker", "dispatch.before_commit:catalog.serve_checkout=kill@1-5")
    poisoned = rig.place(vehicles[0], token)
    parked = "SELECT rn FROM messaging_inbox WHERE status = 2 AND handler = 'catalog.serve_checkout'"
    rig.wait(lambda: rig.one("catalog", parked), 60, "the event is not parked")
    assert rig.struck("dispatch.before_commit:catalog.serve_checkout", times=5)
    assert rig.ended(rig.place(vehicles[1], token), token)["status"] == "paid"
    assert rig.order(poisoned, token)["status"] == "created"
    done = rig.manage("parked_deliveries", "--retry")
    assert done.returncode == 0, done.stdout + done.stderr
    assert rig.ended(poisoned, token)["status"] == "paid"


def test_a_failing_handler_parks_nothing_and_succeeds_after_the_fault(rig):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("worker", "dispatch.before_commit:catalog.serve_checkout=error@1-2")
    order_id = rig.place(vehicle, token)
    assert rig.ended(order_id, token)["status"] == "paid"
    attempts = "SELECT max(attempts) FROM messaging_inbox WHERE handler = 'catalog.serve_checkout' AND lane = %s"
    assert rig.one("catalog", attempts, order_id) == 3


@pytest.mark.parametrize("clocks", [(), ("beat", "beat-2")], ids=["no clock", "two clocks"])
def test_purchases_need_no_clock_and_do_not_mind_two(rig, clocks):
    for clock in clocks:
        rig.run(clock)
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(3)]
    orders = [rig.place(vehicle, token, card=card) for vehicle, card in zip(vehicles, CARDS, strict=True)]
    assert [rig.ended(order_id, token)["status"] for order_id in orders] == ["paid", "cancelled", "paid"]


CARDS = ["tok_success", "tok_declined", "tok_flaky"]


def _state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def test_stopped_workers_go_on_when_they_are_continued(rig):
    token, vehicle = rig.token(), rig.known_vehicle()
    frozen = [rig.main("worker"), *rig.pool("worker"), *rig.pool("external")]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    order_id = rig.place(vehicle, token)
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    assert rig.ended(order_id, token)["status"] == "paid"
