"""Try what a program may say in Accept: nothing that the document names is refused."""

import pytest

from core.testing import Api
from orders.services import ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog"])
PDF, OCTETS = "application/pdf", "application/octet-stream"
PROBLEM = "application/problem+json"


@pytest.mark.parametrize("accept", ["application/json", f"application/json, {PROBLEM}", PROBLEM, PDF, "", "*/*"])
def test_an_answer_in_json_is_given_to_everybody(accept):
    answer = Api("client").get("/orders", Accept=accept)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (f"{PDF}, {PROBLEM}", PDF),
        (f"{PDF}, {OCTETS}, {PROBLEM}", PDF),
        ("*/*", PDF),
        ("application/json", PDF),
        (OCTETS, OCTETS),
        (f"{OCTETS}, {PROBLEM}", OCTETS),
    ],
)
def test_a_file_is_called_what_was_asked_for(accept, kind):
    order = make.order(lines=[ProductLine(make.product(available=3), 1)])
    receive(answers.reserved(order))
    answer = Api("client", user_id=order.customer_id).get(f"/orders/{order.id}/documents/invoice", Accept=accept)
    assert (answer.status_code, answer["Content-Type"]) == (200, kind)
    assert answer.content.startswith(b"%PDF-")
    assert "Accept" in answer["Vary"]


def test_a_refused_file_is_a_problem_whatever_was_asked_for():
    order = make.order()
    answer = Api("client").get(f"/orders/{order.id}/documents/invoice", Accept=OCTETS)
    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)
