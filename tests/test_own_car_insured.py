"""A car of the catalogue is ordered with its policies: their premiums rest on what the catalogue says of it."""

from decimal import Decimal

import pytest

import catalog.tests.make
from config.databases import APPS
from core.testing import Api
from insurance.models import Policy
from insurance.public import estimate
from insurance.tests.make import DRIVER, KASKO, OSAGO
from messaging.testing import drain_outbox, published
from orders.models import DealQuote, Order
from payments.tests.conftest import running_sandbox, sandbox

__all__ = ["running_sandbox", "sandbox"]

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


@pytest.fixture
def new():
    """A car that comes without its papers: the catalogue knows its power, and its VIN not yet."""
    made = catalog.tests.make.product(stock=3, make="Lada", year=2024, power_hp=249, price=Decimal(2_000_000))
    drain_outbox()
    return made


def by_api(client, body):
    return client.post("/orders", body)


def by_cart(client, body):
    for item in body.pop("items"):
        assert client.post("/cart/items", item).status_code == 201
    return client.post("/cart/checkout", body)


def by_deal(client, body):
    return client.post("/orders/deal-quote", {name: body[name] for name in ("items", "insurance")})


WAYS = pytest.mark.parametrize("ask", [by_api, by_cart, by_deal])


@WAYS
@pytest.mark.parametrize(
    ("which", "told", "field", "code"),
    [
        ("car", {"vehicle_vin": OSAGO["vehicle_vin"]}, "vehicle_vin", "not_the_orders"),
        ("new", {"vehicle_vin": VIN}, "vehicle_vin", "not_the_orders"),
        ("new", {"vehicle_vin": OSAGO["vehicle_vin"], "engine_power": "70"}, "engine_power", "differs_from_catalogue"),
    ],
)
def test_by_whatever_door_a_policy_is_for_the_orders_own_car(ask, which, told, field, code, car, new):
    sold = {"car": car, "new": new}[which]
    client = Api("client")
    body = {"items": [{"product_id": str(sold.id), "quantity": 1}], "insurance": [TOLD | told]}
    before = DealQuote.objects.count(), Order.objects.count(), published("orders")
    answer = ask(client, body)
    problem = answer.json()["errors"][0]
    assert (answer.status_code, problem["field"], problem["code"]) == (400, f"insurance.0.{field}", code)
    assert (DealQuote.objects.count(), Order.objects.count(), published("orders")) == before


@WAYS
def test_that_of_a_new_car_is_by_its_line(ask, new, car):
    """It is rated by the power that the catalogue knows, told or not."""
    told = {name: value for name, value in TOLD.items() if name != "engine_power"}
    sent = told | {"vehicle_vin": OSAGO["vehicle_vin"]}
    answer = ask(Api("client"), {"items": [{"product_id": str(new.id), "quantity": 1}], "insurance": [sent]})
    assert answer.status_code == 201, answer.json()
    assert Decimal(answer.json()["total_amount"]) == new.price + estimate(TOLD)
