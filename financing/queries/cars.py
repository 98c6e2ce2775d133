"""Take the catalogue's word on the car an order is for: applicants cannot make it younger than it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from catalog.public import ProductView, get_products
from financing.models import OrderCopy
from financing.queries.limits import LENT_UP_TO_KM

CARS = "vehicle"


@dataclass(frozen=True)
class Car:
    """The oldest car of an order, and whether one of them is used; None where the catalogue does not say."""

    year: int | None = None
    is_used: bool | None = None


UNKNOWN_CAR = Car()


def read_car(order_id: UUID) -> Car:
    """Read the car of an order; ask before a transaction opens. An order of no known car says nothing."""
    ids = OrderCopy.objects.filter(pk=order_id).values_list("product_ids", flat=True).first()
    return car_among([UUID(product_id) for product_id in ids]) if ids else UNKNOWN_CAR


def car_among(product_ids: Iterable[UUID]) -> Car:
    """The car among some products."""
    return describe_car(get_products(list(product_ids)).values())


def describe_car(products: Iterable[ProductView]) -> Car:
    """Say what lending asks of the car among products that were read."""
    cars = [product for product in products if product.kind == CARS]
    if not cars:
        return UNKNOWN_CAR
    years = [car.year for car in cars if car.year]
    uses = {_is_used(car) for car in cars}
    return Car(min(years, default=None), True if True in uses else None if None in uses else False)


def _is_used(car: ProductView) -> bool | None:
    """By its mileage, which parts the Bank of Russia's categories, else by how it is sold."""
    if car.mileage is not None:
        return car.mileage > LENT_UP_TO_KM
    return {"used": True, "new": False}.get(car.condition)
