from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError
from django.utils import timezone
from icalendar import Calendar

from accounts.tests import make as people
from catalog.events import StockLevel, StockSold
from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events, deliver_twice, drain_outbox, published
from resources.events import BookingBroken, BookingMade, BookingMoved, ResourceCreated, ResourceUpdated
from resources.models import Allocation, Resource
from resources.public import allocation_disagreements
from resources.tests.make import crew
from showroom import services
from showroom.errors import AnotherDriveThen
from showroom.models import Drive, DriveCar, DriveStatus
from showroom.models.test_drives import NEXT
from showroom.tests import make

pytestmark = pytest.mark.django_db(databases=["showroom"])
PAPERS = {"licence_last4": "1234", "licence_valid_until": "2099-01-01", "odometer": 100, "waiver_signed": True}


def wish(car, hours=24.0, length=1.0, **fields):
    start = timezone.now() + timedelta(hours=hours)
    end = start + timedelta(hours=length)
    return {"car_id": str(car.resource_id), "start_time": start.isoformat(), "end_time": end.isoformat(), **fields}


def confirmed(**options):
    drive = make.drive(make.car(), **options)
    services.confirm_drive(drive_id=drive.id, now=timezone.now())
    drive.refresh_from_db()
    return drive


def test_a_client_asks_for_a_car():
    car, client = make.car(), Api("client")
    body = wish(car, phone="+7 900 123-45-67")
    answer = client.post("/test-drives", body, Idempotency_Key="k")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["status"], made["car_name"], made["product_id"]) == ("requested", "Vesta", str(car.product_id))
    assert client.post("/test-drives", body, Idempotency_Key="k").json() == made
    assert client.get(f"/test-drives/{made['id']}").json() == made
    assert [row["id"] for row in client.get("/test-drives").json()["results"]] == [made["id"]]
    assert (Drive.objects.count(), published("showroom")) == (1, ["test_drive.requested"])


@pytest.mark.parametrize(
    "changes",
    [
        {"car_id": str(uuid7())},
        {"car_id": "x"},
        {"start_time": "2020-01-01T00:00:00Z"},
        {"end_time": "2020-01-01T00:00:00Z"},
        {"end_time": "2099-01-01T00:00:00Z"},
        {"start_time": "2098-12-31T23:00:00Z", "end_time": "2099-01-01T00:00:00Z"},
        {"phone": "call me"},
        {"comment": "x" * 1001},
    ],
)
def test_bad_wishes_are_refused(changes):
    with capture_events("showroom") as told:
        assert Api("client").post("/test-drives", wish(make.car()) | changes).status_code == 400
    assert (Drive.objects.count(), told) == (0, [])


def test_a_car_that_is_not_lent_is_refused():
    answer = Api("client").post("/test-drives", wish(make.car(is_available=False)))
    assert (answer.status_code, answer.json()["code"]) == (409, "car_unavailable")


def test_nobody_drives_two_cars_at_once():
    client = Api("client")
    assert client.post("/test-drives", wish(make.car())).status_code == 201
    second = client.post("/test-drives", wish(make.car(), hours=24.5))
    assert (second.status_code, second.json()["code"]) == (409, "another_test_drive")
    assert client.post("/test-drives", wish(make.car(), hours=25.1)).status_code == 201


def test_three_ahead_are_enough_for_a_client():
    client, car = Api("client"), make.car()
    for day in range(3):
        assert client.post("/test-drives", wish(car, hours=24 * (day + 1))).status_code == 201
    refused = client.post("/test-drives", wish(car, hours=24 * 9))
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_test_drives")


@pytest.mark.django_db(databases=["showroom", "accounts"])
def test_a_manager_books_for_a_client_and_a_client_for_nobody_else():
    car, customer = make.car(), people.user().id
    made = Api("manager").post("/test-drives", wish(car, customer_id=str(customer)))
    assert made.json()["user_id"] == str(customer)
    assert Api("client").post("/test-drives", wish(car, customer_id=str(customer))).status_code == 403


def test_drives_belong_to_their_driver():
    drive = make.drive(make.car())
    for method, path, body in [
        ("get", "", None),
        ("get", "/calendar", None),
        ("post", "/cancel", {}),
    ]:
        given = [] if body is None else [body]
        assert getattr(Api("client"), method)(f"/test-drives/{drive.id}{path}", *given).status_code == 404
        assert getattr(Api(), method)(f"/test-drives/{drive.id}{path}", *given).status_code == 401
    assert Api("client").get("/test-drives").json()["results"] == []
    assert Api("manager").get("/test-drives").json()["results"][0]["id"] == str(drive.id)


@pytest.mark.parametrize(("path", "body"), [("hand-over", PAPERS), ("take-back", {"odometer": 1}), ("no-show", {})])
def test_only_managers_hand_over(path, body):
    drive = make.drive(make.car())
    owner = Api("client", user_id=drive.user_id)
    assert owner.post(f"/test-drives/{drive.id}/{path}", body).status_code == 403
    assert Api().post(f"/test-drives/{drive.id}/{path}", body).status_code == 401
    assert Api("manager").post(f"/test-drives/{uuid7()}/{path}", body).status_code == 404


def test_out_and_back_again():
    drive, manager = confirmed(), Api("manager")
    with capture_events("showroom") as told:
        left = manager.post(f"/test-drives/{drive.id}/hand-over", PAPERS)
        assert (left.status_code, left.json()["status"], left.json()["odometer_out"]) == (200, "out", 100)
        short = manager.post(f"/test-drives/{drive.id}/take-back", {"odometer": 99})
        assert (short.status_code, short.json()["errors"][0]["code"]) == (400, "odometer_backwards")
        back = manager.post(f"/test-drives/{drive.id}/take-back", {"odometer": 117, "note": "clean"})
    assert (back.json()["status"], back.json()["odometer_in"]) == ("returned", 117)
    assert told == ["test_drive.started", "test_drive.ended"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"licence_valid_until": "2020-01-01"}, "licence_expired"),
        ({"waiver_signed": False}, "waiver_required"),
        ({"odometer": -1}, "min_value"),
        ({"licence_last4": "12"}, "invalid"),
    ],
)
def test_nobody_leaves_without_papers(changes, code):
    drive = confirmed()
    with capture_events("showroom") as told:
        answer = Api("manager").post(f"/test-drives/{drive.id}/hand-over", PAPERS | changes)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)
    drive.refresh_from_db()
    assert (drive.status, told) == ("confirmed", [])


def test_the_database_keeps_the_papers_too():
    drive = confirmed()
    with pytest.raises(IntegrityError):
        Drive.objects.filter(pk=drive.id).update(status="out")


ACTIONS = {
    DriveStatus.CANCELLED: ("cancel", {}),
    DriveStatus.OUT: ("hand-over", PAPERS),
    DriveStatus.RETURNED: ("take-back", {"odometer": 200}),
    DriveStatus.NO_SHOW: ("no-show", {}),
}


def drive_in(status):
    drive = make.drive(make.car())
    start = timezone.now() - timedelta(minutes=5)
    papers = {
        "licence_valid_until": date(2099, 1, 1),
        "odometer_out": 100,
        "odometer_in": 150,
        "waiver_signed_at": start,
        "handed_over_at": start,
    }
    Drive.objects.filter(pk=drive.id).update(
        status=status, starts_at=start, ends_at=start + timedelta(hours=1), **papers
    )
    return drive


@pytest.mark.parametrize("status", list(DriveStatus))
@pytest.mark.parametrize("target", list(ACTIONS))
def test_every_step_is_allowed_or_names_what_is(status, target):
    drive = drive_in(status)
    path, body = ACTIONS[target]
    answer = Api("manager").post(f"/test-drives/{drive.id}/{path}", body)
    drive.refresh_from_db()
    if target in NEXT.get(status, frozenset()):
        assert (answer.status_code, drive.status) == (200, target)
    else:
        assert (answer.status_code, answer.json()["allowed"]) == (409, sorted(NEXT.get(status, frozenset())))
        assert drive.status == status


def test_a_client_cancels_before_the_start_only():
    drive = confirmed()
    owner = Api("client", user_id=drive.user_id)
    Drive.objects.filter(pk=drive.id).update(starts_at=timezone.now() - timedelta(minutes=1))
    late = owner.post(f"/test-drives/{drive.id}/cancel", {})
    assert (late.status_code, late.json()["code"]) == (409, "test_drive_begun")
    Drive.objects.filter(pk=drive.id).update(starts_at=timezone.now() + timedelta(minutes=1))
    with capture_events("showroom") as told:
        assert owner.post(f"/test-drives/{drive.id}/cancel", {"reason": "ill"}).json()["status"] == "cancelled"
    assert told == ["test_drive.ended"]


def test_two_managers_on_one_drive():
    drive, manager = confirmed(), Api("manager")
    assert manager.post(f"/test-drives/{drive.id}/cancel", {}, If_Match='"1"').status_code == 412
    assert manager.post(f"/test-drives/{drive.id}/cancel", {}, If_Match='"2"').status_code == 200


def test_nobody_has_failed_to_come_before_the_start():
    drive = confirmed()
    answer = Api("manager").post(f"/test-drives/{drive.id}/no-show")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_started")


@pytest.fixture
def lent():
    """A car, a lane and a colleague of resources, which showroom has heard of."""
    resources = crew()
    drain_outbox("resources", "showroom")
    return DriveCar.objects.get(resource_id=resources["car"][0].id)


@pytest.mark.django_db(databases=["showroom", "resources"], transaction=True)
def test_resources_confirms_one_of_two_and_refuses_the_other(lent):
    first, second = make.drive(lent), make.drive(lent)
    drain_outbox("showroom", "resources")
    first.refresh_from_db()
    second.refresh_from_db()
    first, second = sorted((first, second), key=lambda drive: drive.status)
    assert (first.status, second.status, second.reason) == ("confirmed", "refused", "allocation_clash")
    told = published("showroom")
    assert (told.count("test_drive.confirmed"), told.count("test_drive.ended")) == (1, 1)
    assert Allocation.objects.active().filter(booking_id=first.id).count() == 3
    services.cancel_drive(drive_id=first.id, reason="", now=timezone.now())
    drain_outbox("showroom", "resources")
    assert not Allocation.objects.active().exists()
    third = make.drive(lent)
    drain_outbox("showroom", "resources")
    third.refresh_from_db()
    assert third.status == "confirmed"


@pytest.mark.django_db(databases=["showroom", "resources"], transaction=True)
def test_a_broken_car_breaks_off_its_drives_and_leaves_nothing_booked(lent):
    drive = make.drive(lent)
    drain_outbox("showroom", "resources")
    answer = Api("manager").post(f"/resources/{lent.resource_id}/out-of-service", {"reason": "brakes"})
    assert len(answer.json()["released"]) == 3
    drain_outbox("showroom", "resources")
    drive.refresh_from_db()
    lent.refresh_from_db()
    assert (drive.status, drive.reason, lent.is_available) == ("cancelled", "brakes", False)
    assert (allocation_disagreements(), Allocation.objects.active().count()) == ([], 0)


@pytest.mark.django_db(databases=["showroom", "resources", "catalog"], transaction=True)
def test_a_sold_car_is_gone_from_test_drives(lent):
    """Its drives ahead are called off, its driver is told, and nobody books it any more."""
    Resource.objects.filter(pk=lent.resource_id).update(product_id=lent.resource_id)
    drive, begun = make.drive(lent), make.drive(lent, hours=48)
    drain_outbox("showroom", "resources")
    start, end = timezone.now(), timezone.now() + timedelta(hours=1)
    Drive.objects.filter(pk=begun.id).update(starts_at=start, ends_at=end)
    Allocation.objects.filter(booking_id=begun.id).update(starts_at=start, busy_from=start, ends_at=end, busy_until=end)
    level = StockLevel(product_id=lent.resource_id, on_hand=0, available=0, version=9)
    deliver_twice("resources", StockSold(order_id=uuid7(), attempt_id=uuid7(), levels=[level]))
    drain_outbox("showroom", "resources")
    drive.refresh_from_db()
    assert (drive.status, Allocation.objects.active().filter(booking_id=drive.id).exists()) == ("cancelled", False)
    ended = OutboxEvent.objects.using("showroom").get(type="test_drive.ended")
    assert ended.data["outcome"] == "sold"
    assert Api().get("/test-drive-cars").json()["results"] == []
    answer = Api("client").post("/test-drives", wish(lent))
    assert (answer.status_code, answer.json()["code"]) == (409, "car_unavailable")
    left = Api("manager").post(f"/test-drives/{begun.id}/hand-over", PAPERS)
    assert (left.status_code, left.json()["code"]) == (409, "car_unavailable")
    begun.refresh_from_db()
    assert begun.status == "confirmed"


@pytest.mark.django_db(databases=["showroom", "payments", "resources"], transaction=True)
def test_a_drive_given_up_meanwhile_stays_given_up(deliver):
    drive = make.drive(make.car())
    services.cancel_drive(drive_id=drive.id, reason="", now=timezone.now())
    deliver(BookingMade(booking_id=drive.id, resource_ids=[drive.car_id]))
    drive.refresh_from_db()
    assert drive.status == "cancelled"


@pytest.mark.django_db(databases=["showroom", "payments", "resources"], transaction=True)
def test_another_car_takes_the_place_of_a_broken_one(deliver):
    spare = make.car(name="Jolion")
    drive = confirmed()
    deliver(
        BookingMoved(
            booking_id=drive.id,
            from_resource_id=drive.car_id,
            to_resource_id=spare.resource_id,
            reason="brakes",
        )
    )
    drive.refresh_from_db()
    assert (drive.car_id, drive.car_name, drive.status) == (spare.resource_id, "Jolion", "confirmed")
    assert published("showroom").count("test_drive.confirmed") == 2
    deliver(BookingBroken(booking_id=drive.id, resource_id=spare.resource_id, reason="engine"))
    drive.refresh_from_db()
    assert (drive.status, drive.reason) == ("cancelled", "engine")


def car_event(event=ResourceCreated, **changes):
    fields = {"resource_id": uuid7(), "name": "Vesta", "quantity": 1, "test_drive_role": "car", "time_zone": "UTC"}
    return event(**{**fields, **changes})


@pytest.mark.django_db(databases=["showroom", "payments", "resources"], transaction=True)
def test_cars_are_known_by_what_resources_tells(deliver):
    car = car_event()
    deliver(car, car_event(test_drive_role="place"))
    assert [row["id"] for row in Api().get("/test-drive-cars").json()["results"]] == [str(car.resource_id)]
    deliver(car_event(ResourceUpdated, resource_id=car.resource_id, name="Vesta 2"))
    assert DriveCar.objects.get().name == "Vesta 2"
    deliver(car_event(ResourceUpdated, resource_id=car.resource_id, is_in_service=False))
    assert Api().get("/test-drive-cars").json()["results"] == []
    deliver(car_event(ResourceUpdated, resource_id=car.resource_id))
    deliver(car_event(ResourceUpdated, resource_id=car.resource_id, is_deleted=True))
    assert DriveCar.objects.get().is_available is False


def between(*, hours, days):
    """A span from so many hours to so many days from now."""
    return {"starts_at": timezone.now() + timedelta(hours=hours), "ends_at": timezone.now() + timedelta(days=days)}


def test_reminders_come_once():
    soon, later = confirmed(hours=5), confirmed(hours=48)
    happening = make.happening(**between(hours=3, days=1))
    for _ in range(2):
        make.registration(happening)
    make.happening(**between(hours=72, days=4))
    with capture_events("showroom") as told:
        assert services.send_reminders(now=timezone.now()) == 2
        assert services.send_reminders(now=timezone.now()) == 0
    assert told == ["event.reminder_due", "test_drive.reminder_due"]
    soon.refresh_from_db()
    later.refresh_from_db()
    assert soon.reminded_at
    assert later.reminded_at is None


def test_a_moved_happening_reminds_anew():
    happening = make.happening(**between(hours=3, days=9))
    services.send_reminders(now=timezone.now())
    services.update_happening(
        happening_id=happening.id, changes={"starts_at": timezone.now() + timedelta(hours=5)}, now=timezone.now()
    )
    assert services.send_reminders(now=timezone.now()) == 1


@pytest.mark.parametrize("zone", ["Europe/Moscow", "Europe/Berlin", "America/New_York", "Australia/Sydney", "UTC"])
def test_a_calendar_file_keeps_the_wall_clock(zone):
    happening = make.happening(
        starts_at=datetime(2031, 3, 30, 12, tzinfo=UTC),
        ends_at=datetime(2031, 3, 30, 14, tzinfo=UTC),
        time_zone=zone,
        title="Премьера, новинки",
    )
    answer = Api().get(f"/events/{happening.id}/calendar")
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    found = Calendar.from_ical(answer.content)
    event = found.walk("VEVENT")[0]
    assert event.decoded("dtstart") == happening.starts_at
    assert (str(event["summary"]), str(event["status"])) == ("Премьера, новинки", "CONFIRMED")
    if zone != "UTC":
        assert event["dtstart"].params["TZID"] == zone
        assert found.walk("VTIMEZONE")
    services.cancel_happening(happening_id=happening.id, reason="", now=timezone.now())
    again = Calendar.from_ical(Api().get(f"/events/{happening.id}/calendar").content).walk("VEVENT")[0]
    assert (str(again["status"]), str(again["uid"])) == ("CANCELLED", str(event["uid"]))
    assert int(again["sequence"]) > int(event["sequence"])


def test_a_drive_has_a_calendar_file():
    drive = confirmed()
    answer = Api("client", user_id=drive.user_id).get(f"/test-drives/{drive.id}/calendar")
    event = Calendar.from_ical(answer.content).walk("VEVENT")[0]
    assert event.decoded("dtstart") == drive.starts_at.replace(microsecond=0)


def test_the_books_of_one_person_do_not_overlap():
    car, user_id = make.car(), uuid7()
    make.drive(car, user_id)
    with pytest.raises(AnotherDriveThen):
        make.drive(make.car(), user_id)


def test_a_moment_without_an_offset_is_on_the_clock_of_the_car():
    car = make.car(time_zone="Asia/Vladivostok")
    day = (timezone.now() + timedelta(days=2)).astimezone(ZoneInfo("Asia/Vladivostok")).replace(microsecond=0)
    wall = {"start_time": day, "end_time": day + timedelta(hours=1)}
    asked = wish(car) | {name: at.replace(tzinfo=None).isoformat() for name, at in wall.items()}
    made = Api("client").post("/test-drives", asked)
    assert made.status_code == 201, made.content
    assert Drive.objects.get(pk=made.json()["id"]).starts_at == day
