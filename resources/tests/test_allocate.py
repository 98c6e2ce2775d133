from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core.db import transaction
from core.testing import Api
from messaging.testing import capture_events, published
from resources import services
from resources.errors import AllocationClash
from resources.models import Allocation, Resource
from resources.plugin.demo import create_demo
from resources.public import allocation_disagreements
from resources.rules.occupancy import in_the_way, peak, spans
from resources.tests import make
from resources.tests.make import at
from showroom.events import HappeningCancelled
from showroom.services import cancel_happening
from showroom.tests import make as showroom

pytestmark = pytest.mark.django_db(databases=["resources"])


def booking(start, end, **fields):
    return {"start_time": at(start).isoformat(), "end_time": at(end).isoformat(), **fields}


@pytest.mark.django_db(databases=["resources", "showroom"])
def test_a_manager_books():
    resource, manager, event_id = make.resource(quantity=3), Api("manager"), str(showroom.happening().id)
    path = f"/resources/{resource.id}/allocate"
    answer = manager.post(path, booking(0, 2, quantity=2, event_id=event_id), Idempotency_Key="k")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["resource_id"], body["event_id"], body["quantity"]) == (str(resource.id), event_id, 2)
    assert (body["start_time"], body["end_time"]) == ("2031-05-01T12:00:00Z", "2031-05-01T14:00:00Z")
    assert manager.post(path, booking(0, 2, quantity=2, event_id=event_id), Idempotency_Key="k").json() == body
    assert manager.get(f"/allocations/{body['id']}").json() == body
    assert (Allocation.objects.count(), published("resources")) == (1, ["resource.created", "resource.allocated"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        booking(1, 1),
        booking(2, 1),
        booking(0, 1, quantity=0),
        booking(0, 1, quantity=-1),
        booking(0, 1, quantity=10**9),
        booking(0, 1, event_id="x"),
        {"start_time": "noon", "end_time": "later"},
        {"start_time": "0001-01-01T00:00:00+10:00", "end_time": "9999-12-31T23:59:59-10:00"},
    ],
)
def test_bad_bookings_are_refused(body):
    resource = make.resource()
    with capture_events("resources") as told:
        assert Api("manager").post(f"/resources/{resource.id}/allocate", body).status_code == 400
    assert (Allocation.objects.count(), told) == (0, [])


def test_an_overlap_names_the_clash():
    resource, manager = make.resource(), Api("manager")
    first, _ = make.allocation(resource, 0, 2), make.allocation(resource, 4, 6)
    with capture_events("resources") as told:
        answer = manager.post(f"/resources/{resource.id}/allocate", booking(1, 3))
    assert (answer.status_code, answer.json()["code"], answer.json()["available"]) == (409, "allocation_clash", 0)
    assert [clash["id"] for clash in answer.json()["clashes"]] == [str(first.id)]
    assert (Allocation.objects.count(), told) == (2, [])


def test_intervals_are_half_open():
    resource = make.resource()
    make.allocation(resource, 0, 2)
    make.allocation(resource, 2, 3)
    make.allocation(resource, -1, 0)
    assert allocation_disagreements() == []


def test_many_are_counted_instant_by_instant():
    resource = make.resource(quantity=3)
    make.allocation(resource, 0, 2, quantity=2)
    long = make.allocation(resource, 1, 6)
    make.allocation(resource, 2, 4, quantity=2)
    with pytest.raises(AllocationClash) as refused:
        make.allocation(resource, 3, 5)
    assert str(long.id) in [clash["id"] for clash in refused.value.extra["clashes"]]
    make.allocation(resource, 4, 5, quantity=2)
    with pytest.raises(AllocationClash):
        make.allocation(resource, 8, 9, quantity=4)
    assert allocation_disagreements() == []


def test_what_is_released_is_free_again():
    resource, manager = make.resource(), Api("manager")
    taken = make.allocation(resource, 0, 2)
    with capture_events("resources") as told:
        answer = manager.post(f"/allocations/{taken.id}/release")
        again = manager.post(f"/allocations/{taken.id}/release")
    assert (answer.status_code, again.status_code, again.json()["code"]) == (200, 409, "already_released")
    assert answer.json()["released_at"]
    assert told == ["resource.released"]
    make.allocation(resource, 1, 3)


def test_a_deleted_resource_is_not_booked():
    resource = make.resource()
    services.delete_resource(resource_id=resource.id, now=timezone.now())
    assert Api("manager").post(f"/resources/{resource.id}/allocate", booking(0, 1)).status_code == 404


def test_availability_goes_stretch_by_stretch():
    resource = make.resource(quantity=3)
    make.allocation(resource, -5, 1)
    make.allocation(resource, 1, 2, quantity=1)
    make.allocation(resource, 3, 9, quantity=2)
    answer = Api("manager").get(
        f"/resources/{resource.id}/availability?from=2031-05-01T12:00:00Z&to=2031-05-01T19:00:00+03:00"
    )
    assert answer.status_code == 200
    assert (answer.json()["quantity"], answer.json()["available"]) == (3, 1)
    assert [(s["start_time"][11:13], s["end_time"][11:13], s["available"]) for s in answer.json()["spans"]] == [
        ("12", "14", 2),
        ("14", "15", 3),
        ("15", "16", 1),
    ]


def test_availability_is_of_the_week_ahead_by_default():
    assert Api("manager").get(f"/resources/{make.resource(5).id}/availability").json()["available"] == 5


@pytest.mark.parametrize(
    "query",
    [
        "from=x",
        "to=y",
        "from=2031-05-02T00:00:00Z&to=2031-05-01T00:00:00Z",
        "from=2031-05-01T00:00:00Z&to=2033-05-01T00:00:00Z",
        "from=9999-12-31T00:00:00Z&to=0001-01-01T00:00:00Z",
        "color=red",
    ],
)
def test_a_bad_stretch_is_400(query):
    assert Api("manager").get(f"/resources/{make.resource().id}/availability?{query}").status_code == 400


@pytest.mark.django_db(databases=["resources", "showroom"])
def test_nothing_is_kept_for_a_happening_that_was_called_off():
    resource, off = make.resource(), showroom.happening()
    cancel_happening(happening_id=off.id, reason="", now=timezone.now())
    answer = Api("manager").post(f"/resources/{resource.id}/allocate", booking(0, 1, event_id=str(off.id)))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_event")
    assert not Allocation.objects.exists()


def test_the_end_of_time_is_no_error():
    path = f"/resources/{make.resource().id}/availability?from=9999-12-31T23:00:00Z"
    assert Api("manager").get(path).status_code == 200


@pytest.mark.django_db(databases=["resources", "showroom"])
def test_allocations_are_filtered():
    resource, other, event_id = make.resource(), make.resource(name="Granta"), showroom.happening().id
    first, second = make.allocation(resource, 0, 1, event_id=event_id), make.allocation(other, 2, 3)
    services.release(allocation_id=second.id, now=timezone.now())
    ask = lambda query: [row["id"] for row in Api("manager").get(f"/allocations?{query}").json()["results"]]  # noqa: E731
    assert ask("") == [str(first.id), str(second.id)]
    assert (
        ask(f"resource_id={resource.id}") == ask(f"event_id={event_id}") == ask("is_released=false") == [str(first.id)]
    )
    assert ask("from=2031-05-01T13:00:00Z") == ask("is_released=true") == [str(second.id)]
    assert ask("to=2031-05-01T14:00:00Z") == [str(first.id)]


def test_the_database_itself_refuses_two_in_one_car():
    taken = make.allocation(make.resource(), 0, 2)
    with pytest.raises(IntegrityError), transaction("resources"):
        Allocation.objects.create(
            resource=taken.resource, starts_at=at(1), ends_at=at(3), quantity=1, is_exclusive=True, created_at=at(0)
        )


def test_the_guard_follows_the_quantity():
    resource, manager = make.resource(quantity=1), Api("manager")
    taken = make.allocation(resource, 0, 2)
    for quantity, is_exclusive in ((2, False), (1, True)):
        assert manager.patch(f"/resources/{resource.id}", {"quantity": quantity}).status_code == 200
        taken.refresh_from_db()
        assert (taken.is_exclusive, allocation_disagreements()) == (is_exclusive, [])


@pytest.mark.django_db(databases=["resources", "showroom"])
def test_a_cancelled_happening_frees_what_it_took(deliver):
    resource, event_id = make.resource(quantity=2), showroom.happening().id
    taken, other = make.allocation(resource, 0, 1, event_id=event_id), make.allocation(resource, 0, 1)
    with capture_events("resources") as told:
        deliver(HappeningCancelled(event_id=event_id, title="Day", reason="", user_ids=[]))
    taken.refresh_from_db()
    other.refresh_from_db()
    assert (taken.released_at is None, other.released_at) == (False, None)
    assert told == ["resource.released"]


def test_each_corruption_is_found():
    resource = make.resource(quantity=2)
    first, second = make.allocation(resource, 0, 2), make.allocation(resource, 1, 3)
    Allocation.objects.filter(pk=second.pk).update(quantity=2)
    (found,) = allocation_disagreements()
    assert (found.kind, found.ids["resource_id"]) == ("overallocated", str(resource.id))
    assert set(found.ids["allocation_ids"].split(", ")) == {str(first.id), str(second.id)}
    Allocation.objects.filter(pk=second.pk).update(quantity=1, is_exclusive=True)
    assert [found.kind for found in allocation_disagreements()] == ["unguarded_allocation"]
    Allocation.objects.filter(pk=second.pk).update(is_exclusive=False)
    Resource.objects.filter(pk=resource.pk).update(deleted_at=timezone.now())
    assert [found.kind for found in allocation_disagreements()] == ["orphaned_allocation"] * 2


HOURS = st.integers(0, 12)
BOOKINGS = st.lists(
    st.tuples(HOURS, st.integers(1, 6), st.integers(1, 4)).map(
        lambda b: Allocation(busy_from=at(b[0]), busy_until=at(b[0] + b[1]), quantity=b[2])
    )
)


def taken_at(bookings, moment):
    return sum(item.quantity for item in bookings if item.busy_from <= moment < item.busy_until)


@given(BOOKINGS, HOURS, st.integers(1, 8), st.integers(0, 6))
def test_the_sweep_agrees_with_counting_each_half_hour(bookings, start, length, most):
    moments = [at(start) + timedelta(minutes=30 * step) for step in range(2 * length)]
    window = at(start), at(start + length)
    overlapping = [item for item in bookings if item.busy_until > window[0] and item.busy_from < window[1]]
    assert peak(overlapping, *window) == max(taken_at(bookings, moment) for moment in moments)
    found = spans(overlapping, *window)
    assert (found[0].start, found[-1].end) == window
    for span in found:
        assert all(taken_at(bookings, moment) == span.taken for moment in moments if span.start <= moment < span.end)
    full = [moment for moment in moments if taken_at(bookings, moment) > most]
    expected = [item for item in overlapping if any(item.busy_from <= moment < item.busy_until for moment in full)]
    assert in_the_way(overlapping, *window, most=most) == expected


@pytest.mark.django_db(databases=["resources"], transaction=True)
@pytest.mark.parametrize("quantity", [1, 3])
def test_many_at_once_never_take_more_than_there_is(quantity):
    resource = make.resource(quantity=quantity)

    def book(number: int) -> bool:
        try:
            make.allocation(resource, number % 3 / 2, number % 3 / 2 + 1)
        except AllocationClash:
            return False
        finally:
            connections["resources"].close()
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(book, range(32)))
    assert quantity <= sum(done) <= 2 * quantity
    assert (Allocation.objects.count(), allocation_disagreements()) == (sum(done), [])


def test_demo_data_is_made_once():
    for _ in range(2):
        create_demo(timezone.now())
    assert Resource.objects.count() == 9
    assert published("resources") == ["resource.created"] * 9


def test_a_moment_without_an_offset_is_on_the_clock_of_the_resource():
    resource, manager = make.resource(time_zone="Asia/Vladivostok"), Api("manager")
    wall = {"start_time": "2031-07-01T10:00:00", "end_time": "2031-07-01T12:00:00"}
    made = manager.post(f"/resources/{resource.id}/allocate", wall).json()
    assert (made["start_time"], made["end_time"]) == ("2031-07-01T00:00:00Z", "2031-07-01T02:00:00Z")
    closed = manager.post(f"/resources/{resource.id}/blackouts", wall | {"replan": True}).json()
    assert closed["start_time"] == "2031-07-01T00:00:00Z"
    free = manager.get(f"/resources/{resource.id}/availability?from=2031-07-01T10:00:00&to=2031-07-01T11:00:00").json()
    assert (free["start_time"], free["available"]) == ("2031-07-01T00:00:00Z", 0)
