from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events, published
from showroom.models import EventCategory, Happening
from showroom.tests import make

pytestmark = pytest.mark.django_db(databases=["showroom"])
PLAN = {
    "title": "Open day",
    "description": "Coffee",
    "start_date": "2031-05-01T10:00:00Z",
    "end_date": "2031-05-01T12:00:00Z",
    "location": "Hall",
    "capacity": 10,
    "kind": "event",
}


def test_a_manager_announces_a_happening():
    category = make.category()
    answer = Api("manager").post("/events", PLAN | {"category_id": str(category.id)})
    assert answer.status_code == 201
    body = answer.json()
    assert body | PLAN == body
    assert (body["seats_left"], body["status"], body["category_id"]) == (10, "scheduled", str(category.id))
    assert published("showroom") == ["event.created"]


def test_one_idempotency_key_announces_once():
    manager = Api("manager")
    first, again = (manager.post("/events", PLAN, Idempotency_Key="k") for _ in range(2))
    assert (first.json()["id"], again["Idempotent-Replayed"]) == (again.json()["id"], "true")
    assert (Happening.objects.count(), published("showroom")) == (1, ["event.created"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": -1}, "capacity"),
        ({"capacity": 10**9}, "capacity"),
        ({"kind": "party"}, "kind"),
        ({"start_date": "tomorrow"}, "start_date"),
        ({"end_date": PLAN["start_date"]}, "end_date"),
        ({"category_id": str(uuid7())}, "category_id"),
        ({"category_id": "x"}, "category_id"),
    ],
)
def test_bad_plans_are_refused(change, field):
    answer = Api("manager").post("/events", PLAN | change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert not Happening.objects.exists()
    assert published("showroom") == []


@pytest.mark.parametrize("who", [Api(), Api("client"), Api("manager")])
def test_anyone_reads(who):
    happening, category = make.happening(), make.category()
    assert who.get(f"/events/{happening.id}/").json()["title"] == "Open day"
    assert [row["id"] for row in who.get("/events").json()["results"]] == [str(happening.id)]
    assert who.get(f"/event-categories/{category.id}").json()["name"] == "Open days"
    assert [row["id"] for row in who.get("/event-categories").json()["results"]] == [str(category.id)]


@pytest.mark.parametrize(("who", "status"), [(Api(), 401), (Api("client"), 403)])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/events"),
        ("put", "/events/{id}"),
        ("patch", "/events/{id}"),
        ("delete", "/events/{id}"),
        ("post", "/events/{id}/cancel"),
        ("post", "/event-categories"),
        ("put", "/event-categories/{category}"),
        ("patch", "/event-categories/{category}"),
        ("delete", "/event-categories/{category}"),
    ],
)
def test_only_managers_write(who, status, method, path):
    happening, category = make.happening(), make.category()
    with capture_events("showroom") as told:
        answer = who.request(method, path.format(id=happening.id, category=category.id), PLAN)
    assert (answer.status_code, told) == (status, [])
    happening.refresh_from_db()
    assert (happening.version, happening.status, Happening.objects.count()) == (1, "scheduled", 1)
    assert EventCategory.objects.get().version == 1


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["/events", "/event-categories"])
def test_missing_things_are_404(method, path):
    body = None if method == "get" else {"/events": PLAN, "/event-categories": {"name": "x"}}[path]
    for missing in (str(uuid7()), "-" * 36):
        assert Api("manager").request(method, f"{path}/{missing}", body).status_code == 404


def test_a_plan_is_changed_and_replaced():
    happening, manager = make.happening(location="Hall"), Api("manager")
    answer = manager.patch(f"/events/{happening.id}", {"title": "Closed day"}, If_Match='"1"')
    assert (answer.json()["title"], answer.json()["location"], answer["ETag"]) == ("Closed day", "Hall", '"2"')
    answer = manager.put(f"/events/{happening.id}", {**PLAN, "location": ""})
    assert (answer.json()["title"], answer.json()["location"], answer.json()["capacity"]) == ("Open day", "", 10)
    assert published("showroom") == ["event.created", "event.updated", "event.updated"]


@pytest.mark.parametrize("method", ["patch", "put", "delete"])
def test_a_stale_version_is_refused(method):
    happening = make.happening()
    with capture_events("showroom") as told:
        answer = Api("manager").request(method, f"/events/{happening.id}", PLAN, If_Match='"7"')
    assert (answer.status_code, told) == (412, [])
    happening.refresh_from_db()
    assert (happening.version, happening.deleted_at) == (1, None)


def test_capacity_never_falls_below_the_seats_taken():
    happening = make.happening(capacity=2)
    make.registration(happening)
    make.registration(happening)
    with capture_events("showroom") as told:
        answer = Api("manager").patch(f"/events/{happening.id}", {"capacity": 1})
    assert (answer.status_code, answer.json()["code"], answer.json()["taken"], told) == (409, "seats_taken", 2, [])


@pytest.mark.parametrize("way", ["action", "patch", "put"])
def test_cancelling_ends_registrations_and_names_everybody(way):
    happening, manager = make.happening(capacity=1), Api("manager")
    seated, waiting = make.registration(happening), make.registration(happening)
    with capture_events("showroom") as told:
        if way == "action":
            answer = manager.post(f"/events/{happening.id}/cancel", {"reason": "Snow"})
        else:
            body = {"status": "cancelled", "reason": "Snow"}
            answer = manager.request(way, f"/events/{happening.id}", body if way == "patch" else PLAN | body)
    assert (answer.status_code, answer.json()["status"], answer.json()["cancel_reason"]) == (200, "cancelled", "Snow")
    for registration in (seated, waiting):
        registration.refresh_from_db()
        assert (registration.status, registration.position) == ("cancelled", None)
    assert told == ["event.cancelled"]
    again = manager.post(f"/events/{happening.id}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "event_cancelled")
    assert manager.patch(f"/events/{happening.id}", {"title": "x"}).status_code == 409


def test_deleting_calls_off_and_hides():
    happening, manager = make.happening(), Api("manager")
    make.registration(happening)
    with capture_events("showroom") as told:
        assert manager.delete(f"/events/{happening.id}").status_code == 204
    assert told == ["event.cancelled"]
    assert manager.get(f"/events/{happening.id}").status_code == 404
    assert manager.get("/events").json()["results"] == []
    happening.refresh_from_db()
    assert (happening.status, happening.taken) == ("cancelled", 0)


def test_deleting_what_is_over_tells_nobody(time_machine):
    happening = make.happening()
    make.registration(happening)
    time_machine.move_to(timezone.now() + timedelta(days=3))
    with capture_events("showroom") as told:
        assert Api("manager").delete(f"/events/{happening.id}").status_code == 204
    assert told == []


def test_the_list_filters_and_orders():
    category = make.category()
    may, june = (datetime(2031, month, 1, tzinfo=UTC) for month in (5, 6))
    make.happening(title="Drive", kind="test_drive", starts_at=june, ends_at=june + timedelta(hours=1))
    make.happening(title="Talk", category_id=category.id, starts_at=may, ends_at=may + timedelta(hours=1))
    ask = lambda query: [row["title"] for row in Api().get(f"/events?{query}").json()["results"]]  # noqa: E731
    assert ask("") == ["Talk", "Drive"]
    assert ask("ordering=-start_date") == ["Drive", "Talk"]
    assert ask("kind=test_drive") == ask("search=riv") == ask("start_after=2031-06-01T00:00:00Z") == ["Drive"]
    assert ask(f"category_id={category.id}") == ask("start_before=2031-06-01T00:00:00Z") == ["Talk"]
    assert ask("status=cancelled") == []


@pytest.mark.parametrize(
    "query", ["color=red", "ordering=title", "page_size=0", "cursor=x", "kind=no", "start_after=x"]
)
def test_a_bad_list_query_is_400(query):
    assert Api().get(f"/events?{query}").status_code == 400


def test_a_page_costs_one_query():
    for _ in range(6):
        make.happening()
    for size in (2, 6):
        with CaptureQueriesContext(connections["showroom"]) as queries:
            assert len(Api().get(f"/events?page_size={size}").json()["results"]) == size
        assert len(queries) == 1


def test_categories_have_unique_names():
    manager, category = Api("manager"), make.category("Open days")
    assert manager.post("/event-categories", {"name": "Talks"}).status_code == 201
    answer = manager.post("/event-categories", {"name": "OPEN DAYS"})
    assert (answer.status_code, answer.json()["code"]) == (409, "category_exists")
    answer = manager.patch(f"/event-categories/{category.id}", {"name": "talks"})
    assert (answer.status_code, answer.json()["code"]) == (409, "category_exists")
    assert manager.put(f"/event-categories/{category.id}", {"name": "Days"}).json()["version"] == 2
    assert manager.post("/event-categories", {"name": " "}).status_code == 400
    assert EventCategory.objects.count() == 2


def test_a_category_in_use_stays():
    manager, category = Api("manager"), make.category()
    happening = make.happening(category_id=category.id)
    answer = manager.delete(f"/event-categories/{category.id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "category_in_use")
    manager.patch(f"/events/{happening.id}", {"category_id": None})
    assert manager.delete(f"/event-categories/{category.id}").status_code == 204
    assert not EventCategory.objects.exists()


def test_a_moment_without_an_offset_is_on_the_clock_of_its_place():
    manager = Api("manager")
    wall = {"start_date": "2031-07-01T10:00:00", "end_date": "2031-07-01T12:00:00"}
    made = manager.post("/events", PLAN | wall | {"time_zone": "Asia/Vladivostok"}).json()
    assert (made["start_date"], made["end_date"]) == ("2031-07-01T00:00:00Z", "2031-07-01T02:00:00Z")
    moved = manager.patch(f"/events/{made['id']}", {"start_date": "2031-07-01T11:00:00"}).json()
    assert moved["start_date"] == "2031-07-01T01:00:00Z"
    here = manager.post("/events", PLAN | wall).json()
    assert (here["time_zone"], here["start_date"]) == ("Europe/Moscow", "2031-07-01T07:00:00Z")


def test_an_hour_that_the_clock_leaves_out_is_refused():
    wall = {"start_date": "2031-03-30T02:30:00", "end_date": "2031-03-30T05:00:00", "time_zone": "Europe/Berlin"}
    answer = Api("manager").post("/events", PLAN | wall)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "no_such_time")
    assert Happening.objects.count() == 0
