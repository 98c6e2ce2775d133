"""What goods cost, what deals leave over, and prices below cost: who sees them, and who may agree to them."""

from decimal import Decimal

import pytest
from django.utils import timezone

from catalog.commands import ReleaseStock
from catalog.events import ProductCostChanged
from core.errors import FourEyes
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import Waits, approve
from gateway.models import Approval
from messaging.models import OutboxEvent
from orders import services
from orders.errors import BelowCost
from orders.models import OrderHistory, OrderLine, ProductCost, Promotion
from orders.services import Actor, Bargain, FreeLine, LineChange, ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.test_taxes import seller

pytestmark = pytest.mark.django_db(databases=["orders", "accounts"])
CAR = "1220000.00"


def manager(*roles):
    return Actor(uuid7(), frozenset(roles or {"manager"}))


def ordered(cost="900000.00", price=CAR, **options):
    return make.order(lines=[ProductLine(make.product(price=price, cost=cost), 1)], **options)


def agree(order, price, **options):
    bargains = {order.lines.first().id: Bargain(unit_price=Decimal(price), reason="a friend of the house")}
    options.setdefault("actor", manager())
    services.agree_prices(order_id=order.id, bargains=bargains, now=timezone.now(), **options)
    order.refresh_from_db()
    return order


def let_on(person_id=None):
    """Let a second person agree to what waits."""
    [waiting] = Approval.objects.using("orders").filter(state="waiting")
    approve(alias="orders", approval_id=waiting.id, person_id=person_id or uuid7(), now=timezone.now())


@pytest.fixture(autouse=True)
def limits(settings):
    settings.DISCOUNT_FOUR_EYES_ABOVE, settings.DISCOUNT_PERCENT_MANAGER = 10**9, 100
    settings.REFUND_FOUR_EYES_ABOVE = 10**9


def test_the_gross_is_the_price_less_vat_less_cost():
    seller()
    order = ordered()
    shown = Api("manager").get(f"/orders/{order.id}").json()
    assert (shown["items"][0]["cost"], shown["items"][0]["gross"]) == ("900000.00", "100000.00")
    assert shown["gross_total"] == "100000.00"


def test_goods_given_away_lower_it():
    seller()
    mats = make.product(price="12200.00", cost="4000.00", kind="accessory", available=9)
    order = make.order(lines=[ProductLine(make.product(price=CAR, cost="900000.00"), 1), ProductLine(mats, 2)])
    line = order.lines.get(product_id=mats)
    free = {line.id: Bargain(percent=Decimal(100), reason="thrown in")}
    with pytest.raises(Waits):
        services.agree_prices(order_id=order.id, bargains=free, actor=manager(), now=timezone.now(), below_cost=True)
    let_on()
    shown = Api("manager").get(f"/orders/{order.id}").json()
    assert [item["gross"] for item in shown["items"]] == ["100000.00", "-8000.00"]
    assert shown["gross_total"] == "92000.00"


def test_what_is_not_known_is_not_guessed():
    order = ordered(cost=None)
    shown = Api("manager").get(f"/orders/{order.id}").json()
    assert (shown["items"][0]["cost"], shown["items"][0]["gross"], shown["gross_total"]) == (None, None, None)


def test_a_manager_s_own_line_has_no_cost_in_the_books():
    seller()
    order = make.order(
        lines=[ProductLine(make.product(price=CAR, cost="900000.00"), 1), FreeLine("Delivery", Decimal(12_200), 1)],
        actor=manager(),
    )
    assert Api("manager").get(f"/orders/{order.id}").json()["gross_total"] == "110000.00"


def test_nobody_else_sees_any_of_it(settings):
    order = ordered()
    buyer = Api("client", user_id=order.customer_id)
    for api in (buyer, Api("manager")) if (setattr(settings, "COSTS_SEEN_BY", "admins") is None) else ():
        assert "gross_total" not in api.get(f"/orders/{order.id}").json()
        assert b"900000" not in api.get(f"/orders/{order.id}").content + api.get("/orders").content
        assert b"900000" not in api.get(f"/orders/{order.id}/timeline").content
    assert Api("admin").get("/orders").json()["results"][0]["items"][0]["cost"] == "900000.00"
    assert b"900000.00" not in b"".join(str(row.data).encode() for row in OutboxEvent.objects.using("orders").all())


def test_the_cost_of_the_sale_stays():
    order = ordered()
    product_id = order.lines.get().product_id
    services.copy_costs(events=[ProductCostChanged(product_id=product_id, cost=Decimal(5), version_number=2)])
    services.copy_costs(events=[ProductCostChanged(product_id=product_id, cost=Decimal(7), version_number=1)])
    assert ProductCost.objects.get().cost == 5
    assert order.lines.get().cost == Decimal("900000.00")


def test_a_change_that_the_catalogue_refuses_keeps_it():
    order = make.order(lines=[ProductLine(make.product(available=9, cost="10.00"), 2), ProductLine(make.product(), 1)])
    receive(answers.reserved(order))
    gone = order.lines.get(position=0)
    change = {"order_id": order.id, "actor": manager(), "now": timezone.now()}
    services.change_lines(wishes=[LineChange(gone.id, 0)], **change)
    receive(answers.rejected(order))
    assert OrderLine.objects.get(pk=gone.id).cost == 10


def test_a_price_below_cost_is_refused_and_nothing_is_changed():
    seller()
    order = ordered()
    with pytest.raises(BelowCost) as refusal:
        agree(order, "1097999.99")
    assert refusal.value.extra["items"][0]["product_id"] == str(order.lines.get().product_id)
    assert order.lines.get().unit_price == Decimal(CAR)
    assert agree(order, "1098000.00").lines.get().unit_price == 1_098_000


def test_a_second_person_lets_it_go_below():
    order, asker = ordered(), Api("manager")
    body = {"items": [{"id": str(order.lines.get().id), "unit_price": "800000.00"}]}
    refused = asker.patch(f"/orders/{order.id}", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "below_cost")
    waits = asker.patch(f"/orders/{order.id}", body | {"below_cost": True})
    assert (waits.status_code, waits.json()["approval"]["kind"]) == (202, "orders.below_cost")
    with pytest.raises(FourEyes):
        let_on(asker.user_id)
    let_on()
    assert order.lines.get().unit_price == 800_000
    assert OrderHistory.objects.filter(order=order, event="order.prices_agreed").exists()


def test_no_order_is_placed_with_one():
    line = ProductLine(make.product(price="100.00", cost="90.00"), 1, Bargain(unit_price=Decimal("89.99")))
    with pytest.raises(BelowCost):
        make.order(lines=[line], actor=manager())


def test_a_campaign_below_cost_is_refused_as_it_is_saved():
    make.product(price="100.00", cost="90.00")
    with pytest.raises(BelowCost):
        make.promotion(percent=Decimal(11), name="clearance")
    assert not Promotion.objects.exists()
    with pytest.raises(Waits):
        make.promotion(percent=Decimal(11), name="clearance", is_below_cost=True)
    let_on()
    sold = make.order(lines=[ProductLine(ProductCost.objects.get().product_id, 1)])
    assert sold.total_amount == Decimal("89.00")


def test_campaign_and_coupon_together_do_not_go_below_in_silence():
    product_id = make.product(price="100.00", cost="90.00")
    make.promotion(percent=Decimal(6))
    make.promotion(percent=Decimal(6), code="TWICE")
    body = {"items": [{"product_id": str(product_id), "quantity": 1}]}
    refused = Api("client").post("/orders", body | {"coupon": "TWICE"})
    assert refused.json()["errors"][0]["code"] == "not_applicable"
    assert Api("client").post("/orders", body).json()["total_amount"] == "94.00"


def test_a_car_comes_back_at_what_was_given_for_it():
    seller()
    car = make.product(price=CAR, cost="900000.00", vin="XTAGFK330PY000001")
    asked = make.returning(lines=[ProductLine(car, 1)])
    staff = {"actor": manager(), "now": timezone.now()}
    services.inspect_return(return_id=asked.id, result="as new", **staff)
    services.accept_return(return_id=asked.id, **staff)
    receive(answers.settled(asked.order))
    sent = OutboxEvent.objects.using("orders").filter(type=ReleaseStock.type).latest("n").data
    assert sent["costs"] == [{"product_id": str(car), "cost": "1000000.00"}]
