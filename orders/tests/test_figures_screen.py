"""The page of sales figures: its days, its groups, its file, its cost, and who may look."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.make import user as person
from core.clock import dealer_day
from gateway.models import KnownPerson
from orders.models import Order, ProductCopy
from orders.services import ProductLine
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders", "accounts"])
PAGE = "/admin/orders/order/sales-figures/"
TODAY = dealer_day(timezone.now())


@pytest.fixture
def manager():
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(person("manager"), backend="accounts.backends.EmailBackend")
    return client


def text(answer):
    return answer.content.decode().replace("\u00a0", " ")


def table(manager, **query):
    """Rows of the file, without its head."""
    answer = manager.get(PAGE, {"file": "csv"} | query)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    return [line.split(",") for line in b"".join(answer.streaming_content).decode().splitlines()[1:]]


def sold(price, *, make_="", kind="vehicle", quantity=1, manager=None, now=None, status="paid"):
    """An order of one line that is sold, as figures see it."""
    product = make.product(price=price, available=9)
    ProductCopy.objects.filter(pk=product).update(make=make_, kind=kind)
    order = make.order(lines=[ProductLine(product, quantity)], now=now)
    Order.objects.filter(pk=order.pk).update(status=status, manager_id=manager, amount_paid=order.total_amount)
    return order


def test_makes_are_those_of_cars_sold_with_the_largest_first(manager):
    sold("100.00", make_="Lada")
    sold("900.00", make_="Skoda")
    sold("50.00", make_="Lada", quantity=2)
    sold("7.00", make_="Bosch", kind="accessory")
    sold("5000.00", make_="BMW", status="cancelled")
    assert table(manager, by="make") == [["Skoda", "1", "900.00"], ["Lada", "3", "200.00"]]


def test_kinds_are_named(manager):
    sold("100.00", make_="Lada")
    sold("7.00", kind="accessory")
    assert table(manager, by="kind") == [["Cars", "1", "100.00"], ["Accessories", "1", "7.00"]]
    assert "Accessories" in text(manager.get(PAGE, {"by": "kind"}))


def test_managers_are_named_and_orders_without_one_stand_apart(manager):
    known = person("manager")
    KnownPerson.objects.using("orders").create(person_id=known.pk, name="=Anna")
    sold("100.00", manager=known.pk)
    sold("300.00", manager=known.pk, status="created")
    sold("50.00")
    assert table(manager, by="manager") == [["'=Anna", "2", "1", "100.00"], ["no manager", "1", "1", "50.00"]]


def test_every_day_has_a_row_and_the_plot_the_same_sums(manager):
    sold("100.00", now=timezone.now() - timedelta(days=2))
    days = {"start": (TODAY - timedelta(days=3)).isoformat(), "end": TODAY.isoformat()}
    assert [row[-1] for row in table(manager, **days)] == ["0.00", "100.00", "0.00", "0.00"]
    shown = text(manager.get(PAGE, days))
    assert "[0.0, 100.0, 0.0, 0.0]" in shown
    assert "100.00 ₽" in shown


def test_days_are_the_dealers_on_both_sides(manager):
    """Half past nine in the evening by Greenwich is the next day in Moscow."""
    sold("100.00", make_="Lada", now=datetime(2026, 5, 31, 21, 30, tzinfo=UTC))
    sold("7.00", make_="Skoda", now=datetime(2026, 5, 31, 20, 30, tzinfo=UTC))
    day = {"start": "2026-06-01", "end": "2026-06-01"}
    assert table(manager, by="make", **day) == [["Lada", "1", "100.00"]]
    assert [row[-1] for row in table(manager, **day)] == ["100.00"]


@pytest.mark.parametrize(
    "query",
    [{"start": "yesterday"}, {"end": "2026-02-30"}, {"by": "colour"}, {"start": "2026-02-02", "end": "2026-02-01"},
     {"start": "2024-01-01", "end": "2026-01-01"}],
)  # fmt: skip
def test_senseless_days_are_said_beside_the_form(manager, query):
    answer = manager.get(PAGE, query)
    assert (answer.status_code, 'name="start"' in text(answer)) == (400, True)


def test_nothing_sold_is_said(manager):
    assert "Nothing was sold in these days." in text(manager.get(PAGE, {"by": "make"}))


@pytest.mark.parametrize("by", ["day", "manager", "make", "kind"])
def test_it_costs_the_same_however_much_was_sold(manager, by, django_assert_max_num_queries):
    for number in range(6):
        sold(f"{number}00.00" if number else "5.00", make_=f"Make {number}", manager=person("manager").pk)
    with django_assert_max_num_queries(4, using="orders"):
        assert manager.get(PAGE, {"by": by}).status_code == 200


def test_it_is_for_staff_and_found_from_the_orders(manager):
    for outsider in (None, person("client")):
        client = Client()
        if outsider:
            client.force_login(outsider, backend="accounts.backends.EmailBackend")
        answer = client.get(PAGE)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")
    assert PAGE in text(manager.get("/admin/orders/order/"))
    assert Decimal(0) == sum((Decimal(row[-1]) for row in table(manager)), Decimal(0))
