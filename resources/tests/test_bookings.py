from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from django.db import connections
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events
from resources import services
from resources.models import Allocation, Resource
from resources.public import allocation_disagreements
from resources.tests import make
from resources.tests.make import at
from showroom.events import DriveEnded, DrivePlaced

pytestmark = pytest.mark.django_db(databases=["resources"])


def book(car, start=0.0, end=1.0):
    booking_id = uuid7()
    services.book_test_drive(booking_id=booking_id, car_id=car.id, start=at(start), end=at(end), now=timezone.now())
    return booking_id


def active(booking_id):
    return set(Allocation.objects.active().filter(booking_id=booking_id).values_list("resource_id", flat=True))


def test_a_car_a_place_and_a_colleague_are_taken_together():
    crew = make.crew()
    with capture_events("resources") as told:
        booking_id = book(crew["car"][0])
    assert active(booking_id) == {resources[0].id for resources in crew.values()}
    assert told == ["resource.allocated"] * 3 + ["booking.made"]


@pytest.mark.parametrize("role", ["car", "place", "staff"])
def test_all_or_none(role):
    crew = make.crew()
    make.allocation(crew[role][0], 0.5, 2)
    with capture_events("resources") as told:
        booking_id = book(crew["car"][0])
    assert (active(booking_id), told) == (set(), ["booking.refused"])


def test_the_next_free_colleague_comes_along():
    crew = make.crew(staff=2)
    make.allocation(crew["staff"][0], 0, 1)
    assert crew["staff"][1].id in active(book(crew["car"][0]))


def test_a_dealership_without_lanes_still_lends_cars():
    crew = make.crew(places=0, staff=0)
    assert active(book(crew["car"][0])) == {crew["car"][0].id}


def test_a_room_is_not_a_car():
    crew = make.crew()
    with capture_events("resources") as told:
        book(crew["place"][0])
    assert told == ["booking.refused"]


def test_part_of_a_booking_is_not_released_alone():
    crew = make.crew()
    booking_id = book(crew["car"][0])
    part = Allocation.objects.filter(booking_id=booking_id).first()
    answer = Api("manager").post(f"/allocations/{part.id}/release")
    assert (answer.status_code, answer.json()["code"]) == (409, "part_of_booking")
    assert len(active(booking_id)) == 3


def requested(car, **changes):
    fields = {"test_drive_id": uuid7(), "user_id": uuid7(), "car_id": car.id, "car_name": "Vesta"}
    return DrivePlaced(**{**fields, "start_time": at(0), "end_time": at(1), **changes})


@pytest.mark.django_db(databases=["resources", "showroom"], transaction=True)
def test_test_drives_are_followed_once(deliver):
    crew = make.crew()
    wish = requested(crew["car"][0])
    deliver(wish)
    assert Allocation.objects.count() == 3
    deliver(
        DriveEnded(
            test_drive_id=wish.test_drive_id,
            user_id=wish.user_id,
            car_id=wish.car_id,
            car_name="Vesta",
            outcome="cancelled",
        )
    )
    assert not Allocation.objects.active().exists()
    assert allocation_disagreements() == []


@pytest.mark.django_db(databases=["resources"], transaction=True)
def test_two_hundred_at_once_for_one_car_never_overlap():
    crew = make.crew(places=2, staff=2)
    car = crew["car"][0]

    def try_it(number: int) -> None:
        try:
            book(car, number % 10 / 2, number % 10 / 2 + 1)
        finally:
            connections["resources"].close()

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(try_it, range(200)))
    taken = sorted(
        Allocation.objects.active().filter(resource=car).values_list("starts_at", "ends_at"), key=lambda pair: pair[0]
    )
    assert taken
    assert all(before[1] <= after[0] for before, after in pairwise(taken))
    for booking_id in Allocation.objects.active().values_list("booking_id", flat=True).distinct():
        assert len(active(booking_id)) == 3
    assert allocation_disagreements() == []


def break_down(resource, reason="brakes"):
    return Api("manager").post(f"/resources/{resource.id}/out-of-service", {"reason": reason})


def test_a_breakdown_moves_bookings_to_an_equal_car():
    crew = make.crew(cars=2)
    broken, spare = crew["car"]
    booking_id = book(broken)
    with capture_events("resources") as told:
        answer = break_down(broken)
    assert answer.status_code == 200
    assert (answer.json()["is_in_service"], answer.json()["out_of_service_reason"]) == (False, "brakes")
    assert (len(answer.json()["moved"]), answer.json()["released"]) == (1, [])
    assert spare.id in active(booking_id)
    assert broken.id not in active(booking_id)
    assert told == ["resource.updated", "resource.allocated", "resource.released", "booking.moved"]
    assert allocation_disagreements() == []


def test_a_breakdown_without_a_spare_frees_the_whole_booking():
    crew = make.crew()
    booking_id = book(crew["car"][0])
    with capture_events("resources") as told:
        answer = break_down(crew["car"][0])
    assert len(answer.json()["released"]) == 3
    assert active(booking_id) == set()
    assert told == ["resource.updated", *["resource.released"] * 3, "booking.broken"]
    assert allocation_disagreements() == []


def test_twenty_bookings_are_replanned_and_none_is_orphaned():
    crew = make.crew(cars=2, places=3, staff=3)
    broken, spare = crew["car"]
    bookings = [book(broken, number, number + 1) for number in range(20)]
    for number in range(0, 20, 2):
        book(spare, number, number + 1)
    answer = break_down(broken).json()
    assert (len(answer["moved"]), len(answer["released"])) == (10, 30)
    assert [len(active(booking_id)) for booking_id in bookings] == [0, 3] * 10
    assert not broken.allocations.active().exists()
    assert allocation_disagreements() == []


def test_what_is_broken_takes_no_bookings_until_it_is_repaired():
    resource, manager = make.resource(), Api("manager")
    assert break_down(resource).status_code == 200
    again = break_down(resource)
    assert (again.status_code, again.json()["code"]) == (409, "out_of_service")
    body = {"start_time": at(0).isoformat(), "end_time": at(1).isoformat()}
    refused = manager.post(f"/resources/{resource.id}/allocate", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "out_of_service")
    assert manager.get(f"/resources/{resource.id}/availability").json()["available"] == 0
    assert manager.get(f"/resources/{resource.id}/slots").json()["slots"] == []
    assert manager.post(f"/resources/{resource.id}/in-service").json()["is_in_service"] is True
    assert manager.post(f"/resources/{resource.id}/in-service").status_code == 409
    assert manager.post(f"/resources/{resource.id}/allocate", body).status_code == 201


def test_a_closure_replans_when_it_is_told_to():
    first, second = make.resource(name="Lift 1"), make.resource(name="Lift 2")
    taken = make.allocation(first, 0, 1)
    body = {"start_time": at(0).isoformat(), "end_time": at(2).isoformat(), "replan": True}
    answer = Api("manager").post(f"/resources/{first.id}/blackouts", body).json()
    assert answer["moved"][0]["allocation_id"] == str(taken.id)
    assert second.allocations.active().count() == 1
    assert not first.allocations.active().exists()


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 1001}])
def test_a_breakdown_needs_a_reason(body):
    resource = make.resource()
    assert Api("manager").post(f"/resources/{resource.id}/out-of-service", body).status_code == 400
    assert Resource.objects.get().is_in_service


def test_the_books_notice_half_a_booking():
    crew = make.crew()
    booking_id = book(crew["car"][0])
    Allocation.objects.filter(booking_id=booking_id, resource=crew["car"][0]).update(released_at=timezone.now())
    assert {found.kind for found in allocation_disagreements()} == {"half_booking"}


def test_slots_of_a_car_need_its_crew():
    crew = make.crew()
    make.allocation(crew["staff"][0], 0, 1)
    window = f"from={at(0).isoformat()}&to={at(2).isoformat()}".replace("+", "%2B")
    slots = Api().get(f"/resources/{crew['car'][0].id}/slots?{window}&duration=30&step=30").json()["slots"]
    assert [slot["start_time"][11:16] for slot in slots] == ["13:00", "13:30"]


def test_the_role_of_a_type_in_use_stays():
    kind = make.kind("Demo cars", "car")
    make.resource(type_id=kind.id)
    manager = Api("manager")
    assert manager.patch(f"/resource-types/{kind.id}", {"test_drive_role": "place"}).status_code == 409
    assert manager.patch(f"/resource-types/{kind.id}", {"name": "Cars to try"}).status_code == 200
