"""Quoting: rating a request and keeping everything the premium came from."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from insurance.errors import OrderNotFound, OrderNotReady
from insurance.events import QuoteMade
from insurance.models import OrderCopy, Quote, VehicleCopy
from insurance.models.quotes import VALID_FOR
from insurance.queries.reading import breakdown, read_current_tables
from insurance.queries.vehicles import as_catalogued, car_of_order
from insurance.rules.pricing import MAX_VARIANTS, Price, QuoteRequest, compare, price, read_request
from insurance.rules.tariffs import TariffTables
from insurance.services.confirming import told_alone
from messaging.outbox import publish

LATEST_START = timedelta(days=60)


def copy_order(*, order_id: UUID, customer_id: UUID, products: Collection[UUID] | None = None) -> None:
    """Remember whose an order is and which products it names; None leaves those that are known."""
    named = None if products is None else sorted(products)
    replaced: dict[str, Any] = {"update_conflicts": True, "unique_fields": ["order_id"], "update_fields": ["products"]}
    with transaction("insurance"):
        OrderCopy.objects.bulk_create(
            [OrderCopy(order_id=order_id, customer_id=customer_id, products=named)],
            **({"ignore_conflicts": True} if named is None else replaced),
        )


def make_quote(
    *,
    customer_id: UUID,
    request: QuoteRequest,
    now: datetime,
    order_id: UUID | None = None,
    is_staff: bool = False,
    variants: Sequence[Mapping[str, Any]] = (),
    is_compared: bool = False,
) -> Quote:
    """Rate a request for its first day; the quote stands for 30 days. A manager's quote for an order is the buyer's.

    `variants` are changes of the request, each rated beside it; `is_compared` adds what the other insurers ask.
    Of a car that is ours the catalogue's word counts, and a quote for an order is for a car that it sells.
    Raises InvalidInput, OrderNotReady, OrderNotFound.
    """
    order = None if order_id is None else _order(order_id, customer_id, is_staff=is_staff)
    car = None if order is None else car_of_order(order.products or [], request.vehicle_vin)
    today, request = dealer_day(now), as_catalogued(request, car=car)
    day = _first_day(request, today)
    tables = read_current_tables()
    rated = price(request, day, tables)
    others = list(_variants(request, variants, day, tables, car))
    if is_compared:
        others += [(asked, found) for asked, found in compare(request, day, tables) if found.insurer != rated.insurer]
    owner_id = customer_id if order is None else order.customer_id
    with transaction("insurance"):
        return write_quote(
            request, rated, customer_id=owner_id, order_id=order_id, day=day, tables=tables, now=now, variants=others
        )


def _first_day(request: QuoteRequest, today: date) -> date:
    day = request.start_date or today
    if not today <= day <= today + LATEST_START:
        raise InvalidInput("start_date", "out_of_range", _("A policy begins today, or within sixty days."))
    return day


def _variants(
    request: QuoteRequest,
    variants: Sequence[Mapping[str, Any]],
    day: date,
    tables: TariffTables,
    car: VehicleCopy | None,
) -> "list[tuple[QuoteRequest, Price]]":
    if len(variants) > MAX_VARIANTS:
        raise InvalidInput("variants", "too_many", _("At most %(most)d variants.") % {"most": MAX_VARIANTS})
    plain = msgspec.to_builtins(request)
    rated = []
    for number, changes in enumerate(variants):
        if changes.get("insurance_type", plain["insurance_type"]) != plain["insurance_type"]:
            raise InvalidInput(
                f"variants.{number}.insurance_type", "invalid", _("A quote is of one kind of insurance.")
            )
        try:
            asked = as_catalogued(read_request(plain | dict(changes)), car=car)
            rated.append((asked, price(asked, day, tables)))
        except InvalidInput as error:
            (problem,) = error.errors
            raise InvalidInput(
                f"variants.{number}.{problem['field']}",
                problem["code"],
                problem["detail"],
            ) from error
    return rated


def _order(order_id: UUID, customer_id: UUID, *, is_staff: bool) -> OrderCopy:
    order = OrderCopy.objects.filter(pk=order_id).first()
    if order is None:
        raise OrderNotReady
    if order.customer_id != customer_id and not is_staff:
        raise OrderNotFound
    return order


def write_quote(
    request: QuoteRequest,
    rated: Price,
    *,
    customer_id: UUID,
    order_id: UUID | None,
    day: date,
    tables: TariffTables,
    now: datetime,
    variants: Sequence[tuple[QuoteRequest, Price]] = (),
) -> Quote:
    """Store a rated request as it was rated, and tell of it."""
    quote = Quote.objects.create(
        customer_id=customer_id,
        order_id=order_id,
        insurance_type=request.insurance_type.value,
        request=msgspec.to_builtins(request),
        breakdown=breakdown(rated),
        tariff=rated.tariff,
        tariff_revision=tables.revision,
        insurer=rated.insurer,
        insurer_name=rated.insurer_name,
        variants=[_snapshot(number, asked, found) for number, (asked, found) in enumerate(variants, 1)],
        rated_on=day,
        premium=rated.premium,
        unrounded=f"{rated.unrounded:f}",
        coverage_amount=rated.coverage_amount,
        insured_value=rated.insured_value,
        deductible=rated.deductible,
        unconfirmed=told_alone(request),
        valid_until=dealer_day(now) + VALID_FOR,
        created_at=now,
    )
    _publish_made(quote)
    return quote


def _publish_made(quote: Quote) -> None:
    publish(
        QuoteMade(
            quote_id=quote.id,
            customer_id=quote.customer_id,
            insurance_type=quote.insurance_type,
            premium=quote.premium,
            currency=quote.currency,
            valid_until=quote.valid_until,
            order_id=quote.order_id,
        )
    )


def _snapshot(number: int, asked: QuoteRequest, rated: Price) -> dict[str, Any]:
    return {
        "variant": number,
        "request": msgspec.to_builtins(asked),
        "breakdown": breakdown(rated),
        "tariff": rated.tariff,
        "insurer": rated.insurer,
        "insurer_name": rated.insurer_name,
        "premium": f"{rated.premium:f}",
        "unrounded": f"{rated.unrounded:f}",
        "coverage_amount": f"{rated.coverage_amount:f}",
        "insured_value": f"{rated.insured_value:f}",
        "deductible": f"{rated.deductible:f}",
    }
