"""Rows 13-18, 21, 22 and 26: Valkey, PostgreSQL, single databases, sockets and clocks."""

import contextlib
import json
import time

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from config.databases import APPS


def test_a_flushed_valkey_is_made_good_by_the_sweep(rig):
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(3)]
    rig.end("worker")
    orders = [rig.place(vehicle, token) for vehicle in vehicles]
    copied = "SELECT count(*) FROM messaging_inbox WHERE status = 0 AND handler = 'catalog.serve_checkout'"
    rig.wait(lambda: rig.one("catalog", copied) == 3, 30, "nothing is copied")
    rig.valkey().flushall()
    rig.run("worker")
    assert {rig.ended(order_id, token)["status"] for order_id in orders} == {"paid"}


def test_without_valkey_requests_are_answered_as_fast_and_purchases_go_on_after(rig):
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(4)]
    rig.stop_valkey()
    took, orders = [], []
    try:
        for vehicle in vehicles:
            started = time.monotonic()
            orders.append(rig.place(vehicle, token))
            took.append(time.monotonic() - started)
    finally:
        rig.servers.start(postgres=False)
    assert max(took) < 3, took
    assert {rig.ended(order_id, token)["status"] for order_id in orders} == {"paid"}


def test_a_killed_valkey_costs_nothing_but_time(rig):
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(3)]
    orders = [rig.place(vehicle, token) for vehicle in vehicles]
    rig.crash_valkey()
    assert {rig.ended(order_id, token)["status"] for order_id in orders} == {"paid"}


@pytest.mark.parametrize(
    "place", ["checkout.succeeded:stock", "checkout.requested:payment", "checkout.succeeded:payment"]
)
def test_postgres_crashes_at_each_step_of_the_checkout(rig, place):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("worker", f"{place}=freeze:2")
    order_id = rig.place(vehicle, token)
    rig.await_strike(place)
    rig.crash_postgres()
    assert rig.ended(order_id, token)["status"] == "paid"
    assert rig.charges(order_id) == [("charge", "succeeded")]


def test_postgres_crashes_between_the_provider_and_our_books(rig):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("external", "calls.after_provider:payments.charge=freeze:2")
    order_id = rig.place(vehicle, token)
    rig.await_strike("calls.after_provider:payments.charge")
    rig.crash_postgres()
    rig.forget_leases()
    assert rig.ended(order_id, token)["status"] == "paid"
    assert rig.charges(order_id) == [("charge", "succeeded")]


@pytest.mark.parametrize("app", ["payments", "catalog", "financing", "notifications"])
def test_orders_are_taken_while_a_neighbours_database_is_away(rig, app):
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(3)]
    with rig.without(app):
        answers = [
            rig.post("/orders", token, {"items": [{"product_id": one, "quantity": 1}], "payment": CARD})
            for one in vehicles
        ]
        assert [answer.status_code for answer in answers] == [201] * 3
        orders = [answer.json()["id"] for answer in answers]
        if app in ("payments", "catalog"):
            waits = {"catalog": "created", "payments": "awaiting_payment"}[app]
            rig.wait(lambda: {rig.order(one, token)["status"] for one in orders} == {waits}, 30, "it does not wait")
        else:
            assert {rig.ended(order_id, token)["status"] for order_id in orders} == {"paid"}
    assert {rig.ended(order_id, token)["status"] for order_id in orders} == {"paid"}


CARD = {"method": "card", "token": "tok_success"}


def test_without_the_orders_database_only_orders_are_away_and_the_saga_waits(rig):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("worker", "dispatch.after_commit:catalog.serve_checkout=freeze:2")
    order_id = rig.place(vehicle, token)
    rig.await_strike("dispatch.after_commit:catalog.serve_checkout")
    with rig.without("orders"):
        refused = rig.post("/orders", token, {"items": [{"product_id": vehicle, "quantity": 1}], "payment": CARD})
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        assert rig.http.get(f"/products/{vehicle}").status_code == 200
        rig.new_vehicle()
    assert rig.ended(order_id, token)["status"] == "paid"


def test_a_restored_source_stops_that_pair_and_nobody_else(rig):
    pairs = "SELECT handler, is_paused FROM messaging_inbox_cursor WHERE source = 'showroom' ORDER BY 1"
    rig.rows("showroom", "UPDATE messaging_feed_head SET epoch = gen_random_uuid()")
    rig.wait(lambda: all(paused for _, paused in rig.rows("notifications", pairs)), 30, "the pair goes on")
    try:
        token = rig.token()
        assert rig.ended(rig.place(rig.known_vehicle(), token), token)["status"] == "paid"
        others = "SELECT count(*) FROM messaging_inbox_cursor WHERE is_paused AND source <> 'showroom'"
        assert sum(rig.one(app, others) for app in APPS) == 0
    finally:
        epoch = rig.one("showroom", "SELECT epoch FROM messaging_feed_head")
        for app in APPS:
            rig.rows(
                app,
                "UPDATE messaging_inbox_cursor SET epoch = %s, is_paused = false, pause_reason = '' "
                "WHERE source = 'showroom'",
                epoch,
            )


def test_a_socket_resumes_without_a_gap_after_its_process_died(rig):
    token = rig.token()
    order_id = rig.place(rig.known_vehicle(), token)
    seen = []
    with connect(f"ws://127.0.0.1:{rig.port}/ws/orders/{order_id}/?since=0", subprotocols=["bearer", token]) as socket:
        seen.append(json.loads(socket.recv(timeout=20))["seq"])
        rig.roles["web"].kill_group()
        with contextlib.suppress(ConnectionClosed):
            for text in socket:
                seen.append(json.loads(text)["seq"])
    rig.ended(order_id, token)
    address = f"ws://127.0.0.1:{rig.port}/ws/orders/{order_id}/?since={seen[-1]}"
    with connect(address, subprotocols=["bearer", token]) as socket:
        while seen[-1] < 3:
            seen.append(json.loads(socket.recv(timeout=20))["seq"])
    assert seen == [1, 2, 3]


def test_a_lost_broadcast_is_repaired_from_the_database(rig):
    token = rig.token()
    order_id = rig.place(rig.known_vehicle(), token)
    rig.ended(order_id, token)
    rig.settle()
    with connect(f"ws://127.0.0.1:{rig.port}/ws/orders/{order_id}/?since=3", subprotocols=["bearer", token]) as socket:
        rig.valkey().execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        rig.cancel(order_id)
        heard = [json.loads(socket.recv(timeout=10)) for _ in range(2)]
    assert [(one["seq"], one["status"]) for one in heard] == [(4, "cancelled"), (5, "refunded")]


@pytest.mark.parametrize("mutant", ["clock_ahead", "clock_behind"])
def test_a_worker_whose_clock_is_five_minutes_wrong_harms_nobody(rig, mutant):
    rig.run("worker", mutant=mutant)
    rig.run("external", mutant=mutant)
    rig.ready()
    token, vehicles = rig.token(), [rig.known_vehicle() for _ in range(3)]
    orders = [rig.place(one, token, card=card) for one, card in zip(vehicles, CARDS, strict=True)]
    assert [rig.ended(order_id, token)["status"] for order_id in orders] == ["paid", "cancelled", "paid"]
    rig.run("worker")
    rig.run("external")


CARDS = ["tok_success", "tok_declined", "tok_flaky"]


def test_the_web_process_forgives_a_crashed_database_after_one_answer(rig):
    rig.known_vehicle()
    rig.crash_postgres()
    answers = []
    for _ in range(30):
        answers.append(httpx2.get(f"http://127.0.0.1:{rig.port}/api/v1/products", timeout=10).status_code)
    assert set(answers) <= {200, 503}
    assert answers[-10:] == [200] * 10
