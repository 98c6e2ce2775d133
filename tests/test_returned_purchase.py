"""A car that was handed over comes back: its money, its loan and its books with it."""

from decimal import Decimal
from uuid import UUID

import pytest

import catalog.tests.make
import financing.tests.make
import resources.tests.make
from catalog.models import Product
from clients.models import Activity, Vehicle
from config.books import lending_disagreements, order_disagreements
from config.databases import APPS
from core.ids import uuid7
from core.testing import Api
from financing.public import loan_disagreements
from messaging.testing import drain_outbox
from notifications.models import Notification
from payments.models import LedgerLine, Refund
from payments.public import ledger_disagreements
from tests.test_credit_purchase import ASKED, CARD, card_processor

__all__ = ["card_processor"]
pytestmark = pytest.mark.django_db(databases=[*APPS])
VIN = "XTA210990Y2766389"


@pytest.fixture(autouse=True)
def one_is_enough(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


@pytest.fixture
def product():
    """A car that is lent for test drives too."""
    made = catalog.tests.make.product(stock=1, price=Decimal("2000000.00"), vin=VIN, condition="new", mileage=10)
    resources.tests.make.resource(type_id=resources.tests.make.kind("Demo", "car").id, product_id=made.id)
    drain_outbox()
    return made


def handed_over(product, buyer, manager):
    financing.tests.make.programme()
    body = {"items": [{"product_id": str(product.id), "quantity": 1}], "financing": ASKED, "payment": CARD}
    placed = Api("client", user_id=buyer).post("/orders", body)
    assert placed.status_code == 201, placed.json()
    drain_outbox()
    for status in ("in_progress", "ready", "completed"):
        moved = manager.put(f"/orders/{placed.json()['id']}/status", {"status": status})
        assert moved.status_code == 200, moved.json()
        drain_outbox()
    assert Product.objects.get().stage == "handed_over"
    return placed.json()["id"]


def books():
    return [*order_disagreements(), *loan_disagreements(), *ledger_disagreements(), *lending_disagreements()]


def balance(account):
    return sum((line.amount for line in LedgerLine.objects.filter(account_id=account)), Decimal(0))


@pytest.mark.usefixtures("card_processor")
def test_a_return_undoes_the_sale_in_every_app(product):
    buyer, manager = uuid7(), Api("manager")
    order_id = handed_over(product, buyer, manager)
    assert (balance("sales"), books()) == (Decimal("-2000000.00"), [])
    asked = Api("client", user_id=buyer).post(f"/orders/{order_id}/return", {"reason": "too loud"}).json()
    drain_outbox()
    assert books() == []
    found = {"result": "as new", "mileage": 1200}
    assert manager.post(f"/returns/{asked['id']}/inspect", found).json()["state"] == "inspected"
    assert manager.post(f"/returns/{asked['id']}/accept").json()["state"] == "accepted"
    drain_outbox()
    shown = Api("client", user_id=buyer).get(f"/orders/{order_id}").json()
    assert (shown["status"], shown["amount_paid"], shown["amount_due"]) == ("returned", "0.00", "0.00")
    car = Product.objects.get()
    assert (car.stage, car.condition, car.mileage, car.on_hand, car.available) == ("in_preparation", "used", 1200, 1, 0)
    assert [refund.amount for refund in Refund.objects.filter(status="succeeded")] == [Decimal("500000.00")]
    (loan,) = Api("client", user_id=buyer).get("/financing/loans").json()["results"]
    assert loan["status"] == "cancelled"
    assert (balance("sales"), balance(f"order:{order_id}"), books()) == (0, 0, [])
    told = set(Notification.objects.filter(user_id=buyer).values_list("data__status", flat=True))
    assert {"returning", "returned"} <= told
    assert Vehicle.objects.get(customer_id=buyer, vin=VIN).left_at is not None
    assert Activity.objects.get(customer_id=buyer, kind="order_returned").subject_id == UUID(order_id)
    late = Api("client", user_id=buyer).post("/payments", {"order_id": order_id, "amount": "1.00", **CARD})
    assert late.status_code == 409


@pytest.mark.usefixtures("card_processor")
def test_a_car_whose_vin_is_in_the_catalogue_anew_comes_back_off_sale(product):
    buyer, manager = uuid7(), Api("manager")
    order_id = handed_over(product, buyer, manager)
    catalog.tests.make.product(stock=1, price=Decimal("900000.00"), vin=VIN)
    asked = manager.post(f"/orders/{order_id}/return", {"reason": "warranty"}).json()
    manager.post(f"/returns/{asked['id']}/inspect", {"result": "broken"})
    manager.post(f"/returns/{asked['id']}/accept")
    drain_outbox()
    assert manager.get(f"/orders/{order_id}").json()["status"] == "returned"
    car = Product.objects.get(pk=product.id)
    assert (car.is_active, car.stage, car.on_hand) == (False, "in_preparation", 1)
    assert books() == []


@pytest.mark.usefixtures("card_processor")
def test_a_refused_return_leaves_everything_as_it_was(product):
    buyer, manager = uuid7(), Api("manager")
    order_id = handed_over(product, buyer, manager)
    asked = Api("client", user_id=buyer).post(f"/orders/{order_id}/return", {"reason": "too loud"}).json()
    manager.post(f"/returns/{asked['id']}/refuse", {"reason": "driven for months"})
    drain_outbox()
    assert (manager.get(f"/orders/{order_id}").json()["status"], Product.objects.get().stage) == (
        "completed",
        "handed_over",
    )
    titles = [one["title"] for one in Api("client", user_id=buyer).get("/notifications").json()["results"]]
    assert any("возврате" in title or "No return" in title for title in titles), titles
    assert books() == []
