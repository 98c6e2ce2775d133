"""Decide which campaigns and which coupon lower which lines, by how much, and which campaigns exclude each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

from core.clock import dealer_day
from core.money import CENT, ZERO
from core.money.vat import Regime
from orders.models import DiscountSource, LineKind, OrderLine, ProductCopy, Promotion
from orders.rules.costs import would_sink
from orders.rules.prices import compute_reduction, get_list_price, set_discount


@dataclass
class Purse:
    """The rest of the budgets while the lines of one deal are lowered, and how their VAT is reckoned."""

    day: date
    regime: Regime | None = None
    taken: dict[UUID, Decimal] = field(default_factory=dict)

    def take(self, promotion: Promotion, amount: Decimal) -> bool:
        """Take an amount out of a promotion's budget; False, and nothing taken, where it is not there."""
        taken = self.taken.get(promotion.pk, ZERO) + amount
        if promotion.budget is not None and promotion.spent + taken > promotion.budget:
            return False
        self.taken[promotion.pk] = taken
        return True


def lower_lines(
    lines: Sequence[OrderLine],
    products: Mapping[UUID, ProductCopy],
    campaigns: Sequence[Promotion],
    coupon: Promotion | None,
    purse: Purse,
) -> None:
    """Take campaigns off the lines in the order of their ids, then the coupon; what no budget covers is not taken.

    Nor is what would sell a line below its cost, unless that was let on. A coupon that is not combinable takes nothing
    off a line that a campaign lowers.
    """
    day = purse.day
    for line in lines:
        for campaign in campaigns:
            if applies(campaign, line, products, day):
                _take_off(line, campaign, reduce_price(line, campaign), purse)
    if coupon is None:
        return
    free = [line for line in lines if coupon.is_combinable or not line.discounts]
    fit = [line for line in free if applies(coupon, line, products, day)]
    if coupon.percent is not None:
        for line in fit:
            _take_off(line, coupon, reduce_price(line, coupon), purse)
    elif fit:
        dearest = max(fit, key=lambda line: (line.line_total, -line.position))
        share = ((coupon.amount or ZERO) / dearest.quantity).quantize(CENT, rounding=ROUND_DOWN)
        _take_off(dearest, coupon, min(share, dearest.unit_price), purse)


def applies(promotion: Promotion, line: OrderLine, products: Mapping[UUID, ProductCopy], day: date) -> bool:
    """Tell whether a line meets the conditions of a promotion."""
    product = products.get(line.product_id) if line.product_id else None
    if line.kind != LineKind.PRODUCT or product is None:
        return False
    return (
        promotion.kind in ("", product.kind)
        and (promotion.category_id is None or product.category_id in promotion.category_ids)
        and promotion.make.casefold() in ("", (product.make or "").casefold())
        and (promotion.min_price is None or get_list_price(line) >= promotion.min_price)
        and (promotion.min_days_in_stock is None or count_days(product, day) >= promotion.min_days_in_stock)
    )


def count_days(product: ProductCopy, day: date) -> int:
    """Count the days since a product was entered: its id, a UUIDv7, begins with the milliseconds of its making."""
    if product.product_id.version != 7:
        return 0
    return (day - dealer_day(datetime.fromtimestamp((product.product_id.int >> 80) / 1000, tz=UTC))).days


def clash(one: Promotion, other: Promotion) -> bool:
    """Tell whether two campaigns could both lower one line on one day, and not both of them may be combined."""
    if one.is_combinable and other.is_combinable:
        return False
    if one.starts_on > other.ends_on or other.starts_on > one.ends_on:
        return False
    if one.kind and other.kind and one.kind != other.kind:
        return False
    if one.make and other.make and one.make.casefold() != other.make.casefold():
        return False
    categories = one.category_id is not None and other.category_id is not None
    return not categories or bool(set(one.category_ids) & set(other.category_ids))


def reduce_price(line: OrderLine, promotion: Promotion) -> Decimal:
    """Return what a promotion takes off a piece: never more than its price."""
    off = compute_reduction(get_list_price(line), amount=promotion.amount, percent=promotion.percent)
    return min(off, line.unit_price)


def _take_off(line: OrderLine, promotion: Promotion, amount: Decimal, purse: Purse) -> None:
    is_sunk = amount > 0 and would_sink(line, amount, purse.regime, purse.day)
    if is_sunk and not promotion.is_below_cost:
        return
    if amount > 0 and purse.take(promotion, amount * line.quantity):
        line.is_agreed_below_cost |= is_sunk
        source = DiscountSource.COUPON if promotion.code else DiscountSource.CAMPAIGN
        set_discount(line, source, amount, source_id=str(promotion.pk), name=promotion.code or promotion.name)
