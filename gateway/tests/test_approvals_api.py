"""The API of what waits for a second person: the answer 202, the queue over all apps, deciding over HTTP."""

from decimal import Decimal

import pytest
from django.utils import timezone

import orders.tests.make as ordering
import payments.tests.make as paying
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import Waits, is_own, join_cards, know_card
from gateway.approvals.reading import served
from messaging.testing import capture_events
from orders.models import Order
from orders.tests import answers
from orders.tests.answers import receive
from payments.models import Payment, Status
from payments.services import resolve_payment, start_charge

pytestmark = pytest.mark.django_db(databases=served())
CAR = "3288000.00"


def cash(total=CAR, **who):
    return paying.payment(paying.order(total=total, **who), method="cash")


def asked(payment, api=None, **headers):
    return (api or Api("manager")).post(f"/payments/{payment.id}/capture", **headers)


def paid_order(price="1500000.00"):
    order = ordering.order(lines=[ordering.ProductLine(ordering.product(price=price), 1)])
    receive(answers.reserved(order))
    receive(answers.paid(order, by_saga=False))
    return order


def test_what_must_wait_answers_202_and_changes_nothing_yet():
    payment, maker = cash(), Api("manager")
    with capture_events("payments") as more:
        response = asked(payment, maker)
    assert response.status_code == 202
    told = response.json()["approval"]
    assert (told["kind"], told["state"], told["amount"]) == ("payments.capture", "waiting", CAR)
    assert told["subject"] == {"type": "payment", "id": str(payment.id), "number": "2026-000001"}
    assert (told["asked_by"], told["decided_by"]) == (str(maker.user_id), None)
    assert more == ["payments.approval_changed"]
    assert Payment.objects.get(pk=payment.pk).status == Status.PENDING
    shown = Api("manager").get(f"/payments/{payment.id}").json()["pending_approvals"]
    assert [(one["id"], one["amount"]) for one in shown] == [(told["id"], CAR)]


def test_the_same_key_gets_the_same_answer_whatever_became_of_it():
    payment, maker, key = cash(), Api("manager"), {"Idempotency_Key": "once"}
    first = asked(payment, maker, **key).json()
    Api("manager").post(f"/approvals/{first['approval']['id']}/approve")
    again = asked(payment, maker, **key)
    assert (again.status_code, again.json()) == (202, first)
    assert again["Idempotent-Replayed"] == "true"


def test_neither_the_maker_nor_the_buyer_decides():
    buyer, maker = Api("manager"), Api("manager")
    payment = cash(customer_id=buyer.user_id)
    request = asked(payment, maker).json()["approval"]["id"]
    for api in (maker, buyer):
        for step in ("approve", "reject"):
            refused = api.post(f"/approvals/{request}/{step}", {"reason": "mine"})
            assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")
    assert Api("client").post(f"/approvals/{request}/approve").status_code == 403
    second = Api("manager")
    done = second.post(f"/approvals/{request}/approve", {"reason": "counted"}).json()
    assert (done["state"], done["decided_by"]) == ("approved", str(second.user_id))
    assert Payment.objects.get(pk=payment.pk).status == Status.COMPLETED
    assert second.post(f"/approvals/{request}/approve").status_code == 409


def test_a_manager_who_is_none_any_more_decides_nothing():
    request = asked(cash()).json()["approval"]["id"]
    former = Api("client")
    assert former.post(f"/approvals/{request}/approve").status_code == 403
    assert Api("manager").get(f"/approvals/{request}").json()["state"] == "waiting"


def test_an_approval_of_what_has_moved_says_why_and_goes_on_waiting():
    payment = cash()
    request = asked(payment).json()["approval"]["id"]
    Api("manager").post(f"/payments/{payment.id}/cancel")
    second = Api("manager")
    refused = second.post(f"/approvals/{request}/approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_payment_state")
    assert second.get(f"/approvals/{request}").json()["state"] == "waiting"
    turned_down = second.post(f"/approvals/{request}/reject", {"reason": "called off"}).json()
    assert (turned_down["state"], turned_down["decision_reason"]) == ("rejected", "called off")


def test_more_than_was_agreed_to_does_not_leave():
    order, maker = paid_order(), Api("manager")
    request = maker.post(f"/orders/{order.id}/cancel", {"reason": "x"}).json()["approval"]["id"]
    receive(answers.paid(order, amount="5.00", by_saga=False))
    refused = Api("manager").post(f"/approvals/{request}/approve")
    order.refresh_from_db()
    assert (refused.status_code, refused.json()["code"]) == (409, "approval_outdated")
    assert order.status == "paid"


def test_the_cancellation_of_a_paid_order_waits_and_is_told_in_its_history():
    order, maker = paid_order(), Api("manager")
    response = maker.post(f"/orders/{order.id}/cancel", {"reason": "a friend asked"})
    assert (response.status_code, response.json()["approval"]["amount"]) == (202, "1500000.00")
    shown = Api("manager").get(f"/orders/{order.id}").json()
    assert (shown["status"], [one["kind"] for one in shown["pending_approvals"]]) == ("paid", ["orders.cancel"])
    told = Api("manager").get(f"/orders/{order.id}/timeline").json()["results"]
    assert [row["event"] for row in told if row["event"].startswith("approval")] == ["approval.waiting"]
    second = Api("manager")
    request = response.json()["approval"]["id"]
    assert second.post(f"/approvals/{request}/approve").status_code == 200
    shown = second.get(f"/orders/{order.id}").json()
    assert (shown["status"], shown["pending_approvals"]) == ("cancelled", [])


def test_the_queue_is_one_over_all_apps_newest_first_page_by_page():
    order, manager = paid_order(), Api("manager")
    ids = [
        asked(cash(), manager).json()["approval"]["id"],
        manager.post(f"/orders/{order.id}/cancel", {"reason": "x"}).json()["approval"]["id"],
        asked(cash()).json()["approval"]["id"],
    ]
    found = manager.get("/approvals").json()
    assert [row["id"] for row in found["results"]] == ids[::-1]
    first = manager.get("/approvals?page_size=2").json()
    assert [row["id"] for row in first["results"]] == ids[:0:-1]
    second = manager.get("/approvals?" + first["next"].partition("?")[2]).json()
    assert ([row["id"] for row in second["results"]], second["next"]) == (ids[:1], None)
    assert [row["id"] for row in manager.get("/approvals?mine=true").json()["results"]] == ids[1::-1]
    assert [row["id"] for row in manager.get("/approvals?kind=orders.cancel").json()["results"]] == [ids[1]]
    assert manager.get("/approvals?state=approved").json()["results"] == []


@pytest.mark.parametrize("query", ["state=lost", "kind=orders.nothing", "mine=perhaps", "cursor=x", "colour=red"])
def test_filters_nobody_knows_are_refused(query):
    assert Api("manager").get(f"/approvals?{query}").status_code == 400


def test_an_unknown_request_is_not_found():
    assert Api("manager").get(f"/approvals/{uuid7()}").status_code == 404
    assert Api("manager").post(f"/approvals/{uuid7()}/approve").status_code == 404


def test_cash_that_never_came_for_ones_own_order_is_not_believed():
    maker = Api("manager")
    own = cash("1000.00", customer_id=maker.user_id)
    refused = asked(own, maker)
    assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")
    assert Payment.objects.get(pk=own.pk).status == Status.PENDING


def test_whoever_took_the_cash_in_does_not_hand_it_back_alone():
    maker, second = Api("manager"), Api("manager")
    payment = cash("900000.00")
    assert asked(payment, maker).status_code == 200
    refund = second.post(f"/payments/{payment.id}/refund", {"reason": "a scratch"}).json()
    assert refund["status"] == "requested"
    refused = maker.post(f"/refunds/{refund['id']}/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")
    assert Api("manager").post(f"/refunds/{refund['id']}/approve").json()["status"] == "succeeded"


def test_a_payment_settled_by_hand_keeps_its_evidence_for_the_second_person(settings):
    settings.CASH_FOUR_EYES_ABOVE = 0
    payment = paying.payment()
    start_charge(payment_id=payment.id, now=timezone.now())
    with pytest.raises(Waits):
        resolve_payment(
            payment_id=payment.id, is_taken=True, evidence="statement 7", actor_id=uuid7(), now=timezone.now()
        )
    [row] = Api("manager").get("/approvals").json()["results"]
    assert (row["kind"], row["evidence"]) == ("payments.resolve", "statement 7")


def test_a_car_for_a_rouble_is_not_had_by_a_trade_in_of_ones_own():
    manager = Api("manager")
    product = ordering.product(price="9057000.00")
    body = {
        "items": [{"product_id": str(product), "quantity": 1}],
        "trade_in": {"amount": "9056999.00", "description": "an old car"},
    }
    order = Order.objects.get(pk=manager.post("/orders", body).json()["id"])
    receive(answers.reserved(order))
    order.refresh_from_db()
    assert order.trade_in_credit == 0
    refused = manager.post(f"/orders/{order.id}/checkout/trade_in/accept", {"reason": "nearly new"})
    assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")
    waits = Api("manager").post(f"/orders/{order.id}/checkout/trade_in/accept", {"reason": "nearly new"})
    assert waits.status_code == 202
    order.refresh_from_db()
    assert order.trade_in_credit == 0


def test_a_trade_in_of_the_whole_price_pays_the_order():
    product = ordering.product(price="400000.00")
    order = ordering.order(lines=[ordering.ProductLine(product, 1)], trade_in={"amount": "400000.00"})
    receive(answers.reserved(order))
    done = Api("manager").post(f"/orders/{order.id}/checkout/trade_in/accept", {"reason": "as offered"})
    assert done.status_code == 200
    order.refresh_from_db()
    assert (order.status, order.trade_in_credit, order.amount_due) == ("paid", Decimal(400_000), 0)


def test_merged_cards_are_one_person():
    card, other, user = uuid7(), uuid7(), uuid7()
    know_card("orders", card_id=other, user_id=user)
    join_cards("orders", card_id=card, other_id=other)
    assert is_own("orders", person_id=user, beneficiary_id=card)
    know_card("orders", card_id=card, user_id=None)
    assert not is_own("orders", person_id=user, beneficiary_id=card)
