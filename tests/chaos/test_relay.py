"""Rows 4-7: relays die between any two of their steps, all of them stay away, or Celery does their work."""

import json
import time

import pytest
from websockets.sync.client import connect


@pytest.mark.parametrize(
    "place",
    [
        "relay.after_sequence:orders",
        "relay.after_sequence:catalog",
        "relay.after_sequence:payments",
        "relay.before_cursor:orders",
        "relay.before_cursor:catalog",
        "relay.before_cursor:payments",
        "relay.before_wakeup:orders",
        "relay.before_wakeup:payments",
    ],
)
def test_a_relay_dies_and_the_next_goes_on_where_it_stood(rig, place):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("relay", f"{place}=kill")
    order_id = rig.place(vehicle, token)
    rig.await_strike(place)
    assert rig.ended(order_id, token)["status"] == "paid"
    assert rig.charges(order_id) == [("charge", "succeeded")]


def test_the_sweep_finds_the_last_event_whose_wakeup_was_lost(rig):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("relay", "relay.before_wakeup:catalog=kill@2")  # 1: the stock is asked for, 2: the order is paid
    order_id = rig.place(vehicle, token)
    rig.await_strike("relay.before_wakeup:catalog", times=2)
    sold = "SELECT 1 FROM catalog_reservation WHERE order_id = %s AND status = 'sold'"
    rig.wait(lambda: rig.one("catalog", sold, order_id), 30, "the car is never handed out")


def test_sockets_hear_what_a_dying_relay_did_not_broadcast(rig):
    token = rig.token()
    order_id = rig.place(rig.known_vehicle(), token)
    order = rig.ended(order_id, token)
    cancel = {"reason": "changed my mind"}
    asked = rig.post(f"/orders/{order_id}/cancel", rig.token(None, "manager"), cancel).json()["approval"]["id"]
    rig.settle()  # that a second person is asked is an event too
    with connect(f"ws://127.0.0.1:{rig.port}/ws/orders/{order_id}/?since=3", subprotocols=["bearer", token]) as socket:
        rig.arm("relay", "relay.after_sequence:orders=kill")
        assert rig.post(f"/approvals/{asked}/approve", rig.token(None, "manager"), {}).is_success
        rig.wait(lambda: rig.struck("relay.after_sequence:orders"), 30, "the relay lives", tend=False)
        heard = json.loads(socket.recv(timeout=5))
    assert "relay" in rig.roles
    assert not rig.roles["relay"].alive()
    assert (order["status"], heard["seq"], heard["status"]) == ("paid", 4, "cancelled")
    assert rig.ended(order_id, token)["status"] == "refunded"


def test_two_relays_share_the_work_and_one_may_die(rig):
    rig.run("relay-2")
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(3)]
    rig.arm("relay", "relay.before_cursor:catalog=kill")
    orders = [rig.place(vehicle, token) for vehicle in vehicles]
    assert {rig.ended(order_id, token)["status"] for order_id in orders} == {"paid"}


def test_without_any_relay_orders_are_taken_and_finished_later(rig):
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(10)]
    rig.end("relay")
    orders = [rig.place(vehicle, token) for vehicle in vehicles]
    waiting = "SELECT count(*) FROM messaging_outbox WHERE position IS NULL"
    assert rig.one("orders", waiting) >= 20
    rig.run("relay")
    started = time.monotonic()
    assert {rig.ended(order_id, token)["status"] for order_id in orders} == {"paid"}
    assert time.monotonic() - started < 30


def test_celery_moves_the_events_where_no_relay_runs(rig):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.end("relay")
    rig.run("beat", AUTOSALON_RELAY_MODE="task")
    order_id = rig.place(vehicle, token)
    assert rig.ended(order_id, token, 90)["status"] == "paid"


def test_a_log_that_is_read_again_changes_nothing(rig):
    token, vehicle = rig.token(), rig.known_vehicle()
    order_id = rig.place(vehicle, token)
    rig.ended(order_id, token)
    rig.settle()
    copied = "SELECT count(*) FROM messaging_inbox WHERE handler = 'catalog.serve_checkout'"
    before = rig.one("catalog", copied)
    rig.rewind("catalog", "catalog.serve_checkout")
    head = rig.one("orders", "SELECT position FROM messaging_feed_head")
    reached = "SELECT position FROM messaging_inbox_cursor WHERE handler = 'catalog.serve_checkout'"
    rig.wait(lambda: rig.one("catalog", reached) >= head, 30, "the cursor does not come back")
    assert rig.one("catalog", copied) == before
