"""One purchase and one test drive fill the client's timeline; rebuilt by its events, it is the same to the byte."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

import catalog.tests.make
import resources.tests.make
from accounts.services import create_user
from clients.models import Activity, Client, Vehicle
from config.databases import APPS
from core.testing import Api
from messaging.models import InboxEvent
from messaging.testing import drain_outbox
from payments.tests.conftest import serving

pytestmark = pytest.mark.django_db(databases=[*APPS])
PROJECTIONS = ("clients.note_deal", "clients.note_registration", "clients.note_lead")
PAPERS = {"licence_last4": "1234", "licence_valid_until": "2099-01-01", "odometer": 100, "waiver_signed": True}
ROWS = "SELECT row_to_json(a)::text FROM clients_activity a ORDER BY id"


@pytest.fixture
def card_processor(tmp_path, settings):
    """The sandbox provider, for the length of a test."""
    settings.RATE_LIMITS_ON = False
    with serving(tmp_path) as sandbox:
        settings.SANDBOX_URL = sandbox.url
        yield


def done(answer):
    assert answer.status_code in (200, 201), answer.content
    drain_outbox()
    return answer.json()


def asked(manager, card):
    """The client rang first, and became one of ours."""
    lead = {"name": "Anna", "phone": "+7 916 111-22-33", "source": "phone", "client_id": str(card.id)}
    lead = done(manager.post("/leads", lead))
    for step in ("contacted", "qualified", "won"):
        done(manager.post(f"/leads/{lead['id']}/move", {"stage": step}))


def bought(client, manager):
    vehicle = catalog.tests.make.product(stock=1, vin="XTA210930Y2696785")
    drain_outbox()
    body = {
        "items": [{"product_id": str(vehicle.id), "quantity": 1}],
        "payment": {"method": "card", "token": "tok_success"},
    }
    order = done(client.post("/orders", body))
    for status in ("in_progress", "ready", "completed"):
        done(manager.put(f"/orders/{order['id']}/status", {"status": status}))
    return order["id"]


def driven(client, manager, time_machine):
    crew = resources.tests.make.crew()
    drain_outbox()
    start = timezone.now() + timedelta(hours=24)
    wish = {"car_id": str(crew["car"][0].id), "start_time": start.isoformat()}
    drive = done(client.post("/test-drives", wish | {"end_time": (start + timedelta(hours=1)).isoformat()}))
    time_machine.move_to(start, tick=False)
    manager = Api("manager", user_id=manager.user_id)
    done(manager.post(f"/test-drives/{drive['id']}/hand-over", PAPERS))
    assert done(manager.post(f"/test-drives/{drive['id']}/take-back", {"odometer": 120}))["status"] == "returned"
    return drive["id"]


def stored():
    with connections["clients"].cursor() as cursor:
        cursor.execute(ROWS)
        return "\n".join(row for (row,) in cursor.fetchall()).encode()


@pytest.mark.usefixtures("card_processor")
def test_a_purchase_and_a_test_drive_fill_the_timeline_and_it_is_rebuilt_to_the_byte(time_machine):
    manager = Api("manager")
    profile = {"email": "anna@example.com", "password": "correct-horse-battery"}
    person = create_user(**profile, roles=["client"], now=timezone.now())
    drain_outbox()
    card = Client.objects.get(user_id=person.id)
    client = Api("client", user_id=person.id)
    asked(manager, card)
    order_id = bought(client, manager)
    drive_id = driven(client, manager, time_machine)
    manager = Api("manager", user_id=manager.user_id)
    done(manager.post(f"/clients/{card.id}/activity", {"kind": "call", "description": "Likes it blue"}))

    rows = manager.get(f"/clients/{card.id}/activity?ordering=occurred_at&page_size=100").json()["results"]
    told = [row["kind"] for row in rows]
    assert sorted(told) == sorted(
        [
            *("lead_opened", "lead_moved", "lead_moved", "lead_moved"),
            *("order_created", "payment_completed", "order_paid", "order_completed"),
            *("drive_requested", "drive_confirmed", "drive_started", "drive_ended", "call"),
        ]
    )
    for kind in ("order_created", "order_paid", "order_completed"):
        assert [row["subject_id"] for row in rows if row["kind"] == kind] == [order_id]
    assert {row["subject_id"] for row in rows if row["kind"].startswith("drive_")} == {drive_id}
    assert list(Vehicle.objects.values_list("vin", "customer_id")) == [("XTA210930Y2696785", person.id)]

    before = stored()
    assert before.count(b"\n") == len(rows) - 1
    Activity.objects.filter(author_id__isnull=True).delete()
    assert stored().count(b"\n") == 0  # the manager's own entry is no projection
    for handler in PROJECTIONS:
        call_command("replay_events", handler=handler, stdout=StringIO(), stderr=StringIO())
    assert stored() == before
    # heard once more, whole, nothing is doubled
    for handler in PROJECTIONS:
        call_command("replay_events", handler=handler, stdout=StringIO(), stderr=StringIO())
    assert stored() == before
    assert not InboxEvent.objects.using("clients").exclude(last_error="").exists()
