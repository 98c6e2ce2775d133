"""The list of orders: one statement for who filters nothing, and a filter set, which is a form, for others only."""

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from core.db import fetch
from core.testing import Api
from gateway.requests import counted
from orders.api import filters
from orders.api.filters import OrderFilter
from orders.models import Order, OrderLine
from orders.queries import pages
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


def walk(api, query, link="next"):
    """Numbers of all orders, page by page from where `query` begins, and where the walk ended."""
    address, numbers = f"/api/v1/orders?{query}", []
    while True:
        page = api.client.get(address, headers=api.headers).json()
        numbers += [one["number"] for one in (page["results"] if link == "next" else page["results"][::-1])]
        if page[link] is None:
            return numbers, page
        address = page[link]


@pytest.fixture
def two_buyers():
    """Seven orders of two buyers, of which some came at one moment and some cost the same; one was deleted."""
    product, buyers = make.product(available=100), [Api("client"), Api("client")]
    orders = [
        make.order(customer_id=buyers[index % 2].user_id, lines=[ProductLine(product, 1 + index // 3)])
        for index in range(8)
    ]
    moment = orders[0].created_at
    Order.objects.filter(pk__in=[order.pk for order in orders[1:4]]).update(created_at=moment)
    Order.objects.filter(pk=orders[7].pk).update(deleted_at=moment)
    return buyers


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("ordering", "fields"),
    [
        ("", ["-created_at", "-id"]),
        ("created_at", ["created_at", "pk"]),
        ("-total_amount", ["-total_amount", "-pk"]),
        ("total_amount,-created_at", ["total_amount", "-created_at", "pk"]),
    ],
)
def test_pages_show_every_order_once_and_are_those_of_who_filters(two_buyers, ordering, fields, size):
    for api, theirs in [
        (Api("manager"), Order.objects.all()),
        (two_buyers[0], Order.objects.filter(customer_id=two_buyers[0].user_id)),
    ]:
        expected = list(theirs.filter(deleted_at=None).order_by(*fields).values_list("number", flat=True))
        numbers, last = walk(api, f"page_size={size}&ordering={ordering}")
        assert numbers == expected
        by_filters, last_by_filters = walk(api, f"page_size={size}&ordering={ordering}&min_total=0")
        assert by_filters == expected
        if last["previous"]:
            back, back_by_filters = (
                walk(api, page["previous"].partition("?")[2], "previous")[0] for page in (last, last_by_filters)
            )
            assert back == back_by_filters


@pytest.mark.parametrize("size", [1, 4])
def test_a_plain_page_is_one_statement_however_long(two_buyers, monkeypatch, size):
    asked = []
    monkeypatch.setattr(pages, "fetch", lambda *args: asked.append(args) or fetch(*args))
    with CaptureQueriesContext(connections["orders"]) as others:
        assert len(two_buyers[0].get(f"/orders?page_size={size}").json()["results"]) == size
    assert (len(asked), len(others)) == (1, 0)


@pytest.mark.parametrize(
    ("role", "ordering", "index"),
    [
        ("manager", "", "order_newest"),
        ("manager", "created_at", "order_newest"),
        ("manager", "-total_amount", "order_by_total"),
        ("client", "", "order_of_customer"),
    ],
)
def test_a_page_is_walked_to_by_an_index_and_nothing_is_sorted_for_it(monkeypatch, role, ordering, index):
    asked = []
    monkeypatch.setattr(pages, "fetch", lambda *args: asked.append(args) or fetch(*args))
    assert Api(role).get(f"/orders?ordering={ordering}").status_code == 200
    ((alias, sql, values),) = asked
    # Statistics of other tests' few rows would have the planner think that there are no more.
    fetch(alias, "UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relname = 'orders_order'", ())
    fetch(alias, "DELETE FROM pg_statistic WHERE starelid = 'orders_order'::regclass", ())
    for way in ("seqscan", "bitmapscan", "sort"):  # where a few rows would be sorted, many are not
        fetch(alias, f"SET LOCAL enable_{way} = off", ())
    plan = "\n".join(row[0] for row in fetch(alias, f"EXPLAIN (COSTS OFF) {sql}", values))
    below = plan.partition("Limit")[2].partition("SubPlan")[0]
    assert f"using {index} on orders_order" in below, plan
    assert "Sort" not in below, plan


# Pages by number ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("filters", ["", "&min_total=0"])
def test_pages_by_number_are_the_same_orders_with_their_total(two_buyers, filters):
    for api in (Api("manager"), two_buyers[0]):
        numbers, _ = walk(api, f"page_size=2{filters}")
        walked, last = walk(api, f"page=1&page_size=2{filters}")
        assert (walked, last["total"]) == (numbers, len(numbers))
        back, first = walk(api, f"page={-(-len(numbers) // 2)}&page_size=2{filters}", "previous")
        assert (back, first["total"]) == (numbers[::-1], len(numbers))


def test_a_page_beyond_the_last_is_empty(two_buyers):
    page = Api("manager").get("/orders?page=100&page_size=100").json()
    assert (page["results"], page["next"], page["total"]) == ([], None, 7)


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=-1", "page=101&page_size=100", "page=501", "page=²"])
def test_a_page_that_cannot_be_is_refused(query):
    answer = Api("manager").get(f"/orders?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "page")


def test_a_page_and_a_cursor_are_not_asked_for_together(two_buyers):
    following = Api("manager").get("/orders?page_size=2").json()["next"].partition("?")[2]
    assert Api("manager").get(f"/orders?{following}&page=1").status_code == 400


@pytest.mark.parametrize("filters", ["", "&min_total=0"])
def test_nothing_is_counted_further_than_pages_reach(two_buyers, monkeypatch, filters):
    monkeypatch.setattr(counted, "MOST", 4)
    page = Api("manager").get(f"/orders?page=2&page_size=2{filters}").json()
    assert (page["total"], page["next"], len(page["results"])) == (4, None, 2)


def test_nobody_else_pays_for_the_count(two_buyers):
    with CaptureQueriesContext(connections["orders"]) as asked:
        assert "total" not in two_buyers[0].get("/orders?min_total=0").json()
    assert not [query for query in asked if "count(" in query["sql"].lower()]


@pytest.mark.parametrize("dense", [1000, 2], ids=["few have it", "many have it"])
def test_a_search_finds_the_same_whether_few_or_many_have_what_is_looked_for(dense, monkeypatch):
    monkeypatch.setattr(filters, "DENSE", dense)
    vesta, granta = make.product(available=9), make.product(available=9)
    orders = [make.order(lines=[ProductLine(car, 1)]) for car in (vesta, granta, vesta, granta, vesta)]
    of_grantas = OrderLine.objects.filter(order_id__in=[orders[1].id, orders[3].id])
    of_grantas.update(name="Lada Granta")

    def find(value, query="", api=None):
        page = (api or Api("manager")).get(f"/orders?search={value}{query}").json()
        return [orders.index(next(o for o in orders if str(o.id) == row["id"])) for row in page["results"]]

    assert find("vesta") == [4, 2, 0]
    assert find("Lada") == [4, 3, 2, 1, 0]
    assert find("Lada", "&status=paid") == []
    assert find(orders[1].number) == [1]
    assert find(orders[1].number[:4]) == [4, 3, 2, 1, 0]
    assert find(of_grantas[0].sku) == [3, 1]
    assert find("nothing of the kind") == []
    assert find("vesta", f"&customer_id={orders[2].customer_id}") == [
        number for number in (4, 2, 0) if orders[number].customer_id == orders[2].customer_id
    ]
