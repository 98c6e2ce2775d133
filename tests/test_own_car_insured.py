"""A car of the catalogue is ordered with its policies: their premiums rest on what the catalogue says of it."""

from decimal import Decimal

import pytest

import catalog.tests.make
from config.databases import APPS
from core.testing import Api
from insurance.models import Policy
from insurance.public import estimate
from insurance.tests.make import DRIVER, KASKO, OSAGO
from messaging.testing import drain_outbox
from orders.models import Order
from payments.tests.conftest import running_twin, twin

__all__ = ["running_twin", "twin"]

pytestmark = pytest.mark.django_db(databases=[*APPS])
VIN = "XTA210990Y2766391"
NOBODY = {name: value for name, value in DRIVER.items() if name != "kbm"}
TOLD = OSAGO | {"vehicle_vin": VIN, "engine_power": "249", "drivers": [NOBODY]}
CARD = {"method": "card", "token": "tok_success"}


@pytest.fixture
def car():
    made = catalog.tests.make.product(vin=VIN, make="Lada", year=2024, power_hp=249, price=Decimal(2_000_000))
    drain_outbox()
    return made


def order(car, *policies):
    items = [{"product_id": str(car.id), "quantity": 1}]
    return Api("client").post("/orders", {"items": items, "payment": CARD, "insurance": list(policies)})


@pytest.mark.parametrize(
    ("told", "field", "code"),
    [
        (TOLD | {"engine_power": "50"}, "insurance.1.engine_power", "differs_from_catalogue"),
        (TOLD | {"vehicle_year": 2012}, "insurance.1.vehicle_year", "differs_from_catalogue"),
        (TOLD | {"vehicle_vin": OSAGO["vehicle_vin"]}, "insurance.1.vehicle_vin", "not_the_orders"),
    ],
)
def test_an_order_tells_nothing_of_the_car_that_the_catalogue_does_not(car, told, field, code):
    answer = order(car, KASKO | {"vehicle_vin": VIN, "engine_power": "249"}, told)
    problem = answer.json()["errors"][0]
    assert (answer.status_code, problem["field"], problem["code"]) == (400, field, code)
    assert not Order.objects.exists()


@pytest.mark.parametrize("leaves_out", [(), ("engine_power",)])
def test_its_policies_cost_what_the_catalogues_car_costs(car, leaves_out):
    told = {name: value for name, value in TOLD.items() if name not in leaves_out}
    premium = estimate(TOLD | {"vehicle_vin": OSAGO["vehicle_vin"]})
    placed = order(car, told)
    assert placed.status_code == 201, placed.json()
    drain_outbox()
    bought, policy = Order.objects.get(), Policy.objects.get()
    assert (bought.status, bought.total_amount) == ("paid", car.price + premium)
    assert (policy.premium, policy.unconfirmed, policy.vehicle_vin) == (premium, [], VIN)


def test_a_new_car_without_a_vin_takes_the_one_it_will_have(car):
    new = catalog.tests.make.product(stock=3)
    drain_outbox()
    assert order(new, TOLD | {"vehicle_vin": OSAGO["vehicle_vin"], "engine_power": "106"}).status_code == 201
