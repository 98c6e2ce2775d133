"""Show that a price was lowered, when and by how much, and never that it was raised."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import PriceChange
from catalog.services import update_product
from core.clock import dealer_day
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders"])
LOWERED = re.compile(r"Price lowered on (\d+ \w+) by ([\d\u00a0]+)\u00a0₽")


def text(page):
    return page.content.decode()


def reprice(car, price, *, days_ago=0):
    moment = timezone.now() - timedelta(days=days_ago)
    update_product(product_id=car.id, price=Decimal(price), actor="test", now=moment)


def shown(path):
    return LOWERED.findall(text(Visitor().get(path)))


def test_a_card_and_the_page_tell_of_a_lower_price():
    car = make.car(price=Decimal(1_000_000))
    reprice(car, 950_000, days_ago=2)
    [(day, amount)] = shown("/cars/")
    assert amount == "50\u00a0000"
    assert day.split()[0] == str(dealer_day(timezone.now() - timedelta(days=2)).day)
    assert shown(f"/cars/{car.id}/") == [(day, amount)]


def test_what_was_raised_since_or_lowered_long_ago_is_no_news():
    raised, old, same = (make.car(price=Decimal(1_000_000)) for _ in range(3))
    reprice(raised, 900_000, days_ago=3)
    reprice(raised, 980_000, days_ago=1)
    reprice(old, 900_000, days_ago=31)
    for path in ("/cars/", f"/cars/{same.id}/", f"/cars/{raised.id}/"):
        assert "Price lowered" not in text(Visitor().get(path))


def test_a_page_of_lowered_cars_asks_as_much_as_one():
    def count():
        with CaptureQueriesContext(connections["catalog"]) as asked:
            Visitor().get("/favourites/")
            Visitor().get("/cars/")
        return sum("pricechange" in query["sql"] for query in asked)

    cars = [make.car(price=Decimal(1_000_000)) for _ in range(4)]
    reprice(cars[0], 900_000)
    assert count() == 1
    for car in cars[1:]:
        reprice(car, 900_000)
    assert count() == 1
    assert len(shown("/cars/")) == 4


@pytest.mark.parametrize(("language", "said"), [("en", "12 days"), ("ru", "12 дней")])
def test_the_page_says_since_when_a_car_is_on_sale(language, said, monkeypatch):
    car = make.car()
    later = timezone.now() + timedelta(days=12)
    monkeypatch.setattr("storefront.views.shop.timezone.now", lambda: later)
    assert said in text(Visitor(language=language).get(f"/cars/{car.id}/"))


def test_a_price_raised_to_be_lowered_fell_by_what_it_cost_before():
    dearer, cheaper = (make.car(price=Decimal(1_000_000), body=body) for body in ("седан", "купе"))
    for car, price in ((dearer, 1_200_000), (cheaper, 970_000)):
        reprice(car, 1_500_000, days_ago=9)
        reprice(car, price, days_ago=2)
    assert shown(f"/cars/{dearer.id}/") == []
    [(_day, amount)] = shown(f"/cars/{cheaper.id}/")
    assert amount == "30\u00a0000"


def test_a_price_held_for_30_days_is_what_the_next_one_falls_from():
    car = make.car(price=Decimal(1_000_000))
    reprice(car, 1_500_000, days_ago=40)
    reprice(car, 1_400_000, days_ago=2)
    [(_day, amount)] = shown(f"/cars/{car.id}/")
    assert amount == "100\u00a0000"


def test_another_currency_is_no_lower_price():
    car = make.car(price=Decimal(1_200_000))
    moment = timezone.now() - timedelta(days=2)
    update_product(product_id=car.id, price=Decimal(12_000), currency="USD", actor="test", now=moment)
    change = PriceChange.objects.get()
    assert (change.old_currency, change.currency) == ("RUB", "USD")
    assert "Price lowered" not in text(Visitor().get(f"/cars/{car.id}/"))
    later = timezone.now() - timedelta(days=1)
    update_product(product_id=car.id, price=Decimal(11_000), actor="test", now=later)
    page = text(Visitor().get(f"/cars/{car.id}/"))
    assert "Price lowered" in page
    assert "1\u00a0000" in page.partition("Price lowered")[2][:80]
