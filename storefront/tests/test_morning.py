"""The first page of the admin: figures by rights, each with its list, from capped counts, whoever is away."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import DatabaseError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import financing.tests.make
import payments.tests.make
from catalog.public.morning import read_stock
from catalog.tests import make as make_goods
from core.ids import uuid7
from orders.public import read_morning
from orders.tests import make as make_orders
from orders.tests.test_checkout import CARD
from payments.public import read_money_in
from storefront.desk import morning
from storefront.tests.make import Visitor
from storefront.tests.test_board import paid

ALL = [alias for alias in settings.DATABASES if alias != "default"]
pytestmark = pytest.mark.django_db(databases=ALL)


class Clerk:
    def __init__(self, *rights):
        self.rights, self.pk = rights, uuid7()

    def has_perm(self, right):
        return right in self.rights


def see(rf, *rights):
    request = rf.get("/admin/")
    request.user = Clerk(*rights)
    return {section.title: section for section in morning.show(request, {})["morning"]}


def test_the_page_opens_and_each_figure_leads_to_a_list_that_opens():
    paid(payment=CARD)
    make_goods.product()
    visitor = Visitor("manager")
    assert visitor.get("/admin/").status_code == 200
    for section in morning.show(type("R", (), {"user": visitor_user()})(), {})["morning"]:
        assert not section.is_away
        for one in [*section.figures, *section.bars]:
            assert visitor.get(one.url).status_code == 200, one.url


def visitor_user():
    return Clerk(*(right for _title, right, _read in morning.SECTIONS))


def test_sales_are_what_was_sold_and_the_funnel_counts_open_orders():
    sold = paid()
    make_orders.order()
    found = read_morning(now=timezone.now())
    assert [(one.placed, one.sold, one.amount) for one in found.periods] == [(2, 1, sold.total_amount)] * 3
    assert dict(found.standing)["paid"] == 1
    assert found.days[-1][1] == 2
    assert len(found.days) == 30


def test_yesterday_is_of_the_week_and_not_of_today():
    paid()
    first, week, _month = read_morning(now=timezone.now() + timedelta(days=1)).periods
    assert (first.placed, week.placed) == (0, 1)


def test_money_in_is_what_was_taken_less_what_went_back(monkeypatch):
    taken = payments.tests.make.paid(method="cash")
    payments.tests.make.payment()
    found = read_money_in(now=timezone.now())
    assert found.total(1) == found.total(30) == taken.amount
    assert not found.is_cut
    monkeypatch.setattr("payments.queries.morning.MOST", 1)
    assert read_money_in(now=timezone.now()).is_cut


def test_stock_is_counted_by_age_and_no_further_than_the_cap(monkeypatch):
    make_goods.product(price="1000000.00")
    old = make_goods.product(price="500000.00", now=timezone.now() - timedelta(days=100))
    make_goods.product(stock=0)
    found = read_stock()
    assert (found.count, found.value, found.ages) == (2, 1_500_000, (1, 0, 1, 0))
    assert old.created_at < timezone.now() - timedelta(days=99)
    monkeypatch.setattr("catalog.public.morning.MOST", 1)
    assert read_stock().is_cut


def test_nobody_sees_figures_beyond_their_rights(rf):
    assert see(rf) == {}
    assert len(see(rf, "catalog.view_product")) == 1
    assert len(see(rf, "showroom.view_drive", "insurance.view_claim")) == 2


def test_an_application_that_waits_is_counted(rf):
    (section,) = see(rf, "financing.view_application").values()
    assert section.figures[0].value == "0"
    financing.tests.make.programme()
    waiting = financing.tests.make.application(of=financing.tests.make.order())
    type(waiting).objects.filter(pk=waiting.pk).update(status="under_review")
    (section,) = see(rf, "financing.view_application").values()
    assert section.figures[0].value == "1"


def test_an_app_that_is_away_is_said_to_be_and_breaks_no_other(rf, monkeypatch):
    def away():
        raise DatabaseError("away")

    monkeypatch.setattr(morning, "read_stock", away)
    found = list(see(rf, "catalog.view_product", "insurance.view_claim").values())
    assert sorted(section.is_away for section in found) == [False, True]
    assert "/admin/" in Visitor("manager").get("/admin/").content.decode()


def test_many_orders_cost_as_many_statements_as_few():
    visitor = Visitor("manager")

    def count():
        with CaptureQueriesContext(connections["orders"]) as spent:
            visitor.get("/admin/")
        return len(spent)

    make_orders.order()
    count()
    few = count()
    for _ in range(4):
        make_orders.order()
    assert count() == few <= 25
