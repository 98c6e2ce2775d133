"""A vehicle that has its buyer is lent to nobody, and again when it comes back."""

from decimal import Decimal

import pytest
from django.utils import timezone

from catalog.events import ProductUpdated, StockLevel, StockReleased, StockSold
from catalog.tests import make as products
from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events
from resources import services
from resources.errors import VehicleSold
from resources.models import Allocation, Resource
from resources.public import allocation_disagreements
from resources.tests import make
from resources.tests.make import at

pytestmark = pytest.mark.django_db(databases=["resources", "catalog", "showroom"], transaction=True)


def vehicle(**fields):
    return make.resource(type_id=make.kind("Demo car", "car").id, product_id=products.product().id, **fields)


def level(resource, on_hand, version):
    return StockLevel(product_id=resource.product_id, on_hand=on_hand, available=on_hand, version=version)


def sold(resource, version=5):
    return StockSold(order_id=uuid7(), attempt_id=uuid7(), levels=[level(resource, 0, version)])


def released(resource, version=6):
    return StockReleased(order_id=uuid7(), attempt_id=uuid7(), reason="", levels=[level(resource, 1, version)])


def edited(resource, available, version):
    shown = {"sku": "A", "name": "Vesta", "kind": "vehicle", "price": Decimal(1), "currency": "RUB"}
    return ProductUpdated(
        product_id=resource.product_id, available=available, stock_version=version, version_number=version, **shown
    )


def book(car, start=0.0):
    booking_id = uuid7()
    services.book_test_drive(
        booking_id=booking_id, car_id=car.id, start=at(start), end=at(start + 1), now=timezone.now()
    )
    return booking_id


def test_a_sold_car_gives_its_bookings_back_and_takes_no_more(deliver):
    car = vehicle()
    booking_id = book(car)
    shown = make.allocation(car, 5, 6)
    with capture_events("resources") as told:
        deliver(sold(car))
    assert told == ["resource.updated", "resource.released", "booking.broken", "resource.released"]
    assert not Allocation.objects.active().filter(booking_id=booking_id).exists()
    assert not Allocation.objects.active().filter(pk=shown.pk).exists()
    body = {"start_time": at(0).isoformat(), "end_time": at(1).isoformat()}
    refused = Api("manager").post(f"/resources/{car.id}/allocate", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "vehicle_sold")
    seen = Api("manager").get(f"/resources/{car.id}").json()
    assert (seen["is_sold"], seen["is_in_service"]) == (True, True)
    assert Api().get(f"/resources/{car.id}/slots").json()["slots"] == []
    assert Api("manager").get(f"/resources/{car.id}/availability").json()["available"] == 0
    with capture_events("resources") as told:
        book(car)
    assert told == ["booking.refused"]
    assert allocation_disagreements() == []


def test_the_bookings_of_a_sold_car_move_to_an_equal_one_that_is_not_sold(deliver):
    car, gone, spare = vehicle(), vehicle(name="Gone"), vehicle(name="Spare")
    deliver(sold(gone))
    booking_id = book(car)
    with capture_events("resources") as told:
        deliver(sold(car))
    assert told == ["resource.updated", "resource.allocated", "resource.released", "booking.moved"]
    assert [one.resource_id for one in Allocation.objects.active().filter(booking_id=booking_id)] == [spare.id]


def test_two_cars_sold_together_do_not_take_each_others_bookings(deliver):
    first, second = vehicle(), vehicle(name="Jolion")
    bookings = [book(first), book(second, 3)]
    deliver(StockSold(order_id=uuid7(), attempt_id=uuid7(), levels=[level(first, 0, 5), level(second, 0, 5)]))
    assert not Allocation.objects.active().filter(booking_id__in=bookings).exists()


def test_one_of_several_pieces_sold_leaves_the_car_to_test(deliver):
    car = vehicle()
    deliver(StockSold(order_id=uuid7(), attempt_id=uuid7(), levels=[level(car, 2, 5)]))
    assert Resource.objects.get().is_sold is False


@pytest.mark.parametrize("news", [lambda car: released(car), lambda car: edited(car, 1, 6)])
def test_a_car_that_comes_back_is_lent_again(deliver, news):
    car = vehicle()
    deliver(sold(car))
    with capture_events("resources") as told:
        deliver(news(car))
    assert (told, Resource.objects.get().is_sold) == (["resource.updated"], False)
    assert make.allocation(car, 0, 1)


def test_older_news_changes_nothing(deliver):
    car = vehicle()
    deliver(sold(car, version=7))
    with capture_events("resources") as told:
        deliver(released(car, version=6), edited(car, 1, 5), edited(car, 0, 9))
    assert (told, Resource.objects.get().is_sold) == ([], True)


@pytest.mark.parametrize("how", ["added", "changed"])
def test_a_resource_that_becomes_a_sold_vehicle_is_not_lent(deliver, how):
    car = vehicle()
    deliver(sold(car))
    if how == "added":
        other = make.resource(name="Again", product_id=car.product_id)
    else:
        other = make.resource(name="Again")
        services.update_resource(resource_id=other.id, changes={"product_id": car.product_id}, now=timezone.now())
    with pytest.raises(VehicleSold):
        make.allocation(other, 0, 1)
    services.update_resource(resource_id=other.id, changes={"product_id": None}, now=timezone.now())
    assert make.allocation(other, 0, 1)
