"""Returns: what was handed over comes back, and everything with it, by the word of a second person."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from core.db import transaction
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import approve
from messaging.models import OutboxEvent
from messaging.testing import capture_events
from orders import services
from orders.errors import ReturnTimeOver
from orders.models import Order, OrderHistory, OrderReturn
from orders.public import read_board
from orders.services import Actor, ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.pdf import extract_text

pytestmark = pytest.mark.django_db(databases=["orders"])
CARD = {"method": "card", "token": "tok_success"}
LOAN = {"vehicle_price": "1000000.00", "down_payment": "200000.00", "term_months": 36}
MANAGER = Actor(uuid7(), frozenset({"manager"}))


@pytest.fixture
def one_is_enough(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


def status(order):
    return Order.objects.get(pk=order.pk).status


def told(name):
    return OutboxEvent.objects.using("orders").filter(type=name).order_by("n").last().data


def get_owner(order):
    return Api("client", user_id=order.customer_id)


def inspected(**options):
    found = make.returning(**options)
    services.inspect_return(return_id=found.id, result="as new", mileage=1200, actor=MANAGER, now=timezone.now())
    return found


def unchanged(found):
    version = found.version
    found.refresh_from_db()
    return found.version == version


def test_a_buyer_asks_and_their_order_is_being_returned():
    order = make.completed()
    body = {"reason": "too loud", "mileage": 900, "condition": "a scratch"}
    with capture_events("orders") as published:
        answer = get_owner(order).post(f"/orders/{order.id}/return", body, Idempotency_Key="k")
    asked = answer.json()
    assert (answer.status_code, asked["state"], asked["number"]) == (201, "asked", order.number)
    assert (asked["reason"], asked["mileage"], asked["condition"]) == ("too loud", 900, "a scratch")
    assert published == ["order.status_changed", "checkout.attention_needed"]
    assert (status(order), told("checkout.attention_needed")["cause"]) == ("returning", "return_asked")
    assert get_owner(order).post(f"/orders/{order.id}/return", body, Idempotency_Key="k").json() == asked
    assert [row["id"] for row in get_owner(order).get("/returns").json()["results"]] == [asked["id"]]
    assert Api("client").get("/returns").json()["results"] == []
    again = get_owner(order).post(f"/orders/{order.id}/return", body)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_transition")
    assert Order.objects.get(pk=order.pk).amount_due == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "reason"), ({"reason": " "}, "reason"), ({"reason": "x", "mileage": -1}, "mileage"),
     ({"reason": "x", "mileage": 5_000_001}, "mileage")],
)  # fmt: skip
def test_bad_wishes_change_nothing(body, field):
    order = make.completed()
    answer = get_owner(order).post(f"/orders/{order.id}/return", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert (status(order), OrderReturn.objects.count()) == ("completed", 0)


def test_only_what_was_handed_over_is_given_back():
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    receive(answers.paid(order))
    answer = Api("manager").post(f"/orders/{order.id}/return", {"reason": "changed their mind"})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_transition")


def test_a_buyer_has_so_many_days_and_a_manager_more(settings):
    order = make.completed()
    settings.RETURN_DAYS = 7
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        late = timezone.now()
        with pytest.raises(ReturnTimeOver):
            services.ask_return(
                order_id=order.id, reason="late", actor=Actor(order.customer_id, frozenset({"client"})), now=late
            )
        assert services.ask_return(order_id=order.id, reason="warranty", actor=MANAGER, now=late).state == "asked"


def test_nothing_is_taken_back_that_nobody_looked_at():
    found = make.returning()
    answer = Api("manager").post(f"/returns/{found.id}/accept")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_return_state")
    assert answer.json()["allowed"] == ["inspected", "refused"]
    assert unchanged(found)
    with pytest.raises(IntegrityError), transaction("orders"):
        OrderReturn.objects.filter(pk=found.pk).update(state="accepted")


@pytest.mark.parametrize(("path", "body"), [("inspect", {"result": "x"}), ("accept", {}), ("refuse", {"reason": "x"})])
def test_only_staff_decide_and_never_about_their_own(path, body):
    found = inspected()
    owner = found.order.customer_id
    assert Api().post(f"/returns/{found.id}/{path}", body).status_code == 401
    assert Api("client", user_id=owner).post(f"/returns/{found.id}/{path}", body).status_code == 403
    own = Api("manager", user_id=owner).post(f"/returns/{found.id}/{path}", body)
    assert (own.status_code, own.json()["code"]) == (403, "four_eyes")
    assert Api("manager").post(f"/returns/{uuid7()}/{path}", body).status_code == 404
    assert OrderReturn.objects.get().state == "inspected"


def test_a_refusal_leaves_the_car_with_its_owner():
    found = inspected()
    answer = Api("manager").post(f"/returns/{found.id}/refuse", {"reason": "driven for months"})
    assert (answer.json()["state"], answer.json()["note"]) == ("refused", "driven for months")
    assert (status(found.order), told("order.status_changed")["previous"]) == ("completed", "returning")
    asked = Api("client", user_id=found.order.customer_id).post(f"/orders/{found.order_id}/return", {"reason": "again"})
    assert asked.status_code == 201


def test_above_the_limit_a_second_person_agrees():
    found = inspected()
    waits = Api("manager").post(f"/returns/{found.id}/accept", {"reason": "all in order"})
    assert (waits.status_code, waits.json()["approval"]["amount"]) == (202, "1000000.00")
    assert (status(found.order), OrderReturn.objects.get().state) == ("returning", "inspected")
    approve(alias="orders", approval_id=UUID(waits.json()["approval"]["id"]), person_id=uuid7(), now=timezone.now())
    assert OrderReturn.objects.get().state == "accepted"
    assert told("checkout.refund_requested")["order_id"] == str(found.order_id)


@pytest.mark.usefixtures("one_is_enough")
def test_everything_is_undone_in_reverse_and_the_order_ends_returned():
    quotes, policies = [{"insurance_type": "osago"}], [("OSAGO", Decimal("5000.00"))]
    order = make.order(payment=CARD, financing=LOAN, insurance=quotes, policies=policies)
    payment_id = uuid7()
    receive(answers.reserved(order))
    receive(answers.loan_approved(order, "800000.00"))
    receive(answers.paid(order, amount="205000.00", payment_id=payment_id))
    receive(answers.issued(order))
    receive(answers.disbursed(order, "800000.00"))
    for step in ("in_progress", "ready", "completed"):
        services.move_order(order_id=order.id, status=step, actor=MANAGER, now=timezone.now())
    found = services.ask_return(order_id=order.id, reason="too loud", actor=MANAGER, now=timezone.now())
    services.inspect_return(return_id=found.id, result="as new", mileage=1200, actor=MANAGER, now=timezone.now())
    services.accept_return(return_id=found.id, actor=MANAGER, now=timezone.now())
    asked = []
    for answer in (
        lambda: answers.revoked(order, earned="100.00"),
        lambda: answers.settled(order, "204900.00"),
        lambda: answers.loan_withdrawn(order),
        lambda: answers.released(order),
    ):
        asked.append(OutboxEvent.objects.using("orders").filter(aggregate="checkout").order_by("n").last().type)
        if asked[-1] == "checkout.refund_requested":
            receive(answers.refunded(order, payment_id, "204900.00"))
        assert (status(order), Order.objects.get(pk=order.pk).amount_due) == ("returning", Decimal(0))
        receive(answer())
        receive(answer())
    assert asked == [
        "checkout.policies_cancel_requested", "checkout.refund_requested", "checkout.loan_withdrawal_requested",
        "checkout.stock_release_requested",
    ]  # fmt: skip
    order.refresh_from_db()
    found.refresh_from_db()
    assert (order.status, order.amount_paid, found.state) == ("returned", Decimal("100.00"), "done")
    assert order.checkout.state == "compensated"
    assert (told("order.returned")["return_id"], told("order.returned")["reason"]) == (str(found.id), "too loud")
    assert "return.accepted" in OrderHistory.objects.filter(order=order).values_list("event", flat=True)


@pytest.mark.usefixtures("one_is_enough")
@pytest.mark.django_db(databases=["orders", "accounts", "catalog"])
def test_the_act_of_return_says_why_and_in_what_state():
    found = inspected()
    path = f"/orders/{found.order_id}/documents/return-act?lang=en"
    owner = Api("client", user_id=found.order.customer_id)
    assert owner.get(path).json()["code"] == "document_not_available"
    services.accept_return(return_id=found.id, actor=MANAGER, now=timezone.now())
    receive(answers.settled(found.order))
    receive(answers.released(found.order))
    act = extract_text(owner.get(path).content)
    for words in ("ACT OF RETURN No. RET-", "too loud", "1 200 km", "as new"):
        assert words in act


def test_money_that_the_buyers_bank_takes_back_meanwhile_ends_no_return():
    order = make.order(payment=CARD)
    payment_id = uuid7()
    receive(answers.reserved(order))
    receive(answers.paid(order, payment_id=payment_id))
    for step in ("in_progress", "ready", "completed"):
        services.move_order(order_id=order.id, status=step, actor=MANAGER, now=timezone.now())
    found = services.ask_return(order_id=order.id, reason="too loud", actor=MANAGER, now=timezone.now())
    receive(answers.given_back(order, payment_id, "1000000.00", cause="dispute"))
    assert status(order) == "returning"
    services.refuse_return(return_id=found.id, reason="the bank decides", actor=MANAGER, now=timezone.now())
    assert Order.objects.get(pk=order.pk).amount_due == Decimal("1000000.00")


# A car that was taken in exchange ---------------------------------------------------------------------------------
@pytest.fixture
def owing():
    """A called-off order whose buyer's car is with us."""
    order = make.order(lines=[ProductLine(make.product(), 1)], payment=CARD, trade_in={"amount": "400000.00"})
    receive(answers.reserved(order))
    services.steer_checkout(
        order_id=order.id, action="accept", leg="trade_in", reason="seen", actor=MANAGER, now=timezone.now()
    )
    receive(answers.declined(order))
    receive(answers.settled(order))
    receive(answers.released(order))
    return Order.objects.get(pk=order.pk)


def test_the_car_of_an_undone_order_is_owed_until_somebody_says_it_is_back(owing):
    assert (owing.status, owing.trade_in_credit, owing.trade_in_owed) == ("cancelled", 0, Decimal("400000.00"))
    assert (told("checkout.attention_needed")["cause"], told("checkout.attention_needed")["detail"]) == (
        "trade_in_owed",
        "400000.00 RUB",
    )
    path = f"/orders/{owing.id}/checkout/trade_in/settle"
    assert Api("client", user_id=owing.customer_id).post(path, {"reason": "x"}).status_code == 403
    legs = Api("manager").get(f"/orders/{owing.id}/checkout").json()["legs"]
    assert "settle" in next(one["allowed"] for one in legs if one["leg"] == "trade_in")
    assert Api("manager").post(path, {"reason": "he took it home"}).status_code == 200
    owing.refresh_from_db()
    assert owing.trade_in_owed == 0
    assert "trade_in.settled" in OrderHistory.objects.filter(order=owing).values_list("event", flat=True)
    again = Api("manager").post(path, {"reason": "twice"})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_checkout_state")


def urgent():
    return read_board(roles=frozenset({"manager"}), now=timezone.now()).attention


def test_a_car_that_is_owed_stands_on_the_board(owing):
    (card,) = urgent()
    assert (card.id, card.attention) == (owing.id, ("trade_in_owed",))
    services.steer_checkout(
        order_id=owing.id, action="settle", leg="trade_in", reason="paid out", actor=MANAGER, now=timezone.now()
    )
    assert urgent() == []


def test_what_is_being_returned_stands_on_the_board():
    found = make.returning()
    (card,) = urgent()
    assert (card.id, card.attention) == (found.order_id, ("return_asked",))
