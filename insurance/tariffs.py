"""The partner insurer's own tariff: what it asks within the law's corridor, and its rates for KASKO.

These are defaults of the product, not market prices. The law's own coefficients are in `insurance.rating.tariffs`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from insurance.rating import Dated, KaskoTariff
from insurance.rating.tariffs import (
    CHELYABINSK,
    KASKO_REFERENCE_2015,
    MOSCOW,
    MURMANSK,
    SAINT_PETERSBURG,
    TATARSTAN,
    UGRA,
)

OWN = "own tariff of the partner insurer"
HOME_REGION = MOSCOW
"""Where a car is insured when no region is named: the dealership's own."""

VEHICLE_GROUP = "2"
"""One theft group for all makes, until the insurer names others."""

KASKO_MINIMUM = Decimal(5_000)
OSAGO_LIMIT = Decimal(400_000)
"""Most that OSAGO pays for damage to property, roubles (40-FZ art. 7, by press reports)."""

OSAGO_BASE_RATES = (Dated(Decimal(4_500), date(2022, 9, 13), OWN, secondary=False),)
"""ТБ of a passenger car of an individual, roubles a year."""

OLDEST_CAR = 15


def _by_age(first: str, step: str) -> Sequence[Decimal]:
    return tuple(Decimal(first) + Decimal(step) * age for age in range(OLDEST_CAR + 1))


KASKO: KaskoTariff = replace(
    KASKO_REFERENCE_2015,
    name="partner-2026",
    source=OWN,
    base_rate_percent={
        "Moscow": {"1": _by_age("6.40", "0.35"), "2": _by_age("4.60", "0.25"), "3": _by_age("3.40", "0.20")},
        "Saint Petersburg": {"1": _by_age("6.60", "0.35"), "2": _by_age("4.70", "0.25"), "3": _by_age("3.50", "0.20")},
        "other": {"1": _by_age("6.00", "0.35"), "2": _by_age("4.30", "0.25"), "3": _by_age("3.20", "0.20")},
    },
)

PLACES = {
    "moscow": (MOSCOW, ""),
    "77": (MOSCOW, ""),
    "saint petersburg": (SAINT_PETERSBURG, ""),
    "st petersburg": (SAINT_PETERSBURG, ""),
    "78": (SAINT_PETERSBURG, ""),
    "kazan": (TATARSTAN, "Казань"),
    "казань": (TATARSTAN, "Казань"),
    "murmansk": (MURMANSK, "Мурманск"),
    "мурманск": (MURMANSK, "Мурманск"),
    "chelyabinsk": (CHELYABINSK, "Челябинск"),
    "челябинск": (CHELYABINSK, "Челябинск"),
    "surgut": (UGRA, "Сургут"),
    "сургут": (UGRA, "Сургут"),
}
"""Other names of places: region and town as the territory table writes them."""


def place(region: str, city: str) -> tuple[str, str]:
    """Region and town as the tables write them."""
    if not region:
        return HOME_REGION, city
    known, town = PLACES.get(region.strip().lower().replace(".", ""), (region.strip(), city.strip()))
    return known, city.strip() or town
