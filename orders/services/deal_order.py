"""Ordering a stored deal: the same goods, trade-in, loan and policies, at the sums that were calculated."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.db import transaction
from core.errors import NotFound
from core.money import money
from financing.public import check_application, read_offer_terms
from insurance.public import estimate
from orders.models import Order
from orders.models.deals import DealQuote
from orders.rules.requests import ChosenPolicy
from orders.services.history import Actor
from orders.services.lines import ProductLine
from orders.services.placing import place_order


def order_deal(
    *,
    deal_id: UUID,
    actor: Actor,
    now: datetime,
    payment: dict[str, Any] | None = None,
    deposit: dict[str, Any] | None = None,
    applicant: Mapping[str, Any] | None = None,
    compares_banks: bool = False,
) -> Order:
    """Place the actor's order for a deal that is theirs or nobody's; `applicant` are their own fields of the loan.

    The bank of the deal is asked, and an offer equal to it is taken at once; with `compares_banks` all are asked and
    the buyer chooses.
    Raises NotFound, InvalidInput, PriceChanged where goods or premiums cost something else by now, and what
    `place_order` raises.
    """
    quote = DealQuote.objects.filter(pk=deal_id).first()
    if quote is None or quote.customer_id not in (None, actor.id):
        raise NotFound
    requests = [item["request"] for item in quote.insurance]
    policies, terms = _policies(quote), quote.loan_terms
    financing = None if terms is None else _application(terms, applicant, compares_banks, now)
    with transaction("orders"):
        order = place_order(
            customer_id=actor.id,
            actor=actor,
            lines=[ProductLine(UUID(line["product_id"]), line["quantity"]) for line in quote.lines],
            payment=payment,
            deposit=deposit,
            trade_in=_trade_in(quote.trade_in_amount),
            financing=financing,
            insurance=requests,
            policies=policies,
            coupon=quote.coupon,
            expected_total=quote.total_amount,
            now=now,
        )
        DealQuote.objects.filter(pk=quote.pk, order_id=None).update(order_id=order.pk)
    return order


def _policies(quote: DealQuote) -> list[ChosenPolicy]:
    """Name, premium and insurer of each policy of the deal; premiums as they are today. Raises InvalidInput."""
    products = [UUID(line["product_id"]) for line in quote.lines]
    return [
        ChosenPolicy(
            str(item["request"]["insurance_type"]).upper(),
            estimate(item["request"], products=products),
            item.get("supplier"),
        )
        for item in quote.insurance
    ]


def _trade_in(amount: Decimal) -> dict[str, Any] | None:
    return {"amount": str(amount)} if amount else None


def _application(
    stored: Mapping[str, Any], applicant: Mapping[str, Any] | None, compares_banks: bool, now: datetime
) -> dict[str, Any]:
    """The fields of an application for the loan that was calculated, which may pay the premiums too."""
    terms = read_offer_terms(stored)
    fields: dict[str, Any] = {
        **(applicant or {}),
        "vehicle_price": str(money(terms.vehicle_price)),
        "down_payment": str(money(terms.down_payment)),
        "term_months": terms.term_months,
        "financing_type": terms.financing_type,
        "auto_accept": not compares_banks,
        "insurance_financed": terms.financed_premium > 0,
    }
    if not compares_banks:
        fields["programme_id"] = str(terms.programme_id)
    check_application(fields, now=now)
    return fields
