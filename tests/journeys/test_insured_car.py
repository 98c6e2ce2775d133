"""An insured car, through real processes: bought and undone to the kopeck, its losses paid, its insurer killed."""

import contextlib
import json
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import pytest

from core.ids import uuid7
from tests.product import kill, wait_for

pytestmark = [pytest.mark.proof, pytest.mark.timeout(420)]
PRICE = Decimal("1500000.00")
DRIVER = {"birth_date": "1985-05-20", "licence_since": "2005-06-01", "kbm": "13"}
OSAGO = {
    "insurance_type": "osago", "vehicle_make": "Lada", "vehicle_model": "Vesta", "vehicle_year": 2026,
    "vehicle_vin": "XTA210990Y2766389", "engine_power": 106, "region": "Москва", "drivers": [DRIVER],
}  # fmt: skip
KASKO = OSAGO | {"insurance_type": "kasko", "coverage_amount": "1500000.00", "deductible": "10000.00"}
_cars = count(2_766_400)
"""Each order insures a car of its own: a car has one policy of a kind at a time."""
PHOTO = ("car.jpg", b"\xff\xd8\xff\xe0 a photograph", "image/jpeg")
PAPER = ("report.pdf", b"%PDF-1.4 a paper of the police", "application/pdf")


class Buyer:
    """Somebody with a token, and the car they ordered."""

    def __init__(self, product):
        self.product, self.id = product, uuid7()
        self.token, self.manager = product.token(self.id), product.token(None, "manager")

    def get(self, path):
        return self.product.call("GET", path, token=self.token).json()

    def post(self, path, body=None, *, as_manager=False, **more):
        sent = more or {"json": body or {}}
        return self.product.call("POST", path, token=self.manager if as_manager else self.token, **sent)

    def buy(self, *quotes):
        """Order a car with these policies; the order as it stands at once."""
        vin = f"XTA210990Y{next(_cars):07}"
        insured = [raw | {"vehicle_vin": vin} if raw["vehicle_vin"] == OSAGO["vehicle_vin"] else raw for raw in quotes]
        placed = self.product.buy(self.product.new_vehicle(), self.token, insurance=insured)
        assert placed.status_code == 201, placed.text
        return placed.json()

    def ended(self, order, seconds=60):
        return self.product.ended(order["id"], self.token, seconds)

    def policies(self, order):
        found = self.get(f"/insurance/policies?order_id={order['id']}")["results"]
        return {policy["insurance_type"]: policy for policy in found}

    def call_off(self, order):
        """Let two managers cancel a paid order; the order once its money is back."""
        body = {"status": "cancelled", "reason": "changed my mind"}
        moved = self.product.call("PUT", f"/orders/{order['id']}/status", token=self.manager, json=body)
        self.product.agree(moved)
        return self.ended(order)

    def payment(self, order):
        (found,) = self.get(f"/payments?order_id={order['id']}")["results"]
        return {name: found[name] for name in ("status", "amount", "refunded_amount")}


@pytest.fixture
def buyer(product):
    return Buyer(product)


def test_a_car_with_both_policies_is_undone_to_the_kopeck(buyer):
    order = buyer.ended(buyer.buy(OSAGO, KASKO | {"insurer": "compass"}))
    assert order["status"] == "paid", order["saga"]
    policies = buyer.policies(order)
    assert {policy["status"] for policy in policies.values()} == {"active"}
    assert policies["kasko"]["insurer_ref"].startswith("COM-")
    total = PRICE + sum(Decimal(policy["premium"]) for policy in policies.values())
    assert Decimal(order["total_amount"]) == Decimal(order["amount_paid"]) == total
    assert buyer.payment(order) == {"status": "completed", "amount": str(total), "refunded_amount": "0.00"}
    order = buyer.call_off(order)
    assert (order["status"], order["amount_paid"]) == ("refunded", "0.00")
    for policy in buyer.policies(order).values():
        assert (policy["status"], policy["refund_amount"]) == ("cancelled", policy["premium"])
    assert buyer.payment(order) == {"status": "refunded", "amount": str(total), "refunded_amount": str(total)}


def test_what_a_policy_earned_before_its_order_was_undone_stays_earned(buyer):
    order = buyer.ended(buyer.buy(OSAGO, KASKO))
    kasko = buyer.policies(order)["kasko"]
    refund = Decimal(buyer.post(f"/insurance/policies/{kasko['id']}/cancel").json()["refund_amount"])
    wait_for(lambda: Decimal(buyer.payment(order)["refunded_amount"]) == refund, 90, "the premium does not come back")
    undone = buyer.call_off(order)
    earned = Decimal(kasko["premium"]) - refund
    assert earned > 0
    assert (undone["status"], undone["amount_paid"]) == ("refunded", str(earned))
    assert Decimal(buyer.payment(order)["refunded_amount"]) == Decimal(order["total_amount"]) - earned


def test_a_loss_is_paid_from_its_report_on_and_others_are_refused_with_reasons(buyer):
    policy = buyer.policies(buyer.ended(buyer.buy(KASKO)))["kasko"]
    loss = {
        "policy_id": policy["id"], "occurred_at": datetime.now(UTC).isoformat(), "kind": "collision",
        "description": "A pole behind the car.", "amount": "150000.00",
    }  # fmt: skip
    claim = buyer.post("/insurance/claims", loss).json()
    path = f"/insurance/claims/{claim['id']}"
    assert (claim["status"], claim["reserve_amount"]) == ("opened", "150000.00")
    refused = [
        buyer.post("/insurance/claims", loss),
        buyer.post("/insurance/claims", loss | {"occurred_at": "2026-01-01T00:00:00Z"}),
        Buyer(buyer.product).post("/insurance/claims", loss),
        buyer.post(f"{path}/approve", {}),
        buyer.post(f"{path}/approve", {}, as_manager=True),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (409, "duplicate_claim"), (409, "not_covered"), (404, "not_found"), (403, "permission_denied"),
        (409, "wrong_transition"),
    ]  # fmt: skip
    buyer.post(f"{path}/assess", {"amount": "120000.00"}, as_manager=True)
    missing = buyer.post(f"{path}/approve", {}, as_manager=True)
    assert (missing.status_code, missing.json()["code"]) == (409, "documents_missing")
    for kind, file in (("photo", PHOTO), ("police_report", PAPER)):
        sent = buyer.post(f"{path}/documents", data={"kind": kind}, files={"file": file})
        assert sent.status_code == 201, sent.text
    above = buyer.post(f"{path}/approve", {"amount": "120000.00"}, as_manager=True)
    assert (above.status_code, above.json()["payable"]) == (409, "110000.00")
    granted = buyer.post(f"{path}/approve", {}, as_manager=True).json()
    assert (granted["status"], granted["approved_amount"]) == ("approved", "110000.00")
    assert granted["due_date"]
    buyer.post(f"{path}/pay", {}, as_manager=True)
    paid = wait_for(lambda: _with(buyer.get(path), status="paid"), 90, "the claim is not paid")
    assert (paid["paid_amount"], paid["reserve_amount"]) == ("110000.00", "0.00")
    second = buyer.post("/insurance/claims", loss | {"occurred_at": datetime.now(UTC).isoformat()}).json()
    reason = {"reason": "The damage is older than the policy."}
    rejected = buyer.post(f"/insurance/claims/{second['id']}/reject", reason, as_manager=True).json()
    assert (rejected["status"], rejected["reason"], rejected["paid_amount"]) == ("rejected", reason["reason"], "0.00")


def _with(found, **wanted):
    return found if all(found[name] == value for name, value in wanted.items()) else None


# The insurer's sandbox behaves by the end of the VIN: docs/insurance.md ---------------------------------------------
def list_questions(product, vin):
    """(policy, decision, tries) of each question that the insurers' own store holds of a car."""
    store = product.folder / "insurers" / "book.sqlite3"
    with contextlib.closing(sqlite3.connect(store, timeout=5)) as read:
        return read.execute("SELECT policy_id, status, tries FROM policy WHERE vin = ?", [vin]).fetchall()


@pytest.mark.parametrize(("behaviour", "vin"), [("thinks", "XTA210990Y2110002"), ("is silent", "XTA210990Y2110003")])
def test_an_order_survives_the_death_of_an_insurer_that_was_deciding(product, buyer, behaviour, vin):
    order = buyer.buy(OSAGO, KASKO | {"insurer": "compass", "vehicle_vin": vin})
    wait_for(lambda: list_questions(product, vin), 90, "the insurer is not asked")
    assert product.order(order["id"], buyer.token)["saga"]["step"] == "policies"
    kill(product.pids("insurers"))
    order = buyer.ended(order, 120)
    assert order["status"] == "paid", order["saga"]
    policies = buyer.policies(order)
    assert {policy["status"] for policy in policies.values()} == {"active"}
    ((policy_id, decision, _tries),) = list_questions(product, vin)
    assert (policy_id, decision) == (policies["kasko"]["id"], "accepted")
    assert buyer.payment(order)["amount"] == order["total_amount"]


@pytest.mark.parametrize("if_declined", ["cancel", "continue"])
def test_a_refusal_undoes_the_purchase_or_its_leg_as_the_buyer_chose(product, buyer, if_declined):
    refused = KASKO | {"insurer": "compass", "vehicle_vin": "XTA210990Y2110001", "if_declined": if_declined}
    order = buyer.ended(buyer.buy(OSAGO, refused))
    policies = buyer.policies(order)
    assert policies["kasko"]["status"] == "not_taken_up"
    if if_declined == "cancel":
        assert (order["status"], order["saga"]["failure"]["code"]) == ("cancelled", "risk_declined")
        assert policies["osago"]["status"] == "not_taken_up"
        back = order["total_amount"]
    else:
        assert (order["status"], policies["osago"]["status"]) == ("paid", "active")
        back = policies["kasko"]["premium"]
    wait_for(lambda: buyer.payment(order)["refunded_amount"] == back, 90, f"{back} does not come back")
    kept = str(Decimal(order["total_amount"]) - Decimal(back))
    shown = wait_for(
        lambda: _with(product.order(order["id"], buyer.token), amount_paid=kept),
        90,
        f"the order does not hear of {back}",
    )
    assert if_declined == "cancel" or shown["amount_due"] == "0.00"


def test_afterwards_the_books_are_clean(product):
    done = product.manage("check_books", "--json", "--wait", "60")
    report = json.loads(done.stdout)
    assert (done.returncode, report["clean"], report["under_way"]) == (0, True, 0), report
    assert product.manage("parked_deliveries").returncode == 0
