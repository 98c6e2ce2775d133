"""What campaigns take off is shown and sold at; a price before is struck through only where it really stood."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Product
from catalog.services import update_product
from core.clock import dealer_day
from messaging.testing import drain_outbox
from orders.models import Order, Promotion
from orders.tests.make import promotion
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders"])
MILLION, BEFORE, NOW = Decimal(1_000_000), "1\u00a0000\u00a0000\u00a0₽", "970\u00a0000\u00a0₽"
STRUCK = '<s class="price-before">'


def text(page):
    return page.content.decode()


def car(*, days_ago=90, price=MILLION):
    """A car that has been on sale for so many days, and that orders has heard of."""
    made = make.car(price=price)
    drain_outbox("catalog", "orders")
    Product.objects.filter(pk=made.id).update(created_at=timezone.now() - timedelta(days=days_ago))
    return made


def reprice(made, price, *, days_ago):
    moment = timezone.now() - timedelta(days=days_ago)
    update_product(product_id=made.id, price=Decimal(price), actor="test", now=moment)
    drain_outbox("catalog", "orders")


def shown(made, visitor=None):
    return text((visitor or Visitor()).get(f"/cars/{made.id}/"))


def facts(page):
    return json.loads(page.split('<script type="application/ld+json">')[1].split("</script>")[0])["offers"]


@pytest.mark.parametrize(("language", "until"), [("en", "Campaign price until"), ("ru", "Цена по акции до")])
def test_cards_and_the_page_show_both_prices_and_until_when(language, until):
    made, _row = car(), promotion()
    visitor = Visitor(language=language)
    for page in (text(visitor.get("/cars/")), shown(made, visitor)):
        assert [said in page for said in (STRUCK, BEFORE, NOW, until)] == [True] * 4
    told, today = facts(shown(made)), dealer_day(timezone.now())
    assert (told["price"], told["priceValidUntil"]) == ("970000.00", str(today))
    assert told["priceSpecification"]["price"] == "1000000.00"
    assert told["priceSpecification"]["priceType"] == "https://schema.org/StrikethroughPrice"


def test_it_is_bought_at_the_price_that_is_shown():
    made, _row, buyer = car(), promotion(), Visitor("client")
    assert buyer.buy(made).status_code == 302
    assert Order.objects.get().total_amount == Decimal("970000.00")


def test_what_was_never_sold_at_the_list_price_has_none_before():
    made, _row = car(days_ago=0), promotion()
    page = shown(made)
    assert (NOW in page, STRUCK in page, "priceSpecification" in facts(page)) == (True, False, False)


@pytest.mark.parametrize(("was", "is_struck"), [(980_000, True), (960_000, False)])
def test_a_price_raised_before_the_campaign_is_not_what_it_cost(was, is_struck):
    made = car(price=Decimal(was))
    reprice(made, MILLION, days_ago=5)
    promotion()
    page = shown(made)
    assert NOW in page
    assert (STRUCK in page) is is_struck
    assert f"</span>{BEFORE}" not in page
    if is_struck:
        assert facts(page)["priceSpecification"]["price"] == "980000.00"


def test_a_price_raised_long_ago_stood():
    made = car(price=Decimal(960_000))
    reprice(made, MILLION, days_ago=40)
    promotion()
    assert facts(shown(made))["priceSpecification"]["price"] == "1000000.00"


def test_an_earlier_campaign_is_the_price_before_this_one():
    made, earlier = car(), promotion(percent=Decimal(2))
    today = dealer_day(timezone.now())
    days = {"starts_on": today - timedelta(days=9), "ends_on": today - timedelta(days=3)}
    Promotion.objects.filter(pk=earlier.pk).update(**days)
    promotion()
    assert facts(shown(made))["priceSpecification"]["price"] == "980000.00"
    Promotion.objects.filter(pk=earlier.pk).update(percent=Decimal(4))
    assert STRUCK not in shown(made)


def test_a_lowered_list_price_is_struck_through_too():
    made = car()
    reprice(made, 950_000, days_ago=2)
    page = shown(made)
    assert [said in page for said in (STRUCK, BEFORE, "Price lowered")] == [True] * 3
    assert (facts(page)["price"], facts(page)["priceSpecification"]["price"]) == ("950000.00", "1000000.00")
    assert "priceValidUntil" not in facts(page)


def test_without_a_campaign_nothing_is_struck_through():
    page = shown(car())
    assert (STRUCK in page, facts(page)["price"]) == (False, "1000000.00")
    assert "priceSpecification" not in facts(page)


def test_a_page_of_cars_asks_as_much_as_one():
    def count():
        with (
            CaptureQueriesContext(connections["orders"]) as asked,
            CaptureQueriesContext(connections["catalog"]) as too,
        ):
            Visitor().get("/cars/")
        return len(asked) + len(too)

    promotion()
    car()
    count()
    before = count()
    for _ in range(3):
        car()
    assert count() == before
