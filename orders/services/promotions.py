"""Campaigns and coupons at work: lowering the lines of a deal, counting what an order takes, giving it back.

Whoever places an order locks what it takes from, by id: two at once never spend more than a budget or a limit holds.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import F

from core.money import ZERO
from gateway import approvals
from orders.approvals import PROMOTIONS
from orders.models import DiscountSource, Order, OrderDiscount, OrderLine, Promotion, PromotionUse
from orders.queries.promotions import lower_prices
from orders.rules.prices import get_list_price
from orders.services.history import Actor


def lower_sold(lines: Sequence[OrderLine], *, coupon: str, customer_id: UUID, day: date) -> None:
    """Lower the lines of an order that is being placed, and lock what is taken from. Raises InvalidInput."""
    locked = Promotion.objects.select_for_update()
    lower_prices(lines, coupon=coupon, customer_id=customer_id, day=day, promotions=locked)


def use_promotions(order: Order, lines: Sequence[OrderLine], actor: Actor, now: datetime) -> None:
    """Count what a new order takes of campaigns and of its coupon, under the locks of `lower_prices`."""
    taken: dict[str, Decimal] = {}
    history = []
    for line in lines:
        for one in line.discounts:
            if one["source"] == DiscountSource.MANAGER:
                continue
            amount = Decimal(one["amount"])
            taken[one["source_id"]] = taken.get(one["source_id"], ZERO) + amount * line.quantity
            history.append(_history_row(order, line, one, amount, actor, now))
    if not taken:
        return
    approvals.let(PROMOTIONS)
    OrderDiscount.objects.bulk_create(history)
    for promotion_id, amount in sorted(taken.items()):
        Promotion.objects.filter(pk=promotion_id).update(spent=F("spent") + amount, used=F("used") + 1)
        PromotionUse.objects.create(
            promotion_id=UUID(promotion_id),
            order=order,
            customer_id=order.customer_id,
            amount=amount,
            used_at=now,
        )


def give_promotions_back(order_id: UUID, now: datetime) -> None:
    """Give budgets and uses back that an order held, once it came to nothing; a second time nothing is left to give."""
    uses = PromotionUse.objects.filter(order_id=order_id, ended_at=None).order_by("promotion_id").select_for_update()
    for use in list(uses):
        Promotion.objects.filter(pk=use.promotion_id).update(spent=F("spent") - use.amount, used=F("used") - 1)
        use.ended_at = now
        use.save(update_fields=["ended_at"])


def _history_row(
    order: Order, line: OrderLine, one: dict[str, str], amount: Decimal, actor: Actor, now: datetime
) -> OrderDiscount:
    return OrderDiscount(
        order=order,
        line_id=line.id,
        source=one["source"],
        source_id=UUID(one["source_id"]),
        list_price=get_list_price(line),
        amount=amount,
        quantity=line.quantity,
        reason=one["name"],
        actor_id=actor.id,
        at=now,
    )
