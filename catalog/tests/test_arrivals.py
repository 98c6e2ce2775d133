"""Saved searches compared all together find what each of them finds by itself, and are told once."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import services
from catalog.models import Product, ProductSearch, SavedSearch
from catalog.models.arrivals import Arrivals
from catalog.services import arrivals
from catalog.tests import make
from core.ids import uuid7
from messaging.models import OutboxEvent
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["catalog"])
MAKES = (("Toyota", "Camry"), ("BMW", "X5"), ("Kia", "Rio"), ("Лада", "Веста"), ("Land Rover", "Range-Rover"))
BODIES = ("седан", "Внедорожник 5 дв.", "")
TEXTS = (
    "", "бмв", "toyota camry", "камри", "веста", "land rover", "rang", "x5 2021", "Белый седан", "2019", "5 дв", "WBA",
    "WBAX1234", "А123ВС", "kia picanto", "---", "rio 1.6",
)  # fmt: skip


def search(text="", user=None, **query):
    query |= {"q": text} if text else {}
    return services.save_search(user_id=user or uuid7(), name="x", query=query, now=timezone.now())


def later(minutes=5):
    return timezone.now() + timedelta(minutes=minutes)


def told():
    return [event.data for event in OutboxEvent.objects.using("catalog").filter(type="saved_search.matched")]


def make_some(dice, fine):
    """Products that differ in all that searches ask for."""
    cars = [make.category("Cars")]
    cars.append(make.category("SUV", cars[0]))
    for number in range(24):
        brand, model = dice.choice(MAKES)
        make.product(
            make=brand,
            model=model,
            name=f"{brand} {model}",
            year=dice.choice([None, 2017, 2019, 2021]),
            price=Decimal(dice.choice(["0.00", "900000.00", "1500000.50", "3000000.00"])),
            mileage=dice.choice([None, 0, 40_000, 90_000]),
            condition=dice.choice(["new", "used", ""]),
            body=dice.choice(BODIES),
            fuel=dice.choice(["бензин", "Дизель"]),
            color=dice.choice(["белый", "чёрный"]),
            transmission=fine.choice(["вариатор", "механическая", ""]),
            drive=fine.choice(["полный", "задний"]),
            power_hp=fine.choice([None, 90, 120, 250]),
            engine_volume=dice.choice([None, Decimal("1.60")]),
            vin=f"WBAX{number:04}1234567{number % 10}9"[:17] if number % 3 else "",
            plate=dice.choice(["", "А123ВС77"]),
            category_id=dice.choice([None, cars[0].pk, cars[1].pk]),
            kind=dice.choice(["vehicle", "vehicle", "accessory"]),
            stock=1,
        )
    return cars


def make_search(dice, cars, fine):
    def some(*values):
        return dice.choice(values) if dice.random() < 0.3 else ""

    def rarely(*values):
        return fine.choice(values) if fine.random() < 0.05 else ""

    given = {
        "q": dice.choice(TEXTS), "make": some("toyota", "BMW", "лада"), "model": some("x5", "ВЕСТА"),
        "kind": some("vehicle", "accessory"), "year_min": some(0, 2018, 2021), "year_max": some(2018, 2019),
        "price_min": some("0", "1500000.50"), "price_max": some("0", "900000", "1500000.49"),
        "mileage_max": some(0, 40_000), "condition": some("new", "used"), "body": some("СЕДАН", "внедорожник 5 дв."),
        "fuel": some("дизель"), "transmission": rarely("Вариатор"), "drive": rarely("полный"), "color": rarely("БЕЛЫЙ"),
        "power_min": rarely(0, 120), "power_max": rarely(120, 400), "vin": some("x0001", "wbах", " "),
        "in_stock": some(True, False),
        "category": some(str(cars[0].pk), str(cars[1].pk), str(uuid7())), "is_active": some(True),
    }  # fmt: skip
    return {name: value for name, value in given.items() if value != ""}


def test_bits_find_what_the_database_finds():
    dice, fine = random.Random(20261121), random.Random(20261123)
    cars = make_some(dice, fine)
    here = Product.objects.on_sale().in_stock()
    among = Arrivals(list(here.order_by("id")), TEXTS)
    found = 0
    for _ in range(400):
        saved = SavedSearch(query=make_search(dice, cars, fine))
        theirs = set(saved.search.apply(here).values_list("id", flat=True))
        ours = among.found_by(saved.search)
        assert set(among.newest(ours, 99)) == theirs, saved.query
        found += bool(theirs)
    assert found > 40


def test_a_word_that_the_catalogue_knows_stands_for_no_other():
    make.product(make="Toyota", model="Camry", name="Toyota Camry", stock=0)
    camry, mistyped = search("camry"), search("hundai")
    make.product(make="Suzuki", model="Carry", name="Suzuki Carry")
    found = make.product(make="Hyundai", model="Solaris", name="Hyundai Solaris")
    services.match_saved_searches(now=later())
    assert [(one["search_id"], one["product_ids"]) for one in told()] == [(str(mistyped.pk), [str(found.pk)])]
    camry.refresh_from_db()
    assert camry.new_count == 0


def test_many_arrivals_are_compared_some_at_a_time_and_told_at_once(monkeypatch):
    monkeypatch.setattr(arrivals, "AT_ONCE", 3)
    monkeypatch.setattr(arrivals, "TOLD", 4)
    saved = search(kind="vehicle")
    cars = [make.product() for _ in range(8)]
    make.product(kind="accessory")
    assert services.match_saved_searches(now=later()) == 1
    (event,) = told()
    assert event["product_ids"] == [str(car.pk) for car in reversed(cars[-4:])]
    saved.refresh_from_db()
    assert saved.new_count == 8


def test_each_search_hears_of_what_came_after_it_was_saved():
    old, (one, two) = search(), (make.product(), make.product())
    new, three = search(), make.product()
    services.match_saved_searches(now=later())
    heard = {event["search_id"]: event["product_ids"] for event in told()}
    assert heard == {str(old.pk): [str(car.pk) for car in (three, two, one)], str(new.pk): [str(three.pk)]}


def test_what_was_cut_short_goes_on_and_tells_nobody_twice(monkeypatch):
    monkeypatch.setattr(arrivals, "WRITTEN_AT_ONCE", 1)
    searches = [search() for _ in range(3)]
    make.product()
    publish, calls = arrivals._publish_matches, []

    def publish_and_die(found, until):
        if calls:
            raise KeyboardInterrupt
        calls.append(found)
        return publish(found, until)

    monkeypatch.setattr(arrivals, "_publish_matches", publish_and_die)
    now = later()
    with pytest.raises(KeyboardInterrupt):
        services.match_saved_searches(now=now)
    assert len(told()) == 1
    monkeypatch.setattr(arrivals, "_publish_matches", publish)
    assert services.match_saved_searches(now=now) == 2
    assert services.match_saved_searches(now=now) == 0
    assert sorted(event["search_id"] for event in told()) == sorted(str(one.pk) for one in searches)


def test_two_jobs_at_once_tell_once():
    search()
    make.product()
    until = later() - arrivals.SETTLING
    found = arrivals._find(timezone.now() - timedelta(minutes=1), until)
    assert [arrivals._publish_matches(found, until), arrivals._publish_matches(found, until)] == [1, 0]


def test_the_cost_in_statements_does_not_grow_with_the_searches():
    costs = []
    for _ in range(2):
        for text in ("бмв x5", "камри", "", "седан 2019", ""):
            search(text, make="BMW", is_active=True)
        make.product(make="BMW", model="X5")
        with CaptureQueriesContext(connections["catalog"]) as queries, capture_events("catalog"):
            services.match_saved_searches(now=later())
        SavedSearch.objects.update(seen_until=timezone.now())
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_when_nothing_came_nothing_is_written():
    search()
    with CaptureQueriesContext(connections["catalog"]) as queries:
        assert services.match_saved_searches(now=later()) == 0
    assert not any("UPDATE" in query["sql"] for query in queries)


def test_a_search_that_looks_for_what_is_sold_out_hears_of_nothing():
    search(in_stock=False)
    make.product()
    assert services.match_saved_searches(now=later()) == 0
    assert ProductSearch(in_stock=False).apply(Product.objects.on_sale().in_stock()).count() == 0
