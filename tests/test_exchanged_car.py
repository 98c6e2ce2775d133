"""A car given in exchange: in stock and in the books from the handover on, out of both when the deal is undone."""

from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

import catalog.tests.make
from catalog.models import Acquisition, Product
from catalog.services import publish_vehicle, update_product
from clients.models import Vehicle
from config import books
from config.books import exchange_disagreements
from config.databases import APPS
from core.ids import uuid7
from core.testing import Api
from gateway.models import Approval
from insurance.models import Policy
from insurance.public import estimate
from insurance.tests.make import KASKO, OSAGO
from messaging.testing import drain_outbox
from orders.models import Order, OrderHistory, TradeIn
from payments.models import LedgerLine, Payout, Refund
from tests.test_credit_purchase import card_processor

__all__ = ["card_processor"]
pytestmark = [pytest.mark.django_db(databases=[*APPS]), pytest.mark.usefixtures("card_processor")]
PRICE = Decimal("2000000.00")
WORTH, RACK = Decimal("400000.00"), Decimal("40000.00")
VIN = "XTAGFK330JY144213"
OLD = {"vin": VIN, "make": "Lada", "model": "Vesta", "year": 2018, "mileage": 90_000}
CARD = {"method": "card", "token": "tok_success"}


@pytest.fixture(autouse=True)
def one_is_enough(settings):
    settings.REFUND_FOUR_EYES_ABOVE = settings.TRADE_IN_FOUR_EYES_ABOVE = 100_000_000


@pytest.fixture
def manager():
    return Api("manager")


def handed_over(manager, worth=WORTH, buyer=None):
    """An order whose buyer gave a car in exchange."""
    sold = catalog.tests.make.product(stock=1, price=PRICE)
    drain_outbox()
    body = {"items": [{"product_id": str(sold.id), "quantity": 1}], "trade_in": OLD | {"amount": str(worth)}}
    placed = Api("client", user_id=buyer or uuid7()).post("/orders", body | {"payment": CARD})
    assert placed.status_code == 201, placed.json()
    drain_outbox()
    path = f"/orders/{placed.json()['id']}"
    accepted = manager.post(f"{path}/checkout/trade_in/accept", {"reason": "seen"})
    assert accepted.status_code == 200, accepted.json()
    drain_outbox()
    assert not Acquisition.objects.exists(), "it is its owner's until the handover"
    for status in ("in_progress", "ready", "completed"):
        moved = manager.put(f"{path}/status", {"status": status})
        assert moved.status_code == 200, moved.json()
        drain_outbox()
    return Order.objects.get(pk=placed.json()["id"])


def test_a_car_pays_for_no_premium_which_leaves_before_the_car_comes(manager):
    """Who ends a policy and then calls the deal off has had nothing of ours: the premium was theirs."""
    sold, buyer = catalog.tests.make.product(stock=1, price=PRICE), Api("client", user_id=uuid7())
    drain_outbox()
    premium = estimate(OSAGO)
    body = {
        "items": [{"product_id": str(sold.id), "quantity": 1}],
        "trade_in": OLD | {"amount": str(PRICE * 2)},
        "insurance": [OSAGO],
        "payment": CARD,
    }
    placed = buyer.post("/orders", body).json()
    drain_outbox()
    assert {part["kind"]: Decimal(part["amount"]) for part in placed["funding"]} == {"trade_in": PRICE, "card": premium}
    path = f"/orders/{placed['id']}"
    assert manager.post(f"{path}/checkout/trade_in/accept", {"reason": "seen"}).status_code == 200
    drain_outbox()
    order = Order.objects.get(pk=placed["id"])
    assert (order.status, order.trade_in_credit, order.amount_paid) == ("paid", PRICE, premium)
    policy = Policy.objects.get()
    assert buyer.post(f"/insurance/policies/{policy.id}/cancel", {}).status_code == 200
    drain_outbox()
    assert manager.put(f"{path}/status", {"status": "cancelled", "reason": "another one"}).status_code == 200
    drain_outbox()
    back = Refund.objects.filter(status="succeeded").aggregate(sum=Sum("amount"))["sum"]
    assert (back, Payout.objects.exists()) == (Policy.objects.get().refund_amount, False)
    assert "order" not in balances()


def test_goods_taken_out_do_not_let_the_car_pay_for_premiums(manager):
    """The price of the rack would go back by card, and the card's money had paid for the policy."""
    sold = [
        catalog.tests.make.product(stock=1, price=PRICE),
        catalog.tests.make.product(stock=1, price=RACK),
    ]
    buyer = Api("client", user_id=uuid7())
    drain_outbox()
    body = {
        "items": [{"product_id": str(one.id), "quantity": 1} for one in sold],
        "trade_in": OLD | {"amount": str(PRICE * 2)},
        "insurance": [KASKO],
        "payment": CARD,
    }
    placed = buyer.post("/orders", body).json()
    drain_outbox()
    path = f"/orders/{placed['id']}"
    assert manager.post(f"{path}/checkout/trade_in/accept", {"reason": "seen"}).status_code == 200
    drain_outbox()
    order = Order.objects.get(pk=placed["id"])
    assert (order.status, order.trade_in_credit) == ("paid", PRICE + RACK)
    rack = next(item for item in placed["items"] if item["product_id"] == str(sold[1].id))
    assert order.amount_paid > RACK
    answer = manager.delete(f"{path}/items/{rack['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "total_below_covered"), answer.json()
    drain_outbox()
    assert not Refund.objects.exists()


def give_back(manager, order):
    """The order is returned as a whole."""
    asked = manager.post(f"/orders/{order.id}/return", {"reason": "too loud"}).json()
    drain_outbox()
    manager.post(f"/returns/{asked['id']}/inspect", {"result": "as new"})
    assert manager.post(f"/returns/{asked['id']}/accept").status_code == 200
    drain_outbox()
    order.refresh_from_db()
    assert order.status == "returned"


def settle(manager, order):
    answer = manager.post(f"/orders/{order.id}/checkout/trade_in/settle", {"reason": "as agreed"})
    drain_outbox()
    order.refresh_from_db()
    return answer


def balances():
    found: dict[str, Decimal] = {}
    for code, amount in LedgerLine.objects.values_list("account_id", "amount"):
        found[code.partition(":")[0]] = found.get(code.partition(":")[0], Decimal(0)) + amount
    return {code: amount for code, amount in found.items() if amount}


def assert_clean_books():
    found = {name: [item for item in check() if item.kind != "charge_unknown"] for name, check in books.CHECKS.items()}
    assert {name: items for name, items in found.items() if items} == {}


def test_it_is_stock_and_money_from_the_handover_on(manager):
    order = handed_over(manager)
    car = Product.objects.get(vin=VIN)
    assert (car.on_hand, car.is_active, car.stage, car.price) == (1, False, "in_preparation", WORTH)
    assert (TradeIn.objects.get().product_id, TradeIn.objects.get().state) == (car.pk, "taken")
    assert balances() == {"used_cars": WORTH, "sales": -PRICE, "provider": PRICE - WORTH}
    completed = OrderHistory.objects.get(order=order, event="order.completed")
    assert completed.data["trade_in"] == str(WORTH)
    assert_clean_books()


def test_a_garage_is_without_the_car_that_was_given(manager):
    buyer, since = uuid7(), timezone.now()
    Vehicle.objects.create(customer_id=buyer, vin=VIN, source="policy", since=since)
    handed_over(manager, buyer=buyer)
    assert not Vehicle.objects.filter(vin=VIN, left_at=None).exists()


def test_undone_it_leaves_stock_and_books_and_its_owner_fetches_it(manager):
    order = handed_over(manager)
    give_back(manager, order)
    car = Product.objects.get(vin=VIN)
    assert (car.on_hand, car.stage, TradeIn.objects.get().state) == (0, "handed_over", "left")
    assert balances() == {}
    assert order.trade_in_owed == WORTH
    assert_clean_books()
    assert settle(manager, order).status_code == 200
    assert (order.trade_in_owed, Payout.objects.count(), Approval.objects.using("orders").count()) == (0, 0, 0)
    assert_clean_books()


def test_published_meanwhile_it_stays_and_its_price_is_paid_by_two(manager, settings):
    order = handed_over(manager)
    car = Product.objects.get(vin=VIN)
    update_product(product_id=car.pk, price=Decimal(600_000), actor="a", now=timezone.now())
    publish_vehicle(product_id=car.pk, actor="a", now=timezone.now())
    drain_outbox()
    give_back(manager, order)
    car.refresh_from_db()
    assert (car.on_hand, car.available, TradeIn.objects.get().state) == (1, 1, "kept")
    assert balances() == {"used_cars": WORTH, "trade_in": -WORTH}
    assert_clean_books()
    settings.REFUND_FOUR_EYES_ABOVE = 100
    waits = settle(manager, order)
    assert (waits.status_code, order.trade_in_owed, Payout.objects.count()) == (202, WORTH, 0)
    agreed = Api("manager").post(f"/approvals/{waits.json()['approval']['id']}/approve", {"reason": "sold on"})
    assert agreed.status_code == 200, agreed.json()
    drain_outbox()
    order.refresh_from_db()
    paid = Payout.objects.get()
    assert (order.trade_in_owed, paid.amount, paid.status, paid.customer_id) == (
        0, WORTH, "succeeded", order.customer_id,
    )  # fmt: skip
    assert balances() == {"used_cars": WORTH, "provider": -WORTH}
    assert OrderHistory.objects.filter(order=order, event="trade_in.paid").exists()
    assert settle(manager, order).status_code == 409
    assert_clean_books()


def test_what_it_is_worth_above_the_price_is_paid_out(manager):
    order = handed_over(manager, PRICE + WORTH)
    assert (order.amount_paid, order.trade_in_credit, order.trade_in_owed) == (0, PRICE, WORTH)
    assert balances() == {"used_cars": PRICE + WORTH, "sales": -PRICE, "trade_in": -WORTH}
    assert_clean_books()
    assert settle(manager, order).status_code == 200
    assert balances() == {"used_cars": PRICE + WORTH, "sales": -PRICE, "provider": -WORTH}
    assert_clean_books()
    give_back(manager, order)
    assert (TradeIn.objects.get().state, order.trade_in_owed) == ("kept", PRICE)
    assert Product.objects.get(vin=VIN).on_hand == 1, "money went for it: it is not given back"
    assert settle(manager, order).status_code == 200
    assert balances() == {"used_cars": PRICE + WORTH, "provider": -PRICE - WORTH}
    assert_clean_books()


def test_an_undone_order_whose_surplus_was_not_paid_owes_the_car_alone(manager):
    order = handed_over(manager, PRICE + WORTH)
    give_back(manager, order)
    assert (TradeIn.objects.get().state, order.trade_in_owed, balances()) == ("left", PRICE + WORTH, {})
    assert_clean_books()


def test_the_check_names_a_car_or_a_row_that_is_missing(manager):
    handed_over(manager)

    def kinds():
        return sorted(found.kind for found in exchange_disagreements())

    assert kinds() == []
    found = Acquisition.objects.get()
    found.delete()
    assert kinds() == ["trade_in_without_car"]
    found.save(force_insert=True)
    TradeIn.objects.update(amount=1)
    assert kinds() == ["trade_in_not_booked", "trade_in_without_car"]
    TradeIn.objects.update(amount=WORTH, state="left")
    assert kinds() == ["trade_in_not_booked", "trade_in_without_car"]
    TradeIn.objects.all().delete()
    assert kinds() == ["trade_in_not_taken", "trade_in_without_order"]
