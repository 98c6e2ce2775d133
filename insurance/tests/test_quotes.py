"""Quotes over HTTP."""

from decimal import Decimal
from math import prod

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.ids import uuid7
from core.money import money
from core.testing import Api
from insurance import services
from insurance.models import Quote
from insurance.public import estimate
from insurance.tests import make
from messaging.testing import published

pytestmark = pytest.mark.django_db(databases=["insurance"])
PATH = "/insurance/quotes"


@pytest.fixture
def client():
    return Api("client")


def nothing_happened():
    assert not Quote.objects.exists()
    assert published("insurance") == []


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
@pytest.mark.parametrize("body", [make.OSAGO, make.KASKO])
def test_a_premium_with_its_breakdown(client, path, body):
    response = client.post(path, body)
    assert response.status_code == 201, response.content
    shown = response.json()
    product = prod(Decimal(factor["value"]) for factor in shown["breakdown"])
    assert Decimal(shown["premium"]) == money(product) == estimate(body)
    assert (shown["status"], shown["currency"], shown["policy_id"]) == ("quoted", "RUB", None)
    assert shown["valid_until"] > shown["rated_on"]
    assert shown["customer_id"] == str(client.user_id)
    assert all(factor["source"] for factor in shown["breakdown"] if factor["code"] not in ("sum_insured", "rounding"))
    assert published("insurance") == ["insurance.quoted"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"insurance_type": "life"}, "insurance_type"),
        ({"vehicle_vin": "SHORT"}, "vehicle_vin"),
        ({"vehicle_vin": "X" * 18}, "vehicle_vin"),
        ({"coverage_amount": "1.001"}, "coverage_amount"),
        ({"coverage_amount": "-5"}, "coverage_amount"),
        ({"coverage_amount": 0}, "coverage_amount"),
        ({"deductible": "7"}, "deductible"),
        ({"drivers": [{"birth_date": "x", "licence_since": "2005-01-01"}]}, "drivers.0.birth_date"),
        ({"drivers": [make.DRIVER | {"kbm": True}]}, "drivers.0.kbm"),
        ({"drivers": "me"}, "drivers"),
        ({"term_months": 13}, "term_months"),
        ({"region": "Atlantis"}, "region"),
        ({"order_id": "x"}, "order_id"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(client, changes, field):
    body = make.KASKO | changes if field != "region" else make.OSAGO | changes
    response = client.post(PATH, body)
    assert response.status_code == 400, response.content
    assert field in [error["field"] for error in response.json()["errors"]]
    nothing_happened()


def test_it_needs_a_token():
    assert Api().post(PATH, make.KASKO).status_code == 401
    nothing_happened()


def test_a_quote_may_belong_to_ones_own_order(client):
    order_id = uuid7()
    body = make.KASKO | {"order_id": str(order_id)}
    response = client.post(PATH, body)
    assert (response.status_code, response.json()["code"]) == (409, "order_not_ready")
    assert response["Retry-After"]
    services.copy_order(order_id=order_id, customer_id=client.user_id)
    assert Api("client").post(PATH, body).status_code == 404
    nothing_happened()
    assert client.post(PATH, body).json()["order_id"] == str(order_id)
    assert Api("manager").post(PATH, body).json()["customer_id"] == str(client.user_id)


def test_the_same_key_quotes_once(client):
    first = client.post(PATH, make.KASKO, Idempotency_Key="q")
    again = client.post(PATH, make.KASKO, Idempotency_Key="q")
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
    assert client.post(PATH, make.OSAGO, Idempotency_Key="q").status_code == 422
    assert Quote.objects.count() == 1


def test_a_quote_expires_after_thirty_days(client, time_machine):
    time_machine.move_to("2026-03-01 09:00:00Z", tick=False)
    quote = make.quote(customer_id=client.user_id)
    time_machine.move_to("2026-03-31 20:00:00Z", tick=False)
    client = Api("client", user_id=client.user_id)
    assert client.get(f"{PATH}/{quote.id}").json()["status"] == "quoted"
    time_machine.move_to("2026-03-31 21:00:00Z", tick=False)
    client = Api("client", user_id=client.user_id)
    assert client.get(f"{PATH}/{quote.id}").json()["status"] == "expired"


def test_reading_is_for_the_owner_and_managers(client):
    quote = make.quote(customer_id=client.user_id)
    make.quote()
    assert client.get(f"{PATH}/{quote.id}").status_code == 200
    assert Api("manager").get(f"{PATH}/{quote.id}/").status_code == 200
    assert Api("client").get(f"{PATH}/{quote.id}").status_code == 404
    assert Api().get(f"{PATH}/{quote.id}").status_code == 401
    assert client.get(f"{PATH}/{uuid7()}").status_code == 404
    assert client.get(f"{PATH}/{'-' * 36}").status_code == 404
    assert [row["id"] for row in client.get(PATH).json()["results"]] == [str(quote.id)]
    assert len(Api("manager").get(f"{PATH}?insurance_type=kasko").json()["results"]) == 2
    assert Api().get(PATH).status_code == 401
    for bad in ("insurance_type=life", "ordering=premium", "color=red", "page_size=101"):
        assert client.get(f"{PATH}?{bad}").status_code == 400


@pytest.mark.parametrize("size", [5, 50])
def test_a_page_costs_the_same_whatever_its_size(client, size):
    for _ in range(size):
        make.quote(customer_id=client.user_id)
    make.policy(customer_id=client.user_id, now=timezone.now())
    with CaptureQueriesContext(connections["insurance"]) as queries:
        assert len(client.get(f"{PATH}?page_size={size}").json()["results"]) == size
    assert len(queries) == 1
