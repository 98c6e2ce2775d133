"""Orders from before insurance noted their goods are filled in, and policies of other cars named."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

import catalog.tests.make
import orders.tests.make
from core.ids import uuid7
from core.testing import Api
from insurance import services
from insurance.models import OrderCopy
from insurance.tests import make
from messaging.testing import drain_outbox
from messaging.upkeep.copies import copy_checks, diff
from orders.services import ProductLine, place_order
from orders.services.history import Actor

pytestmark = pytest.mark.django_db(databases=["catalog", "insurance", "orders"])
VIN, OTHER = "XTA210990Y2766391", "XTA210990Y2766392"


def fill():
    told = StringIO()
    call_command("fill_orders", stdout=told)
    return told.getvalue().strip().splitlines()


@pytest.fixture
def car():
    made = catalog.tests.make.product(vin=VIN, make="Lada", year=2024, power_hp=106)
    drain_outbox("catalog", "insurance", "orders")
    return made


@pytest.fixture
def old(car):
    """An order whose goods a release before this one did not note."""
    buyer = uuid7()
    lines = [ProductLine(car.id, 1)]
    made = place_order(customer_id=buyer, actor=Actor(buyer, frozenset({"client"})), lines=lines, now=timezone.now())
    drain_outbox("catalog", "insurance", "orders")
    OrderCopy.objects.filter(pk=made.id).update(products=None)
    return made


def test_the_goods_of_old_orders_are_filled_in_once(car, old):
    lost = orders.tests.make.order()
    drain_outbox("orders", "insurance")
    OrderCopy.objects.filter(pk=lost.id).delete()
    known = orders.tests.make.order()
    drain_outbox("orders", "insurance")
    told = OrderCopy.objects.get(pk=known.id).products
    check = copy_checks()["insurance.OrderCopy"]
    assert {item.id for item in diff(check)} == {old.id, lost.id}
    assert fill() == ["2 orders filled in"]
    assert OrderCopy.objects.get(pk=old.id).products == [car.id]
    assert OrderCopy.objects.get(pk=lost.id).customer_id == lost.customer_id
    assert OrderCopy.objects.get(pk=known.id).products == told
    assert (fill(), diff(check)) == (["0 orders filled in"], [])


def test_what_an_event_told_stands(car, old):
    OrderCopy.objects.filter(pk=old.id).update(products=[])
    assert fill() == ["0 orders filled in"]
    assert OrderCopy.objects.get(pk=old.id).products == []


def test_a_quote_for_an_old_order_is_held_to_its_car_from_then_on(old):
    client, asked = Api("client", user_id=old.customer_id), make.OSAGO | {"order_id": str(old.id)}
    assert client.post("/insurance/quotes", asked | {"vehicle_vin": OTHER}).status_code == 201
    fill()
    refused = client.post("/insurance/quotes", asked | {"vehicle_vin": OTHER})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "not_the_orders")
    assert client.post("/insurance/quotes", asked | {"vehicle_vin": VIN}).status_code == 201


def test_policies_of_other_cars_are_named(old):
    own = make.policy(make.OSAGO | {"vehicle_vin": VIN}, order_id=old.id)
    strange = make.policy(make.OSAGO | {"vehicle_vin": OTHER}, order_id=old.id)
    alone = make.policy(make.OSAGO)
    [first, named] = fill()
    assert (first, strange.number in named, OTHER in named, str(old.id) in named) == ("1 orders filled in", *[True] * 3)
    assert own.number not in named
    assert alone.number not in named
    services.cancel_policy(policy_id=strange.id, now=timezone.now())
    assert fill() == ["0 orders filled in"]
