"""Rows 1-3 of the failure matrix: the web process dies around its commit; the buyer asks again with the same key."""

import httpx2
import pytest

from core.ids import uuid7

ORDERS_OF = "SELECT count(*) FROM orders_order WHERE customer_id = %s"


@pytest.fixture
def buyer(rig):
    user = uuid7()
    return user, rig.token(user)


def body_for(vehicle):
    return {"items": [{"product_id": vehicle, "quantity": 1}], "payment": {"method": "card", "token": "tok_success"}}


@pytest.mark.parametrize("place", ["emit.after_outbox:orders", "web.before_commit:orders"])
def test_killed_before_the_commit_nothing_has_happened(rig, buyer, place):
    user, token = buyer
    vehicle, key = rig.known_vehicle(), str(uuid7())
    rig.arm("web", f"{place}=kill")
    with pytest.raises(httpx2.HTTPError):
        rig.post("/orders", token, body_for(vehicle), key)
    assert rig.struck(place)
    assert rig.one("orders", ORDERS_OF, user) == 0
    order = rig.ended(rig.place(vehicle, token, key=key), token)
    assert order["status"] == "paid"
    assert rig.one("orders", ORDERS_OF, user) == 1
    assert rig.charges(order["id"]) == [("charge", "succeeded")]


@pytest.mark.parametrize("place", ["oncommit.before_notify:orders", "web.before_answer:create"])
def test_killed_after_the_commit_the_order_stands_and_the_same_key_gets_its_answer(rig, buyer, place):
    user, token = buyer
    vehicle, key = rig.known_vehicle(), str(uuid7())
    rig.arm("web", f"{place}=kill")
    with pytest.raises(httpx2.HTTPError):
        rig.post("/orders", token, body_for(vehicle), key)
    assert rig.struck(place)
    paid = "SELECT id FROM orders_order WHERE customer_id = %s AND status = 'paid'"
    order_id = str(rig.wait(lambda: rig.one("orders", paid, user), 30, "the order does not go on by itself"))
    rig.ready()
    again = rig.post("/orders", token, body_for(vehicle), key)
    assert (again.status_code, again.json()["id"]) == (201, order_id)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert rig.one("orders", ORDERS_OF, user) == 1
    assert rig.charges(order_id) == [("charge", "succeeded")]
