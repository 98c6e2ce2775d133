"""The saga: what each answer leads to, and that none is acted on twice."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from catalog.events import StockReleased
from core.ids import uuid7
from messaging.models import OutboxEvent, Timer
from messaging.testing import capture_events, published
from orders import events, services
from orders.handlers import advance_checkout
from orders.models import Checkout, CheckoutLeg, LegKind, LegState, Order, OrderHistory, Status
from orders.services import Actor
from orders.services.checkout import REACTS_TO
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
CARD = {"method": "card", "token": "tok_success"}
LOAN = {"vehicle_price": "1000000.00", "down_payment": "200000.00", "term_months": 36}
POLICY = [{"insurance_type": "osago"}]
MANAGER = Actor(uuid7(), frozenset({"manager"}))


@pytest.fixture
def one_is_enough(settings):
    """Let one person's word do: who has to agree is told elsewhere, what happens then is told here."""
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


def reload(order):
    return Order.objects.select_related("checkout").get(pk=order.pk)


def last_request():
    """The last thing said but for how long the stock is held."""
    return [name for name in published("orders") if name != "checkout.stock_extension_requested"][-1]


def statuses(order):
    rows = OutboxEvent.objects.using("orders").filter(aggregate="order", aggregate_id=str(order.id)).order_by("seq")
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    return [row.data["status"] for row in rows]


def test_stock_then_payment_makes_it_paid():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    assert last_request() == "checkout.payment_requested"
    receive(answers.paid(order))
    order = reload(order)
    assert (order.status, order.checkout.state, order.amount_due) == ("paid", "completed", Decimal(0))
    assert statuses(order) == ["created", "awaiting_payment", "paid"]
    assert published("orders")[-2:] == ["order.status_changed", "order.paid"]


def test_hearing_everything_twice_changes_nothing_more():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    receive(answers.reserved(order))
    payment = answers.paid(order)
    receive(payment)
    with capture_events("orders") as more:
        receive(payment)
        receive(answers.reserved(order))
    assert more == []
    assert reload(order).amount_paid == order.total_amount


def test_no_stock_cancels_it_and_says_why():
    order = make.order(payment=CARD)
    receive(answers.rejected(order))
    order = reload(order)
    assert (order.status, order.checkout.state) == ("cancelled", "compensated")
    assert order.checkout.failure["code"] == "insufficient_stock"
    assert order.checkout.failure["step"] == "stock"
    assert "checkout.stock_release_requested" not in published("orders")


def test_a_declined_card_gives_the_stock_back_before_it_ends():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    receive(answers.declined(order))
    assert (reload(order).status, last_request()) == ("awaiting_payment", "checkout.refund_requested")
    receive(answers.settled(order))
    assert (reload(order).status, last_request()) == ("awaiting_payment", "checkout.stock_release_requested")
    receive(answers.released(order))
    order = reload(order)
    assert (order.status, order.checkout.state) == ("cancelled", "compensated")
    assert order.checkout.failure == {"code": "declined", "step": "payment", "detail": "The bank refused."}


def test_without_a_payment_it_waits_for_the_buyer():
    order = make.order()
    receive(answers.reserved(order))
    assert (reload(order).status, reload(order).checkout.state) == ("awaiting_payment", "waiting")
    receive(answers.paid(order, amount="400000.00", by_saga=False))
    assert (reload(order).amount_due, reload(order).checkout.state) == (Decimal("600000.00"), "waiting")
    receive(answers.paid(order, amount="600000.00", by_saga=False))
    assert reload(order).status == "paid"


def test_a_separate_declined_payment_keeps_the_hold():
    order = make.order()
    receive(answers.reserved(order))
    receive(answers.declined(order, by_saga=False))
    assert (reload(order).status, reload(order).checkout.state) == ("awaiting_payment", "waiting")
    receive(answers.paid(order, by_saga=False))
    assert reload(order).status == "paid"


def test_a_buyer_who_asked_for_it_keeps_the_hold_of_a_declined_card():
    order = make.order(payment=CARD | {"on_decline": "hold"})
    receive(answers.reserved(order))
    silence = events.LegTimedOut(order_id=order.id, attempt_id=answers.attempt(order, "payment"), leg="payment")
    receive(answers.declined(order))
    assert (reload(order).status, reload(order).checkout.state) == ("awaiting_payment", "waiting")
    assert last_request() == "checkout.payment_requested"  # nothing is given back
    receive(silence, now=timezone.now() + timedelta(minutes=20))
    assert (reload(order).status, reload(order).checkout.failure) == ("awaiting_payment", None)
    receive(answers.paid(order, by_saga=False))
    assert reload(order).status == "paid"


def test_what_was_planned_after_a_declined_card_is_not_taken_by_itself():
    order = make.order(payment=[CARD | {"amount": "100000.00", "on_decline": "hold"}, CARD])
    receive(answers.reserved(order))
    receive(answers.declined(order))
    receive(answers.paid(order, amount="100000.00", by_saga=False))
    assert (reload(order).status, reload(order).checkout.state) == ("awaiting_payment", "waiting")
    assert published("orders").count("checkout.payment_requested") == 1


def test_a_kept_hold_still_ends_with_its_time():
    order = make.order(payment=CARD | {"on_decline": "hold"})
    receive(answers.reserved(order))
    receive(answers.declined(order))
    lapse = events.ReservationLapsed(order_id=order.id, attempt_id=answers.attempt(order, "stock"))
    receive(lapse, now=timezone.now() + timedelta(minutes=31))
    assert last_request() == "checkout.refund_requested"


def test_a_deposit_is_taken_first_and_the_rest_awaited():
    order = make.order(payment=CARD | {"amount": "100000.00"})
    receive(answers.reserved(order))
    request = OutboxEvent.objects.using("orders").get(type="checkout.payment_requested")
    assert request.data["amount"] == "100000.00"
    receive(answers.paid(order, amount="100000.00"))
    assert (reload(order).status, reload(order).checkout.state) == ("awaiting_payment", "waiting")


def test_every_leg_in_its_turn():
    order = make.order(payment=CARD, financing=LOAN, insurance=POLICY)
    receive(answers.reserved(order))
    assert last_request() == "checkout.loan_requested"
    receive(answers.loan_approved(order, "800000.00"))
    request = OutboxEvent.objects.using("orders").get(type="checkout.payment_requested")
    assert request.data["amount"] == "200000.00"
    receive(answers.paid(order, amount="200000.00"))
    assert last_request() == "checkout.policies_requested"
    receive(answers.issued(order))
    assert last_request() == "checkout.disbursement_requested"
    receive(answers.disbursed(order, "800000.00"))
    order = reload(order)
    assert (order.status, order.amount_paid) == ("paid", order.total_amount)
    assert len(order.policy_ids) == 1


def test_a_refused_loan_undoes_the_stock():
    order = make.order(financing=LOAN)
    receive(answers.reserved(order))
    receive(answers.loan_rejected(order))
    assert last_request() == "checkout.stock_release_requested"
    receive(answers.released(order))
    failure = reload(order).checkout.failure
    assert (failure["code"], failure["step"], failure["reasons"]) == ("loan_rejected", "loan", ["dti"])


def test_a_refused_policy_undoes_payment_loan_and_stock_in_reverse():
    order = make.order(payment=CARD, financing=LOAN, insurance=POLICY)
    receive(answers.reserved(order))
    receive(answers.loan_approved(order, "800000.00"))
    payment_id = uuid7()
    receive(answers.paid(order, amount="200000.00", payment_id=payment_id))
    receive(answers.not_insured(order))
    assert last_request() == "checkout.refund_requested"
    receive(answers.refunded(order, payment_id, "200000.00"))
    receive(answers.settled(order, "200000.00"))
    assert last_request() == "checkout.loan_withdrawal_requested"
    receive(answers.loan_withdrawn(order))
    assert last_request() == "checkout.stock_release_requested"
    receive(answers.released(order))
    order = reload(order)
    assert (order.status, order.amount_paid) == ("cancelled", Decimal(0))


@pytest.mark.usefixtures("one_is_enough")
def test_what_insurers_have_earned_is_not_asked_back():
    order = make.order(payment=CARD, insurance=POLICY)
    receive(answers.reserved(order))
    payment_id = uuid7()
    receive(answers.paid(order, payment_id=payment_id))
    receive(answers.issued(order))
    services.move_order(order_id=order.id, status="cancelled", actor=MANAGER, now=timezone.now())
    told = OutboxEvent.objects.using("orders").get(type="order.cancelled")
    assert told.data["refund_follows"] is True
    assert last_request() == "checkout.policies_cancel_requested"
    receive(answers.revoked(order, earned="163.29"))
    request = OutboxEvent.objects.using("orders").get(type="checkout.refund_requested")
    assert request.data["keep_amount"] == "163.29"
    receive(answers.refunded(order, payment_id, str(order.total_amount - Decimal("163.29"))))
    receive(answers.settled(order))
    receive(answers.released(order))
    order = reload(order)
    assert (order.status, order.amount_paid) == ("refunded", Decimal("163.29"))


@pytest.mark.usefixtures("one_is_enough")
def test_without_policies_a_cancelled_order_waits_for_no_insurer():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    receive(answers.paid(order))
    services.move_order(order_id=order.id, status="cancelled", actor=MANAGER, now=timezone.now())
    assert OutboxEvent.objects.using("orders").get(type="order.cancelled").data["refund_follows"] is False
    request = OutboxEvent.objects.using("orders").get(type="checkout.refund_requested")
    assert Decimal(request.data["keep_amount"]) == 0


def test_an_answer_to_another_attempt_changes_nothing():
    order = make.order(payment=CARD)
    with capture_events("orders") as more:
        receive(answers.reserved(order, attempt_id=uuid7()))
    assert (more, reload(order).status) == ([], "created")


def test_an_answer_about_an_unknown_order_is_ignored():
    stranger = StockReleased(order_id=uuid7(), attempt_id=uuid7(), reason="cancelled", levels=[])
    with capture_events("orders") as more:
        receive(stranger)
    assert more == []


def test_the_buyer_cancels_while_the_stock_is_being_asked_for():
    order = make.order(payment=CARD)
    buyer = Actor(order.customer_id, frozenset({"client"}))
    services.move_order(
        order_id=order.id, status="cancelled", actor=buyer, now=timezone.now(), reason="changed my mind"
    )
    assert (reload(order).status, last_request()) == ("cancelled", "checkout.stock_release_requested")
    with capture_events("orders") as more:
        receive(answers.reserved(order))
    assert more == []
    receive(answers.released(order))
    assert (reload(order).status, reload(order).checkout.state) == ("cancelled", "compensated")


@pytest.mark.usefixtures("one_is_enough")
def test_cancelling_a_paid_order_ends_refunded():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    payment_id = uuid7()
    receive(answers.paid(order, payment_id=payment_id))
    services.move_order(order_id=order.id, status="cancelled", actor=MANAGER, now=timezone.now())
    assert (reload(order).status, last_request()) == ("cancelled", "checkout.refund_requested")
    receive(answers.refunded(order, payment_id, str(order.total_amount)))
    receive(answers.settled(order, str(order.total_amount)))
    receive(answers.released(order))
    assert statuses(order) == ["created", "awaiting_payment", "paid", "cancelled", "refunded"]
    assert reload(order).amount_paid == Decimal(0)


def test_a_refund_that_comes_back_is_paid_money_again():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    payment_id = uuid7()
    receive(answers.paid(order, payment_id=payment_id))
    receive(answers.refunded(order, payment_id, "1000.00"))
    assert reload(order).amount_paid == order.total_amount - 1000
    back = answers.refund_came_back(order, payment_id, "1000.00")
    receive(back)
    receive(back)
    assert (reload(order).status, reload(order).amount_paid) == ("paid", order.total_amount)


def test_an_unpaid_order_lapses():
    order = make.order()
    receive(answers.reserved(order))
    lapse = events.ReservationLapsed(order_id=order.id, attempt_id=answers.attempt(order, "stock"))
    receive(lapse, now=timezone.now() + timedelta(minutes=31))
    receive(answers.settled(order))
    receive(answers.released(order))
    assert (reload(order).status, reload(order).checkout.failure["code"]) == ("cancelled", "expired")


def test_a_payment_under_way_is_waited_for_before_it_lapses():
    order = make.order()
    receive(answers.reserved(order))
    payment_id = uuid7()
    receive(answers.started(order, payment_id), now=timezone.now() + timedelta(minutes=25))
    assert published("orders")[-1] == "checkout.stock_extension_requested"
    lapse = events.ReservationLapsed(order_id=order.id, attempt_id=answers.attempt(order, "stock"))
    receive(lapse, now=timezone.now() + timedelta(minutes=31))
    assert reload(order).status == "awaiting_payment"
    receive(answers.declined(order, payment_id=payment_id, by_saga=False), now=timezone.now() + timedelta(minutes=32))
    receive(lapse, now=timezone.now() + timedelta(minutes=46))
    assert last_request() == "checkout.refund_requested"


def test_a_worker_whose_clock_is_wrong_moves_no_deadline():
    order = make.order(payment=CARD)
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        advance_checkout(answers.reserved(order))
    timer = Timer.objects.using("orders").get(type="checkout.leg_timed_out")
    assert timedelta(minutes=14) < timer.due_at - timezone.now() < timedelta(minutes=16)


def test_a_payment_that_is_never_answered_is_given_up():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    timer = Timer.objects.using("orders").get(type="checkout.leg_timed_out")
    assert timedelta(minutes=14) < timer.due_at - timezone.now() < timedelta(minutes=16)
    receive(events.LegTimedOut(order_id=order.id, attempt_id=answers.attempt(order, "payment"), leg="payment"))
    assert reload(order).checkout.failure["code"] == "payment_timed_out"
    receive(answers.paid(order))
    assert (reload(order).status, reload(order).checkout.state) == ("awaiting_payment", "compensating")


SCRIPTS = [
    [],
    [answers.reserved],
    [answers.reserved, answers.paid],
    [answers.rejected],
    [answers.reserved, answers.declined],
    [answers.reserved, answers.declined, answers.settled, answers.released],
]
"""Ways that a checkout may have gone when an answer comes late."""
LATE = [
    answers.reserved,
    answers.rejected,
    answers.released,
    answers.paid,
    answers.declined,
    answers.settled,
    lambda order: answers.refunded(order, uuid7(), "1.00"),
    lambda order: answers.refund_came_back(order, uuid7(), "1.00"),
    lambda order: answers.started(order, uuid7()),
    lambda order: events.ReservationLapsed(order_id=order.id, attempt_id=answers.attempt(order, "stock")),
    lambda order: events.LegTimedOut(order_id=order.id, attempt_id=uuid7(), leg="payment"),
    lambda order: events.UndoOverdue(order_id=order.id),
    lambda order: answers.refund_pending(order, uuid7(), "1.00"),
    lambda order: answers.loan_submitted(order),
    lambda order: answers.loan_rejected(order),
    lambda order: answers.loan_withdrawn(order),
    lambda order: answers.disbursed(order, "1.00"),
    lambda order: answers.not_insured(order),
    lambda order: answers.issued(order),
    lambda order: answers.revoked(order),
    lambda order: answers.loan_approved(order, "1.00"),
    answers.entered,
    answers.left,
    answers.kept,
]


def test_every_event_meets_every_state_without_an_error():
    """The table is total: no answer, however late, may break the saga of its order."""
    heard = set()
    for script in SCRIPTS:
        for answer in LATE:
            order = make.order(payment=CARD, financing=None)
            CheckoutLeg.objects.bulk_create(
                CheckoutLeg(checkout_id=order.id, kind=kind, rank=9, state=LegState.SKIPPED)
                for kind in (LegKind.LOAN, LegKind.POLICIES)
            )
            for step in script:
                receive(step(order))
            event = answer(order)
            receive(event)
            heard.add(type(event))
            assert reload(order).status in Status.values
    assert heard | {events.LegTimedOut} >= set(REACTS_TO) - {
        type_ for type_ in REACTS_TO if "Accepted" in type_.__name__
    }


def test_the_timeline_tells_each_step_with_its_reason():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    receive(answers.declined(order))
    told = list(OrderHistory.objects.filter(order=order).order_by("id").values_list("event", "reason"))
    assert ("payment.failed", "The bank refused.") in told
    assert [event for event, _ in told][:3] == ["order.created", "order.awaiting_payment", "stock.succeeded"]
    assert Checkout.objects.get(order=order).state == "compensating"
