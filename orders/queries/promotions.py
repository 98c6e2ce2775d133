"""Price goods that are looked at, calculated or ordered on a day, by its campaigns and a coupon."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from core.db import fetch
from core.errors import InvalidInput
from core.money import DEFAULT_CURRENCY, line_total
from core.money.vat import Regime, find_regime
from orders.models import OrderLine, ProductCopy, ProductCost, Promotion, PromotionUse
from orders.models.parties import DEFAULT_SELLER
from orders.models.promotions import PromotionQuerySet
from orders.rules.costs import would_sink
from orders.rules.offers import require_id
from orders.rules.prices import get_list_price
from orders.rules.promotions import Purse, applies, lower_lines, reduce_price
from orders.rules.taxing import read_regimes

LOOKED_AT = 1000
_KNOWN = """SELECT c.product_id, k.cost, coalesce(t.taxed_as, '')
FROM orders_productcopy c LEFT JOIN orders_productcost k USING (product_id)
LEFT JOIN orders_categorytaxcopy t ON t.category_id = c.category_id AND c.vat_kind = ''
WHERE c.product_id = ANY(%s)"""
FORMERLY = timedelta(days=30)
"""For so long before a campaign what others took off counts as the price before it."""


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
    """Let lines know what they cost and how their category taxes them; return how the default seller is taxed.

    None where nobody sells by default.
    """
    known = {product_id: (cost, taxed) for product_id, cost, taxed in fetch("orders", _KNOWN, [list(ids)])}
    for line in lines:
        line.cost, taxed = known.get(line.product_id, (None, "")) if line.product_id else (None, "")
        line.vat_kind = line.vat_kind or taxed
    sellers = fetch("orders", DEFAULT_SELLER, ()) if any(cost for cost, _taxed in known.values()) else []
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


@dataclass(frozen=True, kw_only=True)
class CampaignPrice:
    """A piece's price by the campaigns of a day, roubles; `list_price` is the catalogue's.

    They run from `since` (the first of them) to `until` (the first to end), both included. `formerly` is the lowest
    price by campaigns that ended in the 30 days before, None without any.
    """

    list_price: Decimal
    price: Decimal
    since: date
    until: date
    formerly: Decimal | None


def read_campaign_prices(product_ids: Collection[UUID], *, day: date) -> dict[UUID, CampaignPrice]:
    """Return what each product would cost whoever orders one of it alone; those that no campaign lowers are left out.

    One statement on a day without campaigns.
    """
    rows = Promotion.objects.filter(code="")
    campaigns = list(rows.live(day).order_by("pk"))
    if not campaigns or not product_ids:
        return {}
    products = ProductCopy.objects.filter(is_active=True, currency=DEFAULT_CURRENCY).in_bulk(list(product_ids))
    lines = [_line(place, product, 1) for place, product in enumerate(products.values())]
    regime = _know_costs(lines, list(products), day)
    for line in lines:
        lower_lines([line], products, campaigns, None, Purse(day, regime))
    since = min(campaign.starts_on for campaign in campaigns)
    past = rows.filter(ends_on__gte=since - FORMERLY, starts_on__lt=day)
    ended = list(past.exclude(pk__in=[campaign.pk for campaign in campaigns]))
    by_id = {str(campaign.pk): campaign for campaign in campaigns}
    return {
        require_id(line): _describe_campaign(
            line, [by_id[one["source_id"]] for one in line.discounts], ended, products, day
        )
        for line in lines
        if line.discounts
    }


def _describe_campaign(
    line: OrderLine,
    taken: Sequence[Promotion],
    ended: Sequence[Promotion],
    products: Mapping[UUID, ProductCopy],
    day: date,
) -> CampaignPrice:
    listed = get_list_price(line)
    whole = _line(0, products[require_id(line)], 1)
    former = [listed - reduce_price(whole, one) for one in ended if applies(one, whole, products, day)]
    return CampaignPrice(
        list_price=listed,
        price=line.unit_price,
        since=min(campaign.starts_on for campaign in taken),
        until=min(campaign.ends_on for campaign in taken),
        formerly=min(former, default=None),
    )


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
