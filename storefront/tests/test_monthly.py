"""Show what a car costs a month: the calculator's own figure, for a whole page of cars at the price of one."""

import html
import os
import random
import re
from datetime import date
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import financing.tests.make
from catalog.models import Product, ProductSearch
from catalog.public import get_products
from config.databases import APPS
from core.clock import dealer_day
from core.errors import InvalidInput
from financing.models import LimitKind, Programme
from financing.queries.limit_files import LimitFact
from financing.queries.offers import recalculate_offer
from financing.services import change_programme, write_limits
from storefront.monthly import cars_within, read_monthly
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=APPS)
FROM = re.compile(r"from ([\d\u00a0.]+\u00a0₽) a month")


def text(page):
    return page.content.decode()


def figures(path="/cars/"):
    return FROM.findall(text(Visitor().get(path)))


def count_statements(path):
    with CaptureQueriesContext(connections["financing"]) as asked:
        Visitor().get(path)
    return len(asked)


def test_a_card_a_page_and_the_calculator_say_the_same():
    financing.tests.make.programme(bank="Dear", base_rate=Decimal("21.5"))
    financing.tests.make.programme(bank="Cheap", base_rate=Decimal("14.9"))
    car = make.car(price=Decimal("1745001.00"))
    [on_card] = figures()
    assert figures(f"/cars/{car.id}/")[0] == on_card
    wish = {"trade_in": "0", "has_loan": "on", "down_payment": "349001", "term_months": "60", "deductible": "0"}
    result = text(Visitor().post(f"/cars/{car.id}/deal/", **wish, part="result"))
    assert on_card in result
    assert "Cheap" in result
    assert "20% down, 60 months, full cost" in text(Visitor().get("/cars/"))


@pytest.mark.parametrize("rules", [{}, {"due_shift": "following", "max_term_months": 60}])
def test_a_page_of_cars_asks_as_much_as_one_car(rules):
    financing.tests.make.programme(**rules)
    make.car(price=Decimal(900_000))
    alone = count_statements("/cars/")
    for number in range(6):
        make.car(price=Decimal(1_000_000 + number))
    assert count_statements("/cars/") == alone
    assert len(figures()) == 7
    assert count_statements("/cars/") == 1, "the figures are kept; what is on offer is asked once"


def test_a_new_rate_counts_at_once():
    programme = financing.tests.make.programme()
    make.car()
    before = figures()
    change_programme(programme_id=programme.id, changes={"base_rate": Decimal("9.9")}, now=timezone.now())
    after = figures()
    assert len(before) == len(after) == 1
    assert before != after


@pytest.mark.parametrize("thresholds", [
    {"max_amount": Decimal(700_000)}, {"min_amount": Decimal(900_000)}, {"min_down_payment_percent": Decimal(30)},
    {"min_down_payment_used_percent": Decimal(30)}, {"max_ltv_percent": Decimal(70)},
    {"max_ltv_used_percent": Decimal(70)}, {"max_vehicle_age": 5},
])  # fmt: skip
def test_what_a_bank_would_refuse_is_not_advertised(thresholds):
    financing.tests.make.programme(bank="Cheap", base_rate=Decimal(5), **thresholds)
    make.car(price=Decimal(1_000_000))
    assert figures() == []
    financing.tests.make.programme(bank="Dear", base_rate=Decimal("14.9"))
    [payment] = figures()
    assert int("".join(filter(str.isdigit, payment))) > 18_000, "800,000 over five years at 14.9 %, and not at 5 %"


def test_a_new_car_costs_a_month_what_new_cars_are_lent_for():
    financing.tests.make.programme(bank="Cheap", base_rate=Decimal(5), min_down_payment_used_percent=Decimal(30))
    financing.tests.make.programme(bank="Dear", base_rate=Decimal("14.9"))
    for model, km in (("New", 0), ("Used", 19_851)):
        make.car(model=model, price=Decimal(1_000_000), mileage=km)
    payments = [figures(f"/cars/?model={model}")[0] for model in ("New", "Used")]
    new, used = (int("".join(filter(str.isdigit, one))) for one in payments)
    assert new < 16_000_00 < 18_000_00 < used


WISH = {"trade_in": "0", "has_loan": "on", "down_payment": "200000", "term_months": "60", "deductible": "0"}
OLD = "кредита нет: Bank кредитует машины до 10 лет на день последнего платежа, этой будет 13."
RESIDUAL = "кредита нет: остаточный платёж — 35 % её цены, Bank допускает не больше 30 %."
BALLOON = {"schedule": "balloon", "residual_percent": Decimal(35)}


@pytest.mark.parametrize(("thresholds", "km", "russian"), [
    ({"max_vehicle_age": 10}, 0, OLD),
    (BALLOON | {"residual_limits": ["50"] * 9 + ["30"]}, 0, RESIDUAL),
    ({"min_down_payment_used_percent": Decimal(30)}, 1_001, "Bank просит первый взнос не меньше 30 % цены."),
    ({"max_ltv_used_percent": Decimal(70)}, 1_001, "Bank выдаёт не больше 70 % цены автомобиля."),
])  # fmt: skip
def test_the_calculator_knows_age_and_mileage_of_the_car(thresholds, km, russian):
    financing.tests.make.programme(**thresholds)
    this_year = dealer_day(timezone.now()).year
    visitor = Visitor(language="ru")
    results = []
    for year, mileage in ((this_year - 8, km), (this_year, 0)):
        car = make.car(price=Decimal(1_000_000), year=year, mileage=mileage)
        page = visitor.post(f"/cars/{car.id}/deal/", **WISH, part="result")
        results.append(html.unescape(text(page)).replace("\u00a0", " "))
        assert bool(figures(f"/cars/{car.id}/")) == (russian not in results[-1])
    old, new = results
    assert russian in old
    assert russian not in new


def test_a_used_car_is_held_to_the_ceiling_of_used_cars():
    financing.tests.make.programme()
    days = {"valid_from": date(2020, 1, 1), "valid_to": date(2099, 12, 31)}
    fact = LimitFact(kind=LimitKind.PSK_NEW, value=Decimal("11.1"), source="a test", **days)
    write_limits(facts=[fact], now=timezone.now())
    for mileage, is_lent in ((0, False), (1_001, True)):
        car = make.car(price=Decimal(1_000_000), mileage=mileage)
        result = text(Visitor().post(f"/cars/{car.id}/deal/", **WISH, part="result"))
        assert ("above the ceiling" not in result) == is_lent
        assert bool(figures(f"/cars/{car.id}/")) == is_lent


def test_a_price_that_no_fifth_divides_is_lent_for():
    financing.tests.make.programme()
    make.car(price=Decimal("1745001.00"))
    assert len(figures()) == 1


def test_a_bank_whose_sums_come_to_nothing_hides_no_other(monkeypatch):
    financing.tests.make.programme(bank="Broken")
    financing.tests.make.programme(bank="Sound")

    def recalculate(terms):
        if terms.bank == "Broken":
            raise InvalidInput("financing.term_months", "no_rate", "No rate.")
        return recalculate_offer(terms)

    make.car()
    monkeypatch.setattr("financing.queries.offers.recalculate_offer", recalculate)
    assert len(figures()) == 1


def test_without_a_bank_or_a_car_to_lend_for_nothing_is_said():
    car = make.car()
    assert figures() == []
    financing.tests.make.programme(min_term_months=3, max_term_months=36)
    assert figures() == [], "nobody lends over five years"
    Programme.objects.update(max_term_months=84)
    financing.tests.make.programme()
    assert len(figures(f"/cars/{car.id}/")) == 1
    sold = make.car(stock=0, body="тарга")
    assert figures(f"/cars/{sold.id}/") == []


def test_the_shop_goes_on_without_the_banks_database(monkeypatch):
    from django.db import OperationalError

    def fail(day):
        raise OperationalError("away")

    make.car()
    monkeypatch.setattr("storefront.monthly.offer_stamp", fail)
    assert Visitor().get("/cars/").status_code == 200


def listed(address):
    return {car.name for car in Visitor().get(address).context["cars"]}


def test_the_list_is_narrowed_by_what_a_car_costs_a_month():
    financing.tests.make.programme()
    for model, price in (("Cheap", 900_000), ("Middle", 1_200_000), ("Dear", 3_000_000)):
        make.car(model=model, price=Decimal(price), body=model)
    make.car(model="Abroad", price=Decimal(100), currency="USD")
    cheap, middle = (
        Decimal(figures(f"/cars/?model={model}")[0].replace("\u00a0", "").rstrip("₽")) for model in ("Cheap", "Middle")
    )
    assert listed(f"/cars/?monthly_max={middle + 50}") == {"Skoda Cheap 2018", "Skoda Middle 2018"}
    assert listed(f"/cars/?monthly_max={middle - 50}") == {"Skoda Cheap 2018"}
    assert listed(f"/cars/?monthly_max={cheap - 50}") == set()
    page = Visitor("client").get(f"/cars/?monthly_max={middle + 50}")
    assert "Found: 2" in text(page)
    assert "a month <span" in text(page)
    assert Decimal("1199000") < Decimal(page.context["save_form"]["price_max"].value()) < Decimal("1204000")


def test_without_a_bank_nothing_costs_so_much_a_month():
    make.car()
    assert listed("/cars/?monthly_max=1000000") == set()


def test_while_financing_is_away_the_list_says_that_it_cannot_tell(monkeypatch):
    def fail(*_):
        raise DatabaseError

    make.car()
    monkeypatch.setattr("storefront.monthly.offer_stamp", fail)
    page = Visitor().get("/cars/?monthly_max=20000")
    assert page.status_code == 400
    assert "cannot be calculated just now" in text(page)


def test_the_filter_asks_as_much_for_a_hundred_cars_as_for_one():
    financing.tests.make.programme()
    counts = []
    for number in range(2):
        for step in range(50 * number + 1):
            make.car(price=Decimal(1_000_000 + step))
        cache.clear()
        with (
            CaptureQueriesContext(connections["financing"]) as banks,
            CaptureQueriesContext(connections["catalog"]) as cars,
        ):
            cars_within(Decimal(19_000), now=timezone.now())
        counts.append((len(banks), len(cars)))
    assert counts[0] == counts[1], counts
    with CaptureQueriesContext(connections["financing"]) as asked:
        cars_within(Decimal(19_000), now=timezone.now())
    assert len(asked) <= 2, "what was found is kept; what is on offer is asked once"


# What the list leaves out and what the cards say ---------------------------------------------------------------------
RESIDUALS = ["60", "50", "45", "40", "36", "34", "30"]


class Market:
    """Random banks and cars, whose figures lie apart enough for the banks' full costs not to be those of each other."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        for number in range(self.chance.randint(1, 4)):
            self.open_programme(Decimal(8 + 6 * number))
        for is_used in (True, False):
            if self.chance.random() < 0.4:
                self.limit(is_used)
        self.cars = [self.stock(number) for number in range(30)]

    def open_programme(self, rate):
        chance = self.chance
        least = Decimal(chance.randint(5, 90)) * 10_000
        more = {
            "min_amount": least,
            "max_amount": least + Decimal(chance.randint(20, 400)) * 10_000,
            "max_vehicle_age": chance.choice([8, 12, 15, 40]),
            "max_ltv_percent": Decimal(chance.choice([80, 85])),
            "min_down_payment_used_percent": Decimal(chance.choice([15, 20, 25])),
            "max_ltv_used_percent": Decimal(chance.choice([70, 80, 90])),
            "max_ltv_insured_percent": Decimal(chance.choice([81, 83, 90])),
            "fees": self.choose_fees(),
        }
        if chance.random() < 0.3:
            more |= {"schedule": "balloon", "residual_percent": Decimal(35), "residual_limits": RESIDUALS}
        if chance.random() < 0.3:
            more |= {"day_count": "actual/365", "due_shift": "following", "max_term_months": 60}
        financing.tests.make.programme(base_rate=rate + Decimal(chance.randint(0, 200)) / 100, **more)

    def choose_fees(self):
        chance = self.chance
        paid = chance.choice(["cash", "financed", "withheld"])
        return chance.choice(
            [
                [],
                [{"name": "Issue", "percent": "1", "paid": paid}],
                [{"name": "Issue", "amount": "9000.00", "paid": paid}],
                [{"name": "SMS", "when": "each", "amount": "199.00"}],
            ]
        )

    def limit(self, is_used):
        kind = LimitKind.PSK_USED if is_used else LimitKind.PSK_NEW
        days = {"valid_from": date(2020, 1, 1), "valid_to": date(2099, 12, 31)}
        average = Decimal(self.chance.choice([9, 12, 16])) + Decimal("0.007")
        write_limits(facts=[LimitFact(kind=kind, value=average, source="a test", **days)], now=timezone.now())

    def stock(self, number):
        chance, this_year = self.chance, dealer_day(timezone.now()).year
        price = Decimal(chance.choice([chance.randint(100_000, 6_000_000), chance.randint(20, 400) * 10_000]))
        car = make.car(
            model=f"M{number}",
            price=price + Decimal(chance.choice([0, 0, chance.randint(1, 99)])) / 100,
            year=chance.choice([this_year, this_year - chance.randint(0, 20)]),
            mileage=chance.choice([0, 1000, 1001, 60_000]),
        )
        Product.objects.filter(pk=car.id).update(**self.forget())
        return car

    def forget(self):
        """Choose what nobody knows of a car: its year, or its mileage, for which its condition stands."""
        chance, unknown = self.chance, {}
        if chance.random() < 0.2:
            unknown["year"] = None
        if chance.random() < 0.4:
            unknown |= {"mileage": None, "condition": chance.choice(["new", "used", ""])}
        return unknown


def check_agreement(market):
    views = list(get_products([car.id for car in market.cars]).values())
    shown = read_monthly(views, now=timezone.now())
    payments = sorted({one.payment for one in shown.values()})
    limits = {payment + step for payment in payments for step in (Decimal("-0.01"), 0, 1)} | {
        Decimal(1),
        Decimal(10**6),
    }
    for most in market.chance.sample(sorted(limits), min(len(limits), 12)):
        search = ProductSearch(kind="vehicle", bands=tuple(cars_within(most, now=timezone.now())))
        found = set(search.apply(Product.objects.on_sale()).values_list("pk", flat=True))
        assert found == {product_id for product_id, one in shown.items() if one.payment <= most}, most
    return len(shown)


@pytest.mark.parametrize("seed", range(4))
def test_the_list_and_the_cards_agree_on_random_banks_and_cars(seed):
    check_agreement(Market(seed))


MANY = 300 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 20


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(1000, 1000 + MANY))
def test_the_list_and_the_cards_agree_on_many_random_banks_and_cars(seed):
    check_agreement(Market(seed))
