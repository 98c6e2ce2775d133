"""Take the catalogue's word on a car that is ours, and not that of whoever asks for a premium."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money import DEFAULT_CURRENCY, ZERO
from insurance.models import VehicleCopy
from insurance.rules.pricing import InsuranceType, QuoteRequest

CAR = "B"
"""The catalogue has no motorcycles."""


def our_car(vin: str) -> VehicleCopy | None:
    """The catalogue's car of a VIN: the one on sale, or the newest of those that were."""
    cars = VehicleCopy.objects.filter(vin=vin).exclude(vin="")
    return cars.order_by("-is_active", "-product_id").first()


def car_of_order(products: Collection[UUID], vin: str) -> VehicleCopy | None:
    """Find the car among an order's products that has a VIN, or the only one whose VIN the catalogue does not know yet.

    None where no product is a car that is known of. Raises InvalidInput (`not_the_orders`).
    """
    cars = list(VehicleCopy.objects.filter(product_id__in=products).order_by("product_id")) if products else []
    named = [car for car in cars if car.vin == vin]
    nameless = [car for car in cars if not car.vin]
    if cars and not named and (not nameless or our_car(vin) is not None):
        raise InvalidInput("vehicle_vin", "not_the_orders", _("The order is for another car."))
    found = named or nameless
    return found[0] if len(found) == 1 else None


def as_catalogued(
    request: QuoteRequest, insured: QuoteRequest | None = None, *, path: str = "", car: VehicleCopy | None = None
) -> QuoteRequest:
    """Take from the catalogue what is not told of a car that is ours, and refuse what is told otherwise.

    What a policy rests on already, `insured`, may stay as it is. `path` is where the request stands in what was sent;
    `car` is the one it is for where an order says so, else its VIN does. Raises InvalidInput
    (`differs_from_catalogue`).
    """
    car = car or our_car(request.vehicle_vin)
    if car is None:
        return request
    kept = {} if insured is None else {name: getattr(insured, name) for name, _known in _facts(car)}
    for name, known in _facts(car):
        told = getattr(request, name)
        if told is not None and told != kept.get(name) and not _is_same(told, known):
            raise _differs(path + name, known)
    _refuse_lower_value(request, _worth(request, car), insured, path)
    return _filled(request, car)


def completed(request: QuoteRequest) -> QuoteRequest:
    """Take from the catalogue what is not told of a car that is ours, and leave what is."""
    car = our_car(request.vehicle_vin)
    return request if car is None else _filled(request, car)


def corrected(request: QuoteRequest) -> QuoteRequest:
    """Take from the catalogue what it knows of a car that is ours, whatever was told of it."""
    car = our_car(request.vehicle_vin)
    return request if car is None else msgspec.structs.replace(request, **dict(_facts(car)))


def vouched_for(request: QuoteRequest) -> frozenset[str]:
    """Fields of a request in which the catalogue says the same of the car."""
    car = our_car(request.vehicle_vin)
    facts = () if car is None else _facts(car)
    return frozenset(name for name, known in facts if _is_same(getattr(request, name), known))


def _facts(car: VehicleCopy) -> Iterator[tuple[str, Any]]:
    """Return what the catalogue knows of a car and a premium depends on, by the field of a request."""
    yield "category", CAR
    if car.make:
        yield "vehicle_make", car.make
    if car.year:
        yield "vehicle_year", car.year
    if car.power_hp:
        yield "engine_power", Decimal(car.power_hp)


def _is_same(told: Any, known: Any) -> bool:
    if isinstance(known, str):
        return str(told).strip().casefold() == known.strip().casefold()
    return bool(told == known)


def _worth(request: QuoteRequest, car: VehicleCopy) -> Decimal:
    """Return what a car on sale is worth, roubles; of one that was sold long ago the price says nothing."""
    is_known = request.insurance_type is InsuranceType.KASKO and car.is_active and car.currency == DEFAULT_CURRENCY
    return car.price if is_known else ZERO


def _refuse_lower_value(request: QuoteRequest, worth: Decimal, insured: QuoteRequest | None, path: str) -> None:
    """A car told to be cheaper than it is would be paid for whole by the premium of a part of it."""
    least = worth if insured is None or insured.vehicle_value is None else min(worth, insured.vehicle_value)
    if request.vehicle_value is not None and request.vehicle_value < least:
        raise _differs(f"{path}vehicle_value", worth)


def _differs(field: str, known: Any) -> InvalidInput:
    return InvalidInput(field, "differs_from_catalogue", _("The catalogue says %(known)s.") % {"known": known})


def _filled(request: QuoteRequest, car: VehicleCopy) -> QuoteRequest:
    missing = {name: known for name, known in _facts(car) if getattr(request, name) is None}
    if worth := _worth(request, car):
        coverage = worth if request.coverage_amount is None else request.coverage_amount
        missing["coverage_amount"] = coverage
        if request.vehicle_value is None:
            missing["vehicle_value"] = max(worth, coverage)
    return msgspec.structs.replace(request, **missing)
