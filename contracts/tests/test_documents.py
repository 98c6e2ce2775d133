"""Each contract is described by what it is made of, and only the contracts that are switched on are spoken."""

import pytest
from django.conf import settings
from django.test import Client
from drf_spectacular.validation import validate_schema

from contracts import documents, spoken
from contracts.tests.client import Speaker
from gateway.document.limits import RATE

pytestmark = pytest.mark.django_db(databases=["contracts"])
CONTRACTS = list(spoken.every().values())


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.letter)
def test_the_document_is_sound_and_names_every_route(contract):
    document = Speaker(contract.letter).send("GET /openapi.json").json()
    validate_schema(document)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.template) for route in contract.routes}
    assert document["servers"] == [{"url": contract.base}]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.letter)
def test_every_route_counts_against_the_limit_of_what_answers_it(contract):
    for route in contract.routes:
        native = documents.get_operation(route.call).get(RATE)
        if route.handler.__name__ in ("answer_by_one_call", "answer_for_order") or "POST" in route.method:
            assert native is None or route.scope == native["scope"], route.template


@pytest.mark.parametrize("path", ["docs", "redoc"])
def test_people_can_read_it(path):
    answer = Speaker("b").send(f"GET /{path}")
    assert answer.status_code == 200
    assert "/contracts/b/openapi.json" in answer.content.decode()


def test_the_list_has_those_that_are_switched_on(settings):
    listed = Client().get("/contracts/").json()["contracts"]
    assert [one["letter"] for one in listed] == [contract.letter for contract in CONTRACTS]
    assert {one["letter"]: one["asyncapi"] for one in listed}["c"] is None
    settings.CONTRACTS = ("c",)
    assert [one["letter"] for one in Client().get("/contracts").json()["contracts"]] == ["c"]
    assert Speaker("b").send("GET /").status_code == 404
    assert Speaker("c").send("GET /health").status_code == 200


def test_a_contract_has_a_name_of_its_own():
    answer = Client().get("/health", headers={"Host": "c.contracts.localhost:8000"})
    assert answer.json()["service"] == "api_gateway"
    assert Client().get("/health", headers={"Host": "localhost:8000"}).json()["status"] == "ok"


@pytest.mark.parametrize("path", ["/contracts/x/y", "/contracts/ids/order", "/contracts/b/nowhere", "/contracts/q"])
def test_no_page_of_the_shop_is_shown(path):
    for method in ("get", "post", "delete"):
        answer = getattr(Client(), method)(path)
        assert answer.status_code == 404, path
        assert "json" in answer["Content-Type"]


def test_the_page_has_every_row():
    page = (settings.BASE_DIR / "docs" / "contracts.md").read_text()
    for contract in CONTRACTS:
        for route in contract.routes:
            assert f"| {route.method} {route.template} | {route.call} |\n" in page, route.template
