"""The hold is a policy of the deal: every state of it has its term, its hard end, and nobody stretches it by trying."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from django.conf import settings as configured
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from gateway.approvals import know_card
from messaging.models import OutboxEvent, Timer
from messaging.testing import published
from orders import events, services
from orders.models import Order
from orders.models.holds import HoldKind
from orders.services import Actor
from orders.services.holds import NOTICE
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
CARD = {"method": "card", "token": "tok_success"}
LOAN = {"vehicle_price": "1000000.00", "down_payment": "300000.00", "term_months": 36, "auto_accept": False}
TRADE_IN = {"amount": "300000.00", "vin": "XTAGFK330JY144213"}
MANAGER = Actor(uuid7(), frozenset({"manager"}))
START = timezone.now()
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def at(moment):
    return START + moment


def read(order):
    return Order.objects.select_related("checkout").get(pk=order.pk)


def look(order, moment):
    """Ring the timer of the hold."""
    lapse = events.ReservationLapsed(order_id=order.id, attempt_id=answers.attempt(order, "stock"))
    receive(lapse, now=at(moment))


def own(event):
    """The same of an application that the buyer made by themselves."""
    return msgspec.structs.replace(event, attempt_id=event.application_id)


def placed(**options):
    order = make.order(now=START, **options)
    receive(answers.reserved(order), now=START)
    return order


# The deals of a shop, each as far as it came, and how long it is kept -----------------------------------------------
def an_empty_checkout():
    return placed()


def a_card_under_way():
    order = placed()
    receive(answers.started(order, uuid7()), now=at(25 * MINUTE))
    return order


def a_deposit():
    order = placed()
    receive(answers.paid(order, amount="50000.00", by_saga=False), now=at(10 * MINUTE))
    return order


def a_planned_deposit():
    order = placed(payment={"method": "card", "token": "tok_success", "amount": "50000.00"})
    receive(answers.paid(order, amount="50000.00"), now=START)
    return order


def a_promised_transfer():
    order = placed()
    begun = msgspec.structs.replace(answers.started(order, uuid7()), method="bank_transfer")
    receive(begun, now=START)
    return order


def a_transfer_in_the_checkout():
    return placed(payment={"method": "bank_transfer"})


def a_loan_under_review():
    return placed(financing=LOAN)


def an_offer_being_considered():
    order = placed(financing=LOAN)
    receive(answers.loan_approved(order, "700000.00", is_accepted=False), now=at(HOUR))
    return order


def an_own_application():
    order = placed()
    receive(answers.loan_submitted(order), now=START)
    return order


def an_own_offer():
    order = an_own_application()
    known = next(iter(read(order).hold_since["applications"]))
    offer = answers.loan_submitted(order)
    approved = own(msgspec.structs.replace(_approved(order), application_id=offer.application_id))
    receive(msgspec.structs.replace(approved, application_id=known, attempt_id=known), now=at(HOUR))
    return order


def _approved(order):
    from financing.events import ApplicationApproved

    return ApplicationApproved(
        application_id=uuid7(),
        order_id=order.id,
        customer_id=order.customer_id,
        amount=Decimal(1),
        currency="RUB",
        annual_rate=Decimal(1),
        term_months=12,
        monthly_payment=Decimal(1),
        expires_at=START,
        is_accepted=False,
    )


def a_trade_in_being_valued():
    return placed(trade_in=TRADE_IN)


DEALS = [
    (an_empty_checkout, HoldKind.CHECKOUT, 30 * MINUTE),
    (a_card_under_way, HoldKind.PAYMENT, 45 * MINUTE),
    (a_deposit, HoldKind.DEPOSIT, 72 * HOUR + 10 * MINUTE),
    (a_planned_deposit, HoldKind.DEPOSIT, 72 * HOUR),
    (a_promised_transfer, HoldKind.TRANSFER, 72 * HOUR),
    (a_transfer_in_the_checkout, HoldKind.TRANSFER, 72 * HOUR),
    (a_loan_under_review, HoldKind.CREDIT, 72 * HOUR),
    (an_offer_being_considered, HoldKind.CREDIT, 73 * HOUR),
    (an_own_application, HoldKind.CREDIT, 72 * HOUR),
    (an_own_offer, HoldKind.CREDIT, 73 * HOUR),
    (a_trade_in_being_valued, HoldKind.TRADE_IN, 72 * HOUR),
]


@pytest.mark.parametrize(("deal", "kind", "term"), DEALS, ids=[deal.__name__ for deal, _, _ in DEALS])
def test_every_deal_is_kept_for_its_term_and_then_let_go(deal, kind, term):
    order = deal()
    held = read(order).hold
    assert (held["kind"], held["expires_at"]) == (kind, at(term))
    assert held["hard_end"] == at(configured.HOLD_DAYS_AT_MOST * DAY)
    for moment in (31 * MINUTE, 36 * MINUTE, term - MINUTE):
        if moment < term:
            look(order, moment)
            assert read(order).status == "awaiting_payment", moment
            assert read(order).reservation_expires_at == at(term)
    look(order, term)
    assert read(order).checkout.is_undoing
    assert read(order).checkout.failure["code"] in ("expired", "loan_timed_out", "trade_in_timed_out")


@pytest.mark.parametrize(("deal", "kind", "term"), DEALS, ids=[deal.__name__ for deal, _, _ in DEALS])
def test_the_catalogue_keeps_it_longer_than_the_order_does(deal, kind, term):
    order = deal()
    asked = OutboxEvent.objects.using("orders").filter(
        type__in=["checkout.stock_requested", "checkout.stock_extension_requested"]
    )
    kept = max(msgspec.convert(row.data["expires_at"], type=type(START), strict=False) for row in asked)
    assert kept == at(term) + timedelta(minutes=5)
    timer = Timer.objects.using("orders").get(type="checkout.reservation_lapsed", fired_at__isnull=True)
    assert START < timer.due_at <= at(term)
    assert read(order).hold_kind == kind


def test_trying_again_and_again_stretches_nothing():
    order = placed()
    for minute in (25, 32, 38, 44):
        payment_id = uuid7()
        receive(answers.started(order, payment_id), now=at(minute * MINUTE))
        receive(answers.declined(order, payment_id=payment_id, by_saga=False), now=at(minute * MINUTE + MINUTE))
        assert read(order).reservation_expires_at == at(45 * MINUTE)
    look(order, 45 * MINUTE)
    assert read(order).checkout.is_undoing


def test_a_refused_bank_leaves_time_to_pay_otherwise_once():
    order = placed()
    for day in (1, 2):
        applied = answers.loan_submitted(order)
        receive(applied, now=at(day * DAY))
        refused = msgspec.structs.replace(
            _rejected(order), application_id=applied.application_id, attempt_id=applied.application_id
        )
        receive(refused, now=at(day * DAY + HOUR))
        assert read(order).reservation_expires_at == at(DAY + HOUR + 30 * MINUTE)


def _rejected(order):
    from financing.events import ApplicationRejected

    return ApplicationRejected(
        application_id=uuid7(), order_id=order.id, customer_id=order.customer_id, reasons=["dti"], detail="no"
    )


def test_nothing_lasts_beyond_the_hard_end(settings):
    settings.HOLD_DAYS_AT_MOST = 1
    order = a_loan_under_review()
    assert read(order).hold["expires_at"] == at(DAY)
    look(order, DAY)
    assert read(order).checkout.is_undoing


def test_money_that_went_back_holds_nothing():
    order = placed()
    payment_id = uuid7()
    receive(answers.paid(order, amount="50000.00", payment_id=payment_id, by_saga=False), now=at(10 * MINUTE))
    receive(answers.refunded(order, payment_id, "50000.00"), now=at(20 * MINUTE))
    assert (read(order).hold["kind"], read(order).hold["expires_at"]) == ("checkout", at(30 * MINUTE))
    look(order, 30 * MINUTE)
    assert read(order).checkout.is_undoing


def test_a_deal_that_is_paid_for_is_never_undone_by_the_clock():
    order = placed(payment=CARD, insurance=[{"type": "osago"}])
    receive(answers.paid(order), now=START)
    assert read(order).status == "awaiting_payment"
    assert read(order).hold["expires_at"] == read(order).hold_hard_end
    look(order, configured.HOLD_DAYS_AT_MOST * DAY)
    assert read(order).status == "awaiting_payment"
    assert not read(order).checkout.is_undoing
    assert "checkout.attention_needed" in published("orders")


def test_the_end_is_announced_once():
    order = a_deposit()
    term = 72 * HOUR + 10 * MINUTE
    look(order, term - NOTICE)
    look(order, term - HOUR)
    assert published("orders").count("order.hold_ending") == 1
    assert published("orders").count("checkout.attention_needed") == 1
    told = OutboxEvent.objects.using("orders").get(type="order.hold_ending").data
    assert (told["kind"], told["number"]) == ("deposit", order.number)


def test_a_short_hold_is_not_announced():
    order = placed()
    look(order, 29 * MINUTE)
    assert "order.hold_ending" not in published("orders")


def test_a_sold_order_holds_nothing_more():
    order = placed(payment=CARD)
    receive(answers.paid(order), now=START)
    assert (read(order).status, read(order).hold) == ("paid", None)


# By a manager's word ------------------------------------------------------------------------------------------------
def extend(order, until, *, actor=MANAGER, reason="the money is on its way", now=START):
    return services.extend_hold(order_id=order.id, until=at(until), reason=reason, actor=actor, now=now)


def test_a_manager_keeps_it_longer():
    order = placed()
    extend(order, 20 * DAY)
    assert (read(order).hold["kind"], read(order).hold["expires_at"]) == ("manual", at(20 * DAY))
    look(order, 15 * DAY)
    assert read(order).status == "awaiting_payment"
    look(order, 20 * DAY)
    assert read(order).checkout.is_undoing
    entry = order.history.get(event="hold.extended")
    assert (entry.actor_id, entry.reason) == (MANAGER.id, "the money is on its way")


def api(order, role="manager", **given):
    body = {"until": at(2 * DAY).isoformat(), "reason": "he rang"} | given
    return Api(role).post(f"/orders/{order.id}/hold", body)


def test_over_the_api():
    order = placed()
    answer = api(order)
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert shown["hold"]["kind"] == "manual"
    assert shown["hold"]["expires_at"] == shown["reservation_expires_at"]


@pytest.mark.parametrize(
    ("given", "field"),
    [({"reason": ""}, "reason"), ({"reason": "  "}, "reason"), ({"until": at(MINUTE).isoformat()}, "until"),
     ({"until": at(31 * DAY).isoformat()}, "until"), ({"until": "soon"}, "until")],
)  # fmt: skip
def test_a_senseless_extension_is_refused(given, field):
    order = placed()
    refused = api(order, **given)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)
    assert read(order).hold["kind"] == "checkout"


def test_nobody_extends_their_own():
    order = placed()
    buyer = Api("client", user_id=order.customer_id)
    body = {"until": at(2 * DAY).isoformat(), "reason": "please"}
    assert buyer.post(f"/orders/{order.id}/hold", body).status_code == 403
    colleague = Api("manager", user_id=order.customer_id)
    assert colleague.post(f"/orders/{order.id}/hold", body).json()["code"] == "four_eyes"
    by_card = Api("manager")
    know_card("orders", card_id=order.customer_id, user_id=by_card.user_id)
    assert by_card.post(f"/orders/{order.id}/hold", body).json()["code"] == "four_eyes"
    assert read(order).hold["kind"] == "checkout"


def test_what_is_not_held_is_not_extended():
    order = placed(payment=CARD)
    receive(answers.paid(order), now=START)
    assert api(order).json()["code"] == "wrong_transition"


def test_an_order_of_the_release_before_gets_its_terms_when_something_happens():
    order = placed()
    Order.objects.filter(pk=order.pk).update(hold_kind="", hold_since={}, hold_hard_end=None)
    receive(answers.started(order, uuid7()), now=at(29 * MINUTE))
    assert read(order).hold["hard_end"] == at(29 * MINUTE + configured.HOLD_DAYS_AT_MOST * DAY)
    assert read(order).hold["expires_at"] > at(45 * MINUTE)
