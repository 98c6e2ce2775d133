"""Say what cars cost a month: the figure that their calculator begins with, kept for a few minutes."""

import hashlib
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
import redis
import structlog
from django.core.cache import cache
from django.db import DatabaseError

from catalog.public import PriceBand, ProductView, prices_between
from core.clock import dealer_day
from financing.public import (
    LENT_UP_TO_KM,
    Affordable,
    Car,
    CarBand,
    cheapest_offers,
    describe_car,
    find_affordable,
    offer_stamp,
)
from storefront.forms.deals import TERM_MONTHS, first_payment

KEPT_S = 600
CURRENCY = "RUB"
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


def cars_within(most: Decimal, *, now: datetime) -> list[PriceBand]:
    """Return the cars whose figure of `read_monthly` is at most so much, for a search; none where no bank lends so.

    Kept like the figures. Only cars whose prices lie about a change of the cheapest offer are read and asked of one by
    one. Raises DatabaseError while financing is away.
    """
    day = dealer_day(now)
    key = f"storefront:within:{day}:{_stamp(day)}:{most}"
    try:
        told = cache.get(key)
        found = None if told is None else msgspec.convert(told, Affordable)
    except redis.RedisError as error:
        log.warning("monthly_uncached", error=repr(error))
        return _list_bands(_find(most, day), most, day)
    if found is None:
        found = _find(most, day)
        with suppress(redis.RedisError):
            cache.set(key, msgspec.to_builtins(found), KEPT_S)
    return _list_bands(found, most, day)


def _find(most: Decimal, day: date) -> Affordable:
    return find_affordable(most, term_months=TERM_MONTHS, day=day, down_payment=first_payment)


def _list_bands(found: Affordable, most: Decimal, day: date) -> list[PriceBand]:
    ranges = {(band.price_min, band.price_max) for band in found.unsure}
    prices = prices_between(sorted(ranges), currency=CURRENCY) if ranges else []
    asked = {
        replace(band, price_min=price, price_max=price): (price, first_payment(price), _car_in(band))
        for band in found.unsure
        for price in prices
        if band.price_min <= price <= band.price_max
    }
    known = _read(set(asked.values()), day) if asked else {}
    exact = [band for band, one in asked.items() if one in known and known[one].payment <= most]
    return [one for band in (*found.within, *exact) for one in _bands(band)]


def _car_in(band: CarBand) -> Car:
    return Car(band.last_year or None, band.is_used)


def _bands(band: CarBand) -> list[PriceBand]:
    """Say of cars of the catalogue what financing says of used and new ones: by mileage, else by how they are sold."""
    plain = PriceBand(band.price_min, band.price_max, band.first_year, band.last_year)
    if band.is_used is None:
        return [replace(plain, condition="")]
    if band.is_used:
        return [replace(plain, mileage_min=LENT_UP_TO_KM + 1), replace(plain, condition="used")]
    return [replace(plain, mileage_max=LENT_UP_TO_KM), replace(plain, condition="new")]


def _is_lent_for(car: ProductView) -> bool:
    return car.kind == "vehicle" and car.currency == CURRENCY and car.available > 0 and car.price > 0


def _stamp(day: date) -> str:
    return hashlib.sha256(offer_stamp(day).encode()).hexdigest()


def _read(wanted: Collection[Wanted], day: date) -> dict[Wanted, Monthly]:
    stamp = _stamp(day)
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
