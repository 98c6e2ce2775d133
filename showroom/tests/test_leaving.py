from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.events import UserDeleted
from core.ids import uuid7
from messaging.testing import capture_events
from showroom import services
from showroom.handlers import settle_seat
from showroom.models import Drive, Registration
from showroom.plugin.personal import forget_person
from showroom.public import seat_disagreements
from showroom.tests import make
from showroom.tests.test_seats_kept import paid_happening, pay, settled

pytestmark = pytest.mark.django_db(databases=["showroom"])


def states(user_id):
    seats = Registration.objects.filter(user_id=user_id).order_by("pk").values_list("status", flat=True)
    return [*seats, *Drive.objects.filter(user_id=user_id).order_by("pk").values_list("status", flat=True)]


def test_who_is_erased_gives_up_what_is_ahead_once():
    person = uuid7()
    happening = make.happening(capacity=1)
    make.registration(happening, person)
    heir = make.registration(happening)
    waiting = make.happening(capacity=1)
    make.registration(waiting)
    make.registration(waiting, person)
    drive = make.drive(make.car(), person, contact=services.Contact(phone="+79990001122", comment="after work"))
    other = make.drive(make.car())
    with capture_events("showroom") as told:
        forget_person(UserDeleted(user_id=person))
    assert states(person) == ["cancelled", "cancelled", "cancelled"]
    assert sorted(told) == [
        "event.registration.cancelled", "event.registration.cancelled", "event.registration.promoted",
        "test_drive.ended",
    ]  # fmt: skip
    heir.refresh_from_db()
    drive.refresh_from_db()
    other.refresh_from_db()
    assert (heir.status, other.status) == ("confirmed", "requested")
    assert (drive.reason, drive.phone, drive.comment) == ("account_erased", "", "")
    assert seat_disagreements() == []
    with capture_events("showroom") as told:
        forget_person(UserDeleted(user_id=person))
    assert told == []


def test_the_licence_was_valid_on_the_day_of_the_drive_where_it_took_place():
    person = uuid7()
    drive = make.drive(make.car(), person)
    evening = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)  # the second of March in Vladivostok
    Drive.objects.filter(pk=drive.pk).update(
        starts_at=evening - timedelta(hours=1),
        ends_at=evening,
        time_zone="Asia/Vladivostok",
        licence_valid_until=date(2099, 1, 1),
        status="cancelled",
    )
    forget_person(UserDeleted(user_id=person))
    drive.refresh_from_db()
    assert drive.licence_valid_until == date(2026, 3, 2)


def test_a_paid_seat_of_who_is_erased_is_refunded():
    seat = make.registration(paid_happening())
    pay(seat)
    seat.refresh_from_db()
    settle_seat(settled(seat))
    with capture_events("showroom") as told:
        forget_person(UserDeleted(user_id=seat.user_id))
    seat.refresh_from_db()
    assert (seat.status, seat.payment_state) == ("cancelled", "refunding")
    assert told == ["event.ticket_refund_requested", "event.registration.cancelled"]


def test_what_has_begun_or_was_called_off_stays_as_it_is():
    person = uuid7()
    begun, off = make.happening(), make.happening()
    make.registration(begun, person)
    make.registration(off, person)
    services.cancel_happening(happening_id=off.id, reason="rain", now=timezone.now())
    before = states(person)
    with capture_events("showroom") as told:
        services.give_up_everything(user_id=person, now=timezone.now() + timedelta(days=1, minutes=5))
    assert (states(person), told) == (before, [])
