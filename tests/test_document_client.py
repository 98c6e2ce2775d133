"""A whole purchase by a client that knows nothing but the OpenAPI document, against a web process of its own."""

import json
from decimal import Decimal

import pytest
from django.conf import settings

import catalog.tests.make
from gateway.document import openapi
from messaging.testing import drain_outbox
from payments.tests.conftest import running_sandbox, sandbox
from tests.document_client import DocumentClient, Undeclared
from tests.live import Web

__all__ = ["running_sandbox", "sandbox"]

ALL = [alias for alias in settings.DATABASES if alias != "default"]
PRICE = Decimal("2000000.00")
BUYER = {"email": "buyer@example.com", "password": "correct-horse-battery"}


@pytest.fixture
def client():
    document = json.loads(openapi.get_document_path(openapi.LANGUAGE, "json").read_text())
    with Web() as web:
        yield DocumentClient(web.http, document)


@pytest.mark.proof
@pytest.mark.usefixtures("sandbox")
@pytest.mark.django_db(databases=ALL, transaction=True)
def test_a_car_is_bought_by_the_document_alone(client):
    car = str(catalog.tests.make.product(stock=1, price=PRICE).id)
    drain_outbox()
    _sign_in(client)
    found = _car_on_sale(client, car)
    order = _order(client, found)
    _pay(client, order)
    _see_it_sold(client, order, car)
    _refuse_what_is_not_declared(client, order)


def _sign_in(client):
    assert client.call("auth_register_create", body=BUYER)[0] == 201
    status, pair, _ = client.call("auth_login_create", body=BUYER)
    assert (status, pair["token_type"].lower()) == (200, "bearer")
    client.token = pair["access_token"]


def _car_on_sale(client, car):
    status, page, _ = client.call("products_list", in_stock=True, page_size=10)
    assert (status, page["next"], [item["id"] for item in page["results"]]) == (200, None, [car])
    status, product, headers = client.call("products_retrieve", id=car)
    assert (status, product["available"]) == (200, 1)
    assert client.call("products_retrieve", id=car, if_none_match=headers["etag"])[:2] == (304, None)
    return product


def _order(client, product):
    wish = {"items": [{"product_id": product["id"], "quantity": 1}], "expected_total": product["price"]}
    status, order, headers = client.call("orders_create", body=wish, idempotency_key="one car")
    assert (status, order["total_amount"], "etag" in headers) == (201, product["price"], True)
    again = client.call("orders_create", body=wish, idempotency_key="one car")
    assert (again[0], again[1]["id"], again[2]["idempotent-replayed"]) == (201, order["id"], "true")
    other = client.call("orders_create", body=wish | {"comment": "blue"}, idempotency_key="one car")
    assert (other[0], other[1]["code"]) == (422, "idempotency_key_reused")
    drain_outbox()
    status, order, headers = client.call("orders_retrieve", id=order["id"])
    assert (status, order["status"], order["amount_due"]) == (200, "awaiting_payment", product["price"])
    assert client.call("orders_retrieve", id=order["id"], if_none_match=headers["etag"])[0] == 304
    stale = client.call("orders_partial_update", id=order["id"], if_match='"0"', body={"comment": "blue"})
    assert (stale[0], stale[1]["code"]) == (412, "stale_version")
    return order


def _pay(client, order):
    wish = {"order_id": order["id"], "method": "card", "token": "tok_success"}
    status, payment, _ = client.call("payments_create", body=wish, idempotency_key="its money")
    assert (status, payment["amount"]) == (201, order["amount_due"])
    drain_outbox()
    status, payment, _ = client.call("payments_retrieve", id=payment["id"])
    assert (status, payment["status"]) == (200, "completed")


def _see_it_sold(client, order, car):
    status, order, _ = client.call("orders_retrieve", id=order["id"])
    assert (status, order["status"], order["amount_due"]) == (200, "paid", "0.00")
    status, timeline, _ = client.call("orders_timeline_list", id=order["id"])
    assert (status, timeline["results"][-1]["status"]) == (200, "paid")
    assert client.call("products_list", in_stock=True)[1]["results"] == []


def _refuse_what_is_not_declared(client, order):
    """Were the client lenient, the purchase above would prove nothing."""
    for name, arguments in {
        "orders_buy": {},
        "orders_retrieve": {"id": order["id"], "colour": "blue"},
        "orders_create": {"body": {"items": "all"}},
        "products_retrieve": {},
        "products_list": {"body": {}},
    }.items():
        with pytest.raises(Undeclared):
            client.call(name, **arguments)
