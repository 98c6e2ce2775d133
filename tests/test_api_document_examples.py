"""Every operation shows what it takes and answers: recorded, valid, and nothing of the machine it was recorded on."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.ids import uuid7
from core.testing import Api
from gateway.document import openapi
from gateway.document.examples import KINDS, recorded
from gateway.document.hooks import operations
from tests import contract
from tests.examples import VARIABLE
from tests.examples.choose import choose, format_examples, problems, read, sources
from tests.examples.plain import leaks, plain
from tests.examples.record import Exchange

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC).isoformat()
WAITS = "no test has it wait for a second person over HTTP; the answer is that of other operations that wait"
ALWAYS = "every one waits for a second person"
UNMET = "no test of the API gets that far: those of the services do"
CLOCK = "its tests wait by PostgreSQL's clock, which does not know the examples' day"
WITHOUT = {
    "get /api/v1/commission-rules 200": CLOCK,
    "post /api/v1/commission-rules 201": ALWAYS,
    "post /api/v1/commission-rules 202": CLOCK,
    "post /api/v1/commission-rules request": CLOCK,
    "get /api/v1/commission-rules/{id} 200": CLOCK,
    "post /api/v1/commissions 201": ALWAYS,
    "get /api/v1/commissions/months 200": CLOCK,
    "delete /api/v1/events/{event_id}/registrations/{id} 202": UNMET,
    "post /api/v1/financing/loans/{id}/moratorium 200": ALWAYS,
    "post /api/v1/financing/loans/{id}/payments/{payment_id}/confirm 200": UNMET,
    "post /api/v1/financing/loans/{id}/restructure 202": WAITS,
    "post /api/v1/financing/loans/{id}/write-off 200": UNMET,
    "post /api/v1/financing/loans/{id}/write-off 202": WAITS,
    "post /api/v1/financing/loans/{id}/write-off request": UNMET,
    "post /api/v1/financing/programmes 201": UNMET,
    "post /api/v1/insurance/policies/{id}/cancel 202": WAITS,
    "post /api/v1/insurance/policies/{id}/endorse 202": WAITS,
    "patch /api/v1/orders/{id} 202": WAITS,
    "post /api/v1/orders/{id}/cancel 200": CLOCK,
    "post /api/v1/orders/{id}/deposit/fault 200": UNMET,
    "post /api/v1/orders/{id}/deposit/fault 202": CLOCK,
    "post /api/v1/orders/{id}/deposit/fault request": CLOCK,
    "post /api/v1/orders/{id}/hold 200": CLOCK,
    "post /api/v1/orders/{id}/hold request": CLOCK,
    "patch /api/v1/orders/{id}/items/{item_id} 202": CLOCK,
    "delete /api/v1/orders/{id}/items/{item_id} 202": WAITS,
    "put /api/v1/orders/{id}/status 202": WAITS,
    "patch /api/v1/products/{id} 202": WAITS,
    "post /api/v1/products/{id}/scheduled-prices 202": WAITS,
    "post /api/v1/products/{id}/stock 202": WAITS,
    "post /api/v1/returns/{id}/accept 202": CLOCK,
    "get /health 200": "it is the version, which each release changes",
}
"""What lacks an example, and why."""


def parts(operation):
    """List what of an operation has a body in JSON or of a form: its request, and its answers by status."""
    described = {"request": operation.get("requestBody", {})} | {
        status: response for status, response in operation["responses"].items() if status.startswith("2")
    }
    for name, each in described.items():
        for kind in KINDS:
            if kind in each.get("content", {}):
                yield name, each["content"][kind]


@pytest.mark.parametrize("language", openapi.LANGUAGES)
def test_every_body_has_an_example(language):
    document = json.loads(openapi.get_document_path(language, "json").read_text())
    missing = {
        f"{method} {path} {name}"
        for path, method, operation in operations(document)
        for name, content in parts(operation)
        if "example" not in content
    }
    assert sorted(missing ^ set(WITHOUT)) == [], "make examples ARGS=<a test that calls it>"


def exchanges():
    for operation, example in recorded().items():
        for status, test in example["tests"].items():
            answered = example["responses"].get(status)
            method, sent = operation.split()[0], example.get("request")
            yield (
                operation,
                exchange(test=test, method=method, path="", status=int(status), sent=sent, answered=answered),
            )


def test_each_is_what_the_document_says():
    """Strictly: a member that the schema does not know is refused too."""
    assert [(operation, said) for operation, one in exchanges() for said in problems(operation, one)] == []


def test_making_them_plain_again_changes_nothing():
    for operation, one in exchanges():
        again = plain(one)
        assert (again.sent, again.answered) == (one.sent, one.answered), operation


def test_the_tests_that_they_are_from_exist():
    for test in sources(recorded()):
        path, *_classes, name = re.sub(r"\[.*", "", test).split("::")
        assert f"def {name}(" in (ROOT / path).read_text(), test


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:43211/pay",
        "https://shop.example:8443/pay",
        "/tmp/pytest-1/a.csv",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        "whsec_b2Zyb3pl",
        "-----BEGIN PRIVATE KEY-----",
        "<b>bold</b>",
        "tok_declined",
    ],
)
def test_what_has_no_place_in_one_is_found(text):
    assert list(leaks(json.dumps({"x": text})))


def exchange(**changes):
    one = Exchange(
        at=NOW, test="a", number=1, method="post", path="/api/v1/auth/verify", status=200, sent={"token": "x"},
        answered={"valid": False},
    )  # fmt: skip
    return replace(one, **changes)


def test_what_differs_from_run_to_run_is_made_plain():
    first, second = str(uuid7()), str(uuid7())
    answered = {
        "ids": [first, second, first],
        "at": NOW.replace(":00+", ":07+"),
        "url": "http://testserver/api/v1/orders?cursor=cD0y",
        "ticket": "nMNXPUmEOgUUS3oCEQ9x1dHOreu8Dn84uLAhiLzLvIs",
        "email": "a7c1@example.com",
        "number": "2027-000231",
        "rows": [{"n": 1}, {"n": 2}, {"n": 3}],
    }
    assert plain(exchange(answered=answered)).answered == {
        "ids": [f"0199c0de-0000-7000-8000-{n:012}" for n in (1, 2, 1)],
        "at": "2027-03-01T09:00:00Z",
        "url": "https://shop.example/api/v1/orders?cursor=example",
        "ticket": "a-ticket-for-one-socket",
        "email": "buyer@example.com",
        "number": "2027-000001",
        "rows": [{"n": 1}, {"n": 2}],
    }


VERIFY = "post /api/v1/auth/verify"


def test_the_fullest_that_is_valid_is_chosen_whatever_the_order():
    fuller = exchange(test="b", answered={"valid": True, "user_id": str(uuid7()), "roles": ["client"]})
    wrong = exchange(test="0", answered={"valid": "perhaps", "user_id": "x", "roles": ["client"], "more": 1})
    offered = [(VERIFY, one) for one in (exchange(), fuller, replace(fuller, test="c"), wrong)]
    made = choose(offered, {})
    assert made[VERIFY]["tests"] == {"200": "b"}
    assert choose(reversed(offered), {}) == made


def test_what_was_chosen_stays_while_its_test_offers_it():
    before = choose([(VERIFY, exchange(test="z"))], {})
    assert choose([(VERIFY, exchange()), (VERIFY, exchange(test="z"))], before) == before
    assert choose([(VERIFY, exchange())], before)[VERIFY]["tests"] == {"200": "a"}
    assert choose([], before) == {}


@pytest.mark.django_db(databases=["accounts"])
def test_an_exchange_of_a_test_becomes_an_example(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    Api().post("/auth/verify", {"token": "x"})
    Api().post("/auth/verify", {})
    Api().get("/auth/me")
    made = choose(read(tmp_path), {})
    assert list(made) == [VERIFY]
    assert made[VERIFY]["request"] == {"token": "a-token-from-a-letter"}
    assert "test_an_exchange_of_a_test" in made[VERIFY]["tests"]["200"]
    assert json.loads(format_examples(made)) == made
    contract.record.disown(made[VERIFY]["tests"]["200"])
    assert choose(read(tmp_path), {}) == {}, "what a failed test saw is no example"


def test_nothing_is_kept_in_a_usual_run(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    contract.record.store(None, {}, None)
    assert list(tmp_path.iterdir()) == []
