"""The hand-over on the shop's pages and at the desk: choosing a time, another one, calling it off, today's list."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

import resources.services
from core.clock import dealer_day, dealer_zone
from core.ids import uuid7
from messaging.testing import drain_outbox
from orders.models import HandoverAppointment, Order
from resources.models import Allocation
from storefront.tests.make import Visitor
from storefront.tests.test_papers import ordered

pytestmark = pytest.mark.django_db(databases=list(settings.APPS))
ZONE = dealer_zone()


def at(hour: int, days: int = 3) -> datetime:
    return datetime.combine(dealer_day(timezone.now()) + timedelta(days=days), time(hour), ZONE)


@pytest.fixture
def place(db):
    kind = resources.services.add_type(fields={"name": "Bay", "is_handover_place": True}, now=timezone.now())
    return resources.services.add_resource(fields={"name": "Bay 1", "type_id": kind.id}, now=timezone.now())


@pytest.fixture
def order(buyer):
    made = ordered(buyer)
    Order.objects.filter(pk=made.pk).update(status="paid")
    return made


def text(visitor, path):
    answer = visitor.client.get(path)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def book(visitor, order, start, key=None):
    sent = {"start": start.isoformat(), "key": str(key or uuid7())}
    answer = visitor.client.post(f"/orders/{order.id}/handover/book/", sent)
    drain_outbox("orders", "resources")
    return answer


def test_a_buyer_chooses_a_day_and_a_time(place, buyer, order):
    assert f"/orders/{order.id}/handover/" in text(buyer, f"/orders/{order.id}/")
    page = text(buyer, f"/orders/{order.id}/handover/?day={at(10).date()}")
    assert at(10).astimezone(ZoneInfo("UTC")).isoformat() in page
    key = uuid7()
    assert {book(buyer, order, at(10), key).status_code for _ in range(2)} == {302}
    assert HandoverAppointment.objects.count() == 1
    shown = text(buyer, f"/orders/{order.id}/handover/")
    assert "10:00" in shown
    assert "Bay 1" in text(buyer, f"/orders/{order.id}/?part=live")
    assert buyer.client.get(f"/orders/{order.id}/handover/calendar/")["Content-Type"].startswith("text/calendar")


def test_where_nothing_is_arranged_one_is_led_back_and_told(place, buyer, order):
    page = f"/orders/{order.id}/handover/"
    for answer in (buyer.get(f"{page}calendar/"), buyer.post(f"{page}cancel/")):
        assert (answer.status_code, answer["Location"]) == (302, page)
    shown = buyer.get(page)
    assert "No time is arranged yet." in shown.content.decode()
    assert "Refresh" not in shown


def test_what_is_being_booked_and_what_was_refused_is_said(place, buyer, order):
    buyer.client.post(f"/orders/{order.id}/handover/book/", {"start": at(10).isoformat(), "key": str(uuid7())})
    assert "a moment, please" in text(buyer, f"/orders/{order.id}/handover/")
    assert buyer.get(f"/orders/{order.id}/handover/")["Refresh"] == "3", "the page asks again by itself"
    resources.services.allocate(resource_id=place.id, start=at(9), end=at(12), quantity=1, now=timezone.now())
    drain_outbox("orders", "resources")
    assert "is not free any more" in text(buyer, f"/orders/{order.id}/handover/")


def test_a_hand_over_is_called_off(place, buyer, order):
    book(buyer, order, at(10))
    answer = buyer.client.post(f"/orders/{order.id}/handover/cancel/", follow=True)
    assert "The hand-over is called off." in answer.content.decode()
    drain_outbox("orders", "resources")
    assert not Allocation.objects.active().exists()


@pytest.mark.parametrize("start", ["", "soon", "2026-13-01T10:00:00Z", "2026-01-01T10:00:00"])
def test_a_time_that_is_none_is_not_taken(place, buyer, order, start):
    answer = buyer.client.post(f"/orders/{order.id}/handover/book/", {"start": start}, follow=True)
    assert "Choose a time." in answer.content.decode()
    assert not HandoverAppointment.objects.exists()


def test_before_it_is_paid_nothing_is_offered(place, buyer):
    made = ordered(buyer)
    assert "once the order is paid" in text(buyer, f"/orders/{made.id}/handover/")
    book(buyer, made, at(10))
    assert not HandoverAppointment.objects.exists()


def test_without_a_place_the_page_says_so(buyer, order):
    assert "please write to our manager" in text(buyer, f"/orders/{order.id}/handover/")


def test_others_find_nothing(place, order):
    stranger = Visitor("client")
    for path in ("", "calendar/"):
        assert stranger.client.get(f"/orders/{order.id}/handover/{path}").status_code == 404
    assert book(stranger, order, at(10)).status_code == 404
    assert stranger.client.post(f"/orders/{order.id}/handover/cancel/").status_code == 404


def test_managers_arrange_it_see_the_day_and_call_it_off(place, buyer, manager, order):
    page = reverse("admin:orders_order_change", args=[order.id]).removesuffix("change/")
    start = f"{at(11):%Y-%m-%dT%H:%M}"
    manager.client.post(f"{page}arrange_handover/", {"start": start, "_form_submitted": "on"})
    drain_outbox("orders", "resources")
    found = HandoverAppointment.objects.get()
    assert (found.state, found.starts_at) == ("confirmed", at(11))
    today = timezone.now() + timedelta(minutes=1)
    HandoverAppointment.objects.update(starts_at=today, ends_at=today + timedelta(hours=1))
    desk = text(manager, "/admin/")
    assert "Hand-overs today" in desk
    assert order.number in desk
    calendar = text(manager, reverse("admin:resources_allocation_calendar") + f"?view=day&date={at(11).date()}")
    assert "Bay 1: hand-over" in calendar
    listed = text(manager, reverse("admin:orders_handoverappointment_changelist"))
    assert order.number in listed
    off = reverse("admin:orders_handoverappointment_change", args=[found.id]).removesuffix("change/")
    manager.client.post(f"{off}call_off/", {"reason": "The bay is flooded", "_form_submitted": "on"})
    found.refresh_from_db()
    assert (found.state, found.reason) == ("cancelled", "The bay is flooded")
