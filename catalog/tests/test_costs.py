"""What products cost the dealer: for those who may see it, and nobody else."""

from decimal import Decimal

import pytest
from django.utils import timezone

from catalog import services
from catalog.commands import TakeInVehicle
from catalog.models import Product
from catalog.public import product_costs
from catalog.tests import make
from catalog.tests.test_products import CAR
from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent

pytestmark = pytest.mark.django_db(databases=["catalog"])


def told():
    rows = OutboxEvent.objects.using("catalog").filter(type="product.cost_changed").order_by("n")
    return [(row.data["cost"], row.data["version_number"]) for row in rows]


def test_a_manager_says_it_and_buyers_never_read_it():
    made = Api("manager").post("/products", CAR | {"cost": "2800000.00"})
    assert (made.status_code, made.json()["cost"]) == (201, "2800000.00")
    car = made.json()["id"]
    assert Api("manager").patch(f"/products/{car}", {"cost": "2750000.00"}).json()["cost"] == "2750000.00"
    assert Api("manager").get(f"/products/{car}/cost").json() == {"cost": "2750000.00", "currency": "RUB"}
    assert told() == [("2800000.00", 1), ("2750000.00", 2)]
    assert dict(product_costs()) == {Product.objects.get().id: Decimal(2_750_000)}
    for path in (f"/products/{car}", "/products", f"/products/{car}/cost"):
        assert b"2750000" not in Api().get(path).content + Api("client").get(path).content
    public = OutboxEvent.objects.using("catalog").exclude(type="product.cost_changed")
    assert "2750000" not in "".join(str(row.data) for row in public)


def test_who_may_not_see_it_may_not_write_it(settings):
    settings.COSTS_SEEN_BY = "admins"
    refused = Api("manager").post("/products", CAR | {"cost": "2800000.00"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "cost")
    car = Api("manager").post("/products", CAR).json()
    assert car["cost"] is None
    assert Api("manager").get(f"/products/{car['id']}/cost").status_code == 403
    assert Api("admin").patch(f"/products/{car['id']}", {"cost": "1.00"}).json()["cost"] == "1.00"


def test_a_car_taken_in_exchange_costs_its_value():
    car = TakeInVehicle(
        order_id=uuid7(), number="2026-000001", cost=Decimal(600_000), currency="RUB", make="Kia", model="Rio"
    )
    found = services.take_in_vehicle(car=car, now=timezone.now())
    assert found.product.cost == 600_000
    assert [cost for cost, _version in told()] == ["600000"]


def test_a_car_that_comes_back_costs_what_it_came_back_for():
    car = make.product(stock=1, price=Decimal(1_000_000), vin=make.VIN, kind="vehicle")
    order_id, attempt_id, now = uuid7(), uuid7(), timezone.now()
    sale = {"order_id": order_id, "attempt_id": attempt_id}
    services.reserve_stock(lines=[(car.id, 1)], expires_at=now, now=now, **sale)
    services.sell_reservation(now=now, **sale)
    services.hand_over(order_id=order_id, now=now)
    services.release_stock(reason="returned", costs={car.id: Decimal(810_000)}, now=now, **sale)
    car.refresh_from_db()
    assert (car.cost, car.stage) == (Decimal(810_000), "in_preparation")
    assert told() == [("810000", car.version)]
