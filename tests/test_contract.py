"""The hook that holds every answer against the OpenAPI document finds each kind of mismatch, and passes what agrees."""

import copy
import json

import pytest

from core.ids import uuid7
from core.testing import Api
from tests import contract
from tests.contract import mismatches

HEADERS = {"Content-Type": "application/json", "X-Request-ID": "x"}
PATH = "/api/v1/auth/verify"
VALID = {"valid": False}
PROBLEM = {
    "type": "urn:autosalon:problem:not_found", "title": "Not found", "status": 404, "code": "not_found",
    "detail": "Not found.", "errors": [], "request_id": "x",
}  # fmt: skip


def found(status=200, body=VALID, path=PATH, **headers):
    sent = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    return list(mismatches("post", path, status, sent, json.dumps(body).encode()))


def test_an_answer_that_agrees_passes():
    assert found() == []
    assert found(status=404, body=PROBLEM, Content_Type="application/problem+json") == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"status": 418}, "status 418 is not in the document"),
        ({"body": VALID | {"valid": "no"}}, "at `valid`"),
        ({"body": {}}, "required property"),
        ({"body": VALID | {"surprise": 1}}, "Additional properties are not allowed"),
        ({"body": VALID | {"expires_at": "tomorrow"}}, "at `expires_at`"),
        ({"Content_Type": "text/html"}, "is sent as text/html"),
        ({"Location": "/"}, "carries location"),
        ({"path": "/api/v1/nothing-like-it"}, "the operation is not in the document"),
        (
            {"status": 404, "body": PROBLEM | {"code": "brand_new"}, "Content_Type": "application/problem+json"},
            "'brand_new', which is not in the document's list",
        ),
    ],
)
def test_a_mismatch_is_told(answer, told):
    assert any(told in slip for slip in found(**answer)), found(**answer)


@pytest.mark.django_db(databases=["accounts"])
def test_answers_of_this_process_are_held(contract_slips, monkeypatch):
    wrong = copy.deepcopy(contract.document())
    wrong["paths"][PATH]["post"]["responses"].pop("200")
    monkeypatch.setattr(contract, "document", lambda: wrong)
    assert Api().post("/auth/verify", {"token": "x"}).status_code == 200
    assert contract_slips == [f"POST {PATH}: status 200 is not in the document"]
    contract_slips.clear()


def test_an_id_in_an_address_finds_its_operation():
    assert contract.find_template("get", f"/api/v1/orders/{uuid7()}/") == "/api/v1/orders/{id}"
    assert contract.find_template("get", "/api/v1/orders/my-stats") == "/api/v1/orders/my-stats"
    assert contract.find_template("get", "/api/v1/nothing") is None
