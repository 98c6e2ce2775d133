from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core.testing import Api
from resources import services
from resources.models import Resource
from resources.rules.hours import Hours, closed_stretches, grid, is_open, open_stretches
from resources.tests import make

EVERY_DAY = [Hours(weekday, time(9), time(18)) for weekday in range(1, 8)]
DST_DAYS = [
    ("Europe/Berlin", date(2027, 3, 28)),
    ("Europe/Berlin", date(2027, 10, 31)),
    ("America/New_York", date(2027, 3, 14)),
    ("America/New_York", date(2027, 11, 7)),
    ("Australia/Sydney", date(2027, 4, 4)),
    ("Australia/Sydney", date(2027, 10, 3)),
    ("America/Santiago", date(2027, 4, 3)),
    ("America/Santiago", date(2027, 9, 5)),
    ("Europe/Lisbon", date(2027, 3, 28)),
    ("Europe/Lisbon", date(2027, 10, 31)),
]
"""Five zones, the two days of a year on which each changes its clocks."""


def midnight(day, zone):
    return datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(("zone", "day"), DST_DAYS)
def test_the_doors_open_at_nine_whatever_the_clocks_do(zone, day):
    place = ZoneInfo(zone)
    start, end = midnight(day - timedelta(days=1), zone), midnight(day + timedelta(days=2), zone)
    opened = [stretch[0].astimezone(place) for stretch in open_stretches(EVERY_DAY, place, start, end)]
    closed = [stretch[1].astimezone(place) for stretch in open_stretches(EVERY_DAY, place, start, end)]
    assert [moment.time() for moment in opened] == [time(9)] * 3
    assert [moment.time() for moment in closed] == [time(18)] * 3
    slots = [moment.astimezone(place) for moment in grid(EVERY_DAY, place, start, end, timedelta(minutes=30))]
    assert [slot.time() for slot in slots if slot.date() == day] == [
        time(9 + half // 2, 30 * (half % 2)) for half in range(18)
    ]


@pytest.mark.parametrize(("zone", "day"), DST_DAYS)
def test_a_day_that_is_open_all_round_has_every_slot_once(zone, day):
    place = ZoneInfo(zone)
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    hours = (end - start) / timedelta(hours=1)
    assert hours in (23, 25)
    slots = list(grid([], place, start, end, timedelta(minutes=30)))
    assert slots == sorted(set(slots))
    walls = [slot.astimezone(place).time() for slot in slots]
    assert len(walls) == len(set(walls)) == min(48, int(hours * 2))


@pytest.mark.parametrize(("zone", "day"), DST_DAYS)
def test_the_night_the_clocks_change_is_open_without_a_hole(zone, day):
    nights = [Hours(weekday, time(0), time(0)) for weekday in range(1, 8)]
    start, end = midnight(day - timedelta(days=1), zone), midnight(day + timedelta(days=2), zone)
    assert open_stretches(nights, ZoneInfo(zone), start, end) == [(start, end)]
    assert closed_stretches(nights, ZoneInfo(zone), start, end) == []


RULES = st.lists(
    st.tuples(st.integers(1, 7), st.integers(0, 22), st.integers(1, 3)).map(
        lambda rule: Hours(rule[0], time(rule[1]), time(min(23, rule[1] + rule[2])))
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda rule: rule.weekday,
)


@given(
    RULES,
    st.sampled_from(DST_DAYS),
    st.integers(0, 71),
    st.integers(1, 30),
)
def test_open_and_closed_share_out_every_window(rules, where, offset, length):
    zone, day = where
    place = ZoneInfo(zone)
    start = midnight(day - timedelta(days=1), zone) + timedelta(hours=offset)
    end = start + timedelta(hours=length)
    stretches = sorted(open_stretches(rules, place, start, end) + closed_stretches(rules, place, start, end))
    assert stretches[0][0] == start
    assert stretches[-1][1] == end
    for before, after in pairwise(stretches):
        assert before[1] == after[0]
    for from_, until in open_stretches(rules, place, start, end):
        assert is_open(rules, place, from_, until)


pytestmark = pytest.mark.django_db(databases=["resources"])


def weekdays(**hours):
    return [{"weekday": weekday, **hours} for weekday in range(1, 8)]


def test_a_resource_keeps_its_hours():
    manager = Api("manager")
    body = {
        "name": "Lift",
        "type_id": str(make.kind().id),
        "time_zone": "Asia/Yekaterinburg",
        "buffer_after": 15,
        "opening_hours": weekdays(opens="09:00", closes="18:00"),
    }
    made = manager.post("/resources", body).json()
    assert made["opening_hours"] == body["opening_hours"]
    assert (made["time_zone"], made["buffer_before"], made["buffer_after"]) == ("Asia/Yekaterinburg", 0, 15)
    path = f"/resources/{made['id']}"
    changed = manager.patch(path, {"opening_hours": [{"weekday": 1, "opens": "10:00", "closes": "00:00"}]}).json()
    assert changed["opening_hours"] == [{"weekday": 1, "opens": "10:00", "closes": "00:00"}]
    assert changed["version"] == 2
    assert manager.patch(path, {"opening_hours": changed["opening_hours"]}).json()["version"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {"time_zone": "Mars/Olympus"},
        {"buffer_before": -1},
        {"buffer_after": 1441},
        {"opening_hours": [{"weekday": 0, "opens": "09:00", "closes": "18:00"}]},
        {"opening_hours": [{"weekday": 1, "opens": "18:00", "closes": "09:00"}]},
        {
            "opening_hours": [
                {"weekday": 1, "opens": "09:00", "closes": "12:00"},
                {"weekday": 1, "opens": "11:00", "closes": "18:00"},
            ]
        },
        {"opening_hours": weekdays(opens="09:00", closes="10:00") * 10},
        {"product_id": "car"},
    ],
)
def test_hours_that_make_no_sense_are_refused(body):
    resource = make.resource()
    assert Api("manager").patch(f"/resources/{resource.id}", body).status_code == 400
    assert Resource.objects.get().version == 1


def closed_at_night(**fields):
    return make.resource(opening_hours=EVERY_DAY, time_zone="Europe/Moscow", **fields)


def book(resource, start, end):
    body = {"start_time": start, "end_time": end}
    return Api("manager").post(f"/resources/{resource.id}/allocate", body)


def test_nothing_is_booked_outside_the_hours():
    resource = closed_at_night()
    late = book(resource, "2031-05-05T17:30:00+03:00", "2031-05-05T18:30:00+03:00")
    assert (late.status_code, late.json()["code"]) == (409, "outside_opening_hours")
    assert book(resource, "2031-05-05T17:00:00+03:00", "2031-05-05T18:00:00+03:00").status_code == 201


def test_buffers_keep_bookings_apart():
    resource = make.resource(buffer_before=10, buffer_after=20)
    first = book(resource, "2031-05-05T10:00:00Z", "2031-05-05T11:00:00Z").json()
    near = book(resource, "2031-05-05T11:29:00Z", "2031-05-05T12:00:00Z")
    assert (near.status_code, near.json()["clashes"][0]["id"]) == (409, first["id"])
    assert book(resource, "2031-05-05T11:30:00Z", "2031-05-05T12:00:00Z").status_code == 201


def test_a_closure_stops_bookings_and_bookings_stop_a_closure():
    resource, manager = make.resource(), Api("manager")
    path = f"/resources/{resource.id}/blackouts"
    closure = {"start_time": "2031-05-05T10:00:00Z", "end_time": "2031-05-05T12:00:00Z", "reason": "repair"}
    made = manager.post(path, closure)
    assert made.status_code == 201
    refused = book(resource, "2031-05-05T11:00:00Z", "2031-05-05T13:00:00Z")
    assert (refused.status_code, refused.json()["code"]) == (409, "blackout")
    assert refused.json()["blackouts"] == [{"id": made.json()["id"], "reason": "repair"}]
    taken = book(resource, "2031-05-05T12:00:00Z", "2031-05-05T13:00:00Z").json()
    clash = manager.post(path, closure | {"end_time": "2031-05-05T12:30:00Z"})
    assert (clash.status_code, clash.json()["clashes"][0]["id"]) == (409, taken["id"])
    assert [item["id"] for item in manager.get(path).json()["results"]] == [made.json()["id"]]
    assert manager.delete(f"{path}/{made.json()['id']}").status_code == 204
    assert manager.delete(f"{path}/{made.json()['id']}").status_code == 404
    assert book(resource, "2031-05-05T10:00:00Z", "2031-05-05T11:00:00Z").status_code == 201


def test_only_managers_close_and_repair():
    resource = make.resource()
    for method, path, body in [
        ("post", "blackouts", {}),
        ("get", "blackouts", None),
        ("post", "out-of-service", {"reason": "x"}),
        ("post", "in-service", {}),
    ]:
        for caller, status in ((Api(), 401), (Api("client"), 403)):
            given = [body] if body is not None else []
            assert getattr(caller, method)(f"/resources/{resource.id}/{path}", *given).status_code == status
    assert Resource.objects.get().version == 1


def test_availability_knows_the_hours_and_closures():
    resource = closed_at_night(quantity=2)
    services.close(
        resource_id=resource.id,
        start=datetime(2031, 5, 5, 9, tzinfo=UTC),
        end=datetime(2031, 5, 5, 10, tzinfo=UTC),
        reason="",
        now=timezone.now(),
    )
    book(resource, "2031-05-05T08:00:00Z", "2031-05-05T09:00:00Z")
    answer = Api("manager").get(
        f"/resources/{resource.id}/availability?from=2031-05-05T05:00:00Z&to=2031-05-05T16:00:00Z"
    )
    spans = [(span["start_time"][11:16], span["available"]) for span in answer.json()["spans"]]
    assert spans == [("05:00", 0), ("06:00", 2), ("08:00", 1), ("09:00", 0), ("10:00", 2), ("15:00", 0)]
    assert answer.json()["available"] == 0


def test_every_slot_offered_can_be_booked_and_no_other():
    resource = closed_at_night(buffer_after=15)
    book(resource, "2031-05-05T10:00:00Z", "2031-05-05T11:00:00Z")
    services.close(
        resource_id=resource.id,
        start=datetime(2031, 5, 5, 13, tzinfo=UTC),
        end=datetime(2031, 5, 5, 14, tzinfo=UTC),
        reason="",
        now=timezone.now(),
    )
    window = "from=2031-05-05T00:00:00Z&to=2031-05-06T00:00:00Z&duration=60&step=30"
    answer = Api("manager").get(f"/resources/{resource.id}/slots?{window}")
    offered = {slot["start_time"] for slot in answer.json()["slots"]}
    assert answer.json()["slots"][0]["local_start"] == "2031-05-05T09:00"
    for half in range(48):
        start = datetime(2031, 5, 5, tzinfo=UTC) + timedelta(minutes=30 * half)
        made = book(resource, start.isoformat(), (start + timedelta(hours=1)).isoformat())
        assert (made.status_code == 201) == (start.strftime("%Y-%m-%dT%H:%M:%SZ") in offered), start
        if made.status_code == 201:
            services.release(allocation_id=made.json()["id"], now=timezone.now())


@pytest.mark.parametrize("query", ["duration=0", "step=x", "to=2000-01-01T00:00:00Z", "colour=red"])
def test_slots_refuse_bad_questions(query):
    assert Api("manager").get(f"/resources/{make.resource().id}/slots?{query}").status_code == 400


def test_everybody_sees_the_slots_of_test_drive_cars_only():
    car = make.resource(type_id=make.kind("Test car", "car").id)
    room = make.resource(type_id=make.kind("Room").id)
    for caller in (Api(), Api("client")):
        assert caller.get(f"/resources/{car.id}/slots").status_code == 200
        assert caller.get(f"/resources/{room.id}/slots").status_code == 404
