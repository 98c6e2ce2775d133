"""Price goods that are looked at, calculated or ordered on a day, by its campaigns and a coupon."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from core.db import fetch
from core.errors import InvalidInput
from core.money import line_total
from core.money.vat import Regime, find_regime
from orders.models import OrderLine, ProductCopy, ProductCost, Promotion, PromotionUse
from orders.models.parties import DEFAULT_SELLER
from orders.models.promotions import PromotionQuerySet
from orders.rules.costs import would_sink
from orders.rules.promotions import Purse, applies, lower_lines, reduce_price
from orders.rules.taxing import read_regimes

LOOKED_AT = 1000


def lower_prices(
    lines: Sequence[OrderLine],
    *,
    coupon: str,
    customer_id: UUID | None,
    day: date,
    promotions: PromotionQuerySet | None = None,
    products: Mapping[UUID, ProductCopy] | None = None,
) -> None:
    """Lower lines by the campaigns of a day and by a coupon; a sale gives the `promotions` that it locks.

    Raises InvalidInput where the coupon is unknown, not of this day, used up, or takes nothing off these goods.
    """
    rows = Promotion.objects.all() if promotions is None else promotions
    campaigns = list(rows.filter(code="").live(day).order_by("pk"))
    found = _find_coupon(rows, coupon, customer_id, day) if coupon else None
    if not campaigns and found is None:
        return
    ids = [line.product_id for line in lines if line.product_id]
    if products is None:
        products = ProductCopy.objects.in_bulk(ids)
    lower_lines(lines, products, campaigns, found, Purse(day, _know_costs(lines, ids, day)))
    if found is not None and not any(one["source_id"] == str(found.pk) for line in lines for one in line.discounts):
        raise InvalidInput("coupon", "not_applicable", _("This coupon takes nothing off these goods."))


def _know_costs(lines: Sequence[OrderLine], ids: Sequence[UUID], day: date) -> Regime | None:
    """Let the lines know what they cost; return how the default seller is taxed, None where nobody sells by default."""
    costs = dict(ProductCost.objects.filter(product_id__in=ids).values_list("product_id", "cost"))
    for line in lines:
        line.cost = costs.get(line.product_id) if line.product_id else None
    sellers = fetch("orders", DEFAULT_SELLER, ()) if any(costs.values()) else []
    return find_regime(read_regimes(msgspec.json.decode(sellers[0][1])), day) if sellers else None


def price_goods(
    wanted: Iterable[tuple[UUID, int]],
    products: Mapping[UUID, ProductCopy],
    *,
    coupon: str = "",
    customer_id: UUID | None = None,
    day: date,
) -> list[OrderLine]:
    """Return what the products would be ordered at, in their order. Raises InvalidInput (the coupon does not hold)."""
    lines = [_line(place, products[pk], quantity) for place, (pk, quantity) in enumerate(wanted)]
    lower_prices(lines, coupon=coupon, customer_id=customer_id, day=day, products=products)
    return lines


def _line(place: int, product: ProductCopy, quantity: int) -> OrderLine:
    return OrderLine(
        position=place,
        product_id=product.product_id,
        name=product.name,
        quantity=quantity,
        unit_price=product.price,
        list_price=product.price,
        vat_kind=product.vat_kind,
        margin_cost=product.margin_cost,
        line_total=line_total(product.price, quantity),
    )


def _find_coupon(rows: PromotionQuerySet, code: str, customer_id: UUID | None, day: date) -> Promotion:
    coupon = rows.filter(code=code.strip().upper(), is_active=True).exclude(code="").first()
    if coupon is None:
        raise InvalidInput("coupon", "unknown_coupon", _("There is no such coupon."))
    if not coupon.starts_on <= day <= coupon.ends_on:
        raise InvalidInput("coupon", "not_now", _("This coupon does not hold today."))
    if coupon.limit_total is not None and coupon.used >= coupon.limit_total:
        raise InvalidInput("coupon", "used_up", _("This coupon is used up."))
    if coupon.limit_per_person is not None and customer_id is not None:
        used = PromotionUse.objects.filter(promotion=coupon, customer_id=customer_id, ended_at=None).count()
        if used >= coupon.limit_per_person:
            raise InvalidInput("coupon", "used_by_you", _("You have used this coupon as often as one may."))
    return coupon


def find_sinking(promotion: Promotion, day: date, *, most: int) -> list[ProductCopy]:
    """Return products that a campaign or coupon would by itself sell below their cost, so many at most.

    Raises NoTaxRule.
    """
    found: list[ProductCopy] = []
    reached = UUID(int=0)
    known = ProductCost.objects.filter(cost__gt=0).order_by("product_id")
    while len(found) < most and (ids := list(known.filter(pk__gt=reached).values_list("pk", flat=True)[:LOOKED_AT])):
        reached, copies = ids[-1], ProductCopy.objects.filter(is_active=True).in_bulk(ids)
        lines = [_line(place, copy, 1) for place, copy in enumerate(copies.values())]
        regime = _know_costs(lines, ids, day)
        for line, copy in zip(lines, copies.values(), strict=True):
            if applies(promotion, line, copies, day) and would_sink(line, reduce_price(line, promotion), regime, day):
                found.append(copy)
    return found[:most]
