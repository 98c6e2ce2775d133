"""Campaigns and coupons: on which goods, for how long, how often, and never beyond their budget."""

import threading
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import connections
from django.utils import timezone

from core.clock import dealer_day
from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import Waits
from orders import services
from orders.errors import CampaignsOverlap, CouponExists
from orders.models import Holder, OrderDiscount, ProductCopy, Promotion, PromotionUse
from orders.services import Actor, Bargain, ProductLine
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders"])
TODAY = dealer_day(timezone.now())


def fresh(promotion):
    return Promotion.objects.get(pk=promotion.pk)


def test_a_campaign_lowers_what_meets_its_conditions():
    campaign = make.promotion(percent=Decimal(3), kind="vehicle", min_price=Decimal(500_000))
    lines = [
        ProductLine(make.product(price="1000000.00"), 1),
        ProductLine(make.product(price="499999.99"), 1),
        ProductLine(make.product(price="600000.00", kind="accessory"), 1),
    ]
    order = make.order(lines=lines)
    assert [line.unit_price for line in order.lines.all()] == [970_000, Decimal("499999.99"), 600_000]
    assert (order.discount_total, order.total_amount) == (30_000, Decimal("2069999.99"))
    row = OrderDiscount.objects.get()
    assert (row.source, row.source_id, row.amount) == ("campaign", campaign.id, 30_000)
    assert (fresh(campaign).spent, fresh(campaign).used) == (30_000, 1)


@pytest.mark.parametrize(("make_", "is_lowered"), [("LADA", True), ("Kia", False)])
def test_a_campaign_may_be_for_a_make(make_, is_lowered):
    product = make.product()
    ProductCopy.objects.filter(pk=product).update(make="Lada")
    make.promotion(make=make_)
    assert bool(make.order(lines=[ProductLine(product, 1)]).discount_total) is is_lowered


def test_a_campaign_may_be_for_a_category_and_for_long_in_stock():
    category = uuid7()
    make.promotion(min_days_in_stock=1)
    assert make.order().discount_total == 0
    branch = make.promotion()
    Promotion.objects.filter(pk=branch.pk).update(category_id=category, category_ids=[category])
    product = make.product()
    assert make.order(lines=[ProductLine(product, 1)]).discount_total == 0
    other = make.product()
    ProductCopy.objects.filter(pk=other).update(category_id=category)
    assert make.order(lines=[ProductLine(other, 1)]).discount_total == 30_000


@pytest.mark.parametrize("days", [(-5, -1), (1, 5)])
def test_a_campaign_holds_on_its_days_alone(days):
    first, last = (TODAY + timedelta(days=day) for day in days)
    make.promotion(starts_on=first, ends_on=last)
    assert make.order().discount_total == 0


def test_a_budget_that_does_not_cover_a_line_takes_nothing_off_it():
    campaign = make.promotion(budget=Decimal(50_000))
    assert [make.order().discount_total for _ in range(3)] == [30_000, 0, 0]
    assert fresh(campaign).spent == 30_000


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_two_at_once_do_not_overspend():
    campaign = make.promotion(budget=Decimal(70_000))
    products = [make.product() for _ in range(6)]
    start, spent = threading.Barrier(6), []

    def buy(product):
        start.wait()
        spent.append(make.order(lines=[ProductLine(product, 1)]).discount_total)
        connections["orders"].close()

    threads = [threading.Thread(target=buy, args=(product,)) for product in products]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(spent) == [0, 0, 0, 0, 30_000, 30_000]
    assert (fresh(campaign).spent, fresh(campaign).used) == (60_000, 2)


def test_what_could_lower_one_line_twice_is_refused_unless_both_are_combinable():
    first = make.promotion(is_combinable=False, kind="vehicle")
    with pytest.raises(CampaignsOverlap) as refusal:
        make.promotion(is_combinable=True)
    assert refusal.value.extra["campaign_ids"] == [str(first.pk)]
    make.promotion(is_combinable=False, kind="accessory")
    make.promotion(is_combinable=False, kind="vehicle", starts_on=TODAY + timedelta(1), ends_on=TODAY + timedelta(1))
    make.promotion(is_combinable=False, code="ANYTIME")
    assert Promotion.objects.filter(code="").count() == 3


def test_combinable_ones_add_up_and_never_below_nothing():
    make.promotion(amount=Decimal(90_000))
    make.promotion(amount=Decimal(90_000))
    order = make.order(lines=[ProductLine(make.product(price="100000.00"), 1)])
    assert (order.total_amount, order.discount_total) == (0, 100_000)


def test_an_order_called_off_gives_budget_and_use_back():
    campaign, coupon = make.promotion(), make.promotion(code="TWICE", limit_total=1)
    order = make.order(coupon="twice")
    assert (order.discount_total, fresh(coupon).used) == (60_000, 1)
    buyer = Actor(order.customer_id, frozenset({"client"}))
    services.move_order(order_id=order.id, status="cancelled", actor=buyer, now=timezone.now())
    for promotion in (campaign, coupon):
        assert (fresh(promotion).spent, fresh(promotion).used) == (0, 0)
    assert not PromotionUse.objects.filter(ended_at=None).exists()
    make.order(coupon="TWICE")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"code": "OTHER"}, "unknown_coupon"),
        ({"is_active": False}, "unknown_coupon"),
        ({"starts_on": TODAY + timedelta(1), "ends_on": TODAY + timedelta(1)}, "not_now"),
        ({"starts_on": TODAY - timedelta(1), "ends_on": TODAY - timedelta(1)}, "not_now"),
        ({"kind": "service"}, "not_applicable"),
        ({"budget": Decimal(1)}, "not_applicable"),
    ],
)
def test_a_coupon_that_does_not_hold_is_refused_at_once(fields, code):
    make.promotion(**{"code": "SPRING"} | fields)
    with pytest.raises(InvalidInput) as refusal:
        make.order(coupon="SPRING")
    assert (refusal.value.errors[0]["field"], refusal.value.errors[0]["code"]) == ("coupon", code)
    assert not PromotionUse.objects.exists()


def test_a_coupon_has_limits_in_all_and_for_a_person():
    buyer = uuid7()
    coupon = make.promotion(code="FEW", limit_total=2, limit_per_person=1)
    make.order(customer_id=buyer, coupon="FEW")
    with pytest.raises(InvalidInput) as refusal:
        make.order(customer_id=buyer, coupon="FEW")
    assert refusal.value.errors[0]["code"] == "used_by_you"
    make.order(coupon="FEW")
    with pytest.raises(InvalidInput) as refusal:
        make.order(coupon="FEW")
    assert (refusal.value.errors[0]["code"], fresh(coupon).used) == ("used_up", 2)


def test_an_amount_of_a_coupon_is_taken_off_an_order_once():
    make.promotion(code="THOUSAND", amount=Decimal(1_000))
    lines = [
        ProductLine(make.product(price="300.00", available=9), 9),
        ProductLine(make.product(price="900.00", available=9), 2),
    ]
    order = make.order(lines=lines, coupon="THOUSAND")
    assert order.discount_total == Decimal("999.99")
    assert [line.unit_price for line in order.lines.all()] == [Decimal("188.89"), 900]


def test_a_coupon_that_is_not_combinable_leaves_a_campaigns_line_alone():
    make.promotion(kind="vehicle")
    make.promotion(code="ALONE", is_combinable=False)
    with pytest.raises(InvalidInput):
        make.order(coupon="ALONE")


def test_a_managers_word_stands_beside_a_campaign():
    make.promotion()
    order = make.order()
    line = order.lines.get()
    services.agree_prices(
        order_id=order.id,
        bargains={line.id: Bargain(unit_price=Decimal(950_000))},
        actor=Actor(uuid7(), frozenset({"manager"})),
        now=timezone.now(),
    )
    line.refresh_from_db()
    assert [(one["source"], one["amount"]) for one in line.discounts] == [
        ("campaign", "30000.00"), ("manager", "20000.00"),
    ]  # fmt: skip


def test_without_a_budget_a_second_person_agrees(settings):
    with pytest.raises(Waits):
        make.promotion(budget=None)
    settings.CAMPAIGN_FOUR_EYES_ABOVE = 10
    with pytest.raises(Waits):
        make.promotion(budget=Decimal(11))
    assert not Promotion.objects.exists()


def test_a_second_person_is_asked_only_of_what_changes_while_it_holds(settings):
    promotion, ended = make.promotion(), make.promotion()
    settings.CAMPAIGN_FOUR_EYES_ABOVE = 10
    change = partial(services.change_promotion, maker_id=uuid7(), now=timezone.now())
    change(promotion_id=promotion.id, changes={"percent": promotion.percent, "is_active": True})
    with pytest.raises(Waits):
        change(promotion_id=promotion.id, changes={"percent": Decimal(90)})
    change(promotion_id=ended.id, changes={"percent": Decimal(90), "is_active": False})
    with pytest.raises(Waits):
        change(promotion_id=ended.id, changes={"is_active": True})


def test_a_quote_and_its_order_come_to_the_same():
    make.promotion(code="DEAL", percent=Decimal("1.11"))
    buyer, product = uuid7(), make.product(price="333333.33", available=9)
    quote = services.quote_deal(items=[(product, 3)], customer_id=buyer, coupon="deal", now=timezone.now())
    assert quote.lines[0]["discounts"][0]["name"] == "DEAL"
    order = services.order_deal(deal_id=quote.id, actor=Actor(buyer, frozenset({"client"})), now=timezone.now())
    assert (order.total_amount, order.discount_total) == (quote.total_amount, Decimal("11100.00"))


def test_a_cart_shows_what_its_order_costs():
    make.promotion(code="CART")
    buyer, now = uuid7(), timezone.now()
    make.cart_item(customer_id=buyer)
    api = Api("client", user_id=buyer)
    assert api.put("/cart/coupon", {"coupon": "NONE"}).json()["errors"][0]["code"] == "unknown_coupon"
    shown = api.put("/cart/coupon", {"coupon": "cart"}).json()
    assert (shown["coupon"], shown["discount_total"], shown["total_amount"]) == ("CART", "30000.00", "970000.00")
    assert shown["items"][0]["list_price"] == "1000000.00"
    order = services.check_out_cart(customer_id=buyer, actor=Actor(buyer, frozenset({"client"})), now=now)
    assert order.total_amount == 970_000
    assert services.add_to_cart(holder=Holder(buyer), product_id=make.product(), quantity=1, now=now)
    assert api.get("/cart").json()["coupon"] == ""


# Over HTTP ------------------------------------------------------------------------------------------------------------
def body(**changes):
    return {
        "name": "Autumn",
        "percent": "2",
        "starts_on": str(TODAY),
        "ends_on": str(TODAY),
        "budget": "1000",
    } | changes


@pytest.mark.parametrize(
    "wrong",
    [
        {"percent": "100.01"}, {"percent": "-1"}, {"percent": "0"}, {"percent": None}, {"amount": "5"},
        {"amount": "-5", "percent": None}, {"currency": "USD"}, {"ends_on": "2020-01-01"}, {"budget": "-1"},
        {"kind": "boat"}, {"surprise": 1},
    ],
)  # fmt: skip
def test_a_campaign_that_says_nothing_is_refused(wrong):
    assert Api("manager").post("/campaigns", body(**wrong)).status_code == 400
    assert not Promotion.objects.exists()


def test_managers_keep_campaigns_and_coupons():
    manager = Api("manager")
    made = manager.post("/campaigns", body())
    assert made.status_code == 201, made.content
    path = f"/campaigns/{made.json()['id']}"
    assert manager.get(path).json()["budget"] == "1000.00"
    assert manager.patch(path, {"name": "Winter", "budget": "900"}).json()["version"] == 2
    assert manager.post("/campaigns", body()).json()["code"] == "campaigns_overlap"
    coupon = manager.post("/coupons", body(code="gift_7"))
    assert (coupon.status_code, coupon.json()["code"]) == (201, "GIFT_7")
    assert manager.post("/coupons", body(code="GIFT_7")).json()["code"] == "coupon_exists"
    assert [row["code"] for row in manager.get("/coupons").json()["results"]] == ["GIFT_7"]
    assert manager.delete(path).status_code == 204
    assert manager.get("/campaigns?is_active=true").json()["results"] == []
    assert manager.get(f"/campaigns/{coupon.json()['id']}").status_code == 404
    assert Api("client").get("/campaigns").status_code == 403
    with pytest.raises(CouponExists):
        make.promotion(code="GIFT_7")


@pytest.mark.parametrize(("path", "code"), [("/campaigns", {}), ("/coupons", {"code": "GIFT_8"})])
def test_a_promotion_is_written_anew_and_what_gives_without_end_waits(path, code):
    manager = Api("manager")
    made = manager.post(path, body(**code)).json()
    one = f"{path}/{made['id']}"
    anew = manager.put(one, body(name="Winter", percent="3", min_price="500000", **code))
    assert (anew.status_code, anew.json()["version"]) == (200, 2), anew.content
    assert manager.patch(one, {"name": "Snow"}).json()["version"] == 3
    shown = manager.get(one).json()
    assert (shown["name"], shown["percent"], shown["min_price"]) == ("Snow", "3.00", "500000.00")
    assert [row["id"] for row in manager.get(path).json()["results"]] == [made["id"]]
    assert manager.patch(one, {"budget": None}).status_code == 202
    assert Promotion.objects.get().budget == 1000


@pytest.mark.parametrize(("path", "code"), [("/campaigns", {}), ("/coupons", {"code": "GIFT_9"})])
def test_one_without_a_budget_waits_when_it_is_added_and_when_it_is_written_anew(path, code):
    manager = Api("manager")
    assert manager.post(path, body(budget=None, **code)).status_code == 202
    assert not Promotion.objects.exists()
    promotion = make.promotion(**code)
    again = body(budget=None, **code)
    assert manager.put(f"{path}/{promotion.id}", again).status_code == 202
    assert fresh(promotion).version == promotion.version
