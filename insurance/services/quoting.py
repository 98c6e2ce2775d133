"""Quoting: rating a request and keeping everything the premium came from."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from core.db import transaction
from insurance.clock import local_date
from insurance.errors import OrderNotFound, OrderNotReady
from insurance.events import QuoteMade
from insurance.models import OrderCopy, Quote
from insurance.models.quotes import VALID_FOR
from insurance.pricing import Price, QuoteRequest, price
from messaging.outbox import publish


def copy_order(*, order_id: UUID, customer_id: UUID) -> None:
    """Remember whose an order is."""
    with transaction("insurance"):
        OrderCopy.objects.get_or_create(order_id=order_id, defaults={"customer_id": customer_id})


def make_quote(
    *,
    customer_id: UUID,
    request: QuoteRequest,
    now: datetime,
    order_id: UUID | None = None,
    is_staff: bool = False,
) -> Quote:
    """Rate a request today; the quote stands for 30 days. A manager's quote for an order is the buyer's.

    Raises InvalidInput, OrderNotReady, OrderNotFound.
    """
    day = local_date(now)
    rated = price(request, day)
    with transaction("insurance"):
        if order_id is not None:
            customer_id = _buyer(order_id, customer_id, is_staff=is_staff)
        return write_quote(request, rated, customer_id=customer_id, order_id=order_id, day=day, now=now)


def _buyer(order_id: UUID, customer_id: UUID, *, is_staff: bool) -> UUID:
    order = OrderCopy.objects.filter(pk=order_id).first()
    if order is None:
        raise OrderNotReady
    if order.customer_id != customer_id and not is_staff:
        raise OrderNotFound
    return order.customer_id


def write_quote(
    request: QuoteRequest, rated: Price, *, customer_id: UUID, order_id: UUID | None, day: date, now: datetime
) -> Quote:
    """Store a rated request as it was rated, and tell of it."""
    quote = Quote.objects.create(
        customer_id=customer_id,
        order_id=order_id,
        insurance_type=request.insurance_type.value,
        request=msgspec.to_builtins(request),
        breakdown=breakdown(rated),
        tariff=rated.tariff,
        rated_on=day,
        premium=rated.premium,
        unrounded=f"{rated.unrounded:f}",
        coverage_amount=rated.coverage_amount,
        insured_value=rated.insured_value,
        deductible=rated.deductible,
        valid_until=day + VALID_FOR,
        created_at=now,
    )
    publish(
        QuoteMade(
            quote_id=quote.id,
            customer_id=customer_id,
            insurance_type=quote.insurance_type,
            premium=quote.premium,
            currency=quote.currency,
            valid_until=quote.valid_until,
            order_id=order_id,
        )
    )
    return quote


def breakdown(rated: Price) -> list[dict[str, Any]]:
    """The factors as shown, in the order in which they multiply to the premium."""
    return [{"code": item.code, "value": f"{item.value:f}", "source": item.source} for item in rated.breakdown]
