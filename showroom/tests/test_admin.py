from datetime import timedelta

import pytest
from django.utils import timezone

from messaging.testing import capture_events, published
from showroom.models import EventCategory, Happening
from showroom.tests import make

pytestmark = pytest.mark.django_db(databases=["showroom", "accounts"])
FORM = {
    "title": "Open day",
    "description": "",
    "kind": "event",
    "location": "Hall",
    "starts_at_0": "2031-05-01",
    "starts_at_1": "10:00:00",
    "ends_at_0": "2031-05-01",
    "ends_at_1": "12:00:00",
    "time_zone": "Europe/Moscow",
    "capacity": "5",
    "price": "0.00",
    "offer_hours": "24",
}


@pytest.mark.parametrize(
    "path",
    [
        "happening/",
        "happening/?q=day",
        "happening/add/",
        "registration/",
        "eventcategory/",
        "eventcategory/add/",
        "drive/",
    ],
)
def test_screens_open(screens, path):
    make.registration(make.happening(category_id=make.category().id))
    assert screens.get(f"/admin/showroom/{path}").status_code == 200


def test_happenings_are_written_by_services(screens):
    category = make.category()
    assert screens.post("/admin/showroom/happening/add/", FORM | {"category": str(category.id)}).status_code == 302
    happening = Happening.objects.get()
    change = f"/admin/showroom/happening/{happening.id}/change/"
    assert screens.get(change).status_code == 200
    assert screens.post(change, FORM | {"capacity": "7"}).status_code == 302
    happening.refresh_from_db()
    assert (happening.capacity, happening.category_id, happening.version) == (7, None, 2)
    assert published("showroom") == ["event.created", "event.updated"]


def test_a_refusal_is_shown_and_changes_nothing(screens):
    happening = make.happening(capacity=2)
    make.registration(happening)
    make.registration(happening)
    with capture_events("showroom") as told:
        answer = screens.post(
            f"/admin/showroom/happening/{happening.id}/change/", FORM | {"capacity": "1"}, follow=True
        )
    assert "More seats are taken than that." in answer.content.decode()
    happening.refresh_from_db()
    assert (happening.capacity, happening.title, told) == (2, "Open day", [])


def test_actions_call_off_and_cancel(screens):
    first, second = make.happening(capacity=1), make.happening()
    seat = make.registration(first)
    make.registration(first)
    with capture_events("showroom") as told:
        screens.post(
            "/admin/showroom/registration/",
            {"action": "give_up", "confirmed": "yes", "_selected_action": [str(seat.id)]},
        )
        screens.post(
            "/admin/showroom/happening/",
            {"action": "call_off", "confirmed": "yes", "_selected_action": [str(second.id)]},
        )
    assert told == ["event.registration.cancelled", "event.registration.promoted", "event.cancelled"]


def test_categories_are_written_by_services(screens):
    assert screens.post("/admin/showroom/eventcategory/add/", {"name": "Days", "description": ""}).status_code == 302
    category = EventCategory.objects.get()
    path = f"/admin/showroom/eventcategory/{category.id}/change/"
    assert screens.post(path, {"name": "Nights", "description": ""}).status_code == 302
    category.refresh_from_db()
    assert (category.name, category.version) == ("Nights", 2)


@pytest.mark.parametrize(
    "query", ["", "?view=week", "?view=day", "?view=year&date=x", "?date=9999-99-99", "?date=9999-12-31"]
)
def test_the_calendar_shows_what_happens(screens, query):
    happening = make.happening(
        starts_at=timezone.now(), ends_at=timezone.now() + timedelta(minutes=1), title="Premiere"
    )
    answer = screens.get(f"/admin/showroom/happening/calendar/{query}")
    assert answer.status_code == 200
    assert "Premiere 0/2" in answer.content.decode()
    assert f"/admin/showroom/happening/{happening.id}/change/" in answer.content.decode()


def test_the_calendar_shows_test_drives(screens):
    drive = make.drive(make.car(name="Jolion"))
    query = f"?view=week&date={drive.starts_at:%Y-%m-%d}"
    assert "Jolion" in screens.get(f"/admin/showroom/drive/calendar/{query}").content.decode()


def test_drives_are_cancelled_from_the_list(screens):
    drive = make.drive(make.car())
    with capture_events("showroom") as told:
        chosen = {"confirmed": "yes", "_selected_action": [str(drive.id)]}
        screens.post("/admin/showroom/drive/", {"action": "not_come", **chosen})
        screens.post("/admin/showroom/drive/", {"action": "give_up", **chosen})
    drive.refresh_from_db()
    assert (drive.status, told) == ("cancelled", ["test_drive.ended"])
