"""Facets counted by bits agree with a plain count in Python: any filters, whatever changed, folded in or not yet."""

import os
import random
import threading
from collections import Counter
from decimal import Decimal
from functools import partial
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models import F
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import services
from catalog.models import Product, ProductSearch, facet_bits, facets
from catalog.models.categories import subtree_ids
from catalog.models.facets import count_facets
from catalog.models.search import FACETS
from catalog.tests import make

pytestmark = pytest.mark.django_db(databases=["catalog"])
MAKES = ("Kia", "KIA", "BMW", "Škoda", "ГАЗ", "")
BODIES = ("седан", "Седан", "купе", "")
FUELS = ("бензин", "дизель", "")
GEARBOXES = ("вариатор", "Вариатор", "механическая", "")
COLOURS = ("синий", "белый", "")
PRICES = (0, 1, 499_999, 500_000, 500_001, 999_999, 1_500_000, 3_000_000, 10_000_000, 999_999_999_999)
STEPS = int(os.environ.get("AUTOSALON_FACET_STEPS", "25"))


@pytest.fixture(autouse=True)
def _large(monkeypatch):
    """Take any catalogue for one of a million."""
    state = facets._state
    monkeypatch.setattr(facets, "_state", lambda: (1_000_000, state()[1]))


@pytest.fixture
def tree():
    cars = make.category("Cars")
    return [cars, make.category("SUV", cars), make.category("Parts")]


def fields(dice, tree):
    return {
        "make": dice.choice(MAKES),
        "year": dice.choice((None, 1999, 2019, 2020, 2021, 2024)),
        "price": dice.choice(PRICES) + Decimal(dice.choice(("0.00", "0.01", "0.99"))),
        "condition": dice.choice(("", "new", "used")),
        "category_id": dice.choice((None, *[node.pk for node in tree])),
        "body": dice.choice(BODIES),
        "fuel": dice.choice(FUELS),
        "transmission": dice.choice(GEARBOXES),
        "drive": dice.choice(("полный", "задний", "")),
        "color": dice.choice(COLOURS),
        "power_hp": dice.choice((None, 0, 98, 150, 32_767)),
        "currency": dice.choice(("RUB", "RUB", "USD")),
        "mileage": dice.choice((None, 0, 1, 9_999, 150_000, 2_000_000_000)),
    }


def fill(dice, tree, count):
    for _ in range(count):
        kind = dice.choice(("vehicle", "vehicle", "accessory", "service"))
        make.product(kind=kind, stock=dice.randint(0, 2), **fields(dice, tree))


def scatter():
    """Put the places far apart, into several rows of bits, as if there were many products."""
    with connections["catalog"].cursor() as cursor:
        cursor.execute("UPDATE catalog_facet_place SET place = -1 - place * 1999")
        cursor.execute("UPDATE catalog_facet_place SET place = -1 - place")
        cursor.execute("TRUNCATE catalog_facet_bits")
        cursor.execute("INSERT INTO catalog_facet_change (product_id) SELECT id FROM catalog_product")
    services.fold_facets()


def searches(tree):
    maybe = lambda *values: st.sampled_from((None, *values))  # noqa: E731
    prices = maybe(*(Decimal(price) for price in PRICES), Decimal("500000.005"), Decimal("0.01"), Decimal(10**14))
    years = maybe(0, 1999, 2000, 2020, 2021, 2024, 9999)
    return st.builds(
        ProductSearch,
        category=maybe(*(node.pk for node in tree), uuid4()),
        category_exact=maybe(*(node.pk for node in tree), uuid4()),
        kind=st.sampled_from(("", "vehicle", "service")),
        make=st.sampled_from(("", "kia", "Kia", "škoda", "газ", "Lada")),
        year_min=years,
        year_max=years,
        price_min=prices,
        price_max=prices,
        mileage_max=maybe(0, 1, 9_998, 150_000, 2_000_000_000),
        condition=st.sampled_from(("", "new", "used")),
        body=st.sampled_from(("", "седан", "купе")),
        fuel=st.sampled_from(("", "Бензин", "дизель")),
        transmission=st.sampled_from(("", "вариатор", "робот")),
        drive=st.sampled_from(("", "Полный")),
        color=st.sampled_from(("", "синий")),
        power_min=maybe(0, 98, 151),
        power_max=maybe(0, 98, 32_767),
        currency=st.sampled_from(("", "", "RUB")),
        in_stock=maybe(True, False),
        is_active=maybe(True, False),
    )


def expected(search, for_staff):
    rows = [row for row in Product.objects.all() if row.deleted_at is None and (for_staff or row.is_active)]
    below = set(subtree_ids(search.category)) if search.category else set()
    tests = {
        "make": lambda row: not search.make or row.make.upper() == search.make.upper(),
        "year": lambda row: _between(row.year or 0, search.year_min, search.year_max, unknown=0),
        "price": lambda row: _between(row.price, search.price_min, search.price_max),
        "condition": lambda row: search.condition in ("", row.condition),
        "category": lambda row: (
            (not search.category or row.category_id in below) and search.category_exact in (None, row.category_id)
        ),
        "body": lambda row: not search.body or row.body.upper() == search.body.upper(),
        "fuel": lambda row: not search.fuel or row.fuel.upper() == search.fuel.upper(),
        "transmission": lambda row: search.transmission.upper() in ("", row.transmission.upper()),
        "drive": lambda row: search.drive.upper() in ("", row.drive.upper()),
        "color": lambda row: search.color.upper() in ("", row.color.upper()),
        "power": lambda row: _is_powered(row, search),
        "currency": lambda row: search.currency in ("", row.currency),
        "kind": lambda row: search.kind in ("", row.kind),
        "mileage": lambda row: (
            search.mileage_max is None or (row.mileage is not None and row.mileage <= search.mileage_max)
        ),
        "in_stock": lambda row: search.in_stock in (None, row.is_available),
        "is_active": lambda row: search.is_active in (None, row.is_active),
    }
    return {
        name: Counter(
            value
            for row in rows
            if all(test(row) for group, test in tests.items() if group != name)
            and (value := _value(name, row)) not in ("", "0", "None")
        )
        for name in FACETS
    }


def _between(value, lowest, highest, unknown=None):
    if highest is not None and lowest is None and value == unknown:
        return False
    return (lowest is None or value >= lowest) and (highest is None or value <= highest)


def _is_powered(row, search):
    if search.power_min is None and search.power_max is None:
        return True
    return row.power_hp is not None and _between(row.power_hp, search.power_min, search.power_max)


def _value(name, row):
    if name == "price":
        bounds = [*facet_bits.PRICE_BANDS, None]
        lower = max(bound for bound in bounds[:-1] if row.price >= bound)
        return f"{lower}-{bounds[bounds.index(lower) + 1] or ''}"
    return str(row.category_id if name == "category" else getattr(row, name))


def counted(search, for_staff=False):
    found = count_facets(search, for_staff=for_staff)
    assert not any(value.is_estimate for facet in found for value in facet.values)
    return {facet.name: Counter({value.value: value.count for value in facet.values}) for facet in found}


def test_any_search_counts_as_python_does_folded_or_not(tree):
    fill(random.Random(1), tree, 40)
    services.fold_facets()
    scatter()
    fill(random.Random(2), tree, 10)
    Product.objects.filter(pk__in=list(Product.objects.values_list("pk", flat=True)[:5])).update(is_active=False)

    @settings(max_examples=STEPS, deadline=None)
    @given(search=searches(tree), for_staff=st.booleans())
    def agree(search, for_staff):
        assert counted(search, for_staff) == expected(search, for_staff)

    agree()
    assert services.fold_facets() > 0
    agree()


def test_every_change_is_counted_at_once_and_after_folding(tree):
    dice = random.Random(3)
    fill(dice, tree, 20)
    for _ in range(STEPS):
        row = dice.choice(list(Product.objects.all()))
        change = dice.choice(("edit", "sell", "hide", "delete", "add", "gone", "fold"))
        if change == "edit":
            Product.objects.filter(pk=row.pk).update(**fields(dice, tree))
        elif change == "sell" and row.kind != "service":
            Product.objects.filter(pk=row.pk).update(on_hand=F("reserved"))
        elif change == "hide":
            Product.objects.filter(pk=row.pk).update(is_active=dice.choice((True, False)))
        elif change == "delete":
            Product.objects.filter(pk=row.pk).update(deleted_at=dice.choice((None, row.created_at)))
        elif change == "add":
            fill(dice, tree, 2)
        elif change == "gone":
            remove("service")
        else:
            services.fold_facets(batch=7)
        for for_staff, in_stock in ((False, None), (False, True), (True, None)):
            search = ProductSearch(in_stock=in_stock)
            assert counted(search, for_staff) == expected(search, for_staff), change


def remove(kind):
    """Delete a row for good, which nothing but a hand in the database does."""
    row = Product.objects.filter(kind=kind).first()
    if row is not None:
        with connections["catalog"].cursor() as cursor:
            cursor.execute("DELETE FROM catalog_product WHERE id = %s", [row.pk])


def test_a_group_is_not_narrowed_by_its_own_filter():
    for maker, year in (("Kia", 2020), ("Kia", 2021), ("BMW", 2021)):
        make.product(make=maker, year=year)
    for _ in range(2):
        found = counted(ProductSearch(make="kia", year_min=2021))
        assert found["make"] == {"Kia": 1, "BMW": 1}
        assert found["year"] == {"2020": 1, "2021": 1}
        services.fold_facets()


@pytest.mark.parametrize(
    ("bounds", "makes"),
    [
        ({"price_min": Decimal("500000.005")}, {"BMW", "Lada"}),
        ({"price_max": Decimal("500000.005")}, {"Kia"}),
        ({"price_min": Decimal(500_000), "price_max": Decimal("500000.01")}, {"Kia", "BMW"}),
        ({"price_min": Decimal("999999999999.99")}, {"Lada"}),
        ({"price_min": Decimal(10**14)}, set()),
        ({"price_max": Decimal(10**14)}, {"Kia", "BMW", "Lada"}),
        ({"price_max": Decimal(-1)}, set()),
        ({"price_min": Decimal(0)}, {"Kia", "BMW", "Lada"}),
        ({"mileage_max": 0}, {"Kia"}),
        ({"mileage_max": 2_000_000_000}, {"Kia", "BMW"}),
        ({"year_max": 2020}, {"Kia"}),
        ({"year_min": 0, "year_max": 2020}, {"Kia", "Lada"}),
    ],
)
def test_bounds_are_kept_to_the_kopeck_and_the_unknown_is_not_within(bounds, makes):
    make.product(make="Kia", price=Decimal("500000.00"), mileage=0, year=2020)
    make.product(make="BMW", price=Decimal("500000.01"), mileage=1, year=2021)
    make.product(make="Lada", price=Decimal("999999999999.99"), mileage=None, year=None)
    services.fold_facets()
    assert counted(ProductSearch(**bounds))["make"].keys() == makes


def test_what_does_not_touch_a_facet_leaves_no_note():
    row = make.product()
    services.fold_facets()
    Product.objects.filter(pk=row.pk).update(name="Another name", trim="Base", stock_version=F("stock_version") + 1)
    assert services.fold_facets() == 0
    Product.objects.filter(pk=row.pk).update(price=1)
    assert services.fold_facets() == 1


@pytest.mark.usefixtures("tree")
def test_text_models_and_vins_are_counted_from_rows(monkeypatch):
    make.product(make="Kia", model="Rio", vin=make.VIN)
    services.fold_facets()
    monkeypatch.setattr(facet_bits, "count", lambda *_, **__: pytest.fail("not in the bits"))
    for search in ({"q": "kia"}, {"model": "rio"}, {"vin": make.VIN[:6]}):
        assert counted(ProductSearch(**search))["make"] == {"Kia": 1}


def test_what_an_older_release_folded_is_folded_again():
    """While both releases run, either may fold: the older one's bits lack what only the newer one counts."""
    make.product(color="синий", transmission="вариатор")
    make.product(color="белый", transmission="вариатор")
    services.fold_facets()
    with connections["catalog"].cursor() as cursor:
        cursor.execute("DELETE FROM catalog_facet_bits WHERE facet IN ('color', 'layout')")
    assert counted(ProductSearch())["color"] == {}
    assert services.fold_facets() == 2
    assert counted(ProductSearch())["color"] == {"синий": 1, "белый": 1}
    assert services.fold_facets() == 0


def test_too_many_changes_are_left_to_the_sample(monkeypatch):
    for _ in range(3):
        make.product()
    monkeypatch.setattr(facet_bits, "MOST_CHANGES", 2)
    assert not facets._state()[1]
    services.fold_facets()
    assert facets._state()[1]


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_an_emptied_catalogue_has_no_bits():
    make.product()
    services.fold_facets()
    with connections["catalog"].cursor() as cursor:
        cursor.execute("TRUNCATE catalog_product CASCADE")
        cursor.execute("SELECT count(*) FROM catalog_facet_bits")
        assert cursor.fetchone() == (0,)
    make.product(make="Kia")
    assert counted(ProductSearch())["make"] == {"Kia": 1}


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_counts_stay_true_while_others_sell_and_fold():
    """Every sale takes one car off for good: a count that rises was wrong, now or before."""
    cars = [make.product(make="Kia").pk for _ in range(30)]
    services.fold_facets()
    search = ProductSearch(in_stock=True)
    seen, failures = [], []

    def run(work):
        try:
            work()
        except Exception as error:
            failures.append(error)
        finally:
            connections["catalog"].close()

    def sell(part):
        for car in part:
            Product.objects.filter(pk=car).update(on_hand=0)

    def meanwhile(work):
        while any(seller.is_alive() for seller in sellers):
            work()

    works = [partial(sell, cars[number::3]) for number in range(3)]
    works.append(partial(meanwhile, partial(services.fold_facets, batch=2)))
    works += [partial(meanwhile, lambda: seen.append(counted(search)["make"]["Kia"]))]
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    sellers = threads[:3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert seen == sorted(seen, reverse=True)
    assert counted(search)["make"]["Kia"] == 0
    services.fold_facets()
    assert counted(search)["make"]["Kia"] == 0
