"""Placing an order: over HTTP and as a service."""

import re
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.tests import make as people
from clients.models import Client
from clients.services import delete_client, follow_user
from clients.tests import make as cards
from core.clock import dealer_day
from core.ids import uuid7
from core.testing import Api
from messaging.testing import published
from orders.models import Checkout, Order, OrderHistory
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders"])


def body(*lines, **more):
    return {"items": [{"product_id": str(product), "quantity": quantity} for product, quantity in lines]} | more


def refused(response, status, code):
    assert response.status_code == status, response.content
    problem = response.json()
    assert code == (problem["errors"][0]["code"] if problem["errors"] else problem["code"])
    assert response["Content-Type"] == "application/problem+json"
    assert not Order.objects.exists()
    assert published("orders") == []
    return problem


def test_it_copies_price_and_name_and_starts_the_saga():
    product = make.product(price="1500000.00", available=2)
    response = Api("client").post("/orders", body((product, 2), comment="as a gift"))
    assert response.status_code == 201, response.content
    order = response.json()
    assert order["total_amount"] == order["amount_due"] == "3000000.00"
    assert order["items"][0]["name"] == "Lada Vesta"
    assert order["items"][0]["line_total"] == "3000000.00"
    assert (order["status"], order["saga"]["state"], order["saga"]["step"]) == ("created", "running", "stock")
    assert re.fullmatch(rf"{dealer_day(timezone.now()).year}-\d{{6,}}", order["number"])
    assert order["currency"] == "RUB"
    assert published("orders") == ["order.created", "order.status_changed", "checkout.stock_requested"]
    assert OrderHistory.objects.get().event == "order.created"


def test_the_answer_is_what_a_later_read_gives():
    api = Api("client")
    created = api.post("/orders/", body((make.product(), 1)))
    read = api.get(f"/orders/{created.json()['id']}")
    assert read.json() == created.json()
    assert read["ETag"] == created["ETag"] == '"1"'


def test_it_refuses_an_anonymous_buyer():
    refused(Api().post("/orders", body((make.product(), 1))), 401, "not_authenticated")


@pytest.mark.parametrize("quantity", [0, -1, 10**9, 1001])
def test_it_refuses_a_senseless_quantity(quantity):
    problem = refused(Api("client").post("/orders", body((make.product(available=5), quantity))), 400, "invalid")
    assert problem["errors"][0]["field"] == "items.0.quantity"


def test_it_names_the_line_at_fault_the_same_way_however_wrong_it_is():
    wrong = body((make.product(), 1)) | {"items": [{"product_id": "x", "quantity": 1}]}
    problem = refused(Api("client").post("/orders", wrong), 400, "invalid")
    assert problem["errors"][0]["field"] == "items.0.product_id"


def test_it_refuses_more_than_there_is_and_says_how_much_there_is():
    product = make.product(available=1)
    problem = refused(Api("client").post("/orders", body((product, 2))), 409, "insufficient_stock")
    assert problem["shortfalls"] == [{"product_id": str(product), "requested": 2, "available": 1}]


def test_it_sums_two_lines_of_one_product():
    product = make.product(available=1)
    refused(Api("client").post("/orders", body((product, 1), (product, 1))), 409, "insufficient_stock")


def test_it_refuses_an_unknown_product():
    stranger = "11111111-1111-4111-8111-111111111111"
    problem = refused(Api("client").post("/orders", body((stranger, 1))), 400, "unknown_product")
    assert problem["errors"][0]["field"] == "items.0.product_id"


def test_it_asks_to_wait_for_a_product_made_a_moment_ago():
    response = Api("client").post("/orders", body((uuid7(), 1)))
    refused(response, 409, "product_not_ready")
    assert int(response["Retry-After"]) > 0


def test_it_refuses_a_price_from_the_buyer():
    line = {"product_id": str(make.product()), "quantity": 1, "unit_price": "1.00"}
    refused(Api("client").post("/orders", {"items": [line]}), 400, "not_allowed")


def test_it_refuses_a_price_that_changed():
    problem = refused(
        Api("client").post("/orders", body((make.product(), 1), expected_total="999999.99")), 409, "price_changed"
    )
    assert problem["total_amount"] == "1000000.00"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"items": []},
        {"items": [{}]},
        {"items": "all"},
        {"items": [{"product_id": "x", "quantity": 1}]},
        {"items": [{"product_id": str(uuid7()), "quantity": "two"}]},
        {"items": [{"product_id": str(uuid7()), "quantity": 1.5}]},
        {"items": [], "discount": 5},
    ],
)
def test_it_refuses_a_body_of_the_wrong_shape(payload):
    response = Api("client").post("/orders", payload)
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert not Order.objects.exists()


@pytest.mark.parametrize("payment", [{"method": "gold"}, {"method": "cash", "amount": "0"}])
def test_it_refuses_a_senseless_payment(payment):
    refused(Api("client").post("/orders", body((make.product(), 1), payment=payment)), 400, "invalid")


def test_json_that_is_no_json_is_a_clear_error():
    api = Api("client")
    response = api.client.post(
        "/api/v1/orders", data=b'{"items": [', content_type="application/json", headers=api.headers
    )
    refused(response, 400, "parse_error")


def test_another_media_type_is_refused():
    api = Api("client")
    response = api.client.post("/api/v1/orders", data={"items": "1"}, headers=api.headers)
    refused(response, 415, "unsupported_media_type")


@pytest.mark.django_db(databases=["orders", "accounts"])
def test_only_managers_add_free_lines_and_order_for_others():
    line = {"name": "Delivery", "unit_price": "5000.00", "quantity": 1}
    refused(Api("client").post("/orders", {"items": [line]}), 403, "permission_denied")
    customer = people.user().id
    response = Api("manager").post("/orders", {"items": [line], "customer_id": str(customer)})
    assert response.status_code == 201
    assert response.json()["customer_id"] == str(customer)


@pytest.mark.django_db(databases=["orders", "accounts", "clients"])
def test_managers_order_for_a_client_card():
    line = {"name": "Corporate evening", "unit_price": "5000.00", "quantity": 1}
    company, person = cards.client(), people.user()
    now = timezone.now()
    profile = {"email": person.email, "full_name": "Anna", "phone": "", "version": 1}
    follow_user(user_id=person.id, profile=profile, now=now)
    theirs = Client.objects.get(user_id=person.id)
    for card, customer in ((company, company.id), (theirs, person.id)):
        response = Api("manager").post("/orders", {"items": [line], "customer_id": str(card.id)})
        assert (response.status_code, response.json()["customer_id"]) == (201, str(customer))
    own = Api("manager", user_id=person.id)
    walk_in = cards.client(type="person")
    cards.merge(walk_in, theirs)
    for card in (walk_in, theirs):
        assert own.post("/orders", {"items": [line], "customer_id": str(card.id)}).json()["code"] == "four_eyes"
    delete_client(client_id=company.id, now=now)
    gone = Api("manager").post("/orders", {"items": [line], "customer_id": str(company.id)})
    assert gone.json()["errors"][0]["code"] == "unknown_person"
    refused_to = Api("client").post("/orders", {"items": [line], "customer_id": str(theirs.id)})
    assert refused_to.json()["errors"][0]["code"] == "not_allowed"


def test_a_hundred_lines_cost_the_statements_of_two():
    costs = []
    for many in (2, 2, 100):
        lines = body(*((make.product(available=5), 1) for _ in range(many)))
        with CaptureQueriesContext(connections["orders"]) as told:
            assert Api("client").post("/orders", lines).status_code == 201
        costs.append(len(told))
    assert costs[1] == costs[2]
    refused_to = Api("client").post("/orders", body(*((make.product(), 1) for _ in range(101))))
    assert refused_to.json()["errors"][0]["field"] == "items"


def test_a_client_cannot_order_for_somebody_else():
    payload = body((make.product(), 1), customer_id=str(uuid7()))
    refused(Api("client").post("/orders", payload), 400, "not_allowed")


def test_the_same_key_places_one_order_and_replays_the_answer():
    api, payload = Api("client"), body((make.product(available=5), 1))
    first = api.post("/orders", payload, Idempotency_Key="k1")
    again = api.post("/orders", payload, Idempotency_Key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert Order.objects.count() == 1
    other = api.post("/orders", body((make.product(), 1)), Idempotency_Key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_refused_key_can_be_tried_again():
    api, product = Api("client"), make.product(available=0)
    assert api.post("/orders", body((product, 1)), Idempotency_Key="k").status_code == 409
    make.services.copy_stock_levels(levels=[make.level(product, 3)])
    assert api.post("/orders", body((product, 1)), Idempotency_Key="k").status_code == 201


def test_totals_are_the_sum_of_the_lines():
    order = make.order(lines=[make.ProductLine(make.product(price="0.01", available=9), 3)])
    assert order.total_amount == Decimal("0.03") == sum(line.line_total for line in order.lines.all())
    assert Checkout.objects.get(order=order).state == "running"


def test_it_refuses_a_product_of_another_currency():
    car = make.product(currency="EUR")
    problem = refused(Api("client").post("/orders", body((make.product(), 1), (car, 1))), 409, "currency_mismatch")
    assert (problem["product_id"], problem["product_currency"], problem["currency"]) == (str(car), "EUR", "RUB")
