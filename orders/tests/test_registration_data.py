"""Data for registration: what they hold in each form, who reads them, and that the buyer is told."""

import csv
from io import StringIO
from xml.etree.ElementTree import fromstring

import pytest

from core.testing import Api
from gateway.models import Reading
from orders.models import Order
from orders.services import ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog"])
VIN = "XTAGFK330PY000001"


@pytest.fixture
def order():
    make.legal_entity()
    made = make.order(lines=[ProductLine(make.product(price="1234567.89", vin=VIN), 1)])
    receive(answers.reserved(made))
    return Order.objects.get(pk=made.pk)


def read(api, order, query=""):
    return api.get(f"/orders/{order.id}/registration-data{query}")


def test_a_manager_reads_them_and_the_buyer_is_told(order):
    contract = make.issued_contract(order)
    told = read(Api("manager"), order).json()
    assert (told["vehicle"]["vin"], told["vehicle"]["year"], told["price"]) == (VIN, "2026", "1234567.89")
    assert (told["contract"]["number"], told["contract"]["sha256"]) == (contract.number, contract.sha256)
    assert (told["buyer"]["type"], told["buyer"]["passport"], told["seller"]["inn"]) == (
        "person", "45 12 345678", "7714000009",
    )  # fmt: skip
    assert told["act"] is None
    assert [row.kind for row in Reading.objects.using("orders").filter(owner_id=order.customer_id)] == ["registration"]


def test_all_forms_say_the_same(order):
    make.company(order.customer_id)
    make.issued_contract(order)
    told = read(Api("manager"), order).json()
    rows = dict(csv.reader(StringIO(read(Api("manager"), order, "?form=csv").content.decode())))
    tree = fromstring(read(Api("manager"), order, "?form=xml").content)
    for path in ("vehicle.vin", "buyer.inn", "seller.name", "contract.number", "contract.date"):
        group, name = path.split(".")
        assert told[group][name] == rows[path] == tree.find(f"{group}/{name}").text, path
    assert (told["buyer"]["name"], rows["price"], tree.find("act").text) == ("ООО «Покупатель»", told["price"], None)


def test_they_wait_until_there_is_a_contract(order):
    answer = read(Api("manager"), order)
    assert (answer.status_code, answer.json()["code"]) == (409, "facts_missing")
    assert answer.json()["fields"] == ["contract", "buyer"]
    assert not Reading.objects.using("orders").exists()


def test_who_may_not_and_what_is_senseless(order):
    assert read(Api(), order).status_code == 401
    assert read(Api("client", user_id=order.customer_id), order).status_code == 403
    assert read(Api("manager"), order, "?form=pdf").status_code == 400
    assert read(Api("manager"), make.Order(id=order.customer_id)).status_code == 404
