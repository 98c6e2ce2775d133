"""Show what a car costs a month: the calculator's own figure, for a whole page of cars at the price of one."""

import re
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import financing.tests.make
from config.databases import APPS
from core.errors import InvalidInput
from financing.models import Programme
from financing.queries.offers import recalculate_offer
from financing.services import change_programme
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


def test_a_page_of_cars_asks_as_much_as_one_car():
    financing.tests.make.programme()
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
    {"max_ltv_used_percent": Decimal(70)},
])  # fmt: skip
def test_what_a_bank_would_refuse_is_not_advertised(thresholds):
    financing.tests.make.programme(bank="Cheap", base_rate=Decimal(5), **thresholds)
    make.car(price=Decimal(1_000_000))
    assert figures() == []
    financing.tests.make.programme(bank="Dear", base_rate=Decimal("14.9"))
    [payment] = figures()
    assert int("".join(filter(str.isdigit, payment))) > 18_000, "800,000 over five years at 14.9 %, and not at 5 %"


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
    sold = make.car(stock=0)
    assert figures(f"/cars/{sold.id}/") == []


def test_the_shop_goes_on_without_the_banks_database(monkeypatch):
    from django.db import OperationalError

    def fail(day):
        raise OperationalError("away")

    make.car()
    monkeypatch.setattr("storefront.monthly.offer_stamp", fail)
    assert Visitor().get("/cars/").status_code == 200
