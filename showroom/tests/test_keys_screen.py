"""The pages on which a test car's keys go out and come back: what they ask, keep and refuse, and to whom."""

from base64 import b64encode
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.test import Client
from django.utils import timezone

from accounts.tests.make import user as person
from core.files.papers import read_paper
from core.testing import Api
from gateway.models import KnownPerson, Reading
from messaging.people import personal
from messaging.testing import capture_events
from showroom import services
from showroom.models import Drive, DriveStatus
from showroom.tests import make

pytestmark = pytest.mark.django_db(databases=["accounts", "showroom"], transaction=True)
PNG = b"\x89PNG\r\n\x1a\n" + b"a few strokes"
DRAWN = "data:image/png;base64," + b64encode(PNG).decode()
SAID = {"licence_last4": "77АВ", "licence_valid_until": "2099-01-01", "odometer": "12 300", "fuel": "80"}


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    private = settings.STORAGES["private"]
    options = private["OPTIONS"] | {"location": tmp_path / "private"}
    settings.STORAGES = settings.STORAGES | {"private": private | {"OPTIONS": options}}


@pytest.fixture
def manager():
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(person("manager"), backend="accounts.backends.EmailBackend")
    return client


@pytest.fixture
def drive():
    """Somebody's drive that is booked and about to begin."""
    booked = make.drive(make.car(name="Jolion"))
    services.confirm_drive(drive_id=booked.id, now=timezone.now())
    booked.refresh_from_db()
    return booked


def page(drive, name):
    return f"/admin/showroom/drive/{drive.pk}/{name}/"


def hand_out(manager, drive, **changes):
    said = SAID | {"signature": DRAWN, "seen": str(drive.version)} | changes
    return manager.post(page(drive, "hand-out"), said)


def again(drive):
    return Drive.objects.get(pk=drive.pk)


def test_the_car_leaves_with_licence_odometer_fuel_and_a_sealed_signature(manager, drive):
    KnownPerson.objects.using("showroom").create(person_id=drive.user_id, name="Anna Petrova")
    shown = manager.get(page(drive, "hand-out")).content.decode()
    assert "Jolion" in shown
    assert "Anna Petrova" in shown
    with capture_events("showroom") as told:
        answer = hand_out(manager, drive)
    out = again(drive)
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/showroom/drive/{drive.pk}/change/")
    assert told == ["test_drive.started"]
    assert (out.status, out.licence_last4, out.licence_valid_until) == ("out", "77АВ", date(2099, 1, 1))
    assert (out.odometer_out, out.fuel_out, str(out.handed_over_by)) == (12300, 80, manager.session["_auth_user_id"])
    assert read_paper(out.signature_path) == PNG
    assert PNG not in Path(storages["private"].path(out.signature_path)).read_bytes()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"licence_valid_until": "2020-01-01"}, "no longer valid"),
        ({"licence_last4": "7"}, "Four letters or digits."),
        ({"odometer": "-1"}, "greater than or equal to 0"),
        ({"fuel": "101"}, "less than or equal to 100"),
        ({"signature": ""}, "The waiver must be signed first."),
        ({"signature": "data:image/png;base64,@@"}, "did not arrive whole"),
        ({"signature": b64encode(b"%PDF-1.7").decode()}, "did not arrive whole"),
        ({"signature": b64encode(PNG + b"x" * 200_000).decode()}, "too large"),
        ({"seen": "1"}, "has changed since"),
    ],
)
def test_what_is_wrong_is_said_and_the_car_stays(manager, drive, changes, word):
    with capture_events("showroom") as told:
        answer = hand_out(manager, drive, **changes)
    assert answer.status_code == 400
    assert word in answer.content.decode()
    assert (told, again(drive).status, again(drive).signature_path) == ([], "confirmed", "")
    assert not list(Path(storages["private"].location).rglob("*.png"))


def test_who_signs_on_paper_leaves_no_picture(manager, drive):
    assert hand_out(manager, drive, signature="", waiver_signed="on").status_code == 302
    assert (again(drive).status, again(drive).signature_path) == ("out", "")
    assert manager.get(page(drive, "signature")).status_code == 403


def test_the_car_comes_back_with_what_is_damaged(manager, drive):
    hand_out(manager, drive)
    assert "12300" in manager.get(page(drive, "take-back")).content.decode()
    short = manager.post(page(drive, "take-back"), {"odometer": "12 299"})
    assert "less than when the car left" in short.content.decode()
    assert again(drive).status == "out"
    said = {"odometer": "12 350", "fuel": "70", "damage": "a scratched door", "note": "liked it"}
    with capture_events("showroom") as told:
        answer = manager.post(page(drive, "take-back"), said, follow=True)
    back = again(drive)
    assert told == ["test_drive.ended"]
    assert (back.status, back.odometer_in, back.fuel_in) == ("returned", 12350, 70)
    assert (back.damage, back.return_note) == ("a scratched door", "liked it")
    assert "out of service" in answer.content.decode()


@pytest.mark.parametrize(("status", "offered"), [("confirmed", "hand-out"), ("out", "take-back")])
def test_a_drive_offers_the_step_that_is_next(manager, drive, status, offered):
    if status == "out":
        hand_out(manager, drive, signature="", waiver_signed="on")
    shown = manager.get(f"/admin/showroom/drive/{drive.pk}/change/").content.decode()
    assert [name for name in ("hand-out", "take-back", "signature") if page(drive, name) in shown] == [offered]
    other = "take-back" if offered == "hand-out" else "hand-out"
    assert manager.post(page(drive, other), SAID).status_code == 403


def test_who_looks_at_a_signature_leaves_a_trace_and_erasure_takes_it_away(manager, drive):
    hand_out(manager, drive)
    answer = manager.get(page(drive, "signature"))
    assert (answer.content, answer["Content-Type"]) == (PNG, "image/png")
    (one,) = Reading.objects.using("showroom").all()
    assert (one.kind, one.subject_id, one.owner_id) == ("signature", drive.pk, drive.user_id)
    kept = again(drive).signature_path
    personal.erase("showroom", drive.user_id)
    assert (again(drive).signature_path, storages["private"].exists(kept)) == ("", False)


@pytest.mark.parametrize("name", ["hand-out", "take-back", "signature"])
def test_clients_and_strangers_have_no_such_page(drive, name):
    client = Client()
    assert client.post(page(drive, name), SAID)["Location"].startswith("/admin/login/")
    client.force_login(person("client"), backend="accounts.backends.EmailBackend")
    assert client.post(page(drive, name), SAID)["Location"].startswith("/admin/login/")
    assert again(drive).status == DriveStatus.CONFIRMED


def test_the_api_takes_fuel_and_damage_too(drive):
    papers = {"licence_last4": "1234", "licence_valid_until": "2099-01-01", "odometer": 100, "waiver_signed": True}
    api = Api("manager")
    left = api.post(f"/test-drives/{drive.id}/hand-over", papers | {"fuel": 55}).json()
    back = api.post(f"/test-drives/{drive.id}/take-back", {"odometer": 120, "fuel": 40, "damage": "a dent"}).json()
    assert (left["fuel_out"], back["fuel_in"], back["damage"]) == (55, 40, "a dent")
    wrong = api.post(f"/test-drives/{drive.id}/take-back", {"odometer": 120, "fuel": 101})
    assert wrong.json()["errors"][0]["field"] == "fuel"
    assert again(drive).ends_at - again(drive).starts_at == timedelta(hours=1)
