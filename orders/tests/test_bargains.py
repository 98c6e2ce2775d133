"""A manager's own prices and discounts: what they come to, who may give them, and what they never do."""

from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.utils import timezone

from core.errors import FourEyes, InvalidInput
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import Waits, approve
from gateway.models import Approval
from messaging.models import OutboxEvent
from orders import services
from orders.errors import ChangeRefused
from orders.models import Order, OrderDiscount, OrderHistory, OrderLine
from orders.services import Actor, Bargain, LineChange, ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders", "accounts"])
PRICE = Decimal("1000000.00")


def manager(*roles):
    return Actor(uuid7(), frozenset(roles or {"manager"}))


def agree(order, bargain, actor=None, **options):
    bargains = {order.lines.first().id: bargain}
    services.agree_prices(order_id=order.id, bargains=bargains, actor=actor or manager(), now=timezone.now(), **options)
    order.refresh_from_db()
    return order.lines.first()


def told(kind):
    return OutboxEvent.objects.using("orders").filter(type=kind).latest("n").data


def off(amount=None, *, percent=None, reason="the last of its year"):
    return Bargain(
        amount=None if amount is None else Decimal(amount),
        percent=None if percent is None else Decimal(percent),
        reason=reason,
    )


def test_a_discount_keeps_the_list_price_beside_the_agreed_one():
    order, seller = make.order(), manager()
    line = agree(order, off("40000.00"), seller)
    assert (line.list_price, line.discount_amount, line.unit_price) == (PRICE, Decimal(40_000), Decimal(960_000))
    assert (order.total_amount, order.discount_total, order.amount_due) == (line.line_total, 40_000, 960_000)
    row = OrderDiscount.objects.get()
    assert (row.line_id, row.source, row.amount, row.reason) == (line.id, "manager", 40_000, "the last of its year")
    assert (row.actor_id, row.list_price, row.quantity) == (seller.id, PRICE, 1)
    entry = OrderHistory.objects.filter(event="order.prices_agreed").get()
    assert (entry.actor_id, entry.before["discount_total"], entry.after["discount_total"]) == (
        seller.id, "0.00", "40000.00",
    )  # fmt: skip
    assert Decimal(told("order.updated")["total_amount"]) == 960_000


def test_the_last_word_replaces_the_one_before_and_may_take_it_back():
    order = make.order()
    agree(order, off("40000.00"))
    assert agree(order, off(percent="1.50", reason="agreed")).unit_price == Decimal(985_000)
    line = agree(order, off("0", reason="a mistake"))
    assert (line.unit_price, line.discounts, order.discount_total) == (PRICE, [], 0)
    assert [row.amount for row in OrderDiscount.objects.order_by("id")] == [40_000, 15_000, 0]


def test_an_agreed_price_is_a_discount_too():
    line = agree(make.order(), Bargain(unit_price=Decimal("975000.50")))
    assert (line.discount_amount, line.unit_price) == (Decimal("24999.50"), Decimal("975000.50"))


def test_per_cents_are_rounded_to_the_kopeck_a_piece():
    order = make.order(lines=[ProductLine(make.product(price="33.33", available=9), 3)])
    line = agree(order, off(percent="5"))
    assert (line.discount_amount, line.line_total) == (Decimal("1.67"), Decimal("94.98"))
    assert order.discount_total == Decimal("5.01")


@pytest.mark.parametrize(
    ("bargain", "field"),
    [
        (off("-1"), "items.0.discount.amount"),
        (off("1.001"), "items.0.discount.amount"),
        (off("NaN"), "items.0.discount.amount"),
        (off("1000000.01"), "items.0.discount"),
        (off(percent="100.01"), "items.0.discount.percent"),
        (off(percent="-5"), "items.0.discount.percent"),
        (off("10", reason=" "), "items.0.discount.reason"),
        (off("10", percent="5"), "items.0.discount"),
        (Bargain(reason="nothing"), "items.0.discount"),
        (Bargain(unit_price=Decimal("1000000.01")), "items.0.unit_price"),
        (Bargain(unit_price=Decimal("-0.01")), "items.0.unit_price"),
    ],
)
def test_it_refuses_what_is_no_price(bargain, field):
    order = make.order()
    with pytest.raises(InvalidInput) as refusal:
        agree(order, bargain)
    assert refusal.value.errors[0]["field"] == field
    assert not OrderDiscount.objects.exists()
    order.refresh_from_db()
    assert (order.total_amount, order.version) == (PRICE, 1)


def test_a_policy_and_a_free_line_have_no_list_price():
    order = make.order(policies=[("KASKO", Decimal(90_000))])
    policy = order.lines.get(kind="policy")
    with pytest.raises(InvalidInput) as refusal:
        services.agree_prices(order_id=order.id, bargains={policy.id: off("1")}, actor=manager(), now=timezone.now())
    assert refusal.value.errors[0]["code"] == "not_allowed"


def test_nobody_discounts_their_own_order():
    seller = manager()
    order = make.order(customer_id=seller.id, actor=seller)
    with pytest.raises(FourEyes):
        agree(order, off("1.00"), seller)
    with pytest.raises(FourEyes):
        make.order(customer_id=seller.id, actor=seller, lines=[ProductLine(make.product(), 1, off("1.00"))])
    assert not OrderDiscount.objects.exists()


@pytest.mark.parametrize(("roles", "alone"), [({"manager"}, "5"), ({"admin"}, "15")])
def test_each_role_has_its_own_per_cents(settings, roles, alone):
    settings.DISCOUNT_FOUR_EYES_ABOVE = 1_000_000
    agree(make.order(), off(percent=alone), manager(*roles))
    with pytest.raises(Waits):
        agree(make.order(), off(percent=f"{alone}.01"), manager(*roles))


def test_above_the_limit_a_second_person_agrees():
    order, seller = make.order(), manager()
    with pytest.raises(Waits):
        agree(order, off(percent="20"), seller)
    order.refresh_from_db()
    assert (order.total_amount, OrderDiscount.objects.count()) == (PRICE, 0)
    request = Approval.objects.using("orders").get(kind="orders.discount")
    assert (request.amount, request.asked_by) == (200_000, seller.id)
    approve(alias="orders", approval_id=request.id, person_id=uuid7(), now=timezone.now())
    order.refresh_from_db()
    assert (order.total_amount, OrderDiscount.objects.get().actor_id) == (800_000, seller.id)


def test_what_was_paid_above_the_new_price_goes_back():
    order = make.order()
    receive(answers.reserved(order))
    receive(answers.paid(order, by_saga=False))
    agree(order, off("30000.00"))
    assert Decimal(told("checkout.excess_refund_requested")["amount"]) == 30_000
    assert (order.status, order.amount_due) == ("paid", 0)
    with pytest.raises(ChangeRefused):
        agree(order, off("10000.00"))


def test_more_of_a_discounted_line_is_another_line():
    order = make.order(lines=[ProductLine(make.product(price="5000.00", available=9, kind="accessory"), 2)])
    line = agree(order, off("100.00"))
    receive(answers.reserved(order))
    buyer = Actor(order.customer_id, frozenset({"client"}))
    with pytest.raises(ChangeRefused) as refusal:
        services.change_lines(order_id=order.id, wishes=[LineChange(line.id, 3)], actor=buyer, now=timezone.now())
    assert refusal.value.code == "discounted_line"
    services.change_lines(order_id=order.id, wishes=[LineChange(line.id, 1)], actor=buyer, now=timezone.now())
    order.refresh_from_db()
    assert (order.total_amount, order.discount_total) == (4_900, 100)


def test_lines_taken_back_by_the_catalogue_keep_their_discount():
    order = make.order(lines=[ProductLine(make.product(price="5000.00", available=9, kind="accessory"), 2)])
    line = agree(order, off("100.00"))
    receive(answers.reserved(order))
    more = [LineChange(line.id, 0), ProductLine(make.product(price="7.00", available=9), 1)]
    buyer = Actor(order.customer_id, frozenset({"client"}))
    services.change_lines(order_id=order.id, wishes=more, actor=buyer, now=timezone.now())
    order.refresh_from_db()
    assert order.discount_total == 0
    receive(answers.rejected(order))
    order.refresh_from_db()
    again = order.lines.get()
    assert (again.list_price, again.discount_amount, again.unit_price) == (5_000, 100, 4_900)
    assert (order.discount_total, order.total_amount) == (200, 9_800)


def test_the_database_holds_the_price_to_the_list():
    line = make.order().lines.get()
    with pytest.raises(IntegrityError):
        OrderLine.objects.filter(pk=line.pk).update(discount_amount=5)


def test_the_history_of_discounts_is_only_added_to():
    agree(make.order(), off("40000.00"))
    with pytest.raises(IntegrityError):
        OrderDiscount.objects.update(amount=1)


# Over HTTP ------------------------------------------------------------------------------------------------------------
def test_a_manager_places_an_order_at_an_agreed_price(monkeypatch):
    product, buyer = make.product(), uuid7()
    monkeypatch.setattr("orders.api.inputs.require_person", lambda *_: None)
    discount = {"percent": "2", "reason": "regular"}
    body = {"items": [{"product_id": str(product), "quantity": 1, "discount": discount}], "customer_id": str(buyer)}
    made = Api("manager").post("/orders", body)
    assert made.status_code == 201, made.content
    (item,) = made.json()["items"]
    assert (item["list_price"], item["unit_price"], item["line_total"]) == ("1000000.00", "980000.00", "980000.00")
    assert item["discounts"] == [{"source": "manager", "source_id": None, "name": "", "amount": "20000.00"}]
    assert (made.json()["discount_total"], made.json()["total_amount"]) == ("20000.00", "980000.00")
    assert OrderDiscount.objects.get().reason == "regular"


def test_no_order_is_placed_with_more_off_than_one_may_give():
    with pytest.raises(InvalidInput) as refusal:
        make.order(actor=manager(), lines=[ProductLine(make.product(), 1, off(percent="6"))])
    assert refusal.value.errors[0]["code"] == "needs_approval"
    assert not Order.objects.exists()


def test_a_buyer_names_no_price():
    product, buyer = make.product(), uuid7()
    for extra in ({"unit_price": "1"}, {"discount": {"percent": "5", "reason": "please"}}):
        body = {"items": [{"product_id": str(product), "quantity": 1} | extra]}
        assert Api("client", user_id=buyer).post("/orders", body).status_code == 400
    order = make.order(customer_id=buyer)
    body = {"items": [{"id": str(order.lines.get().id), "unit_price": "1.00"}]}
    assert Api("client", user_id=buyer).patch(f"/orders/{order.id}", body).status_code == 403
    assert not OrderDiscount.objects.exists()


def test_prices_are_patched_by_themselves():
    order, seller = make.order(), Api("manager")
    line = str(order.lines.get().id)
    for wrong in (
        {"items": [{"id": line, "unit_price": "1.00", "quantity": 1}]},
        {"items": [{"id": line, "unit_price": "1.00"}], "comment": "so"},
        {"items": [{"id": line}]},
        {"items": [{"id": str(uuid7()), "unit_price": "1.00"}, {"id": line, "quantity": 1}]},
    ):
        assert seller.patch(f"/orders/{order.id}", wrong).status_code == 400
    body = {"items": [{"id": line, "discount": {"amount": "1000.00", "reason": "mats"}}]}
    shown = seller.patch(f"/orders/{order.id}", body)
    assert (shown.status_code, shown.json()["discount_total"]) == (200, "1000.00")
    body["items"][0]["discount"]["amount"] = "900000.00"
    waits = seller.patch(f"/orders/{order.id}", body)
    assert (waits.status_code, waits.json()["approval"]["amount"]) == (202, "899000.00")
