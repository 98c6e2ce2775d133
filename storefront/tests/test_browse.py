import re
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from core.ids import uuid7
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders"])


def text(response):
    return response.content.decode()


def test_home_shows_what_is_on_sale():
    make.car(make="Audi", model="A6")
    make.car(make="Volvo", model="XC90")
    page = text(Visitor().get("/"))
    assert "Audi A6" in page
    assert "Volvo XC90" in page
    assert "1\u00a0745\u00a0000\u00a0₽" in page
    assert "<svg" in page


def test_home_of_an_empty_showroom_says_so():
    response = Visitor().get("/")
    assert response.status_code == 200
    assert "The showroom is being filled" in text(response)


def test_home_is_russian_for_a_russian_browser():
    page = text(Visitor(language="ru").get("/"))
    assert '<html lang="ru">' in page
    assert "Автосалон" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"Audi A6 2020", "Kia Rio 2012"}),
        ("?q=rio", {"Kia Rio 2012"}),
        ("?make=Audi", {"Audi A6 2020"}),
        ("?year_min=2015", {"Audi A6 2020"}),
        ("?year_max=2015", {"Kia Rio 2012"}),
        ("?price_max=900000", {"Kia Rio 2012"}),
        ("?price_min=900000", {"Audi A6 2020"}),
        ("?condition=new", {"Audi A6 2020"}),
        ("?body=седан", {"Kia Rio 2012"}),
        ("?in_stock=any", {"Audi A6 2020", "Kia Rio 2012", "Lada Niva 1999"}),
    ],
)
def test_filters_narrow_the_list(query, found):
    make.car(make="Audi", model="A6", year=2020, price="3000000", condition="new", body="универсал 5 дв.")
    make.car(make="Kia", model="Rio", year=2012, price="700000", condition="used", body="седан")
    make.car(make="Lada", model="Niva", year=1999, price="800000", stock=0)
    response = Visitor().get(f"/cars/{query}")
    assert response.status_code == 200
    assert {car.name for car in response.context["cars"]} == found


@pytest.mark.parametrize("query", ["?price_min=abc", "?year_min=-5", "?condition=broken", "?price_max=1.0001"])
def test_a_wrong_filter_is_named_and_nothing_is_shown(query):
    make.car()
    response = Visitor().get(f"/cars/{query}")
    assert response.status_code == 400
    assert not response.context["cars"]
    assert "field-error" in text(response)


def options(page, name):
    """The values that a select offers, with what stands behind them."""
    box = page.split(f'<select name="{name}"')[1].split("</select>")[0]
    return re.findall(r'<option value="([^"]+)"[^>]*>([^<]+)<', box)


def test_choices_count_against_each_other_and_none_leads_to_nothing():
    make.car(make="BMW", model="X5", body="седан", fuel="дизель", color="")
    make.car(make="BMW", model="X3", body="седан", color="")
    make.car(make="Lada", model="Vesta", body="пикап двойная кабина", drive="передний")
    page = text(Visitor().get("/cars/?make=BMW"))
    assert "Found: 2" in page
    assert options(page, "body") == [("седан", "saloon (2)")]
    assert options(page, "fuel") == [("бензин", "petrol (1)"), ("дизель", "diesel (1)")]
    assert options(page, "model") == [("X3", "X3 (1)"), ("X5", "X5 (1)")]
    assert options(page, "drive") == options(page, "color") == []
    assert [value for value, _label in options(page, "make")] == ["BMW", "Lada"]
    assert "Found: 1" in text(Visitor().get("/cars/?make=bmw&fuel=дизель"))
    assert "Found: 3" in text(Visitor().get("/cars/"))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("model=X5", {"X5"}),
        ("mileage_max=50+000", {"X5", "Vesta"}),
        ("transmission=вариатор", {"X3"}),
        ("drive=полный", {"X5", "X3"}),
        ("color=белый", {"Vesta"}),
        ("power_min=200", {"X5"}),
        ("power_max=100&power_min=50", {"Vesta"}),
    ],
)
def test_the_list_is_narrowed_by_what_buyers_ask_for(asked, found):
    make.car(make="BMW", model="X5", drive="полный", power_hp=249, mileage=10_000)
    make.car(make="BMW", model="X3", drive="полный", transmission="вариатор", power_hp=184, mileage=120_000)
    make.car(make="Lada", model="Vesta", color="белый", power_hp=98, mileage=0)
    response = Visitor().get(f"/cars/?{asked}")
    assert {car.model for car in response.context["cars"]} == found
    assert f"Found: {len(found)}" in text(response)


def test_each_filter_that_is_on_can_be_taken_off_alone():
    make.car(make="BMW", price=Decimal("2000000.00"))
    page = text(Visitor().get("/cars/?make=BMW&price_min=1,5+млн&transmission=вариатор"))
    chips = re.findall(r'<a class="chip" href="([^"]+)">([^<]+) <', page)
    assert [words for _path, words in chips] == ["BMW", "from 1\u00a0500\u00a0000\u00a0₽", "CVT"]
    assert chips[2][0] == "?make=BMW&amp;price_min=1%2C5+%D0%BC%D0%BB%D0%BD"


@pytest.mark.parametrize(
    ("ordering", "first"), [("-year", "New"), ("year", "Old"), ("mileage", "Old"), ("price", "New")]
)
def test_the_list_is_ordered_as_asked(ordering, first):
    make.car(model="New", year=2025, mileage=20_000, price=Decimal("1000000.00"))
    make.car(model="Old", year=2015, mileage=10_000, price=Decimal("2000000.00"))
    assert Visitor().get(f"/cars/?ordering={ordering}").context["cars"][0].model == first


def test_a_chosen_model_does_not_hide_the_others_of_its_make():
    make.car(make="BMW", model="X5", transmission="вариатор")
    make.car(make="BMW", model="X3", transmission="вариатор")
    make.car(make="BMW", model="X3", transmission="механическая")
    page = text(Visitor().get("/cars/?make=BMW&model=x5&transmission=вариатор"))
    assert options(page, "model") == [("X3", "X3 (1)"), ("X5", "X5 (1)")]
    assert options(page, "transmission") == [("вариатор", "CVT (1)")]
    assert options(text(Visitor().get("/cars/?model=X5")), "make") == [("BMW", "BMW (1)")]


@pytest.mark.parametrize("query", ["?cursor=garbage", "?unknown=1", "?q=%00", "?make=%27%3B--", "?q=" + "я" * 200])
def test_odd_addresses_still_show_the_list(query):
    make.car()
    assert Visitor().get(f"/cars/{query}").status_code in (200, 400)


def test_the_list_is_paged_by_cursor_and_keeps_its_filters():
    for number in range(30):
        make.car(is_known=False, model=f"Model {number:02}")
    visitor = Visitor()
    first = visitor.get("/cars/?make=Skoda")
    assert len(first.context["cars"]) == 24
    assert "?make=Skoda&amp;cursor=" in text(first)
    second = visitor.get(f"/cars/?make=Skoda&cursor={first.context['next']}")
    names = [car.name for page in (first, second) for car in page.context["cars"]]
    assert len(names) == len(set(names)) == 30
    assert not second.context["next"]


@pytest.mark.parametrize("path", ["/", "/cars/"])
def test_query_count_does_not_grow_with_the_number_of_cars(path):
    make.car(is_known=False)
    few = queries(path)
    for number in range(20):
        make.car(is_known=False, model=f"Model {number}")
    assert queries(path) == few <= 5


def queries(path):
    from django.core.cache import cache

    cache.clear()
    with CaptureQueriesContext(connections["catalog"]) as counted:
        assert Visitor().get(path).status_code == 200
    return len(counted)


def test_a_vehicle_page_shows_price_specification_and_drawing():
    car = make.car()
    page = text(Visitor().get(f"/cars/{car.id}/"))
    for shown in (
        car.name,
        "1\u00a0745\u00a0000\u00a0₽",
        "19\u00a0851 km",
        "liftback",
        "petrol",
        "ABS",
        "paint-blue",
    ):
        assert shown in page
    assert f"/sign-in/?next=/cars/{car.id}/" in page


def test_a_sold_vehicle_cannot_be_bought():
    car = make.car(stock=0)
    page = text(Visitor("client").get(f"/cars/{car.id}/"))
    assert "Reserved or sold" in page
    assert "/buy/" not in page


def test_an_unknown_vehicle_is_not_found():
    response = Visitor().get(f"/cars/{uuid7()}/")
    assert response.status_code == 404
    assert "Nothing is parked here" in text(response)


def test_pages_carry_a_strict_content_policy_and_no_inline_script():
    make.car()
    response = Visitor().get("/cars/")
    policy = response["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    page = text(response)
    assert "<script>" not in page
    assert " onclick=" not in page
    assert " style=" not in page


def test_the_language_can_be_switched():
    visitor = Visitor(language="ru")
    response = visitor.post("/language/", language="en", next="/cars/")
    assert (response.status_code, response["Location"]) == (302, "/cars/")
    assert '<html lang="en">' in text(visitor.get("/cars/"))


def test_a_crash_shows_a_page_that_needs_nothing(rf):
    from gateway.views import server_error

    response = server_error(rf.get("/cars/"))
    assert response.status_code == 500
    assert b"500" in response.content
