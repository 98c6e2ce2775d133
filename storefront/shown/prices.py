"""Show what a car costs now, and before it: by campaigns that run, or since its list price was lowered.

A price before is struck through only where it really stood: it is the lowest of the 30 days before the campaign (by the
list and by other campaigns), and of a car that was on sale before the campaign began. Whoever is misled about a price
has been given wrong information on the goods (Law on Consumer Protection, art. 10 and 12; Directive 98/6/EC, art. 6a).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError

from catalog.public import ProductView
from catalog.public.prices import SHOWN, PriceDrop, lowest_prices, price_drops
from core.clock import dealer_day
from orders.public import CampaignPrice, read_campaign_prices

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ShownPrice:
    """A car's price in its currency: `before` is struck through, `until` is the last day of the campaign's price.

    `drop` is the last fall of its list price, where no campaign holds.
    """

    now: Decimal
    before: Decimal | None = None
    until: date | None = None
    drop: PriceDrop | None = None


def read_prices(cars: Sequence[ProductView], *, now: datetime) -> dict[UUID, ShownPrice]:
    """Return what each car costs whoever orders it now."""
    campaigns = _read_campaigns(cars, now)
    lowest = _read_lowest(cars, campaigns)
    drops = price_drops(cars, now=now)
    return {
        car.id: _by_campaign(car, campaigns[car.id], lowest[car.id])
        if car.id in campaigns
        else _by_list(car, drops.get(car.id))
        for car in cars
    }


def price_as_shown(cars: Sequence[ProductView], prices: dict[UUID, ShownPrice]) -> list[ProductView]:
    """Return the cars at what they cost now: what a loan for them is reckoned from."""
    return [replace(car, price=prices[car.id].now) for car in cars]


def describe_offer(car: ProductView, shown: ShownPrice) -> dict[str, Any]:
    """Return a car's price as search engines may show it, in schema.org's words; the same as the page's."""
    told: dict[str, Any] = {"price": str(shown.now), "priceCurrency": car.currency}
    if shown.until is not None:
        told["priceValidUntil"] = str(shown.until)
    if shown.before is not None:
        told["priceSpecification"] = {
            "@type": "UnitPriceSpecification",
            "priceType": "https://schema.org/StrikethroughPrice",
            "price": str(shown.before),
            "priceCurrency": car.currency,
        }
    return told


def _read_campaigns(cars: Sequence[ProductView], now: datetime) -> dict[UUID, CampaignPrice]:
    """Return the campaigns' prices of the cars whose list price orders knows as it is shown."""
    try:
        found = read_campaign_prices([car.id for car in cars], day=dealer_day(now))
    except DatabaseError as error:  # Cars are shown while nothing can be ordered.
        log.warning("campaigns_unknown", error=repr(error))
        return {}
    listed = {car.id: car.price for car in cars}
    return {product_id: one for product_id, one in found.items() if one.list_price == listed[product_id]}


def _read_lowest(cars: Sequence[ProductView], campaigns: dict[UUID, CampaignPrice]) -> dict[UUID, Decimal]:
    if not campaigns:
        return {}
    first = min(one.since for one in campaigns.values())
    since = datetime.combine(first, time(), UTC) - SHOWN
    return lowest_prices([car for car in cars if car.id in campaigns], since=since)


def _by_campaign(car: ProductView, found: CampaignPrice, lowest: Decimal) -> ShownPrice:
    before = lowest if found.formerly is None else min(lowest, found.formerly)
    stood = dealer_day(car.created_at) < found.since and before > found.price
    return ShownPrice(now=found.price, before=before if stood else None, until=found.until)


def _by_list(car: ProductView, drop: PriceDrop | None) -> ShownPrice:
    return ShownPrice(now=car.price, before=car.price + drop.amount if drop else None, drop=drop)
