import random
from datetime import timedelta

import pytest
from django.db import IntegrityError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.clock import dealer_zone
from core.db import transaction
from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events, published
from showroom import services
from showroom.errors import AlreadyRegistered, RegistrationIsCancelled
from showroom.models import Happening, Registration
from showroom.plugin.demo import create_demo
from showroom.public import seat_disagreements
from showroom.tests import make

pytestmark = pytest.mark.django_db(databases=["showroom"])


def places(happening):
    rows = Registration.objects.filter(happening=happening).order_by("created_at", "id")
    return list(rows.values_list("status", "position"))


def test_seats_first_then_the_waiting_list():
    happening = make.happening(capacity=1)
    people = [Api("client") for _ in range(3)]
    answers = [person.post(f"/events/{happening.id}/register") for person in people]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert [(answer.json()["status"], answer.json()["position"]) for answer in answers] == [
        ("confirmed", None),
        ("waitlisted", 1),
        ("waitlisted", 2),
    ]
    shown = Api().get(f"/events/{happening.id}").json()
    assert (shown["seats_taken"], shown["seats_left"], shown["waitlist_length"], shown["version"]) == (1, 0, 2, 1)
    assert published("showroom") == ["event.created"] + ["event.registration.created"] * 3


def test_a_second_registration_is_refused():
    happening, person = make.happening(), Api("client")
    first = person.post(f"/events/{happening.id}/register").json()
    with capture_events("showroom") as told:
        answer = person.post(f"/events/{happening.id}/register/")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_registered")
    assert answer.json()["registration_id"] == first["id"]
    assert (Registration.objects.count(), told) == (1, [])


def test_one_idempotency_key_registers_once():
    happening, person = make.happening(), Api("client")
    first, again = (person.post(f"/events/{happening.id}/register", Idempotency_Key="k") for _ in range(2))
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert Registration.objects.count() == 1


def test_registering_needs_a_token_and_a_happening():
    happening = make.happening()
    assert Api().post(f"/events/{happening.id}/register").status_code == 401
    assert Api("client").post(f"/events/{uuid7()}/register").status_code == 404
    assert not Registration.objects.exists()
    assert published("showroom") == ["event.created"]


def test_nobody_registers_for_what_is_cancelled_or_over(time_machine):
    cancelled, over = make.happening(), make.happening()
    services.cancel_happening(happening_id=cancelled.id, reason="", now=timezone.now())
    time_machine.move_to(timezone.now() + timedelta(days=2))
    codes = [Api("client").post(f"/events/{one.id}/register").json()["code"] for one in (cancelled, over)]
    assert codes == ["event_cancelled", "event_over"]
    assert not Registration.objects.exists()


def test_giving_up_a_seat_moves_the_list_up():
    happening = make.happening(capacity=1)
    person = Api("client")
    seat = make.registration(happening, person.user_id)
    make.registration(happening)
    make.registration(happening)
    with capture_events("showroom") as told:
        assert person.delete(f"/events/{happening.id}/registrations/{seat.id}").status_code == 204
    assert places(happening) == [("cancelled", None), ("confirmed", None), ("waitlisted", 1)]
    assert told == ["event.registration.cancelled", "event.registration.promoted"]
    again = person.delete(f"/events/{happening.id}/registrations/{seat.id}")
    assert (again.status_code, again.json()["code"]) == (409, "registration_cancelled")


def test_giving_up_a_place_closes_the_gap():
    happening = make.happening(capacity=1)
    make.registration(happening)
    first, second = make.registration(happening), make.registration(happening)
    services.cancel_registration(happening_id=happening.id, registration_id=first.id, now=timezone.now())
    second.refresh_from_db()
    assert second.position == 1
    assert seat_disagreements() == []


def test_one_may_come_back_but_to_the_end():
    happening, user = make.happening(capacity=1), uuid7()
    seat = make.registration(happening, user)
    make.registration(happening)
    services.cancel_registration(happening_id=happening.id, registration_id=seat.id, now=timezone.now())
    assert (make.registration(happening, user).position, seat_disagreements()) == (1, [])


def test_more_seats_go_to_those_who_wait():
    happening = make.happening(capacity=1)
    for _ in range(4):
        make.registration(happening)
    with capture_events("showroom") as told:
        Api("manager").patch(f"/events/{happening.id}", {"capacity": 3})
    assert places(happening) == [("confirmed", None)] * 3 + [("waitlisted", 1)]
    assert told == ["event.registration.promoted", "event.registration.promoted", "event.updated"]


def test_a_client_sees_and_cancels_only_their_own():
    happening, stranger, manager = make.happening(), Api("client"), Api("manager")
    seat = make.registration(happening)
    make.registration(happening, stranger.user_id)
    path = f"/events/{happening.id}/registrations"
    assert len(stranger.get(path).json()["results"]) == 1
    assert len(manager.get(path).json()["results"]) == 2
    assert len(manager.get(f"{path}?user_id={stranger.user_id}&status=confirmed").json()["results"]) == 1
    with capture_events("showroom") as told:
        assert stranger.delete(f"{path}/{seat.id}").status_code == 404
        assert Api().get(path).status_code == 401
        assert Api().delete(f"{path}/{seat.id}").status_code == 401
        assert stranger.delete(f"{path}/{'-' * 36}").status_code == 404
    seat.refresh_from_db()
    assert (seat.status, told) == ("confirmed", [])
    assert manager.delete(f"{path}/{seat.id}").status_code == 204


def test_registrations_of_a_missing_happening_are_404():
    for missing in (uuid7(), "-" * 36):
        assert Api("client").get(f"/events/{missing}/registrations").status_code == 404


def test_a_page_of_registrations_costs_two_queries():
    happening = make.happening()
    for _ in range(6):
        make.registration(happening)
    for size in (2, 6):
        with CaptureQueriesContext(connections["showroom"]) as queries:
            Api("manager").get(f"/events/{happening.id}/registrations?page_size={size}")
        assert len(queries) == 2


def test_a_crowd_is_told_in_parts(monkeypatch):
    monkeypatch.setattr("showroom.services.happenings.TOLD_AT_ONCE", 2)
    happening = make.happening(capacity=5)
    for _ in range(5):
        make.registration(happening)
    with capture_events("showroom") as told:
        services.cancel_happening(happening_id=happening.id, reason="", now=timezone.now())
    assert told == ["event.cancelled"] * 3


def test_the_database_itself_refuses_one_too_many():
    happening = make.happening(capacity=1)
    make.registration(happening)
    with pytest.raises(IntegrityError), transaction("showroom"):
        Happening.objects.filter(pk=happening.pk).update(taken=2)


@pytest.mark.parametrize("seed", range(5))
def test_random_coming_and_going_never_overbooks(seed):
    chance, happening = random.Random(seed), make.happening(capacity=3)
    people = [uuid7() for _ in range(8)]
    for _ in range(40):
        person = chance.choice(people)
        own = Registration.objects.filter(happening=happening, user_id=person).order_by("-created_at", "-id").first()
        try:
            if own and chance.random() < 0.6:
                services.cancel_registration(happening_id=happening.id, registration_id=own.id, now=timezone.now())
            else:
                make.registration(happening, person)
        except (AlreadyRegistered, RegistrationIsCancelled):
            continue
        assert seat_disagreements() == []


def test_each_corruption_is_found():
    happening, cancelled = make.happening(capacity=1), make.happening()
    seat, waiting = make.registration(happening), make.registration(happening)
    services.cancel_happening(happening_id=cancelled.id, reason="", now=timezone.now())
    Registration.objects.filter(pk=waiting.pk).update(position=7)
    assert [found.kind for found in seat_disagreements()] == ["waiting_list_broken"]
    Registration.objects.filter(pk=waiting.pk).update(position=1)
    Registration.objects.filter(pk=seat.pk).update(status="cancelled")
    assert {found.kind for found in seat_disagreements()} == {"seats_miscounted", "seat_idle"}
    Registration.objects.filter(pk=seat.pk).update(status="confirmed")
    Registration.objects.filter(pk=waiting.pk).update(status="confirmed", position=None)
    assert {found.kind for found in seat_disagreements()} == {"seats_miscounted", "waiting_miscounted", "overbooked"}
    Registration.objects.filter(pk=waiting.pk).update(happening=cancelled)
    found = [item for item in seat_disagreements() if item.ids == {"event_id": str(cancelled.id)}]
    assert {item.kind for item in found} == {"seats_miscounted", "cancelled_not_empty"}


def test_demo_data_is_made_once():
    for _ in range(2):
        create_demo(timezone.now())
    assert sorted(Happening.objects.values_list("kind", flat=True)) == ["event", "test_drive"]
    assert published("showroom") == ["event.created", "event.created"]
    assert {one.starts_at.astimezone(dealer_zone()).hour for one in Happening.objects.all()} == {12}
