"""The page that takes an enquiry down at the desk: what it asks, whom it finds alike, and what it lets one do after."""

import pytest
from django.test import Client as Browser

from accounts.tests.make import user as person
from clients.models import Lead
from clients.tests import make
from core.ids import uuid7
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["accounts", "clients"])
ADD = "/admin/clients/lead/add/"
SAID = {"name": "Ivan Petrov", "phone": "8 (999) 123-45-67", "source": "walk_in", "note": "a Jolion, grey"}


@pytest.fixture
def staff():
    return person("manager")


@pytest.fixture
def manager(staff):
    browser = Browser(headers={"Accept-Language": "en"})
    browser.force_login(staff, backend="accounts.backends.EmailBackend")
    return browser


def page(lead, name="change"):
    return f"/admin/clients/lead/{lead.pk}/{name}/"


def press(manager, lead, name, **said):
    return manager.post(page(lead, name), {"_form_submitted": "on", **said}, follow=True).content.decode()


def test_an_enquiry_is_taken_down_with_whose_it_is(manager, staff):
    shown = manager.get(ADD).content.decode()
    assert f'<option value="{staff.pk}" selected' in shown
    assert staff.full_name in shown
    with capture_events("clients") as told:
        more = {"owner_id": str(staff.pk), "next_action": "call", "next_action_at": "2031-05-01T10:00"}
        answer = manager.post(ADD, SAID | more)
    lead = Lead.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page(lead))
    assert (lead.name, lead.phone, lead.source, lead.owner_id) == ("Ivan Petrov", "+79991234567", "walk_in", staff.pk)
    assert (lead.note, lead.next_action, lead.next_action_at.hour) == ("a Jolion, grey", "call", 7)
    assert told == ["lead.opened"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"phone": ""}, "Give a phone number or an e-mail address."),
        ({"phone": "12"}, "Enter a phone number"),
        ({"name": ""}, "This field is required."),
        ({"source": "website"}, "Select a valid choice."),
        ({"owner_id": str(uuid7())}, "Select a valid choice."),
        ({"next_action_at": "2031-05-01T10:00"}, "Say what is to be done then."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(manager, changes, word):
    with capture_events("clients") as told:
        answer = manager.post(ADD, SAID | changes)
    assert answer.status_code == 400
    assert word in answer.content.decode()
    assert (told, Lead.objects.exists()) == ([], False)


def test_who_has_that_phone_is_shown_before_a_second_record_is_made(manager):
    card = make.client(name="Petrov I.", phone="+79991234567", type="person")
    make.client(name="Sidorov", phone="+79990000000", type="person")
    earlier = make.lead(name="Vanya", phone="+79991234567")
    shown = manager.post(ADD, SAID).content.decode()
    assert "Petrov I." in shown
    assert "Vanya asked on" in shown
    assert page(earlier) in shown
    assert "Sidorov" not in shown
    assert Lead.objects.count() == 1
    manager.post(ADD, SAID | {"who": str(card.pk)})
    assert Lead.objects.order_by("pk").last().client_id == card.pk
    manager.post(ADD, SAID | {"who": "new"})
    assert Lead.objects.order_by("pk").last().client_id is None


def test_a_card_that_is_gone_meanwhile_is_said(manager):
    make.client(name="Petrov I.", phone="+79991234567", type="person")
    answer = manager.post(ADD, SAID | {"who": str(uuid7())})
    assert (answer.status_code, Lead.objects.exists()) == (400, False)


def test_it_is_assigned_answered_and_moved_on_from_its_page(manager, staff):
    colleague = person("manager", email="oleg@example.com")
    lead = make.lead()
    shown = manager.get(page(lead)).content.decode()
    assert all(page(lead, name) in shown for name in ("answer", "assign", "move_on"))
    press(manager, lead, "assign", owner_id=str(colleague.pk))
    press(manager, lead, "answer")
    lead.refresh_from_db()
    assert (lead.owner_id, lead.stage, lead.first_replied_at is not None) == (colleague.pk, "contacted", True)
    assert "has a reason" in press(manager, lead, "move_on", stage="lost")
    press(manager, lead, "move_on", stage="qualified")
    lead.refresh_from_db()
    assert lead.stage == "qualified"
    press(manager, lead, "move_on", stage="won")
    lead.refresh_from_db()
    assert (lead.stage, lead.client.name) == ("won", lead.name)
    assert manager.post(page(lead, "assign"), {"_form_submitted": "on"}).status_code == 403


def test_clients_and_strangers_take_nothing_down():
    browser = Browser()
    assert browser.post(ADD, SAID)["Location"].startswith("/admin/login/")
    browser.force_login(person("client"), backend="accounts.backends.EmailBackend")
    assert browser.post(ADD, SAID)["Location"].startswith("/admin/login/")
    assert not Lead.objects.exists()
