"""One language for every refusal: what Accept-Language asks for, and Russian where it asks for nothing we speak."""

import re

import msgspec
import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from core.ids import uuid7
from core.testing import Api
from gateway.requests import wording
from gateway.responses.problems import from_exception

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "orders"])
ASKED = [
    ({}, "ru"),
    ({"Accept_Language": "ru"}, "ru"),
    ({"Accept_Language": "en-GB,en;q=0.9"}, "en"),
    ({"Accept_Language": "de, en;q=0.5"}, "en"),
    ({"Accept_Language": "kl"}, "ru"),
    ({"Accept_Language": "*"}, "ru"),
]
BODY = {"items": [{"product_id": str(uuid7()), "quantity": 1}], "surprise": 1}
REFUSALS = {
    "fast path, no token": lambda ask: Api().post("/orders", {}, **ask),
    "DRF, no token": lambda ask: Api().get("/users", **ask),
    "fast path, role": lambda ask: Api("client").post("/orders", BODY | {"customer_id": str(uuid7())}, **ask),
    "DRF, role": lambda ask: Api("client").get("/users", **ask),
    "fast path, shape": lambda ask: Api("client").post("/orders", BODY, **ask),
    "fast path, no field": lambda ask: Api("client").post("/orders", {}, **ask),
    "fast path, own rule": lambda ask: Api("client").post(
        "/orders", {"items": [], "payment": {"method": "card", "token": "x"}}, **ask
    ),
    "DRF, field": lambda ask: Api().post("/auth/register", {"email": "x"}, **ask),
    "DRF, parameter": lambda ask: Api().get("/products?page_size=0", **ask),
    "fast path, missing": lambda ask: Api("client").get(f"/orders/{uuid7()}", **ask),
    "DRF, missing": lambda ask: Api().get(f"/products/{uuid7()}", **ask),
    "edge, path": lambda ask: Api("client").get("/nothing-here", **ask),
    "DRF, method": lambda ask: Api("manager").delete("/products", **ask),
    "fast path, not JSON": lambda ask: Api("client").request("post", "/orders", "{", **ask),
    "DRF, not JSON": lambda ask: Api().request("post", "/auth/register", "{", **ask),
    "fast path, media type": lambda ask: Client().post(
        "/api/v1/orders", "x", content_type="text/plain", headers=Api("client").headers | _headers(ask)
    ),
    "outside the API": lambda ask: Client().get("/api/nothing", headers=_headers(ask)),
}


def _headers(ask):
    return {name.replace("_", "-"): value for name, value in ask.items()}


def sentences(problem):
    return [problem["title"], problem["detail"], *(error["detail"] for error in problem["errors"])]


def detect_language(text):
    return "ru" if re.search("[а-яё]", text, re.IGNORECASE) else "en"


@pytest.mark.parametrize(("ask", "language"), ASKED, ids=[str(ask.get("Accept_Language")) for ask, _ in ASKED])
@pytest.mark.parametrize("name", REFUSALS)
def test_every_refusal_is_in_the_language_asked_for(name, ask, language):
    answer = REFUSALS[name](ask)
    assert 400 <= answer.status_code < 500
    told = sentences(answer.json())
    assert {detect_language(text) for text in told} == {language}, told


def test_the_two_ways_in_say_the_same_of_a_missing_token():
    fast_path, ordinary = Api().post("/orders", {}), Api().get("/users")
    assert (fast_path.json()["code"], fast_path.json()["detail"]) == (
        ordinary.json()["code"],
        ordinary.json()["detail"],
    )


@pytest.mark.parametrize(("ask", "language"), ASKED[:3])
def test_a_fault_of_ours_is_told_in_it_too(ask, language, monkeypatch):
    monkeypatch.setattr("catalog.api.cached._find", lambda *args: 1 / 0)
    answer = Api().get("/products", **ask)
    assert answer.status_code == 500
    assert {detect_language(text) for text in sentences(answer.json())} == {language}


@pytest.mark.parametrize(("ask", "language"), ASKED)
def test_pages_follow_the_same_rule(ask, language):
    page = Client().get("/nothing-here/", headers=_headers(ask))
    assert page.status_code == 404
    assert f'lang="{language}"' in page.text


def test_what_somebody_chose_on_a_page_comes_first():
    browser = Client()
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    assert detect_language(browser.get("/api/v1/users", headers={"Accept-Language": "ru"}).json()["detail"]) == "en"


def test_an_answer_says_its_language():
    assert Api().get("/users", Accept_Language="en")["Content-Language"] == "en"
    assert "Accept-Language" in Api().get("/users")["Vary"]


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    count: int = 0
    ids: list[int] = []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{}", "В объекте нет обязательного поля `name`"),
        ('{"name": 1}', "Ожидалось `str`, получено `int`"),
        ('{"name": "x", "other": 1}', "В объекте неизвестное поле `other`"),
        ('{"name": "x", "ids": [true]}', "Ожидалось `int`, получено `bool`"),
    ],
)
def test_the_decoder_speaks_russian_too(body, said):
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(body, type=Shape)
    problem = msgspec.json.decode(from_exception(caught.value, RequestFactory().get("/")).content)
    assert problem["errors"][0]["detail"] == said


def test_a_sentence_of_a_newer_decoder_is_not_left_in_english():
    assert (
        wording.say_wrong_shape("Expected something nobody has heard of") == "Значение не того вида, который ожидался."
    )
