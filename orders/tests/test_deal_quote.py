"""The deal calculator: due now, a month, the full cost of credit, and the same again from the snapshot."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import financing.tests.make
from core.errors import NotFound
from core.ids import uuid7
from core.testing import Api
from financing.models import LimitKind
from financing.queries.limit_files import LimitFact
from financing.services import change_programme, write_limits
from insurance import services as insurance
from insurance.rules.rating.rows import TariffFact
from insurance.tests.make import KASKO, OSAGO
from orders.models.deals import DealQuote
from orders.public import deal_disagreements
from orders.queries.deal_sums import recalculate
from orders.services import Actor, order_deal
from orders.services.deal_quote import LoanWish, purge_deal_quotes, quote_deal
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders", "financing", "insurance", "catalog"])
PATH = "/orders/deal-quote"


@pytest.fixture
def programme():
    return financing.tests.make.programme()


def body(**extra):
    car, mats = make.product(price="2000000.00"), make.product(price="5000.00", kind="accessory")
    return {
        "items": [{"product_id": str(car), "quantity": 1}, {"product_id": str(mats), "quantity": 2}],
        "trade_in": "300000.00",
    } | extra


LOAN = {"term_months": 36, "down_payment": "200000.00"}


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
def test_a_whole_deal_is_calculated(programme, path):
    client = Api("client")
    response = client.post(path, body(financing=LOAN, insurance=[OSAGO, KASKO]))
    assert response.status_code == 201, response.content
    shown = response.json()
    premiums = sum(Decimal(item["premium"]) for item in shown["insurance"])
    assert Decimal(shown["total_amount"]) == 2_010_000 + premiums
    assert shown["result"]["amount_financed"] == "1510000.00"
    assert Decimal(shown["due_now"]) == 200_000 + premiums
    assert Decimal(shown["monthly_payment"]) > 1_510_000 / 36
    assert Decimal(shown["psk"]) == Decimal(shown["programme"]["annual_rate"])
    assert Decimal(shown["result"]["psk_amount"]) == Decimal(shown["result"]["total_interest"])
    assert (shown["programme"]["version"], shown["programme"]["programme_id"]) == (1, str(programme.id))
    assert [item["tariff_revision"] for item in shown["insurance"]] == [1, 1]
    again = client.get(f"{PATH}/{shown['id']}")
    assert again.json() == shown
    assert Api("client").get(f"{PATH}/{shown['id']}").status_code == 404
    assert Api().get(f"{PATH}/{shown['id']}").status_code == 401
    assert Api("manager").get(f"{PATH}/{shown['id']}").status_code == 200
    assert client.get(f"{PATH}/{uuid7()}").status_code == 404


def test_lent_premiums_raise_the_full_cost_but_what_the_law_demands_does_not(programme):
    kasko = Api().post(PATH, body(financing=LOAN | {"insurance_financed": True}, insurance=[KASKO])).json()
    osago = Api().post(PATH, body(financing=LOAN | {"insurance_financed": True}, insurance=[OSAGO])).json()
    assert kasko["due_now"] == osago["due_now"] == "200000.00"
    assert Decimal(kasko["psk"]) > Decimal(kasko["programme"]["annual_rate"])
    assert Decimal(kasko["psk"]) > Decimal(osago["psk"])


def test_a_loan_that_nobody_would_lend_is_not_calculated_but_explained():
    financing.tests.make.programme(max_amount=Decimal(1_000_000))
    refused = Api().post(PATH, body(financing=LOAN))
    assert refused.status_code == 400
    [problem] = refused.json()["errors"]
    assert (problem["field"], problem["code"]) == ("financing.down_payment", "not_lent")
    assert "Bank" in problem["detail"], "the reason names who would lend what"
    assert not DealQuote.objects.exists()


def test_a_loan_above_the_ceiling_of_the_day_is_not_calculated(programme):
    days = {"valid_from": date(2020, 1, 1), "valid_to": date(2099, 12, 31)}
    fact = LimitFact(kind=LimitKind.PSK_NEW, value=Decimal("11.1"), source="a test", **days)
    write_limits(facts=[fact], now=timezone.now())
    refused = Api().post(PATH, body(financing=LOAN))
    assert refused.status_code == 400
    assert [(item["field"], item["code"]) for item in refused.json()["errors"]] == [
        ("financing.term_months", "psk_cap")
    ]  # fmt: skip
    assert not DealQuote.objects.exists()


def test_without_a_loan_all_is_due_now():
    shown = Api().post(PATH, body(insurance=[OSAGO])).json()
    assert (shown["monthly_payment"], shown["programme"], shown["customer_id"]) == (None, None, None)
    assert Decimal(shown["due_now"]) == Decimal(shown["total_amount"]) - 300_000


@pytest.mark.parametrize(
    ("extra", "status", "field"),
    [
        ({"items": []}, 400, "items"),
        ({"items": [{"product_id": str(uuid7())}]}, 400, "items.0.product_id"),
        ({"trade_in": "2010000.01"}, 400, "trade_in"),
        ({"trade_in": "-1"}, 400, "trade_in"),
        ({"insurance": [OSAGO | {"vehicle_vin": "?"}]}, 400, "insurance.0.vehicle_vin"),
        ({"financing": {"term_months": 0}}, 400, "financing.term_months"),
        ({"financing": {"term_months": 300}}, 400, "financing.term_months"),
        ({"financing": LOAN | {"down_payment": "1710000"}}, 400, "financing.down_payment"),
    ],
)
def test_what_cannot_be_calculated_is_named(programme, extra, status, field):
    response = Api().post(PATH, body(**extra))
    assert (response.status_code, response.json()["errors"][0]["field"]) == (status, field), response.content
    assert not DealQuote.objects.exists()


def test_no_bank_no_loan():
    assert Api().post(PATH, body(financing=LOAN)).json()["code"] == "no_programme"


def test_a_stored_deal_comes_out_the_same_after_everything_changed(programme):
    shown = Api().post(PATH, body(financing=LOAN, insurance=[OSAGO, KASKO])).json()
    change_programme(programme_id=programme.id, changes={"base_rate": Decimal("29.9")}, rates={}, now=timezone.now())
    base = {"table": "osago_base", "key": "", "value": {"B|individual": "7000"}, "insurer": "partner"}
    fact = TariffFact(**base, valid_from=date(2026, 1, 1), source="a test")
    insurance.import_tariff(facts=[fact], note="dearer", now=timezone.now())
    stored = DealQuote.objects.get(pk=shown["id"])
    assert recalculate(stored) == stored.result == shown["result"]
    assert list(deal_disagreements()) == []
    dearer = Api().post(PATH, body(financing=LOAN, insurance=[OSAGO, KASKO])).json()
    assert Decimal(dearer["monthly_payment"]) > Decimal(shown["monthly_payment"])
    assert (dearer["programme"]["version"], dearer["insurance"][0]["tariff_revision"]) == (2, 2)
    DealQuote.objects.filter(pk=shown["id"]).update(result=shown["result"] | {"due_now": "1.00"})
    assert [item.kind for item in deal_disagreements()] == ["deal_differs"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    price=st.decimals(500_000, 6_000_000, places=2),
    share=st.integers(30, 60),
    months=st.integers(3, 84),
    lent=st.booleans(),
)
def test_any_stored_deal_recomputes_to_the_kopeck(programme, price, share, months, lent):
    car = make.product(price=str(price))
    loan = LoanWish(
        term_months=months,
        down_payment=(price * share / 100).quantize(Decimal("0.01")),
        is_insurance_financed=lent,
    )
    quote = quote_deal(items=[(car, 1)], loan=loan, insurance=[KASKO, OSAGO], now=timezone.now())
    assert recalculate(DealQuote.objects.get(pk=quote.pk)) == quote.result
    assert quote.due_now >= 0


def test_a_deal_is_in_one_currency(programme):
    foreign = {"items": [{"product_id": str(make.product(currency="EUR")), "quantity": 1}]}
    assert Api("client").post(PATH, body(financing=LOAN) | foreign).json()["code"] == "currency_mismatch"
    assert not DealQuote.objects.exists()


def test_nameless_deals_end_after_their_days_and_those_of_people_and_orders_stay(settings):
    car, now = make.product(price="2000000.00"), timezone.now()
    terms = {"items": [(car, 1)], "trade_in_amount": Decimal(0), "now": now}
    nameless, ordered = quote_deal(**terms), quote_deal(**terms)
    own = quote_deal(**terms, customer_id=uuid7())
    buyer = Actor(uuid7(), frozenset({"client"}))
    payment = {"method": "card", "token": "tok_success"}
    order = order_deal(deal_id=ordered.id, actor=buyer, payment=payment, now=now)
    settings.DEAL_QUOTE_DAYS = 7
    week = now + timedelta(days=7)
    assert purge_deal_quotes(now=week - timedelta(seconds=1)) == 0
    assert purge_deal_quotes(now=week) == 1
    assert purge_deal_quotes(now=week) == 0
    assert set(DealQuote.objects.values_list("pk", "order_id")) == {(own.pk, None), (ordered.pk, order.pk)}
    with pytest.raises(NotFound):
        order_deal(deal_id=nameless.pk, actor=buyer, payment=payment, now=week)


def test_many_nameless_deals_are_deleted_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr("orders.services.deal_quote.PURGED_AT_ONCE", 2)
    car, now = make.product(price="2000000.00"), timezone.now()
    for _ in range(5):
        quote_deal(items=[(car, 1)], now=now)
    assert (purge_deal_quotes(now=now + timedelta(days=365)), DealQuote.objects.count()) == (5, 0)


def test_a_deal_remembers_its_first_order(settings):
    settings.HOLDS_WITHOUT_DEPOSIT = 2
    car, now = make.product(price="2000000.00"), timezone.now()
    quote = quote_deal(items=[(car, 1)], now=now)
    payment = {"method": "card", "token": "tok_success"}
    orders = [
        order_deal(deal_id=quote.id, actor=Actor(uuid7(), frozenset({"client"})), payment=payment, now=now)
        for _ in range(2)
    ]
    assert DealQuote.objects.get().order_id == orders[0].pk
