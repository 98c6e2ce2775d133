import pytest

from core.ids import uuid7
from core.secrecy.cards import looks_like_card_number
from core.testing import Api
from payments.models import PaymentMethod
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])


def test_a_token_is_kept_and_forgotten():
    api = Api("client")
    made = api.post("/payment-methods", {"method": "card", "token": "tok_success"})
    assert made.status_code == 201
    assert made.json()["label"] == "•••• cess"
    assert "tok_success" not in made.content.decode()
    assert [row["id"] for row in api.get("/payment-methods").json()["results"]] == [made.json()["id"]]
    assert Api("client").get("/payment-methods").json()["results"] == []
    path = f"/payment-methods/{made.json()['id']}"
    assert Api("client").delete(path).status_code == 404
    assert Api("manager").delete(path).status_code == 404
    assert Api().delete(path).status_code == 401
    assert PaymentMethod.objects.count() == 1
    assert api.delete(path).status_code == 204
    assert api.delete(path).status_code == 404


def test_a_payment_outlives_its_method():
    order = make.order()
    api = Api("client", user_id=order.customer_id)
    stored = api.post("/payment-methods", {"method": "card", "token": "tok_success"}).json()
    body = {"order_id": str(order.id), "method": "card", "payment_method_id": stored["id"]}
    payment = api.post("/payments", body).json()
    assert api.delete(f"/payment-methods/{stored['id']}").status_code == 204
    assert api.get(f"/payments/{payment['id']}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"method": "card", "token": "4111111111111111"},
        {"method": "card", "token": "4111 1111 1111 1111"},
        {"method": "card", "token": 4111111111111111},
        {"method": "card", "token": "tok_5555-5555-5555-4444_x"},
        {"method": "card", "token": "tok_success", "note": ["2200 0000 0000 0004"]},
        {"method": "card", "number": "378282246310005"},
        {"method": "4111111111111111", "token": "tok_success"},
    ],
)
def test_a_card_number_is_refused_and_never_repeated(body, caplog):
    response = Api("client").post("/payment-methods", body)
    assert (response.status_code, response.json()["code"]) == (400, "card_number_refused")
    assert not PaymentMethod.objects.exists()
    written = response.content.decode() + caplog.text
    assert not looks_like_card_number(written.replace(response.json()["request_id"], ""))


@pytest.mark.parametrize("body", [{}, {"method": "card"}, {"method": "cash", "token": "x"}, {"method": 5, "token": ""}])
def test_bad_input_is_refused(body):
    assert Api("client").post("/payment-methods", body).status_code == 400
    assert not PaymentMethod.objects.exists()


def test_anonymous_stores_nothing():
    assert Api().post("/payment-methods", {"method": "card", "token": "tok_success"}).status_code == 401
    assert Api().get("/payment-methods").status_code == 401


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111",
        "4111 1111 1111 1111 12/29 123",
        "card:4111-1111-1111-1111",
        "４１１１１１１１１１１１１１１１",
        "6011000990139424",
        "4222222222222",
        "to 5555.5555.5555.4444 please",
    ],
)
def test_card_numbers_are_spotted(text):
    assert looks_like_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "tok_success",
        "2026-000123",
        "+7 999 123-45-67",
        "0000000000000000",
        str(uuid7()),
        "",
        "а" * 99,
    ],
)
def test_other_things_are_not(text):
    assert not looks_like_card_number(text)
