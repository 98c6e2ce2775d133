"""The list of orders: a filter set, which is a form, is built only for who filters."""

import pytest

from core.testing import Api
from orders.api.filters import OrderFilter
from orders.services import ProductLine
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders"])


@pytest.fixture
def built(monkeypatch):
    """The filter sets that a test has built."""
    found = []
    build = OrderFilter.__init__
    monkeypatch.setattr(OrderFilter, "__init__", lambda self, *a, **k: found.append(self) or build(self, *a, **k))
    return found


def test_a_plain_page_builds_no_filters(built):
    numbers = [make.order(lines=[ProductLine(make.product(), 1)]).number for _ in range(3)]
    page = Api("manager").get("/orders?page_size=2&ordering=-created_at").json()
    assert [one["number"] for one in page["results"]] == numbers[:0:-1]
    assert page["next"]
    assert built == []


@pytest.mark.parametrize(("query", "status", "number"), [("status=paid", 200, 0), ("status=created", 200, 1)])
def test_who_filters_gets_what_was_asked_for(built, query, status, number):
    make.order(lines=[ProductLine(make.product(), 1)])
    answer = Api("manager").get(f"/orders?{query}")
    assert (answer.status_code, len(answer.json()["results"]), len(built)) == (status, number, 1)


@pytest.mark.parametrize("query", ["status=unheard-of", "min_total=x", "stauts=paid"])
def test_an_odd_filter_is_refused_as_ever(query):
    assert Api("manager").get(f"/orders?{query}").status_code == 400
