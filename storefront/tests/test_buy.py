from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.services import update_product
from core.ids import uuid7
from gateway.access.switches import turn_switch
from gateway.access.tickets import redeem_ticket
from messaging.models import OutboxEvent
from messaging.testing import capture_events, drain_outbox
from orders.models import Order
from orders.services import Actor, ProductLine, move_order, place_order
from orders.tests import answers
from orders.tests.answers import receive
from orders.tests.make import order as make_order
from payments.events import PaymentCompleted, PaymentFailed
from payments.public import payments_of_order
from storefront.tests import make
from storefront.tests.make import Visitor
from storefront.visitor import get_actor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders", "payments"])


def text(response):
    return response.content.decode()


def bought(visitor, **changes):
    """Buy a car; the page of the order."""
    response = visitor.buy(make.car(), **changes)
    assert response.status_code == 302, text(response)
    return response["Location"]


def get_payment_request(path):
    """Return what the checkout asked payments for."""
    order_id = path.strip("/").split("/")[1]
    asked = OutboxEvent.objects.using("orders").get(type="checkout.payment_requested", data__order_id=order_id)
    return {name: asked.data[name] for name in ("order_id", "attempt_id", "customer_id", "amount", "currency")}


def answer(path, event, **fields):
    """Let payments answer."""
    asked = get_payment_request(path)
    ids = {name: UUID(asked[name]) for name in ("order_id", "attempt_id", "customer_id")}
    receive(event(payment_id=uuid7(), amount=Decimal(asked["amount"]), currency=asked["currency"], **ids, **fields))


def test_a_car_is_bought_without_scripts_from_its_page_to_paid():
    visitor = Visitor("client")
    page = bought(visitor)
    assert "We are setting the car aside for you." in text(visitor.get(page))
    drain_outbox("catalog", "orders")
    waiting = text(visitor.get(page))
    assert "Awaiting payment" in waiting
    assert '<noscript><meta http-equiv="refresh"' in waiting
    answer(page, PaymentCompleted, method="card")
    paid = text(visitor.get(page))
    assert "The money has arrived. The car is yours." in paid
    assert "Payment received" in paid
    assert "Cancel the order" not in paid
    sold = Order.objects.get()
    assert (sold.status, sold.customer_id, sold.total_amount) == ("paid", visitor.user.id, Decimal("1745000.00"))


def test_the_page_says_why_a_card_was_declined():
    visitor = Visitor("client")
    page = bought(visitor, token="tok_declined")
    drain_outbox("catalog", "orders")
    assert get_payment_request(page)["amount"] == "1745000.00"
    answer(page, PaymentFailed, code="declined", detail="Declined by the bank.")
    declined = text(visitor.get(page))
    assert "The payment did not go through" in declined
    assert Order.objects.get().status == "awaiting_payment"
    assert 'id="pay-button"' in declined  # another card, on the same hold


LOAN = {"vehicle_price": "1000000.00", "down_payment": "200000.00", "term_months": 36}


def test_the_page_tells_own_money_from_the_banks():
    visitor = Visitor("client")
    order = make_order(customer_id=visitor.user.id, financing=LOAN)
    receive(answers.reserved(order))
    receive(answers.loan_approved(order, "800000.00"))
    page = text(visitor.get(f"/orders/{order.id}/"))
    due = page.split("Still due from you")[1]
    assert "200\u00a0000\u00a0₽" in due.split("</tr>")[0]
    assert "Pay 200\u00a0000\u00a0₽" in page
    split = page.split("Who pays what")[1].split("</table>")[0]
    assert "By the bank, as your loan" in split
    assert "800\u00a0000\u00a0₽" in split


def test_a_refused_loan_says_why_on_the_orders_page(monkeypatch):
    visitor = Visitor("client")
    order = make_order(customer_id=visitor.user.id, financing=LOAN)
    receive(answers.reserved(order))
    receive(answers.loan_rejected(order))
    card = SimpleNamespace(id=uuid7(), reasons=["It takes too much of the income."], counter_offer={"amount": 1})
    monkeypatch.setattr(import_module("storefront.views.orders"), "list_applications", lambda *_, **__: [card])
    page = text(visitor.get(f"/orders/{order.id}/"))
    assert "It takes too much of the income." in page
    assert f"/credit/applications/{card.id}/#counter" in page


def test_a_second_click_leads_to_the_same_order():
    visitor, car = Visitor("client"), make.car()
    form = make.hidden_fields(visitor.get(f"/cars/{car.id}/"), "key", "expected_total")
    form |= {"method": "card", "token": "tok_success"}
    first, second = (visitor.post(f"/cars/{car.id}/buy/", **form) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Order.objects.count() == 1


def test_a_key_used_for_something_else_is_refused():
    visitor, car = Visitor("client"), make.car()
    key = str(uuid7())
    assert visitor.buy(car, key=key).status_code == 302
    other = visitor.buy(make.car(), key=key)
    assert other.status_code == 422
    assert "This form has been sent already." in text(other)
    assert Order.objects.count() == 1


def test_a_changed_price_is_shown_and_nothing_is_ordered():
    visitor, car = Visitor("client"), make.car()
    update_product(product_id=car.id, price=Decimal("1800000.00"), actor="test", now=timezone.now())
    drain_outbox("catalog", "orders")
    with capture_events("orders") as published:
        response = visitor.buy(car, expected_total="1745000.00")
    assert response.status_code == 409
    assert "The price has changed" in text(response)
    assert "1\u00a0800\u00a0000\u00a0₽" in text(response)
    assert (published, Order.objects.count()) == ([], 0)


def test_a_car_sold_meanwhile_is_refused_with_a_clear_sentence():
    late, quick, car = Visitor("client"), Visitor("client"), make.car()
    form = make.hidden_fields(late.get(f"/cars/{car.id}/"), "key", "expected_total") | {"method": "cash"}
    assert quick.buy(car).status_code == 302
    drain_outbox("catalog", "orders")
    response = late.post(f"/cars/{car.id}/buy/", **form)
    assert response.status_code == 409
    assert "Somebody was faster" in text(response)
    assert Order.objects.count() == 1


def test_a_car_that_orders_has_not_heard_of_asks_for_patience():
    response = Visitor("client").buy(make.car(is_known=False))
    assert response.status_code == 409
    assert "has only just been added" in text(response)


@pytest.mark.parametrize(
    "changes",
    [{"method": "gold"}, {"method": ""}, {"token": "4111111111111111"}, {"expected_total": "x"}, {"key": "k" * 65}],
)
def test_a_wrong_form_orders_nothing(changes):
    response = Visitor("client").buy(make.car(), **changes)
    assert response.status_code == 400
    assert Order.objects.count() == 0


def test_the_price_cannot_be_chosen_by_the_buyer():
    response = Visitor("client").buy(make.car(), expected_total="1.00", price="1.00")
    assert response.status_code == 409
    assert Order.objects.count() == 0


def test_an_anonymous_visitor_is_sent_to_sign_in():
    car, visitor = make.car(), Visitor()
    for response in (visitor.post(f"/cars/{car.id}/buy/"), visitor.get("/orders/"), visitor.get(f"/orders/{uuid7()}/")):
        assert response.status_code == 302
        assert response["Location"].startswith("/sign-in/?next=/")
    assert visitor.get(f"/orders/{uuid7()}/?part=live").status_code == 401
    assert visitor.post("/live-ticket/").status_code == 401


@pytest.mark.parametrize(("debug", "bank"), [(False, "sandbox"), (True, "yookassa")])
def test_without_test_cards_the_provider_asks_for_one(settings, debug, bank):
    visitor, car = Visitor("client"), make.car()
    settings.DEBUG, settings.PAYMENT_PROVIDER = debug, bank
    page = text(visitor.get(f"/cars/{car.id}/"))
    assert "tok_" not in page
    assert "You enter the card on the bank&#x27;s page." in page
    assert visitor.buy(car, method="card", token="tok_success").status_code == 302
    receive(answers.reserved(Order.objects.get()))
    asked = OutboxEvent.objects.using("orders").get(type="checkout.payment_requested")
    assert (asked.data["method"], asked.data.get("token", "")) == ("card", "")


def test_another_buyers_order_does_not_exist_for_me_but_does_for_a_manager():
    page = bought(Visitor("client"))
    stranger = Visitor("client")
    assert stranger.get(page).status_code == 404
    assert stranger.get(f"{page}?part=live").status_code == 404
    assert stranger.post(f"{page}cancel/").status_code == 404
    assert Visitor("manager").get(page).status_code == 200
    assert Order.objects.get().status == "created"


def test_my_orders_are_listed_newest_first_and_paged():
    visitor, car = Visitor("client"), make.car(stock=30)
    for _ in range(25):
        buy_at(visitor, car)
    first = visitor.get("/orders/")
    assert len(first.context["orders"]) == 20
    second = visitor.get(f"/orders/?before={first.context['next_before']}")
    numbers = [row["number"] for page in (first, second) for row in page.context["orders"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 25
    assert "No orders yet" in text(Visitor("client").get("/orders/"))


def buy_at(visitor, car):
    from types import SimpleNamespace

    place_order(
        customer_id=visitor.user.id,
        actor=get_actor(SimpleNamespace(user=visitor.user)),
        lines=[ProductLine(car.id, 1)],
        now=timezone.now() - timedelta(minutes=1),
    )


def test_query_counts_of_the_order_pages_are_bounded():
    visitor, car = Visitor("client"), make.car(stock=30)
    buy_at(visitor, car)
    one = queries(visitor, "/orders/")
    for _ in range(10):
        buy_at(visitor, car)
    assert queries(visitor, "/orders/") == one <= 2
    assert queries(visitor, f"/orders/{Order.objects.first().id}/") <= 4, "history, deposit, hand-over, conversation"


def queries(visitor, path):
    with CaptureQueriesContext(connections["orders"]) as counted:
        assert visitor.get(path).status_code == 200
    return len(counted)


def test_a_buyer_cancels_an_unpaid_order():
    visitor = Visitor("client")
    page = bought(visitor)
    drain_outbox("catalog", "orders")
    assert visitor.post(f"{page}cancel/").status_code == 302
    assert Order.objects.get().status == "cancelled"
    assert "This order ended without a sale." in text(visitor.get(page))
    again = visitor.post(f"{page}cancel/")
    assert "The order has moved on meanwhile" in text(visitor.get(again["Location"]))


def test_a_buyer_asks_to_give_back_what_was_handed_over():
    visitor = Visitor("client")
    page = bought(visitor)
    assert "Ask for a return" not in text(visitor.get(page))
    drain_outbox("catalog", "orders")
    answer(page, PaymentCompleted, method="card")
    order = Order.objects.get()
    for status in ("in_progress", "ready", "completed"):
        move_order(order_id=order.id, status=status, actor=Actor(uuid7(), frozenset({"manager"})), now=timezone.now())
    assert "Ask for a return" in text(visitor.get(page))
    visitor.post(f"{page}return/", reason=" ")
    assert Order.objects.get().status == "completed"
    assert visitor.post(f"{page}return/", reason="too loud").status_code == 302
    assert (Order.objects.get().status, order.returns.get().reason) == ("returning", "too loud")
    shown = text(visitor.get(page))
    assert "We are looking at the car you want to give back." in shown
    assert "Ask for a return" not in shown
    assert Visitor("client").post(f"{page}return/", reason="mine").status_code == 404


def waiting(visitor, car):
    """An order without a payment, held and known to payments; its page."""
    buy_at(visitor, car)
    drain_outbox("catalog", "orders", "payments")
    return f"/orders/{Order.objects.get().id}/"


def test_an_order_that_waits_for_money_is_paid_from_its_page_once():
    visitor = Visitor("client")
    page = waiting(visitor, make.car())
    shown = visitor.get(page)
    assert "Pay 1\u00a0745\u00a0000\u00a0₽" in text(shown)
    form = make.hidden_fields(shown, "key") | {"method": "card", "token": "tok_success"}
    for _ in range(2):
        assert visitor.post(f"{page}pay/", **form)["Location"] == page
    (payment,) = payments_of_order(Order.objects.get().id)
    assert (payment.amount, payment.method) == (Decimal("1745000.00"), "card")


def test_paying_is_refused_to_others_and_without_a_method():
    visitor, stranger = Visitor("client"), Visitor("client")
    page = waiting(visitor, make.car())
    assert stranger.post(f"{page}pay/", method="cash", key=str(uuid7())).status_code == 404
    refused = visitor.post(f"{page}pay/", method="gold")
    assert "Choose how to pay." in text(visitor.get(refused["Location"]))
    assert payments_of_order(Order.objects.get().id) == []


def test_a_method_that_is_off_says_so_and_another_pays():
    visitor = Visitor("client")
    page = waiting(visitor, make.car())
    turn_switch(name="payments.card", is_on=False, reason="the bank is down", actor_id=None, now=timezone.now())
    refused = visitor.post(f"{page}pay/", method="card", token="tok_success", key=str(uuid7()))
    assert "Payment by card is not available" in text(visitor.get(refused["Location"]))
    assert payments_of_order(Order.objects.get().id) == []
    visitor.post(f"{page}pay/", method="sbp", key=str(uuid7()))
    assert [payment.method for payment in payments_of_order(Order.objects.get().id)] == ["sbp"]


def test_a_second_payment_waits_for_the_first():
    visitor = Visitor("client")
    page = waiting(visitor, make.car())
    visitor.post(f"{page}pay/", method="card", token="tok_success", key=str(uuid7()))
    assert "pay-button" not in text(visitor.get(page))
    second = visitor.post(f"{page}pay/", method="card", token="tok_success", key=str(uuid7()))
    assert "Nothing more is due" in text(visitor.get(second["Location"]))
    assert len(payments_of_order(Order.objects.get().id)) == 1


def test_the_live_part_is_the_same_as_on_the_page_and_names_its_version():
    visitor = Visitor("client")
    page = bought(visitor)
    part = text(visitor.get(f"{page}?part=live"))
    assert "<html" not in part
    assert 'data-version="1"' in part
    assert 'data-status="created"' in part
    drain_outbox("catalog", "orders")
    assert 'data-status="awaiting_payment"' in text(visitor.get(f"{page}?part=live"))


def test_a_ticket_opens_one_socket_in_the_visitors_name():
    visitor = Visitor("client")
    answer_ = visitor.post("/live-ticket/").json()
    caller = redeem_ticket(answer_["ticket"])
    assert (caller.id, caller.roles) == (visitor.user.id, frozenset({"client"}))
    assert redeem_ticket(answer_["ticket"]) is None


@pytest.mark.django_db(databases=["accounts"], transaction=True)
def test_signing_out_ends_the_sockets_opened_before():
    from gateway.guards import guard

    visitor = Visitor("client")
    caller = redeem_ticket(visitor.post("/live-ticket/").json()["ticket"])
    assert not guard.is_revoked(caller)
    visitor.post("/sign-out/")
    assert guard.is_revoked(caller)
