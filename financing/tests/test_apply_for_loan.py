"""A client applies for a loan, and is answered at once."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from core.ids import uuid7
from core.testing import Api
from financing.models import Application, OrderState
from financing.tests import make
from messaging.testing import published

pytestmark = pytest.mark.django_db(databases=["financing"])
PATH = "/financing/applications"


@pytest.fixture(autouse=True)
def _on_offer():
    make.programme()


@pytest.fixture
def client():
    return Api("client")


@pytest.fixture
def order(client):
    return make.order(customer_id=client.user_id)


def body(order, **changes):
    return make.ASKED | {"order_id": str(order.order_id)} | changes


def nothing_happened():
    assert not Application.objects.exists()
    assert published("financing") == []


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
def test_a_good_application_is_approved(client, order, path):
    response = client.post(path, body(order))
    assert response.status_code == 201, response.content
    shown = response.json()
    assert (shown["status"], shown["reasons"], shown["detail"]) == ("approved", [], "")
    assert (shown["requested_amount"], shown["approved_amount"]) == ("1500000.00", "1500000.00")
    assert (shown["annual_rate"], shown["monthly_payment"], shown["psk"]) == ("15.0000", "51997.99", "15.000")
    assert shown["expires_at"] > shown["created_at"]
    assert shown["currency"] == "RUB"
    assert shown["decision"]["programme_version"] == 1
    assert shown["decision"]["rules"]["approve_dti_percent"] == "50.0000"
    assert shown["decision"]["facts"]["monthly_income"] == "200000.00"
    assert {check["code"] for check in shown["decision"]["checks"]} >= {"age", "dti", "ltv", "term", "income"}
    assert published("financing") == ["financing.submitted", "financing.approved"]


@pytest.mark.parametrize(
    ("changes", "status", "reasons", "told"),
    [
        ({"term_months": 120}, "rejected", ["term"], "financing.rejected"),
        ({"employment_status": "unemployed"}, "rejected", ["employment"], "financing.rejected"),
        ({"down_payment": "0"}, "rejected", ["down_payment", "ltv"], "financing.rejected"),
        ({"birth_date": "1940-01-01"}, "rejected", ["age"], "financing.rejected"),
        ({"monthly_income": "60000"}, "rejected", ["income", "dti"], "financing.rejected"),
        ({"monthly_income": 90000}, "under_review", ["dti"], None),
        ({"monthly_income": "0"}, "under_review", ["income_zero"], None),
        ({"vehicle_year": 2001}, "rejected", ["vehicle_age"], "financing.rejected"),
    ],
)
def test_it_is_refused_or_reviewed_with_reasons(client, order, changes, status, reasons, told):
    response = client.post(PATH, body(order, **changes))
    assert response.status_code == 201, response.content
    shown = response.json()
    assert (shown["status"], shown["reasons"]) == (status, reasons)
    assert shown["detail"]
    assert shown["approved_amount"] is None
    assert published("financing") == ["financing.submitted", *([told] if told else [])]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"down_payment": "2000000"}, "down_payment"),
        ({"down_payment": "-1"}, "down_payment"),
        ({"vehicle_price": "0"}, "vehicle_price"),
        ({"vehicle_price": "1.005"}, "vehicle_price"),
        ({"vehicle_price": "1e30"}, "vehicle_price"),
        ({"term_months": 0}, "term_months"),
        ({"term_months": 361}, "term_months"),
        ({"financing_type": "gift"}, "financing_type"),
        ({"employment_status": "king"}, "employment_status"),
        ({"monthly_income": "-1"}, "monthly_income"),
        ({"monthly_income": None}, "monthly_income"),
        ({"birth_date": "2999-01-01"}, "birth_date"),
        ({"birth_date": "yesterday"}, "birth_date"),
        ({"vehicle_year": 3000}, "vehicle_year"),
        ({"order_id": "1"}, "order_id"),
        ({"programme_id": str(uuid7())}, "programme_id"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(client, order, changes, field):
    response = client.post(PATH, body(order, **changes))
    assert response.status_code == 400, response.content
    assert field in [error["field"] for error in response.json()["errors"]]
    nothing_happened()


def test_it_needs_a_token(order):
    assert Api().post(PATH, body(order)).status_code == 401
    nothing_happened()


def test_another_clients_order_does_not_exist(order):
    assert Api("client").post(PATH, body(order)).status_code == 404
    nothing_happened()


def test_an_order_not_heard_of_yet_is_tried_again_later(client, order):
    response = client.post(PATH, body(order, order_id=str(uuid7())))
    assert (response.status_code, response.json()["code"]) == (409, "order_not_ready")
    assert int(response["Retry-After"]) > 0
    nothing_happened()


def test_a_closed_order_needs_no_loan(client, order):
    order.state = OrderState.CANCELLED
    order.save()
    assert client.post(PATH, body(order)).json()["code"] == "order_closed"
    nothing_happened()


def test_without_a_programme_of_the_kind_there_is_no_loan(client, order):
    response = client.post(PATH, body(order, financing_type="leasing"))
    assert (response.status_code, response.json()["code"]) == (409, "no_programme")
    nothing_happened()


def test_a_manager_applies_for_the_buyer(order):
    shown = Api("manager").post(PATH, body(order)).json()
    assert shown["customer_id"] == str(order.customer_id)


def test_more_than_the_order_costs_is_not_lent(client):
    small = make.order(customer_id=client.user_id, total="1000000.00")
    shown = client.post(PATH, body(small)).json()
    assert (shown["status"], shown["reasons"]) == ("rejected", ["amount", "down_payment", "ltv"])


def test_the_same_key_applies_once(client, order):
    first = client.post(PATH, body(order), Idempotency_Key="k1")
    again = client.post(PATH, body(order), Idempotency_Key="k1")
    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert again.json() == first.json()
    assert client.post(PATH, body(order, term_months=12), Idempotency_Key="k1").status_code == 422
    assert Application.objects.count() == 1


def test_the_kindest_programme_decides_the_cheapest_of_equals(client, order):
    make.programme(base_rate=Decimal(5), max_term_months=12)
    cheap = make.programme(base_rate=Decimal(14))
    assert client.post(PATH, body(order)).json()["programme_id"] == str(cheap.id)


def test_a_programme_named_decides_alone(client, order):
    short = make.programme(base_rate=Decimal(5), max_term_months=12)
    shown = client.post(PATH, body(order, programme_id=str(short.id))).json()
    assert (shown["programme_id"], shown["reasons"]) == (str(short.id), ["term"])


def test_a_programme_that_is_over_decides_nothing(client, order):
    over = make.programme(valid_to=date(2020, 2, 1))
    response = client.post(PATH, body(order, programme_id=str(over.id)))
    assert response.json()["errors"][0]["code"] == "unknown_programme"
    nothing_happened()


def test_leasing_ends_with_its_residual_payment(client, order):
    make.programme(financing_type="leasing", schedule="balloon", residual_percent=Decimal(10))
    shown = client.post(PATH, body(order, financing_type="leasing")).json()
    assert (shown["status"], shown["balloon"]) == ("approved", "200000.00")
    rows = client.get(f"{PATH}/{shown['id']}/schedule").json()["schedule"]
    assert Decimal(rows[-1]["payment"]) - Decimal(rows[0]["payment"]) > Decimal("199990")


def test_instalments_without_interest_cost_nothing(client, order):
    make.programme(financing_type="installment", base_rate=Decimal(0))
    shown = client.post(PATH, body(order, financing_type="installment")).json()
    quote = client.get(f"{PATH}/{shown['id']}/schedule").json()
    assert (quote["total_interest"], quote["psk"]) == ("0.00", "0.000")


# Reading ---------------------------------------------------------------------------------------------------------
def test_the_owner_and_managers_read_it(client, order):
    path = f"{PATH}/{make.application(of=order).id}"
    assert client.get(path).status_code == 200
    assert client.get(path)["ETag"] == '"3"'
    assert Api("manager").get(path + "/").status_code == 200
    for suffix in ("", "/schedule"):
        assert client.get(path + suffix).status_code == 200
        assert Api().get(path + suffix).status_code == 401
        assert Api("client").get(path + suffix).status_code == 404
        assert client.get(f"{PATH}/{uuid7()}{suffix}").status_code == 404
    assert client.get(f"{PATH}/{'-' * 36}").status_code == 404


def test_the_schedule_repays_the_offer(client, order):
    quote = client.get(f"{PATH}/{make.application(of=order).id}/schedule").json()
    assert (quote["amount_financed"], quote["monthly_payment"]) == ("1500000.00", "51997.99")
    assert len(quote["schedule"]) == 36
    assert sum(Decimal(row["principal"]) for row in quote["schedule"]) == 1_500_000


def test_the_list_shows_ones_own_and_filters(client, order):
    mine, _other = make.application(of=order), make.application()
    rejected = make.application(of=order, term_months=120)
    shown = client.get(PATH).json()["results"]
    assert [row["id"] for row in shown] == [str(rejected.id), str(mine.id)]
    assert len(Api("manager").get(PATH).json()["results"]) == 3
    assert len(client.get(f"{PATH}?status=rejected&order_id={order.order_id}").json()["results"]) == 1
    assert len(Api("manager").get(f"{PATH}?customer_id={client.user_id}").json()["results"]) == 2
    assert client.get(f"{PATH}?ordering=created_at").json()["results"][0]["id"] == str(mine.id)
    assert Api().get(PATH).status_code == 401
    for bad in ("status=nice", "ordering=income", "page_size=0", "cursor=zzz", "color=red", "order_id=1"):
        assert client.get(f"{PATH}?{bad}").status_code == 400, bad


@pytest.mark.parametrize("size", [5, 50])
def test_a_page_costs_the_same_whatever_its_size(client, order, size):
    for _ in range(size):
        make.application(of=order)
    with CaptureQueriesContext(connections["financing"]) as queries:
        assert len(client.get(f"{PATH}?page_size={size}").json()["results"]) == size
    assert len(queries) == 2
