"""The manager's screen of parked deliveries: everything is on it, and both ways out work."""

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import services as accounts
from core.ids import uuid7
from messaging.models import DeliveryStatus, InboxEvent

pytestmark = pytest.mark.django_db(databases=list(settings.SERVICES))
PATH = "/admin/messaging/inboxevent/"


@pytest.fixture
def manager():
    user = accounts.create_user(
        email="manager@example.com", password="a-Long-Password-1", roles=["manager"], now=timezone.now()
    )
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def parked():
    row = InboxEvent.objects.using("orders").create(
        event_id=uuid7(), handler="orders.checkout", source="catalog", aggregate="reservation", aggregate_id="x",
        seq=1, partition_key="x", shard=0, type="stock.reserved", data={}, status=DeliveryStatus.DEAD,
        last_error="Traceback …\nValueError: the reason",
    )  # fmt: skip
    return row


def get_status(row):
    return InboxEvent.objects.using("orders").get(rn=row.rn).status


def test_it_shows_why_a_delivery_stopped(manager, parked):
    page = manager.get(PATH).content.decode()
    assert "orders.checkout" in page
    assert "ValueError: the reason" in page


def test_nothing_parked_is_said(manager):
    assert manager.get(PATH).status_code == 200


@pytest.mark.parametrize(("action", "left"), [("retry", DeliveryStatus.PENDING), ("discard", DeliveryStatus.SKIPPED)])
def test_a_group_is_retried_or_discarded(manager, parked, action, left):
    other = InboxEvent.objects.using("orders").get(rn=parked.rn)
    other.rn, other.event_id, other.type, other._state.adding = None, uuid7(), "stock.rejected", True
    other.save(force_insert=True, using="orders")
    form = {"alias": "orders", "handler": "orders.checkout", "error": "ValueError: the reason", "action": action}
    assert manager.post(PATH, form | {"type": "stock.reserved"}).status_code == 302
    assert get_status(parked) == left
    assert get_status(other) == DeliveryStatus.DEAD  # another card, with the same handler and error


def test_what_is_neither_button_does_nothing(manager, parked):
    form = {"alias": "orders", "handler": "orders.checkout", "error": "ValueError: the reason"}
    manager.post(PATH, form | {"type": "stock.reserved"})
    assert get_status(parked) == DeliveryStatus.DEAD


def test_discarding_is_a_second_step_that_says_how_many(manager, parked):
    page = manager.get(PATH, headers={"Accept-Language": "en"}).content.decode()
    assert "1 delivery is given up for good" in page


def test_a_group_that_is_not_there_changes_nothing(manager, parked):
    manager.post(PATH, {"alias": "nowhere", "handler": "x", "error": "y", "action": "discard"})
    assert get_status(parked) == DeliveryStatus.DEAD


def test_others_do_not_see_it(parked):
    assert Client().get(PATH).status_code == 302
    stranger = accounts.create_user(
        email="c@example.com", password="a-Long-Password-1", roles=["client"], now=timezone.now()
    )
    client = Client()
    client.force_login(stranger)
    assert client.get(PATH).status_code in (302, 403)
    assert client.post(PATH, {"action": "discard"}).status_code in (302, 403)
    assert get_status(parked) == DeliveryStatus.DEAD
