"""The page at the door of an event: whom a code lets in, what a second use is told, and who may open it."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.make import user as person
from core.ids import uuid7
from gateway.models import KnownPerson
from showroom import services
from showroom.models import Registration
from showroom.tests import make

pytestmark = pytest.mark.django_db(databases=["accounts", "showroom"])


@pytest.fixture
def manager():
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(person("manager"), backend="accounts.backends.EmailBackend")
    return client


@pytest.fixture
def seat():
    taken = make.registration(make.happening(capacity=5))
    KnownPerson.objects.using("showroom").create(person_id=taken.user_id, name="Anna Petrova")
    return taken


def door(seat):
    return f"/admin/showroom/happening/{seat.happening_id}/door/"


def show(manager, seat, code, **headers):
    return manager.post(door(seat), {"code": code}, headers=headers)


def came(seat):
    return Registration.objects.get(pk=seat.pk).checked_in_at


def test_a_code_lets_its_guest_in_by_name(manager, seat):
    shown = show(manager, seat, f" {seat.check_in_code.lower()} ").content.decode()
    assert "Anna Petrova is in." in shown
    assert "1 of 1 guests are in." in shown
    assert "door-good" in shown
    assert came(seat)


def test_a_second_use_is_warned_of_with_the_time_of_the_first(manager, seat):
    show(manager, seat, seat.check_in_code)
    first = came(seat)
    shown = show(manager, seat, seat.check_in_code).content.decode()
    assert "Anna Petrova came in by this code at" in shown
    assert "door-warning" in shown
    assert came(seat) == first


@pytest.mark.parametrize("code", ["", "NOBODYS1", "x" * 41])
def test_nobodys_code_lets_nobody_in(manager, seat, code):
    answer = show(manager, seat, code)
    assert answer.status_code == 200
    assert "door-bad" in answer.content.decode()
    assert came(seat) is None


def test_a_code_of_another_event_or_of_the_waiting_list_is_nobodys(manager, seat):
    other = make.registration(make.happening())
    assert "door-bad" in show(manager, seat, other.check_in_code).content.decode()
    assert (came(seat), came(other)) == (None, None)


def test_an_event_that_is_called_off_has_no_door(manager, seat):
    code = seat.check_in_code
    services.cancel_happening(happening_id=seat.happening_id, reason="", now=timezone.now())
    assert "door-bad" in show(manager, seat, code).content.decode()


def test_a_script_is_answered_in_a_few_words(manager, seat):
    told = show(manager, seat, seat.check_in_code, Accept="application/json").json()
    assert told == {"level": "good", "said": "Anna Petrova is in.", "came": "1 of 1 guests are in."}


def test_the_page_is_found_from_the_event_and_names_who_came_last(manager, seat):
    assert door(seat) in manager.get(f"/admin/showroom/happening/{seat.happening_id}/change/").content.decode()
    assert "Anna Petrova" not in manager.get(door(seat)).content.decode()
    show(manager, seat, seat.check_in_code)
    assert "Anna Petrova" in manager.get(door(seat)).content.decode()
    assert manager.get(f"/admin/showroom/happening/{uuid7()}/door/").status_code == 404


def test_clients_and_strangers_let_nobody_in(seat):
    client = Client()
    assert show(client, seat, seat.check_in_code)["Location"].startswith("/admin/login/")
    client.force_login(person("client"), backend="accounts.backends.EmailBackend")
    assert show(client, seat, seat.check_in_code)["Location"].startswith("/admin/login/")
    assert came(seat) is None
