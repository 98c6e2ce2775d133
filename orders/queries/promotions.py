"""Price goods that are looked at, calculated or ordered on a day, by its campaigns and a coupon."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money import line_total
from orders.models import OrderLine, ProductCopy, Promotion, PromotionUse
from orders.models.promotions import PromotionQuerySet
from orders.rules.promotions import lower_lines


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
    if products is None:
        products = ProductCopy.objects.in_bulk([line.product_id for line in lines if line.product_id])
    lower_lines(lines, products, campaigns, found, day)
    if found is not None and not any(one["source_id"] == str(found.pk) for line in lines for one in line.discounts):
        raise InvalidInput("coupon", "not_applicable", _("This coupon takes nothing off these goods."))


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
