"""The VAT of orders: of the seller's regime and the day, line by line, whatever the discount."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.events import ProductUpdated
from core.approvals import KnowCompany
from core.ids import uuid7
from core.money import ZERO, line_total
from core.money.vat import Regime, VatKind
from core.testing import Api
from messaging.models import OutboxEvent
from orders import services
from orders.events import OrderCreated, record_order
from orders.models import LegalEntityCopy, LineKind, Order, OrderLine
from orders.public import vat_disagreements
from orders.rules.taxing import tax_lines
from orders.services import Actor, FreeLine, LineChange, ProductLine
from orders.tests import make
from payments.events import LegalEntityChanged, RegimeRow

pytestmark = pytest.mark.django_db(databases=["orders"])
DECEMBER, JANUARY = datetime(2025, 12, 31, 12, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC)
MANAGER = Actor(uuid7(), frozenset({"manager"}))


def seller(*regimes, is_default=True, version=1, entity_id=None):
    rows = regimes or (("2025-01-01", "general"),)
    entity = LegalEntityChanged(
        entity_id=entity_id or uuid7(),
        code="АС",
        name="ООО «Автосалон»",
        address="Москва",
        inn="7707083893",
        kpp="770701001",
        regimes=[RegimeRow(since=datetime.fromisoformat(since).date(), regime=name) for since, name in rows],
        is_default=is_default,
        version_number=version,
    )
    services.copy_legal_entities(events=[entity])
    return entity.entity_id


def used_car(price, cost):
    product_id = make.product(price=price)
    facts = {"product_id": product_id, "sku": "U-1", "name": "Used", "kind": "vehicle", "price": Decimal(price)}
    told = {"currency": "RUB", "available": 1, "stock_version": 2, "version_number": 2}
    services.copy_products(events=[ProductUpdated(**facts, **told, vat_kind="margin", margin_cost=Decimal(cost))])
    return product_id


def read(order):
    return Api("client", user_id=order.customer_id).get(f"/orders/{order.id}").json()


def test_nothing_is_guessed_while_nobody_sells():
    shown = read(make.order())
    assert (shown["vat_total"], shown["legal_entity_id"]) == (None, None)
    assert shown["items"][0]["vat_amount"] is None


def test_an_order_shows_the_tax_within_its_price():
    entity = seller()
    shown = read(make.order(lines=[ProductLine(make.product(price="1220000.00"), 1)], now=JANUARY))
    assert shown["legal_entity_id"] == str(entity)
    assert (shown["total_amount"], shown["vat_total"]) == ("1220000.00", "220000.00")
    assert (shown["items"][0]["vat_rate"], shown["items"][0]["vat_amount"]) == ("22.00", "220000.00")


def test_the_day_is_the_dealers():
    seller()
    eve = datetime(2025, 12, 31, 21, 30, tzinfo=UTC)  # half past midnight in Moscow
    assert make.order(now=eve).lines.get().vat_rate == 22
    assert make.order(now=DECEMBER).lines.get().vat_rate == 20


def test_a_used_car_of_a_person_is_taxed_by_the_difference():
    seller()
    sold = make.order(lines=[ProductLine(used_car("1222000.00", "1000000.00"), 1)], now=JANUARY)
    assert sold.vat_total == Decimal("40032.79")
    below = make.order(lines=[ProductLine(used_car("900000.00", "1000000.00"), 1)], now=JANUARY)
    assert (below.vat_total, below.lines.get().vat_rate) == (ZERO, 22)


def test_payments_learn_who_sells_and_how_each_line_is_taxed():
    entity = seller()
    both = [ProductLine(used_car("1222000.00", "1000000.00"), 1), ProductLine(make.product(), 1)]
    make.order(lines=both, now=JANUARY)
    [placed] = OutboxEvent.objects.using("orders").filter(type="order.created")
    told = record_order(msgspec.convert(placed.data, OrderCreated, strict=False))
    assert [(item.seller_id, item.vat_kind) for item in told.receipt] == [(entity, "margin"), (entity, "")]


def test_news_of_an_older_release_keep_how_a_car_is_taxed():
    seller()
    car = used_car("1222000.00", "1000000.00")
    facts = {"product_id": car, "sku": "U-1", "name": "Used", "kind": "vehicle", "price": Decimal(1_222_000)}
    services.copy_products(
        events=[ProductUpdated(**facts, currency="RUB", available=1, stock_version=3, version_number=3)]
    )
    assert make.order(lines=[ProductLine(car, 1)], now=JANUARY).vat_total == Decimal("40032.79")


def test_a_policy_bears_no_tax():
    seller()
    order = make.order(policies=[("OSAGO", Decimal("12000.00"))], now=JANUARY)
    policy = order.lines.get(kind=LineKind.POLICY)
    assert (policy.vat_rate, policy.vat_amount) == (None, ZERO)


@pytest.mark.parametrize(("regime", "rate", "total"), [("simplified", None, "0.00"), ("simplified_5", "5.00", "50.00")])
def test_the_regime_decides(regime, rate, total):
    seller(("2025-01-01", "general"), ("2026-01-01", regime))
    shown = read(make.order(lines=[ProductLine(make.product(price="1050.00"), 1)], now=JANUARY))
    assert (shown["items"][0]["vat_rate"], shown["vat_total"]) == (rate, total)


def test_a_day_before_the_first_regime_is_refused_and_nothing_is_written():
    seller(("2027-01-01", "general"))
    with time_machine.travel(JANUARY, tick=False):
        refused = Api("client").post("/orders", {"items": [{"product_id": str(make.product()), "quantity": 1}]})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_tax_rule")
    assert not Order.objects.exists()


def test_a_manager_chooses_who_sells():
    seller()
    other = seller(("2025-01-01", "simplified"), is_default=False)
    body = {"items": [{"product_id": str(make.product()), "quantity": 1}], "legal_entity_id": str(other)}
    sold = Api("manager").post("/orders", body)
    assert (sold.status_code, sold.json()["legal_entity_id"], sold.json()["vat_total"]) == (201, str(other), "0.00")
    assert Api("client").post("/orders", body).json()["errors"][0]["field"] == "legal_entity_id"
    unknown = Api("manager").post("/orders", body | {"legal_entity_id": str(uuid7())})
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (400, "unknown")


def test_changed_lines_are_taxed_anew():
    seller()
    order = make.order(lines=[ProductLine(make.product(price="122.00", kind="service"), 2)], now=JANUARY)
    line = order.lines.get()
    actor = Actor(order.customer_id, frozenset({"client"}))
    services.change_lines(order_id=order.id, wishes=[LineChange(line.id, 3)], actor=actor, now=JANUARY)
    order.refresh_from_db()
    assert (order.vat_total, order.lines.get().vat_amount) == (Decimal("66.00"), Decimal("66.00"))


def test_the_handover_reckons_by_the_rate_of_its_day():
    seller()
    order = make.completed(lines=[ProductLine(make.product(price="1220.00"), 1)], now=DECEMBER)
    line = order.lines.get()
    assert (order.total_amount, order.vat_total) == (Decimal("1220.00"), Decimal("220.00"))
    assert (line.vat_rate, line.vat_amount, line.line_total) == (22, Decimal("220.00"), Decimal("1220.00"))
    assert order.taxed_date > DECEMBER.date()


def test_older_news_of_a_seller_are_dropped():
    entity = seller(version=3)
    seller(("2025-01-01", "simplified"), version=2, entity_id=entity)
    assert LegalEntityCopy.objects.get().regimes == [{"since": "2025-01-01", "regime": "general"}]


def test_an_order_of_a_company_shows_its_requisites():
    card = uuid7()
    told = {"user_id": None, "is_company": True, "version_number": 1, "name": "ООО «Ромашка»"}
    services.know_company(command=KnowCompany(client_id=card, **told, inn="7707083893", kpp="770701001"))
    order = make.order(customer_id=card, actor=MANAGER)
    assert Api("manager").get(f"/orders/{order.id}").json()["company"]["kpp"] == "770701001"
    services.know_company(command=KnowCompany(client_id=card, user_id=None, is_company=False, version_number=2))
    other = make.order(customer_id=card, actor=MANAGER)
    assert Api("manager").get(f"/orders/{other.id}").json()["company"] is None


def test_the_books_find_a_tax_that_the_lines_do_not_make():
    seller()
    orders = [make.order(lines=[FreeLine("x", Decimal(100), 1)], actor=MANAGER, now=JANUARY) for _ in range(3)]
    assert list(vat_disagreements()) == []
    Order.objects.filter(pk=orders[0].pk).update(vat_total=Decimal("1.00"))
    OrderLine.objects.filter(order=orders[1]).update(vat_amount=Decimal("1.00"))
    Order.objects.filter(pk=orders[1].pk).update(vat_total=Decimal("1.00"))
    found = {item.ids["order_id"] for item in vat_disagreements()}
    assert found == {str(orders[0].pk), str(orders[1].pk)}


PRICES = st.integers(0, 10**9).map(lambda kopecks: Decimal(kopecks) / 100)
KINDS = st.sampled_from([kind.value for kind in VatKind])


@given(
    st.lists(st.tuples(PRICES, st.integers(1, 20), KINDS, PRICES, st.integers(0, 100)), min_size=1, max_size=8),
    st.sampled_from([Regime.GENERAL, Regime.SIMPLIFIED]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_always_add_up_to_the_order_whatever_the_discount(deal, regime):
    lines = []
    for price, quantity, kind, cost, discount in deal:
        total = line_total(price * (100 - discount) / 100, quantity)
        margin = cost if kind == VatKind.MARGIN else None
        lines.append(OrderLine(quantity=quantity, line_total=total, vat_kind=kind, margin_cost=margin))
    order = Order()
    tax_lines(order, lines, [{"since": "2025-01-01", "regime": regime.value}], JANUARY.date())
    assert order.vat_total == sum(line.vat_amount for line in lines)
    for line in lines:
        assert ZERO <= line.vat_amount <= line.line_total
        base = max(ZERO, line.line_total - (line.margin_cost or ZERO) * line.quantity)
        rate = line.vat_rate or ZERO
        assert abs(line.vat_amount * (100 + rate) - base * rate) * 2 <= (100 + rate) * Decimal("0.01")
        assert (regime == Regime.SIMPLIFIED) <= (line.vat_rate is None)
