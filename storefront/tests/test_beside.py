"""Beside a car: how its price compares, cars like it, and what its visitor looked at before."""

from decimal import Decimal

import pytest

from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders"])
OTHERS = ("1000000", "1100000", "1200000", "1300000", "1400000")


def text(response):
    return response.content.decode()


def mark(price, **fields):
    car = make.car(is_known=False, price=Decimal(price), **fields)
    return Visitor().get(f"/cars/{car.id}/").context["price_mark"]


class TestPriceMark:
    @pytest.fixture(autouse=True)
    def _others(self):
        for price in OTHERS:
            make.car(is_known=False, price=Decimal(price))

    @pytest.mark.parametrize(
        ("price", "is_good"), [("1139999", True), ("1140000", False), ("1260000", False), ("1260001", None)]
    )
    def test_a_price_is_marked_by_the_median_of_comparable_cars(self, price, is_good):
        found = mark(price)
        assert (found and found.is_good) is is_good
        if found:
            assert (found.median, found.count) == (Decimal("1200000.00"), 5)

    @pytest.mark.parametrize(
        "other", [{"year": 2020}, {"mileage": 45_000}, {"model": "Rapid"}, {"condition": "new"}, {"currency": "USD"}]
    )
    def test_what_does_not_compare_is_not_compared_with(self, other):
        assert mark("1000000", **other) is None

    def test_a_year_and_some_thousand_kilometres_more_still_compare(self):
        assert mark("1000000", year=2019, mileage=39_000).is_good

    def test_the_page_says_how_it_is_reckoned(self):
        car = make.car(is_known=False, price=Decimal("1000000"))
        page = text(Visitor().get(f"/cars/{car.id}/"))
        assert "Below the usual price" in page
        assert "Half of 5 comparable cars of our catalogue cost 1\u00a0200\u00a0000\u00a0₽ or less" in page


def test_too_few_cars_tell_no_usual_price():
    for price in OTHERS[1:]:
        make.car(is_known=False, price=Decimal(price))
    assert mark("1000000") is None


def similar(car):
    return [one.id for one in Visitor().get(f"/cars/{car.id}/").context["similar"]]


def test_similar_cars_are_near_in_price_its_model_first():
    car = make.car(is_known=False)
    audi = make.car(is_known=False, make="Audi", model="A5", price=Decimal("1750000"))
    rapid = make.car(is_known=False, model="Rapid", price=Decimal("1900000"))
    same = make.car(is_known=False, price=Decimal("1500000"))
    make.car(is_known=False, body="седан")
    make.car(is_known=False, price=Decimal("2500000"))
    make.car(is_known=False, stock=0)
    assert similar(car) == [same.id, rapid.id, audi.id]


def test_what_was_looked_at_is_shown_again_and_kept_by_the_browser_alone():
    first, second, hidden = (make.car(is_known=False, body=body) for body in ("седан", "купе", "тарга"))
    visitor = Visitor()
    for car in (first, hidden, second, first):
        answer = visitor.get(f"/cars/{car.id}/")
    cookie = answer.cookies["autosalon_seen"]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"]) == ("", True, "Lax")
    assert [car.id for car in answer.context["seen"]] == [second.id, hidden.id]
    home = visitor.get("/")
    assert [car.id for car in home.context["seen"]] == [first.id, second.id, hidden.id]
    assert "You looked at" in text(home)
    assert "You looked at" not in text(Visitor().get("/"))


def test_a_cookie_that_was_tampered_with_shows_nothing():
    car = make.car(is_known=False)
    visitor = Visitor()
    visitor.client.cookies["autosalon_seen"] = "garbage.'--"
    assert visitor.get("/").context["seen"] == []
    assert visitor.get(f"/cars/{car.id}/").status_code == 200
