"""Say what cars cost a month: the figure that their calculator begins with, kept for a few minutes."""

import hashlib
from collections.abc import Collection, Iterable
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

import msgspec
import redis
import structlog
from django.core.cache import cache
from django.db import DatabaseError

from catalog.public import ProductView
from core.clock import dealer_day
from financing.public import UNKNOWN_CAR, Car, cheapest_offers, describe_car, offer_stamp
from storefront.forms.deals import TERM_MONTHS, first_payment

KEPT_S = 600
CURRENCY = "RUB"
ROUNDS, STEPS = 4, 8
"""How the dearest price is closed in on: to a part in four thousand of the widest guess."""
log = structlog.get_logger(__name__)
Wanted = tuple[Decimal, Decimal, Car]


class Monthly(msgspec.Struct, frozen=True):
    """A loan's payment a month in roubles, and its full cost in per cent a year."""

    payment: Decimal
    psk: Decimal


def read_monthly(cars: Iterable[ProductView], *, now: datetime) -> dict[UUID, Monthly]:
    """Return what each car that can be bought costs a month, with a fifth down over five years by the cheapest bank.

    One statement, and one read of Valkey, for all that were asked for a while ago; afresh while Valkey is away.
    """
    wanted = {car.id: (car.price, first_payment(car.price), describe_car([car])) for car in cars if _is_lent_for(car)}
    if not wanted:
        return {}
    day = dealer_day(now)
    try:
        known = _read(set(wanted.values()), day)
    except DatabaseError as error:  # Cars are shown and sold without a bank.
        log.warning("monthly_unknown", error=repr(error))
        return {}
    return {product_id: known[one] for product_id, one in wanted.items() if one in known}


def dearest_within(most: Decimal, *, now: datetime) -> Decimal:
    """Return the highest price that costs at most so much a month, on the terms of `read_monthly`, to a thousandth.

    It holds for any car that is not too old to be lent for: the stricter thresholds of new and used ones count.

    Nothing where no bank lends so little. Raises DatabaseError while financing is away.
    """
    low, high = Decimal(0), most * TERM_MONTHS * 2
    for _round in range(ROUNDS):
        step = (high - low) / STEPS
        prices = [(low + step * number).quantize(Decimal(1), ROUND_DOWN) for number in range(1, STEPS + 1)]
        known = _read({(price, first_payment(price), UNKNOWN_CAR) for price in prices if price > 0}, dealer_day(now))
        within = [price for (price, _down, _car), loan in known.items() if loan.payment <= most]
        low = max(within, default=low)
        high = low + step
    return low


def _is_lent_for(car: ProductView) -> bool:
    return car.kind == "vehicle" and car.currency == CURRENCY and car.available > 0 and car.price > 0


def _read(wanted: Collection[Wanted], day: date) -> dict[Wanted, Monthly]:
    stamp = hashlib.sha256(offer_stamp(day).encode()).hexdigest()
    keys = {f"storefront:monthly:{day}:{stamp}:{one[0]}:{one[2].year}:{one[2].is_used}": one for one in wanted}
    try:
        kept = {keys[key]: msgspec.convert(told, Monthly) for key, told in cache.get_many(keys).items()}
        fresh = _price([one for one in wanted if one not in kept], day)
        if fresh:
            told = {key: msgspec.to_builtins(fresh[one]) for key, one in keys.items() if one in fresh}
            cache.set_many(told, KEPT_S)
    except redis.RedisError as error:
        log.warning("monthly_uncached", error=repr(error))
        return _price(wanted, day)
    return kept | fresh


def _price(wanted: Collection[Wanted], day: date) -> dict[Wanted, Monthly]:
    found = cheapest_offers(wanted, term_months=TERM_MONTHS, day=day) if wanted else {}
    return {one: Monthly(payment=offer.monthly_payment, psk=offer.psk) for one, offer in found.items()}
