from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from messaging.testing import drain_outbox, published
from resources.tests.make import crew
from showroom.models import Drive, Registration
from showroom.tests import make
from storefront.tests.make import Visitor, hidden_fields

pytestmark = pytest.mark.django_db(databases=["accounts", "showroom", "resources"])


def text(response):
    return response.content.decode()


def test_visitors_see_what_is_planned():
    happening = make.happening(title="Premiere", price=Decimal("500.00"), offer_hours=2)
    page = text(Visitor().get("/events/"))
    assert "Premiere" in page
    assert "2 seats left" in page
    assert "Sign in" in text(Visitor().get(f"/events/{happening.id}/"))
    assert Visitor().get(f"/events/{uuid7()}/").status_code == 404


def test_a_guest_takes_a_seat_and_gives_it_up():
    happening, guest = make.happening(), Visitor("client")
    path = f"/events/{happening.id}/"
    assert guest.post(path + "register/").status_code == 302
    seat = Registration.objects.get()
    shown = text(guest.get(path))
    assert f"<title>{seat.check_in_code}</title>" in shown, "the camera at the door has a picture to read"
    assert f">{seat.check_in_code}</strong>" in shown
    assert seat.check_in_code not in text(Visitor("client").get(path))
    again = guest.client.post(path + "register/", follow=True)
    assert "already registered" in text(again)
    guest.post(path + "give-up/")
    seat.refresh_from_db()
    assert seat.status == "cancelled"
    assert guest.post(path + "give-up/").status_code == 404


def test_the_next_in_line_takes_the_seat_that_is_kept():
    happening = make.happening(capacity=1, offer_hours=5)
    path = f"/events/{happening.id}/"
    first, second = Visitor("client"), Visitor("client")
    for guest in (first, second):
        guest.post(path + "register/")
    assert "number 1 in the waiting list" in text(second.get(path))
    first.post(path + "give-up/")
    assert "A seat is kept for you" in text(second.get(path))
    second.post(path + "accept/")
    assert Registration.objects.get(user_id=second.user.id).status == "confirmed"


def test_a_seat_is_paid_once_however_often_one_clicks():
    happening, guest = make.happening(price=Decimal("500.00"), offer_hours=2), Visitor("client")
    path = f"/events/{happening.id}/"
    guest.post(path + "register/")
    assert hidden_fields(guest.get(path), "key") != hidden_fields(guest.get(path), "key")
    form = hidden_fields(guest.get(path), "key") | {"method": "card", "token": "tok_success"}
    for _ in range(2):
        assert guest.post(path + "pay/", **form).status_code == 302
    assert Registration.objects.get().payment_state == "pending"
    assert published("showroom").count("event.ticket_requested") == 1
    assert "on its way" in text(guest.get(path))


def test_nobody_books_without_signing_in():
    happening = make.happening()
    for path in (f"/events/{happening.id}/register/", "/test-drives/book/", f"/test-drives/{uuid7()}/cancel/"):
        assert "/sign-in/" in Visitor().post(path)["Location"]
    assert not Registration.objects.exists()


@pytest.mark.django_db(databases=["accounts", "showroom", "resources"], transaction=True)
def test_a_visitor_books_a_free_time_and_cancels_it():
    crew()
    drain_outbox("resources", "showroom")
    guest = Visitor("client")
    tomorrow = (timezone.now() + timedelta(days=1)).date().isoformat()
    page = text(guest.get(f"/test-drives/?day={tomorrow}"))
    start = page.split('name="start" value="')[1].split('"')[0]
    car = page.split('name="car" value="')[1].split('"')[0]
    for wrong in ({"phone": "abc", "start": start}, {"phone": "+7 900 1234567"}):
        answer = guest.post("/test-drives/book/", car=car, day=tomorrow, **wrong)
        assert answer.status_code == 400
        assert f'value="{tomorrow}"' in text(answer)
        assert not Drive.objects.exists()
    assert guest.post("/test-drives/book/", car=car, start=start, phone="+7 900 1234567").status_code == 302
    drain_outbox("showroom", "resources")
    drive = Drive.objects.get()
    assert (drive.status, drive.phone) == ("confirmed", "+79001234567")
    assert f'value="{start}"' not in text(guest.get(f"/test-drives/?day={tomorrow}"))
    assert Visitor("client").post(f"/test-drives/{drive.id}/cancel/").status_code == 404
    guest.post(f"/test-drives/{drive.id}/cancel/")
    drive.refresh_from_db()
    assert drive.status == "cancelled"


@pytest.mark.parametrize("query", ["", "?car=x", "?day=never", "?day=1999-01-01", "?car=&day="])
def test_nonsense_shows_the_page(query):
    crew()
    assert Visitor().get(f"/test-drives/{query}").status_code == 200


@pytest.mark.parametrize("fields", [{}, {"start": "noon"}, {"car": "x", "start": "2031-01-01T10:00:00Z"}])
def test_a_wish_without_sense_books_nothing(fields):
    assert Visitor("client").post("/test-drives/book/", **fields).status_code in (400, 404)
    assert not Drive.objects.exists()
