"""The checkout dies after every single step, on the way forward and on the way back, and still ends."""

import datetime

import pytest

from core.ids import uuid7

FORWARD = ["checkout.succeeded:stock", "checkout.requested:payment", "checkout.succeeded:payment"]
BACKWARD = [
    "checkout.failed:payment", "checkout.undo:payment", "checkout.undone:payment",
    "checkout.undo:stock", "checkout.undone:stock",
]  # fmt: skip
CREDIT = [
    "checkout.requested:loan", "checkout.succeeded:loan",
    "checkout.requested:disbursement", "checkout.succeeded:disbursement",
]  # fmt: skip
AFTER = [("orders.checkout", number) for number in (1, 2, 3)] + [
    ("catalog.serve_checkout", number) for number in (1, 2)
]


@pytest.mark.parametrize("place", FORWARD)
def test_it_dies_on_the_way_forward(rig, place):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("worker", f"{place}=kill")
    order_id = rig.place(vehicle, token)
    rig.await_strike(place)
    assert rig.ended(order_id, token)["status"] == "paid"
    assert rig.charges(order_id) == [("charge", "succeeded")]


@pytest.mark.parametrize(("handler", "number"), AFTER)
def test_it_dies_right_after_each_answer_was_applied(rig, handler, number):
    token, vehicle = rig.token(), rig.known_vehicle()
    place = f"dispatch.after_commit:{handler}"
    rig.arm("worker", f"{place}=kill@{number}")
    order_id = rig.place(vehicle, token)
    rig.await_strike(place, times=number)
    assert rig.ended(order_id, token)["status"] == "paid"
    assert rig.charges(order_id) == [("charge", "succeeded")]


def test_it_dies_as_it_begins(rig):
    token, vehicle, key = rig.token(), rig.known_vehicle(), str(uuid7())
    rig.arm("web", "checkout.requested:stock=kill")
    order_id = rig.place(vehicle, token, key=key)
    assert rig.struck("checkout.requested:stock")
    assert rig.ended(order_id, token)["status"] == "paid"
    assert rig.charges(order_id) == [("charge", "succeeded")]


@pytest.mark.parametrize("place", BACKWARD)
def test_it_dies_on_the_way_back(rig, place):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("worker", f"{place}=kill")
    order_id = rig.place(vehicle, token, card="tok_declined")
    rig.await_strike(place)
    order = rig.ended(order_id, token)
    assert (order["status"], order["saga"]["failure"]["code"]) == ("cancelled", "declined")
    assert rig.charges(order_id) == [("charge", "failed")]
    rig.wait(lambda: rig.http.get(f"/products/{vehicle}").json()["available"] == 1, 30, "the car is not for sale again")


@pytest.mark.parametrize("place", ["checkout.undone:payment", "checkout.undo:stock", "checkout.undone:stock"])
def test_it_dies_while_a_paid_order_is_refunded(rig, place):
    token, vehicle = rig.token(), rig.known_vehicle()
    order_id = rig.place(vehicle, token)
    rig.ended(order_id, token)
    rig.settle()
    rig.arm("worker", f"{place}=kill")
    rig.cancel(order_id)
    rig.await_strike(place)
    assert rig.ended(order_id, token)["status"] == "refunded"
    assert rig.charges(order_id) == [("charge", "succeeded"), ("refund", "succeeded")]


@pytest.mark.parametrize("place", [*CREDIT, *(f"dispatch.after_commit:financing.serve_order=kill@{n}" for n in (2, 3))])
def test_it_dies_while_a_loan_is_agreed_and_paid_out(rig, place, programme):
    token, vehicle = rig.token(), rig.known_vehicle()
    name, _, fault = place.partition("=")
    rig.arm("worker", f"{name}={fault or 'kill'}")
    order_id = rig.place(vehicle, token, financing=ASKED)
    rig.await_strike(name)
    assert rig.ended(order_id, token)["status"] == "paid"
    assert rig.charges(order_id) == [("charge", "succeeded")]


def test_a_declined_card_withdraws_the_loan_though_it_dies_on_the_way(rig, programme):
    token, vehicle = rig.token(), rig.known_vehicle()
    rig.arm("worker", "checkout.undo:loan=kill checkout.undone:loan=kill")
    order_id = rig.place(vehicle, token, card="tok_declined", financing=ASKED)
    rig.await_strike("checkout.undone:loan")
    assert rig.ended(order_id, token)["status"] == "cancelled"


ASKED = {
    "vehicle_price": "1500000.00", "down_payment": "500000.00", "term_months": 36, "financing_type": "car_loan",
    "employment_status": "employed", "monthly_income": "200000.00", "birth_date": "1985-05-20",
}  # fmt: skip


@pytest.fixture
def programme(rig):
    if rig.one("financing", "SELECT count(*) FROM financing_programme"):
        return
    body = {
        "bank": "Bank", "name": "Car loan", "financing_type": "car_loan", "base_rate": "15", "min_amount": "50000",
        "max_amount": "5000000", "valid_from": str(datetime.date(2020, 1, 1)),
        "rates": [{"from_months": 1, "annual_rate": "15"}],
    }  # fmt: skip
    asked = rig.post("/financing/programmes", rig.token(None, "manager"), body)
    assert asked.status_code == 202, asked.text
    agreed = rig.post(f"/approvals/{asked.json()['approval']['id']}/approve", rig.token(None, "manager"), {})
    assert agreed.is_success, agreed.text
