"""Random deals: whatever lowers their lines, the sums agree to the kopeck; RANDOM_DEALS says how many."""

import os
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.clock import dealer_day
from core.errors import InvalidInput
from core.ids import uuid7
from core.money import money
from core.testing import Api
from gateway.approvals import Waits, approve
from gateway.models import Approval
from orders import services
from orders.errors import BelowCost
from orders.models import OrderDiscount, ProductCopy, Promotion, PromotionUse
from orders.services import Actor, Bargain, ProductLine
from orders.tests import make
from orders.tests.test_taxes import seller

pytestmark = pytest.mark.django_db(databases=["orders"])
DEALS, SEED = int(os.environ.get("RANDOM_DEALS", "25")), int(os.environ.get("RANDOM_SEED", "18"))
CHUNK = 25
"""Deals of one test, whose time is limited."""


def draw(rng):
    """A deal: two to five goods, campaigns, perhaps a coupon, perhaps a manager's word."""
    today = dealer_day(timezone.now())
    days = {"starts_on": today, "ends_on": today + timedelta(days=rng.randrange(3))}
    for _ in range(rng.randrange(3)):
        budget = money(Decimal(rng.randrange(1, 40_000_000)) / 100)
        off = {"percent": Decimal(rng.randrange(1, 4_000)) / 100}
        if rng.random() < 0.4:
            off = {"amount": Decimal(rng.randrange(1, 900_000)) / 100}
        kind = rng.choice(["", "vehicle", "accessory"])
        make.promotion(**off, **days, kind=kind, budget=budget, is_combinable=True)
    off = {"percent": Decimal("7.77")} if rng.random() < 0.5 else {"amount": Decimal(rng.randrange(1, 9_000_000)) / 100}
    code = f"R{rng.randrange(10**9)}"
    make.promotion(**off, **days, code=code, is_combinable=rng.random() < 0.5)
    lines = [
        ProductLine(
            make.product(
                price=str(Decimal(rng.randrange(100, 200_000_000)) / 100),
                available=9,
                kind=rng.choice(["vehicle", "accessory", "service"]),
                cost=str(Decimal(rng.randrange(100, 150_000_000)) / 100) if rng.random() < 0.7 else None,
            ),
            rng.randrange(1, 5),
        )
        for _ in range(rng.randrange(2, 6))
    ]
    return lines, code if rng.random() < 0.6 else ""


def place(lines, coupon):
    """Order the goods; without the coupon where it takes nothing off them."""
    try:
        return make.order(lines=lines, coupon=coupon)
    except InvalidInput as refusal:
        if refusal.errors[0]["code"] != "not_applicable":
            raise
    return make.order(lines=lines)


def check(order):
    """The sums of one order, worked out beside the product."""
    lines = list(order.lines.all())
    for line in lines:
        off = sum((Decimal(one["amount"]) for one in line.discounts), Decimal(0))
        assert line.unit_price == line.list_price - off >= 0
        assert line.line_total == line.unit_price * line.quantity == money(line.line_total)
    listed = sum(line.list_price * line.quantity for line in lines)
    assert order.total_amount == sum(line.line_total for line in lines) == listed - order.discount_total
    last = {}
    for row in OrderDiscount.objects.filter(order=order).order_by("id"):
        last[row.line_id, row.source, row.source_id] = row.amount * row.quantity
    assert sum(last.values(), Decimal(0)) == order.discount_total
    check_gross(order, lines)


def check_gross(order, lines):
    """What managers are shown is price less VAT less cost, and no campaign sold a line below its cost by itself."""
    shown = Api("manager").get(f"/orders/{order.id}").json()
    parts = []
    for line, item in zip(lines, shown["items"], strict=True):
        assert line.vat_amount == money(line.line_total * 22 / 122)
        parts.append(None if line.cost is None else line.line_total - line.vat_amount - line.cost * line.quantity)
        assert (item["cost"], item["gross"]) == (line.cost and str(line.cost), parts[-1] and str(money(parts[-1])))
        if {one["source"] for one in line.discounts} & {"campaign", "coupon"} and parts[-1] is not None:
            assert parts[-1] >= 0 or any(one["source"] == "manager" for one in line.discounts)
    total = None if None in parts else str(sum(parts))
    assert shown["gross_total"] == total
    assert order.vat_total == sum(line.vat_amount for line in lines)


@pytest.mark.parametrize("chunk", range(DEALS // CHUNK))
def test_sums_of_random_deals_agree(settings, chunk):
    settings.DISCOUNT_FOUR_EYES_ABOVE = settings.CAMPAIGN_FOUR_EYES_ABOVE = 10**13
    settings.DISCOUNT_PERCENT_MANAGER = 100
    seller(("2025-01-01", "general"))
    rng = random.Random(f"{SEED}/{chunk}")
    for _ in range(CHUNK):
        Promotion.objects.update(is_active=False)
        ProductCopy.objects.update(is_active=False)
        lines, coupon = draw(rng)
        order = place(lines, coupon)
        check(order)
        if rng.random() < 0.6:
            line = rng.choice(list(order.lines.all()))
            bargain = Bargain(unit_price=money(line.unit_price * Decimal(rng.randrange(1, 100)) / 100))
            word = {"order_id": order.id, "bargains": {line.id: bargain}, "now": timezone.now()}
            actor = Actor(uuid7(), frozenset({"manager"}))
            try:
                services.agree_prices(actor=actor, **word)
            except BelowCost:
                with pytest.raises(Waits):
                    services.agree_prices(actor=actor, below_cost=True, **word)
                waiting = Approval.objects.using("orders").get(subject_id=order.id, kind="orders.below_cost")
                approve(alias="orders", approval_id=waiting.id, person_id=uuid7(), now=timezone.now())
            order.refresh_from_db()
            check(order)
        for promotion in Promotion.objects.filter(is_active=True):
            used = PromotionUse.objects.filter(promotion=promotion, ended_at=None)
            spent = sum((use.amount for use in used), Decimal(0))
            assert promotion.spent == spent <= promotion.budget
