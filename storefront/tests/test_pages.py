"""Hold what all pages share: refusals in our own words, forms' addresses, and the dealership's clock."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client

from core.ids import uuid7
from orders.models import Order
from orders.tests import make as make_orders
from storefront.middleware import page_above
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders", "payments"])
SOME = uuid7()


def test_a_page_for_colleagues_says_so_in_the_visitors_language():
    english, russian = Visitor("client"), Visitor("client", language="ru")
    refused = english.get("/board/")
    assert refused.status_code == 403
    assert english.user.email in refused.content.decode()
    assert '<html lang="ru"' in russian.get("/board/").content.decode()
    assert "unsafe" not in refused["Content-Security-Policy"]


def test_a_form_without_its_token_is_explained():
    browser = Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"})
    refused = browser.post("/sign-in/", {"email": "a@example.com", "password": "x"})
    assert refused.status_code == 403
    assert "This form has expired" in refused.content.decode()
    assert 'href="/sign-in/"' in refused.content.decode()


def test_its_way_back_stays_on_this_site():
    browser = Client(enforce_csrf_checks=True, headers={"Accept-Language": "en"})
    refused = browser.post("//evil.example/x/", {})
    assert refused.status_code in (403, 404)
    assert 'href="//evil.example' not in refused.content.decode()


def test_nonsense_is_a_page_of_ours(settings, monkeypatch):
    settings.DEBUG = False

    def refuse(*_, **__):
        raise SuspiciousOperation

    monkeypatch.setattr("catalog.public.latest", refuse)
    answer = Visitor().get("/")
    assert answer.status_code == 400
    assert "We did not understand that" in answer.content.decode()


@pytest.mark.parametrize(
    ("address", "page"),
    [
        (f"/orders/{SOME}/pay/", f"/orders/{SOME}/"),
        (f"/cars/{SOME}/buy/", f"/cars/{SOME}/"),
        ("/cart/checkout/", "/cart/"),
        (f"/cart/items/{SOME}/", "/cart/"),
        (f"/board/{SOME}/move/", "/board/"),
        (f"/test-drives/{SOME}/cancel/", "/test-drives/"),
        (f"/insurance/claims/{SOME}/withdraw/", "/insurance/"),
        ("/sign-out/", "/"),
    ],
)
def test_whoever_opens_a_forms_address_sees_the_page_it_stands_on(address, page):
    assert page_above(address) == page
    answer = Visitor("client").get(address)
    assert (answer.status_code, answer["Location"]) == (302, page)


def test_signing_in_in_the_middle_of_paying_leads_back_to_the_order():
    visitor = Visitor("client")
    order = make_orders.order(customer_id=visitor.user.id)
    visitor.client.logout()
    asked = visitor.post(f"/orders/{order.id}/pay/", method="cash")
    assert asked["Location"] == f"/sign-in/?next=/orders/{order.id}/pay/"
    visitor.client.force_login(visitor.user, backend="accounts.backends.EmailBackend")
    assert visitor.client.get(f"/orders/{order.id}/pay/", follow=True).status_code == 200


def test_moments_are_told_on_the_dealerships_clock_and_by_the_api_in_utc(settings):
    settings.DEALER_TIME_ZONE = "Asia/Vladivostok"
    visitor = Visitor("client")
    order = make_orders.order(customer_id=visitor.user.id)
    Order.objects.filter(pk=order.pk).update(created_at=datetime(2026, 3, 31, 20, 30, tzinfo=UTC))
    assert "1 April 2026" in visitor.get("/orders/").content.decode()


@pytest.mark.parametrize("debug", [True, False])
class TestSlashes:
    @pytest.fixture(autouse=True)
    def as_told(self, settings, debug):
        settings.DEBUG = debug

    def test_a_form_sent_to_an_address_without_its_slash_arrives_whole(self):
        asked = Client().post("/sign-in?next=/orders/", {"email": "x@example.com", "password": "x"})
        assert (asked.status_code, asked.url) == (308, "/sign-in/?next=/orders/")
        followed = Client().post("/sign-in", {"email": "x@example.com", "password": "x"}, follow=True)
        assert (followed.status_code, followed.request["REQUEST_METHOD"]) == (401, "POST")

    def test_a_page_is_led_to_by_the_usual_redirect(self):
        answer = Client().get("/cars")
        assert (answer.status_code, answer.url) == (301, "/cars/")

    @pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
    def test_what_is_nowhere_is_said_to_be_so(self, method):
        assert getattr(Client(), method)("/nothing-here").status_code == 404
        assert getattr(Client(), method)("/api/nothing")["Content-Type"] == "application/problem+json"
