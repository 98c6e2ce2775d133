from datetime import time

import pytest

from messaging.testing import capture_events, published
from resources.models import Blackout, Resource, ResourceType
from resources.rules.hours import Hours
from resources.tests import make

pytestmark = pytest.mark.django_db(databases=["resources", "accounts"])

HOURS = {
    "opening_hours-TOTAL_FORMS": "1",
    "opening_hours-INITIAL_FORMS": "0",
    "opening_hours-0-weekday": "1",
    "opening_hours-0-opens_at": "09:00",
    "opening_hours-0-closes_at": "18:00",
}
FORM = {
    "name": "Vesta",
    "description": "",
    "quantity": "2",
    "time_zone": "Europe/Moscow",
    "buffer_before": "0",
    "buffer_after": "15",
    "product_id": "",
    "opening_hours-TOTAL_FORMS": "0",
    "opening_hours-INITIAL_FORMS": "0",
}


@pytest.mark.parametrize(
    "path",
    [
        "resource/",
        "resource/?q=ve",
        "resource/add/",
        "allocation/",
        "resourcetype/",
        "resourcetype/add/",
        "blackout/add/",
    ],
)
def test_screens_open(screens, path):
    make.allocation(make.resource(), 0, 1)
    assert screens.get(f"/admin/resources/{path}").status_code == 200


def test_resources_are_written_by_services(screens):
    assert screens.post("/admin/resources/resourcetype/add/", {"name": "Car", "description": ""}).status_code == 302
    kind = ResourceType.objects.get()
    assert screens.post(f"/admin/resources/resourcetype/{kind.id}/change/", {"name": "Auto"}).status_code == 302
    form = FORM | {"type": str(kind.id)}
    assert screens.post("/admin/resources/resource/add/", form).status_code == 302
    resource = Resource.objects.get()
    make.allocation(resource, 0, 1, quantity=2)
    change = f"/admin/resources/resource/{resource.id}/change/"
    assert screens.get(change).status_code == 200
    assert screens.post(change, form | {"name": "Granta"}).status_code == 302
    answer = screens.post(change, form | {"quantity": "1"}, follow=True)
    assert "More is already booked ahead." in answer.content.decode()
    resource.refresh_from_db()
    assert (resource.name, resource.quantity, resource.type.name) == ("Granta", 2, "Auto")
    assert published("resources") == ["resource.created", "resource.allocated", "resource.updated"]


def test_actions_release_and_delete(screens):
    resource = make.resource()
    taken = make.allocation(resource, 0, 1)
    with capture_events("resources") as told:
        screens.post(
            "/admin/resources/resource/", {"action": "hide", "confirmed": "yes", "_selected_action": [str(resource.id)]}
        )
        assert Resource.objects.present().exists()
        screens.post(
            "/admin/resources/allocation/",
            {"action": "give_back", "confirmed": "yes", "_selected_action": [str(taken.id)]},
        )
        screens.post(
            "/admin/resources/resource/", {"action": "hide", "confirmed": "yes", "_selected_action": [str(resource.id)]}
        )
    assert not Resource.objects.present().exists()
    assert told == ["resource.released", "resource.updated"]


def test_opening_hours_are_replaced_as_a_whole(screens):
    form = FORM | {"type": str(make.kind().id)}
    screens.post("/admin/resources/resource/add/", form | HOURS)
    resource = Resource.objects.get()
    assert resource.rules() == [Hours(1, time(9), time(18))]
    change = f"/admin/resources/resource/{resource.id}/change/"
    assert screens.get(change).status_code == 200
    row = resource.opening_hours.get()
    kept = {
        "opening_hours-INITIAL_FORMS": "1",
        "opening_hours-0-id": str(row.id),
        "opening_hours-0-resource": str(resource.id),
    }
    screens.post(change, form | HOURS | kept | {"opening_hours-0-closes_at": "20:00"})
    assert resource.rules() == [Hours(1, time(9), time(20))]
    row = resource.opening_hours.get()
    screens.post(change, form | HOURS | kept | {"opening_hours-0-id": str(row.id), "opening_hours-0-DELETE": "on"})
    assert resource.rules() == []


def test_breakdowns_and_closures_from_the_screens(screens):
    resource = make.resource()
    make.allocation(resource, 0, 1)
    chosen = {"confirmed": "yes", "_selected_action": [str(resource.id)]}
    screens.post("/admin/resources/resource/", {"action": "break_down", **chosen})
    resource.refresh_from_db()
    assert (resource.is_in_service, resource.allocations.active().count()) == (False, 0)
    screens.post("/admin/resources/resource/", {"action": "repair", **chosen})
    make.allocation(resource, 0, 1)
    form = {
        "resource": str(resource.id),
        "starts_at_0": "2031-05-01",
        "starts_at_1": "12:00:00",
        "ends_at_0": "2031-05-02",
        "ends_at_1": "12:00:00",
        "reason": "paint",
    }
    answer = screens.post("/admin/resources/blackout/add/", form, follow=True)
    assert "The resource is not free then." in answer.content.decode()
    form |= {"starts_at_0": "2031-05-02", "ends_at_0": "2031-05-03"}
    assert screens.post("/admin/resources/blackout/add/", form).status_code == 302
    closure = Blackout.objects.get()
    screens.post(
        "/admin/resources/blackout/",
        {"action": "open_again", "confirmed": "yes", "_selected_action": [str(closure.id)]},
    )
    assert not Blackout.objects.exists()


def test_the_calendar_shows_bookings_and_closures(screens):
    resource = make.resource(name="Lift")
    make.allocation(resource, 0, 1)
    answer = screens.get("/admin/resources/allocation/calendar/?view=week&date=2031-05-01")
    assert "Lift" in answer.content.decode()


@pytest.mark.parametrize(
    ("day", "shown"),
    [("2031-05-01", "15:00–…"), ("2031-05-02", "…–…"), ("2031-05-03", "…–16:00"), ("2031-05-04", None)],
)
def test_a_booking_of_days_shows_its_hours_where_they_are(screens, day, shown):
    make.allocation(make.resource(name="Lift"), 0, 49)
    page = screens.get(f"/admin/resources/allocation/calendar/?view=day&date={day}").content.decode()
    assert ("Lift" in page) == (shown is not None)
    assert shown is None or f">{shown}</time>" in page
    assert ("planner-empty" in page) == (shown is None)


def test_a_week_names_its_days(screens):
    page = screens.get("/admin/resources/allocation/calendar/?view=week&date=2031-04-30").content.decode()
    assert "28 April – 4 May 2031" in page
