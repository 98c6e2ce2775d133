"""Calculating a whole deal: what is due now, what a month, and the full cost of credit.

Prices are the catalogue's copy; the loan is asked of financing and the premiums of insurance before anything is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from core.money import ZERO
from financing.public import LoanOffer, loan_offer
from insurance.public import PremiumFacts, rate
from orders.errors import UnknownProduct
from orders.models import OrderLine, ProductCopy
from orders.models.deals import NAMELESS, DealQuote
from orders.queries.deal_sums import compute_result
from orders.queries.promotions import price_goods
from orders.rules.prices import show_discounts
from orders.services.lines import MAX_LINES, refuse_other_currency

MAX_POLICIES = 5
PURGED_AT_ONCE = 1000
BY_LAW = "osago"


@dataclass(frozen=True, kw_only=True)
class LoanWish:
    """The loan wanted: months, what is paid down in roubles, and whether the premiums are lent too."""

    term_months: int
    down_payment: Decimal = ZERO
    programme_id: UUID | None = None
    financing_type: str = "car_loan"
    is_insurance_financed: bool = False


def quote_deal(
    *,
    items: Sequence[tuple[UUID, int]],
    now: datetime,
    customer_id: UUID | None = None,
    trade_in_amount: Decimal = ZERO,
    loan: LoanWish | None = None,
    insurance: Sequence[Mapping[str, Any]] = (),
    coupon: str = "",
) -> DealQuote:
    """Calculate and keep a deal of products, a trade-in, a loan and policies. Raises InvalidInput, UnknownProduct."""
    quote = work_out_deal(
        items=items,
        now=now,
        trade_in_amount=trade_in_amount,
        loan=loan,
        insurance=insurance,
        coupon=coupon,
        customer_id=customer_id,
    )
    quote.customer_id = customer_id
    with transaction("orders"):
        quote.save(force_insert=True)
    return quote


def purge_deal_quotes(*, now: datetime) -> int:
    """Delete calculations that are nobody's and became no order, after their days; return how many."""
    before, total = now - timedelta(days=settings.DEAL_QUOTE_DAYS), 0
    while True:
        with transaction("orders"):
            due = DealQuote.objects.filter(NAMELESS, created_at__lte=before).order_by("created_at")
            ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:PURGED_AT_ONCE])
            DealQuote.objects.filter(pk__in=ids).delete()
        total += len(ids)
        if len(ids) < PURGED_AT_ONCE:
            return total


def work_out_deal(
    *,
    items: Sequence[tuple[UUID, int]],
    now: datetime,
    trade_in_amount: Decimal = ZERO,
    loan: LoanWish | None = None,
    insurance: Sequence[Mapping[str, Any]] = (),
    coupon: str = "",
    customer_id: UUID | None = None,
) -> DealQuote:
    """Calculate a deal and store nothing: for sliders that move. Raises InvalidInput, UnknownProduct."""
    day = dealer_day(now)
    lines = _lines(items, coupon, customer_id, day)
    products = [product_id for product_id, _quantity in items]
    rated = rate_insurance(insurance, day, products)
    goods = sum((Decimal(line["line_total"]) for line in lines), ZERO)
    if not 0 <= trade_in_amount <= goods:
        raise InvalidInput("trade_in", "out_of_range", _("Between nothing and the price of the goods."))
    now_due = sum((Decimal(item["due_now"]) for item in rated), ZERO)
    later = sum((Decimal(item["premium"]) for item in rated), ZERO) - now_due
    offer = None if loan is None else offer_loan(loan, goods, trade_in_amount, rated, day, products)
    result = compute_result(goods, now_due, trade_in_amount, offer, later)
    return DealQuote(
        coupon=coupon.strip().upper(),
        lines=lines,
        trade_in_amount=trade_in_amount,
        insurance=rated,
        loan_terms=None if offer is None else msgspec.to_builtins(offer.terms),
        total_amount=Decimal(result["total_amount"]),
        due_now=Decimal(result["due_now"]),
        monthly_payment=None if offer is None else offer.monthly_payment,
        psk=None if offer is None else offer.psk,
        result=result,
        rated_on=day,
        created_at=now,
    )


def _lines(items: Sequence[tuple[UUID, int]], coupon: str, customer_id: UUID | None, day: date) -> list[dict[str, Any]]:
    if not 1 <= len(items) <= MAX_LINES:
        raise InvalidInput("items", "invalid", _("A deal has 1 to %(most)d lines.") % {"most": MAX_LINES})
    known = ProductCopy.objects.in_bulk([product_id for product_id, _quantity in items])
    for number, (product_id, _quantity) in enumerate(items):
        product = known.get(product_id)
        if product is None or not product.is_active:
            raise UnknownProduct(f"items.{number}.product_id")
        refuse_other_currency(product)
    priced = price_goods(items, known, coupon=coupon, customer_id=customer_id, day=day)
    return [_line(line, known[product_id].sku) for line, (product_id, _quantity) in zip(priced, items, strict=True)]


def _line(line: OrderLine, sku: str) -> dict[str, Any]:
    plain = {
        "product_id": str(line.product_id),
        "sku": sku,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price": str(line.unit_price),
        "line_total": str(line.line_total),
    }
    return plain | show_discounts(line)


def rate_insurance(insurance: Sequence[Mapping[str, Any]], day: date, products: list[UUID]) -> list[dict[str, Any]]:
    """Ask insurance what each policy for an order of products costs on a day. Raises InvalidInput."""
    if len(insurance) > MAX_POLICIES:
        raise InvalidInput("insurance", "too_many", _("At most %(most)d policies.") % {"most": MAX_POLICIES})
    rated = []
    for number, request in enumerate(insurance):
        try:
            rated.append(_premium(request, rate(request, day=day, products=products)))
        except InvalidInput as error:
            problem = error.errors[0]
            raise InvalidInput(
                f"insurance.{number}.{problem['field']}",
                problem["code"],
                problem["detail"],
            ) from error
    return rated


def _premium(request: Mapping[str, Any], found: PremiumFacts) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(asdict(found))
    # A peer of the release before this one answers without the request: it rated it as it was sent.
    return plain | {"request": msgspec.to_builtins(found.request or dict(request))}


def offer_loan(
    loan: LoanWish,
    goods: Decimal,
    trade_in: Decimal,
    rated: Sequence[Mapping[str, Any]],
    day: date,
    products: list[UUID],
) -> LoanOffer:
    """Price the loan for the car among some products.

    Insurance that the law demands stands outside ПСК, other insurance in it. Later parts are paid by the insured: a
    loan lends what is due with the deal.
    """
    lent = [item for item in rated if loan.is_insurance_financed]
    financed = sum((Decimal(item["due_now"]) for item in lent), ZERO)
    in_psk = sum((Decimal(item["due_now"]) for item in lent if item["insurance_type"] != BY_LAW), ZERO)
    if loan.down_payment < 0 or loan.down_payment + trade_in >= goods:
        raise InvalidInput("financing.down_payment", "max_value", _("Something has to be left to borrow."))
    return loan_offer(
        vehicle_price=goods,
        down_payment=loan.down_payment + trade_in,
        term_months=loan.term_months,
        day=day,
        programme_id=loan.programme_id,
        financing_type=loan.financing_type,
        financed_premium=financed,
        psk_premium=in_psk,
        product_ids=products,
    )
