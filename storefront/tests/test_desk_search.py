"""The command search of the admin: by name, phone, plate, VIN and number to the person, the car and the deal."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone

import catalog.tests.make
import clients.tests.make
import orders.tests.make
from accounts import services as accounts
from clients.models import Client
from clients.services import add_vehicle
from messaging.testing import drain_outbox
from storefront.desk import searching
from storefront.tests.make import Visitor

ALL = [alias for alias in settings.DATABASES if alias != "default"]
pytestmark = pytest.mark.django_db(databases=ALL)
VIN = "XTA217030B0099887"


@pytest.fixture
def deal():
    person = accounts.create_user(
        email="vera.s@example.com", password="a-long-password", full_name="Вера Сомова", phone="+79125550101",
        now=timezone.now(),
    )  # fmt: skip
    drain_outbox(*settings.APPS)
    card = Client.objects.get(user_id=person.id)
    add_vehicle(client_id=card.id, vin=VIN, name="Lada Priora", plate="А123ВС77", now=timezone.now())
    order = orders.tests.make.order(customer_id=person.id)
    orders.tests.make.order()
    return card, order


def look(visitor, term):
    return visitor.get(f"/admin/search/?extended=1&s={term}").content.decode()


@pytest.mark.parametrize("term", ["сомова", "Вера Сом", "vera.s@", "8 912 555-01-01", "5550101"])
def test_a_person_and_their_deals_are_found(deal, term):
    card, order = deal
    page = look(Visitor("manager"), term.replace("+", "%2B"))
    assert f"/admin/clients/client/person/{card.id}/" in page
    assert f"/admin/orders/order/{order.id}/change/" in page
    assert page.count("/admin/orders/order/0") == 1


@pytest.mark.parametrize("term", ["а123вс77", "A123BC77", "А 123 ВС 77", VIN.lower()])
def test_a_car_leads_to_whose_it_is(deal, term):
    card, _order = deal
    assert f"/admin/clients/client/person/{card.user_id}/" in look(Visitor("manager"), term)


def test_an_order_is_found_by_its_number_or_the_end_of_it(deal):
    _card, order = deal
    short = order.number.rpartition("-")[2].lstrip("0")
    for term in (order.number, order.number.lower(), short.zfill(2)):
        assert f"/admin/orders/order/{order.id}/change/" in look(Visitor("manager"), term)


def test_goods_are_found_by_sku_and_vin():
    car = catalog.tests.make.product(vin=VIN)
    for term in (car.sku, VIN):
        assert f"/admin/catalog/product/{car.pk}/change/" in look(Visitor("manager"), term)


def test_a_caller_who_only_asked_is_found():
    lead = clients.tests.make.lead(phone="+79035550202")
    assert f"/admin/clients/lead/{lead.pk}/change/" in look(Visitor("manager"), "8 903 555 02 02")


def test_nobody_else_searches(deal):
    assert Visitor().get("/admin/search/?extended=1&s=сомова").status_code == 302
    assert Visitor("client").get("/admin/search/?extended=1&s=сомова").status_code in (302, 403)


def test_only_what_one_may_see_is_found(deal, rf, monkeypatch):
    class Clerk:
        def has_perm(self, right):
            return right == "orders.view_order"

    request = rf.get("/")
    request.user = Clerk()
    found = searching.find(request, "сомова")
    assert found
    assert all("/admin/orders/" in one.link for one in found)


def test_an_app_that_is_away_hides_no_other(deal, monkeypatch):
    def away(term):
        raise DatabaseError("away")

    kinds = [replace(kind, find=away) if "client" in kind.right else kind for kind in searching.KINDS]
    monkeypatch.setattr(searching, "KINDS", kinds)
    assert "/admin/orders/order/" in look(Visitor("manager"), "сомова")


@pytest.mark.parametrize("term", ["", "с", "%", "100%_'", "x" * 500])
def test_odd_terms_find_nothing(deal, term):
    answer = Visitor("manager").get("/admin/search/?" + urlencode({"extended": "1", "s": term}))
    assert answer.status_code == 200
    assert "/admin/orders/order/0" not in answer.content.decode()


def test_answers_about_people_are_kept_nowhere(deal):
    answer = Visitor("manager").get("/admin/search/?extended=1&s=сомова")
    assert "no-store" in answer["Cache-Control"]


def test_people_are_found_by_their_index():
    with connections["clients"].cursor() as cursor:
        cursor.execute(
            """INSERT INTO gateway_known_person (person_id, name, phone, email, search_text, version, is_card)
               SELECT gen_random_uuid(), 'n', '', '', md5(i::text) || ' 7' || (9000000000 + i), 1, true
               FROM generate_series(1, 20000) AS i"""
        )
        cursor.execute("SELECT gin_clean_pending_list('known_person_search')")  # as autovacuum does
        cursor.execute("ANALYZE gateway_known_person")
        cursor.execute("EXPLAIN SELECT FROM gateway_known_person WHERE search_text LIKE %s LIMIT 8", ["%79000012345%"])
        assert "known_person_search" in str(cursor.fetchall())


def test_staff_choose_their_language():
    page = Visitor("manager").get("/admin/").content.decode()
    assert 'action="/language/"' in page
