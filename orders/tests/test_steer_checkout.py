"""Steering a checkout by hand: what may be done with each leg, when, by whom, and that a refusal changes nothing."""

from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from core.errors import InvalidInput, NotFound
from core.ids import uuid7
from core.testing import Api
from messaging.models import InboxEvent, OutboxEvent, Timer
from messaging.testing import capture_events, drain_outbox, published
from orders import events, services
from orders.errors import SteeringNotYours, SteeringRefused
from orders.models import Checkout, CheckoutLeg, Order, OrderHistory
from orders.services import Actor
from orders.services.legs import ANSWERS, LEGS
from orders.services.legs.base import Answer
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.test_checkout import CARD, LOAN, POLICY, last_request, reload

pytestmark = pytest.mark.django_db(databases=["orders"])
MANAGER = Actor(uuid7(), frozenset({"manager"}))
ADMIN = Actor(uuid7(), frozenset({"admin"}))


def steer(order, action, leg, *, actor=MANAGER, reason="the bank rang", **more):
    return services.steer_checkout(
        order_id=order.id, action=action, leg=leg, reason=reason, actor=actor, now=timezone.now(), **more
    )


def leg(order, kind):
    return CheckoutLeg.objects.get(checkout_id=order.id, kind=kind)


def allowed(order, kind, actor=MANAGER):
    view = services.view_checkout(order_id=order.id, actor=actor, now=timezone.now())
    return next(item.allowed for item in view.legs if item.leg == kind)


def last_event():
    return OutboxEvent.objects.using("orders").order_by("n").last()


def told(order):
    return OrderHistory.objects.filter(order_id=order.id).order_by("id").last()


def rows(order):
    return (
        list(Order.objects.filter(pk=order.id).values()),
        list(Checkout.objects.filter(pk=order.id).values()),
        list(CheckoutLeg.objects.filter(checkout_id=order.id).values()),
        list(OrderHistory.objects.filter(order_id=order.id).order_by("id").values()),
        list(Timer.objects.using("orders").values()),
    )


@contextmanager
def nothing_changes(order):
    before = rows(order)
    with capture_events("orders") as more:
        yield
    assert more == []
    assert rows(order) == before


def with_every_leg(*, until="disbursement"):
    """An order in the midst of its checkout, waiting for the answer of the leg `until`."""
    order = make.order(payment=CARD, financing=LOAN, insurance=POLICY)
    steps = {
        "stock": answers.reserved,
        "loan": lambda order: answers.loan_approved(order, "800000.00"),
        "payment": lambda order: answers.paid(order, amount="200000.00"),
        "policies": answers.issued,
    }
    for kind, answer in steps.items():
        if kind == until:
            break
        receive(answer(order))
    return order


def overdue(order):
    receive(events.UndoOverdue(order_id=order.id))
    return order


def paid_out_late(order):
    receive(events.LegTimedOut(order_id=order.id, attempt_id=leg(order, "disbursement").attempt_id, leg="disbursement"))
    return order


# Parking ----------------------------------------------------------------------------------------------------------
def test_undoing_that_takes_a_day_is_parked_and_an_answer_still_moves_it():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    receive(answers.declined(order))
    timer = Timer.objects.using("orders").get(type="checkout.undo_overdue")
    assert timedelta(hours=23) < timer.due_at - timezone.now() < timedelta(hours=25)
    overdue(order)
    checkout = reload(order).checkout
    assert (checkout.state, leg(order, "payment").state) == ("parked", "parked")
    assert checkout.failure["code"] == "declined"
    assert checkout.failure["parked"]["cause"] == "undo_overdue"
    assert told(order).event == "payment.parked"
    receive(answers.settled(order))
    checkout = reload(order).checkout
    assert (checkout.state, leg(order, "payment").state) == ("compensating", "compensated")
    assert "parked" not in checkout.failure
    receive(answers.released(order))
    assert reload(order).status == "cancelled"


def test_an_overdue_timer_of_a_checkout_that_ended_changes_nothing():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    receive(answers.paid(order))
    with nothing_changes(order):
        overdue(order)


def test_a_payout_that_is_not_answered_is_parked_not_undone():
    order = paid_out_late(with_every_leg())
    checkout = reload(order).checkout
    assert (checkout.state, checkout.failure["code"]) == ("parked", "parked")
    assert leg(order, "disbursement").parked_reason
    receive(answers.disbursed(order, "800000.00"))
    order = reload(order)
    assert (order.status, order.checkout.state, order.checkout.failure) == ("paid", "completed", None)


def test_parking_twice_is_parking_once():
    order = paid_out_late(with_every_leg())
    with nothing_changes(order):
        paid_out_late(order)


@pytest.mark.parametrize(("kind", "undo"), [("loan", "loan_withdrawal"), ("policies", "policies_cancel")])
def test_what_a_leg_that_timed_out_may_yet_do_is_taken_back(kind, undo):
    order = with_every_leg(until=kind)
    receive(events.LegTimedOut(order_id=order.id, attempt_id=leg(order, kind).attempt_id, leg=kind))
    assert last_request() == f"checkout.{undo}_requested"
    receive(answers.loan_withdrawn(order) if kind == "loan" else answers.revoked(order))
    assert leg(order, kind).state == "compensated"
    assert leg(order, kind).error["code"] == f"{kind}_timed_out"


@pytest.fixture
def broken(monkeypatch):
    """A saga that cannot take in that its card was charged."""

    def fail(saga, event):
        raise RuntimeError("no such column")

    monkeypatch.setitem(ANSWERS, answers.PaymentCompleted, (LEGS["payment"], Answer(fail, ())))


def deliver(order, event):
    """Put an answer into the inbox of the checkout and let it use up its retries."""
    InboxEvent.objects.using("orders").create(
        event_id=uuid7(),
        handler="orders.checkout",
        source="payments",
        aggregate="payment",
        aggregate_id=str(event.payment_id),
        seq=1,
        partition_key=str(order.id),
        shard=3,
        type=event.type,
        data={name: str(getattr(event, name)) for name in event.__struct_fields__},
    )
    for _ in range(20):
        drain_outbox("orders")
        make_due_deliveries()


def make_due_deliveries():
    InboxEvent.objects.using("orders").filter(status=0).update(next_at=timezone.now())


def test_news_that_cannot_be_taken_in_parks_the_checkout(broken, monkeypatch):
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    deliver(order, answers.paid(order))
    checkout = reload(order).checkout
    assert (checkout.state, checkout.failure["cause"]) == ("parked", "delivery_parked")
    assert "no such column" in leg(order, "payment").parked_reason
    monkeypatch.undo()
    steer(order, "retry", "payment")
    drain_outbox("orders")
    assert (reload(order).status, reload(order).checkout.state) == ("paid", "completed")
    assert published("orders").count("checkout.payment_requested") == 1


def test_the_periodic_job_finds_what_the_signal_missed_and_lets_go_what_was_settled(broken, monkeypatch):
    monkeypatch.setattr("messaging.delivery.dispatcher.delivery_parked.send_robust", lambda *args, **named: [])
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    deliver(order, answers.paid(order))
    assert reload(order).checkout.state == "running"
    services.attend_checkouts(now=timezone.now())
    assert reload(order).checkout.state == "parked"
    with nothing_changes(order):
        services.attend_checkouts(now=timezone.now())
    InboxEvent.objects.using("orders").filter(status=2).update(status=3)
    services.attend_checkouts(now=timezone.now())
    checkout = reload(order).checkout
    assert (checkout.state, checkout.failure, leg(order, "payment").state) == ("running", None, "running")


# Retrying ---------------------------------------------------------------------------------------------------------
def test_a_running_leg_is_asked_again_under_the_same_attempt():
    order = make.order(payment=CARD)
    attempt = leg(order, "stock").attempt_id
    with capture_events("orders") as more:
        steer(order, "retry", "stock")
    assert more == ["checkout.stock_requested"]
    assert (leg(order, "stock").attempt_id, leg(order, "stock").attempts) == (attempt, 2)
    assert UUID(last_event().data["attempt_id"]) == attempt
    entry = told(order)
    assert (entry.event, entry.reason, entry.actor_id) == ("stock.retried", "the bank rang", MANAGER.id)


def test_asking_again_gives_new_time_to_answer():
    order = with_every_leg(until="policies")
    Timer.objects.using("orders").update(due_at=timezone.now() + timedelta(seconds=5))
    steer(order, "retry", "policies")
    timer = Timer.objects.using("orders").get(type="checkout.leg_timed_out")
    assert timer.due_at > timezone.now() + timedelta(minutes=9)


def test_a_parked_payout_is_asked_for_again():
    order = paid_out_late(with_every_leg())
    steer(order, "retry", "disbursement")
    assert last_request() == "checkout.disbursement_requested"
    checkout = reload(order).checkout
    assert (checkout.state, checkout.failure, leg(order, "disbursement").state) == ("running", None, "running")


def test_parked_undoing_is_asked_for_again_and_has_another_day():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    receive(answers.declined(order))
    overdue(order)
    steer(order, "retry", "payment")
    assert last_request() == "checkout.refund_requested"
    assert reload(order).checkout.state == "compensating"
    overdue(order)
    assert reload(order).checkout.state == "parked"


def test_a_refused_loan_is_asked_for_anew_under_new_attempts_while_the_stock_is_being_given_back():
    order = make.order(payment=CARD, financing=LOAN)
    receive(answers.reserved(order))
    receive(answers.loan_rejected(order))
    old = answers.attempt(order, "stock"), answers.attempt(order, "loan"), answers.released(order)
    assert allowed(order, "loan") == ["retry", "take_over", "cancel"]
    steer(order, "retry", "loan")
    assert last_request() == "checkout.stock_requested"
    assert {answers.attempt(order, "stock"), answers.attempt(order, "loan")}.isdisjoint(old[:2])
    with nothing_changes(order):
        receive(old[2])
    receive(answers.reserved(order))
    assert last_request() == "checkout.loan_requested"
    receive(answers.loan_approved(order, "800000.00"))
    receive(answers.paid(order, amount="200000.00"))
    receive(answers.disbursed(order, "800000.00"))
    order = reload(order)
    assert (order.status, order.checkout.failure) == ("paid", None)


def test_the_old_attempts_deadline_does_not_end_the_new_one():
    order = make.order(payment=CARD, financing=LOAN)
    receive(answers.reserved(order))
    lapse = events.ReservationLapsed(order_id=order.id, attempt_id=answers.attempt(order, "stock"))
    receive(answers.loan_rejected(order))
    steer(order, "retry", "loan")
    receive(answers.reserved(order))
    with nothing_changes(order):
        receive(lapse)


def test_a_failed_payment_is_not_asked_for_again_its_money_is_on_the_way_back():
    order = make.order(payment=CARD, financing=LOAN)
    receive(answers.reserved(order))
    receive(answers.loan_approved(order, "800000.00"))
    receive(answers.declined(order))
    receive(answers.settled(order))
    with nothing_changes(order), pytest.raises(SteeringRefused) as refusal:
        steer(order, "retry", "payment")
    assert refusal.value.extra["allowed"] == ["take_over", "cancel"]


def test_what_waits_for_the_buyer_is_not_asked_again():
    order = make.order()
    receive(answers.reserved(order))
    with nothing_changes(order), pytest.raises(SteeringRefused):
        steer(order, "retry", "payment")


# Taking over, cancelling, skipping --------------------------------------------------------------------------------
def test_taking_over_makes_an_owner_once():
    order = make.order()
    steer(order, "take_over", "stock")
    assert Checkout.objects.get(pk=order.id).owner_id == MANAGER.id
    assert told(order).event == "stock.taken_over"
    with nothing_changes(order), pytest.raises(SteeringRefused):
        steer(order, "take_over", "stock")
    steer(order, "take_over", "stock", actor=ADMIN)
    assert Checkout.objects.get(pk=order.id).owner_id == ADMIN.id


def test_cancelling_undoes_and_tells_why():
    order = paid_out_late(with_every_leg())
    steer(order, "cancel", "disbursement", reason="the buyer gave up")
    assert (reload(order).status, reload(order).checkout.state) == ("cancelled", "compensating")
    assert last_request() == "checkout.policies_cancel_requested"
    entry = OrderHistory.objects.get(order_id=order.id, event="order.cancelled")
    assert (entry.reason, entry.actor_id) == ("the buyer gave up", MANAGER.id)


def test_cancelling_while_the_undoing_is_parked_asks_for_nothing_twice():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    receive(answers.declined(order))
    overdue(order)
    with capture_events("orders") as more:
        steer(order, "cancel", "payment")
    assert more == ["order.status_changed", "order.cancelled"]
    receive(answers.settled(order))
    receive(answers.released(order))
    assert (reload(order).status, reload(order).checkout.state) == ("cancelled", "compensated")


def test_an_admin_goes_on_without_policies_and_none_can_come_late():
    order = with_every_leg(until="policies")
    with capture_events("orders") as more:
        steer(order, "skip", "policies", actor=ADMIN)
    assert more == ["checkout.policies_cancel_requested", "checkout.disbursement_requested"]
    assert leg(order, "policies").state == "skipped"
    assert allowed(order, "policies", ADMIN) == ["take_over", "cancel"]
    receive(answers.revoked(order))
    receive(answers.disbursed(order, "800000.00"))
    assert reload(order).status == "paid"


def test_a_payout_is_skipped_only_when_the_money_came_in_another_way():
    order = paid_out_late(with_every_leg())
    with nothing_changes(order), pytest.raises(SteeringRefused):
        steer(order, "skip", "disbursement", actor=ADMIN)
    receive(answers.paid(order, amount="800000.00", by_saga=False))
    with capture_events("orders") as more:
        steer(order, "skip", "disbursement", actor=ADMIN)
    assert more == ["checkout.loan_withdrawal_requested", "order.status_changed", "order.paid"]
    order = reload(order)
    assert (order.status, order.amount_paid, order.loan_amount) == ("paid", order.total_amount, Decimal(0))


@pytest.mark.parametrize("kind", ["stock", "loan", "payment"])
def test_what_the_sale_needs_is_not_skipped(kind):
    order = with_every_leg(until=kind)
    with nothing_changes(order), pytest.raises(SteeringRefused):
        steer(order, "skip", kind, actor=ADMIN)


def test_refusals():
    order = with_every_leg(until="policies")
    with nothing_changes(order):
        for refusal, change in {
            SteeringNotYours: {"actor": Actor(order.customer_id, frozenset({"client"})), "action": "retry"},
            NotFound: {"action": "explode"},
            InvalidInput: {"reason": "  ", "action": "retry"},
        }.items():
            with pytest.raises(refusal):
                steer(order, **({"leg": "policies", "action": "skip"} | change))
        with pytest.raises(SteeringNotYours):
            steer(order, "skip", "policies")
        with pytest.raises(NotFound):
            steer(order, "retry", "wheels")


# Over HTTP --------------------------------------------------------------------------------------------------------
def test_managers_see_every_leg():
    order = with_every_leg(until="policies")
    shown = Api("manager").get(f"/orders/{order.id}/checkout")
    assert shown.status_code == 200, shown.content
    body = shown.json()
    assert (body["state"], body["step"], body["owner_id"]) == ("running", "policies", None)
    legs = {item["leg"]: item for item in body["legs"]}
    assert list(legs) == ["stock", "loan", "payment", "policies", "disbursement"]
    assert legs["policies"]["allowed"] == ["retry", "take_over", "cancel"]
    assert legs["policies"]["deadline_at"]
    assert (legs["stock"]["state"], legs["stock"]["attempts"]) == ("succeeded", 1)
    assert legs["stock"]["attempt_id"] == str(answers.attempt(order, "stock"))


def test_a_leg_is_steered_once_per_key():
    order = make.order()
    api, path = Api("manager"), f"/orders/{order.id}/checkout/stock/retry"
    first = api.post(path, {"reason": "nothing heard"}, Idempotency_Key="one")
    assert first.status_code == 200, first.content
    again = api.post(path, {"reason": "nothing heard"}, Idempotency_Key="one")
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
    assert leg(order, "stock").attempts == 2
    taken = api.post(f"/orders/{order.id}/checkout/stock/take-over", {"reason": "mine"})
    assert taken.json()["owner_id"] == str(api.user_id)


@pytest.mark.parametrize(
    ("roles", "path", "body", "status"),
    [
        ((), "stock/retry", {"reason": "x"}, 401),
        (("client",), "stock/retry", {"reason": "x"}, 403),
        (("manager",), "policies/skip", {"reason": "x"}, 403),
        (("manager",), "stock/explode", {"reason": "x"}, 404),
        (("manager",), "wheels/retry", {"reason": "x"}, 404),
        (("manager",), "stock/retry", {}, 400),
        (("manager",), "stock/retry", {"reason": ""}, 400),
        (("manager",), "payment/retry", {"reason": "x"}, 409),
        (("admin",), "stock/skip", {"reason": "x"}, 409),
    ],
)
def test_refusals_over_http(roles, path, body, status):
    order = make.order(payment=CARD)
    with nothing_changes(order):
        response = Api(*roles).post(f"/orders/{order.id}/checkout/{path}", body)
        assert response.status_code == status, response.content
    if status == 409:
        assert "take_over" in response.json()["allowed"]


def test_clients_do_not_see_the_saga():
    order = make.order()
    path = f"/orders/{order.id}/checkout"
    assert Api().get(path).status_code == 401
    assert Api("client", user_id=order.customer_id).get(path).status_code == 403
    assert Api("manager").get(f"/orders/{uuid7()}/checkout").status_code == 404
    assert Api("manager").post(f"/orders/{uuid7()}/checkout/stock/retry", {"reason": "x"}).status_code == 404


def test_what_needs_attention():
    order = paid_out_late(with_every_leg())
    slow, healthy, waiting = make.order(), make.order(), make.order()
    receive(answers.reserved(waiting))
    CheckoutLeg.objects.filter(checkout_id=slow.id).update(started_at=timezone.now() - timedelta(hours=1))
    CheckoutLeg.objects.filter(checkout_id=waiting.id).update(started_at=timezone.now() - timedelta(hours=1))
    found = set(Checkout.objects.needing_attention(timezone.now()).values_list("order_id", flat=True))
    assert found == {order.id, slow.id}
    assert healthy.id not in found
