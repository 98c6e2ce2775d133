"""Hand-over appointments: chosen at a free time, booked in resources, exchanged, called off, over with the order."""

from datetime import datetime, time, timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

import resources.services
from config.books import handover_disagreements
from core.clock import dealer_day, dealer_zone
from core.db import database_now, transaction
from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import drain_outbox
from orders import services
from orders.models import HandoverAppointment, HandoverState, Order, Status
from orders.queries.handovers import handovers_between
from orders.services import Actor
from orders.services.changing import move_order
from orders.tests import make
from resources.models import Allocation, Resource
from resources.rules.hours import Hours

pytestmark = pytest.mark.django_db(databases=["orders", "resources"])
ZONE = dealer_zone()
OPEN = [Hours(weekday, time(9), time(18)) for weekday in range(1, 8)]
STAFF = Actor(uuid7(), frozenset({"manager"}))


def at(hour: int, minute: int = 0, days: int = 3) -> datetime:
    return datetime.combine(dealer_day(database_now("orders")) + timedelta(days=days), time(hour, minute), ZONE)


def add_place(**fields) -> Resource:
    kind = resources.services.add_type(fields={"name": f"Bay {uuid7()}", "is_handover_place": True}, now=timezone.now())
    given = {"name": "Bay 1", "opening_hours": OPEN} | fields
    return resources.services.add_resource(fields={**given, "type_id": kind.id}, now=timezone.now())


@pytest.fixture
def place(db):
    return add_place()


@pytest.fixture
def buyer(db):
    return Api("client")


@pytest.fixture
def order(buyer):
    return paid(buyer.user_id)


def paid(customer_id) -> Order:
    made = make.order(customer_id=customer_id)
    Order.objects.filter(pk=made.pk).update(status=Status.PAID, amount_paid=made.total_amount)
    made.refresh_from_db()
    return made


def ask(who: Api, order: Order, start: datetime):
    return who.post(f"/orders/{order.id}/handover-appointment", {"start_time": start.isoformat()})


def book(who: Api, order: Order, start: datetime) -> HandoverAppointment:
    answer = ask(who, order, start)
    assert answer.status_code == 201, answer.content
    drain_outbox("orders", "resources")
    return HandoverAppointment.objects.get(pk=answer.json()["id"])


def taken() -> list[tuple[datetime, object]]:
    return list(Allocation.objects.active().order_by("starts_at").values_list("starts_at", "order_id"))


def told(kind: str) -> list[dict]:
    return list(OutboxEvent.objects.using("orders").filter(type=kind).order_by("n").values_list("data", flat=True))


def slots(who: Api, order: Order, days: int = 3) -> list[datetime]:
    day = dealer_day(database_now("orders")) + timedelta(days=days)
    found = who.get(f"/orders/{order.id}/handover-slots?date={day}&days=1").json()["slots"]
    return [datetime.fromisoformat(slot["start_time"]).astimezone(ZONE) for slot in found]


def test_a_free_time_is_chosen_and_a_place_is_taken(place, buyer, order):
    assert slots(buyer, order)[:2] == [at(9), at(9, 30)]
    assert slots(buyer, order)[-1] == at(17), "a hand-over ends before the place closes"
    asked = ask(buyer, order, at(10))
    assert (asked.status_code, asked.json()["state"]) == (201, "asked")
    drain_outbox("orders", "resources")
    seen = buyer.get(f"/orders/{order.id}/handover-appointment").json()
    assert (seen["state"], seen["location"], seen["time_zone"]) == ("confirmed", "Bay 1", place.time_zone)
    assert taken() == [(at(10), order.id)]
    assert at(10) not in slots(buyer, order)
    [fact] = told("handover.confirmed")
    assert (fact["customer_id"], fact["is_moved"]) == (str(buyer.user_id), False)


def test_a_place_is_never_given_twice(place, buyer, order):
    book(buyer, order, at(10))
    other = Api("client")
    later = paid(other.user_id)
    assert at(10, 30) not in slots(other, later)
    refused = ask(other, later, at(10, 30))
    assert (refused.status_code, refused.json()["code"]) == (409, "handover_slot_taken")
    first = Allocation.objects.get()
    first.pk = uuid7()
    first._state.adding = True
    with pytest.raises(IntegrityError), transaction("resources"):
        first.save()


def test_of_two_who_choose_at_once_one_is_refused_and_told(place, buyer, order):
    other = Api("client")
    later = paid(other.user_id)
    assert {ask(buyer, order, at(10)).status_code, ask(other, later, at(10)).status_code} == {201}
    drain_outbox("orders", "resources")
    states = sorted(HandoverAppointment.objects.values_list("state", flat=True))
    assert states == ["confirmed", "refused"]
    assert len(taken()) == 1
    assert [fact["outcome"] for fact in told("handover.ended")] == ["refused"]


def test_two_places_serve_two_at_once(place, buyer, order):
    add_place(name="Bay 2")
    other = Api("client")
    book(buyer, order, at(10))
    assert book(other, paid(other.user_id), at(10)).state == HandoverState.CONFIRMED
    assert len(taken()) == 2


def test_another_time_takes_the_place_of_the_first_even_where_they_overlap(place, buyer, order):
    first = book(buyer, order, at(10))
    assert at(10, 30) in slots(buyer, order)
    second = book(buyer, order, at(10, 30))
    first.refresh_from_db()
    assert (first.state, second.state) == ("moved", "confirmed")
    assert taken() == [(at(10, 30), order.id)]
    assert [fact["is_moved"] for fact in told("handover.confirmed")] == [False, True]


def test_a_refused_change_leaves_the_time_there_is(place, buyer, order):
    first = book(buyer, order, at(10))
    ask(buyer, order, at(15))
    resources.services.allocate(resource_id=place.id, start=at(15), end=at(16), quantity=1, now=timezone.now())
    drain_outbox("orders", "resources")
    first.refresh_from_db()
    assert first.state == HandoverState.CONFIRMED
    seen = buyer.get(f"/orders/{order.id}/handover-appointment").json()
    assert (seen["id"], seen["moves_to"]) == (str(first.id), None)
    assert (at(10), order.id) in taken()


def test_while_one_is_booked_no_other_is_asked_for(place, buyer, order):
    ask(buyer, order, at(10))
    again = ask(buyer, order, at(12))
    assert (again.status_code, again.json()["code"]) == (409, "handover_being_booked")
    assert HandoverAppointment.objects.count() == 1


def test_closed_days_and_times_off_the_list_are_refused(place, buyer, order):
    resources.services.close(
        resource_id=place.id, start=at(0, days=4), end=at(0, days=5), reason="stock-taking", now=timezone.now()
    )
    assert slots(buyer, order, days=4) == []
    for start in (
        at(10, days=4),
        at(8),
        at(17, 30),
        at(10, 7),
        database_now("orders"),
        at(10, days=200),
        at(10, days=-2),
    ):
        refused = ask(buyer, order, start)
        assert (refused.status_code, refused.json()["code"]) == (409, "handover_slot_taken"), start
    assert not HandoverAppointment.objects.exists()
    assert told("handover.asked") == []


def test_without_a_place_nothing_is_offered(buyer, order):
    assert slots(buyer, order) == []
    assert ask(buyer, order, at(10)).status_code == 409


@pytest.mark.parametrize("status", sorted(set(Status.values) - {"paid", "in_progress", "ready"}))
def test_in_the_wrong_state_nothing_is_arranged(place, buyer, order, status):
    Order.objects.filter(pk=order.pk).update(status=status)
    refused = ask(buyer, order, at(10))
    assert (refused.status_code, refused.json()["code"]) == (409, "handover_not_due")
    assert not HandoverAppointment.objects.exists()


def test_another_persons_order_is_404_and_a_guest_signs_in(place, order):
    stranger = Api("client")
    paths = [f"/orders/{order.id}/handover-appointment", f"/orders/{order.id}/handover-slots"]
    assert [stranger.get(path).status_code for path in paths] == [404, 404]
    assert ask(stranger, order, at(10)).status_code == 404
    assert stranger.delete(paths[0]).status_code == 404
    assert [Api().get(path).status_code for path in paths] == [401, 401]
    assert stranger.get(f"{paths[0]}/calendar").status_code == 404
    assert ask(Api("manager"), Order(id=uuid7()), at(10)).status_code == 404
    assert not HandoverAppointment.objects.exists()


@pytest.mark.parametrize("query", ["date=tomorrow", "days=0", "days=15", "days=x", "from=2026-01-01"])
def test_bad_questions_are_refused(place, buyer, order, query):
    assert buyer.get(f"/orders/{order.id}/handover-slots?{query}").status_code == 400


@pytest.mark.parametrize("body", [{}, {"start_time": "soon"}, {"start_time": None}])
def test_bad_choices_are_refused(place, buyer, order, body):
    assert buyer.post(f"/orders/{order.id}/handover-appointment", body).status_code == 400


def test_a_buyer_changes_it_until_some_hours_before_and_staff_at_any_time(place, buyer, order):
    found = book(buyer, order, at(10))
    soon = database_now("orders") + timedelta(hours=settings.HANDOVER_CHANGE_HOURS - 1)
    HandoverAppointment.objects.filter(pk=found.pk).update(starts_at=soon, ends_at=soon + timedelta(hours=1))
    for refused in (ask(buyer, order, at(12)), buyer.delete(f"/orders/{order.id}/handover-appointment")):
        assert (refused.status_code, refused.json()["code"]) == (409, "handover_too_late")
    assert book(Api("manager"), order, at(12)).state == HandoverState.CONFIRMED


def test_it_is_called_off_and_the_place_is_free_again(place, buyer, order):
    found = book(buyer, order, at(10))
    assert buyer.delete(f"/orders/{order.id}/handover-appointment").status_code == 204
    drain_outbox("orders", "resources")
    found.refresh_from_db()
    assert (found.state, taken()) == ("cancelled", [])
    assert told("handover.ended")[-1]["outcome"] == "given_up"
    assert buyer.delete(f"/orders/{order.id}/handover-appointment").status_code == 404
    assert at(10) in slots(buyer, order)


def test_one_called_off_while_it_is_booked_takes_nothing(place, buyer, order):
    ask(buyer, order, at(10))
    assert buyer.delete(f"/orders/{order.id}/handover-appointment").status_code == 204
    drain_outbox("orders", "resources")
    assert taken() == []
    assert HandoverAppointment.objects.get().state == HandoverState.CANCELLED


def test_a_manager_sets_it_for_the_buyer(place, buyer, order):
    book(Api("manager"), order, at(11))
    assert buyer.get(f"/orders/{order.id}/handover-appointment").json()["state"] == "confirmed"
    services.cancel_handover(order_id=order.id, actor=STAFF, now=timezone.now(), reason="The bay is flooded")
    assert (told("handover.ended")[-1]["outcome"], told("handover.ended")[-1]["reason"]) == (
        "cancelled",
        "The bay is flooded",
    )


def test_it_ends_with_its_order(place, buyer, order):
    found = book(buyer, order, at(10))
    for status in ("in_progress", "ready", "completed"):
        move_order(order_id=order.id, status=status, actor=STAFF, now=timezone.now())
    drain_outbox("orders", "resources")
    found.refresh_from_db()
    assert (found.state, taken()) == ("done", [])
    assert told("handover.ended")[-1]["outcome"] == "order_over"


def test_an_order_that_is_called_off_frees_its_place(place, buyer):
    other = paid(buyer.user_id)
    found = book(buyer, other, at(10))
    services.end_handovers(order_id=other.id, is_handed_over=False, now=timezone.now())
    services.end_handovers(order_id=other.id, is_handed_over=False, now=timezone.now())
    drain_outbox("orders", "resources")
    found.refresh_from_db()
    assert (found.state, taken()) == ("cancelled", [])
    assert len(told("handover.ended")) == 1


def test_a_place_that_breaks_down_is_replaced_or_the_buyer_chooses_anew(place, buyer, order):
    found = book(buyer, order, at(10))
    kind = place.type_id
    second = resources.services.add_resource(
        fields={"name": "Bay 2", "type_id": kind, "opening_hours": OPEN}, now=timezone.now()
    )
    resources.services.take_out_of_service(resource_id=place.id, reason="broken", now=timezone.now())
    drain_outbox("orders", "resources")
    found.refresh_from_db()
    assert (found.state, found.location) == ("confirmed", "Bay 2")
    resources.services.take_out_of_service(resource_id=second.id, reason="broken", now=timezone.now())
    drain_outbox("orders", "resources")
    found.refresh_from_db()
    assert (found.state, taken()) == ("lost", [])
    assert told("handover.ended")[-1]["outcome"] == "lost"


def test_news_that_comes_twice_changes_nothing(place, buyer, order):
    found = book(buyer, order, at(10))
    facts = len(told("handover.confirmed"))
    services.confirm_handover(booking_id=found.id, location="Bay 9", time_zone="UTC", now=timezone.now())
    services.refuse_handover(booking_id=found.id, code="x", now=timezone.now())
    services.confirm_handover(booking_id=uuid7(), location="Bay 9", time_zone="UTC", now=timezone.now())
    resources.services.book_handover(
        booking_id=found.id, order_id=order.id, start=at(12), end=at(13), now=timezone.now()
    )
    found.refresh_from_db()
    assert (found.state, found.location, len(told("handover.confirmed"))) == ("confirmed", "Bay 1", facts)
    assert taken() == [(at(10), order.id)]


def test_buyers_are_reminded_once(place, buyer, order):
    found = book(buyer, order, at(10))
    early = found.starts_at - timedelta(hours=settings.REMIND_HOURS + 1)
    assert services.remind_of_handovers(now=early) == 0
    soon = found.starts_at - timedelta(hours=2)
    assert [services.remind_of_handovers(now=soon) for _ in range(2)] == [1, 0]
    [fact] = told("handover.reminder_due")
    assert (fact["location"], fact["customer_id"]) == ("Bay 1", str(buyer.user_id))


def test_the_file_is_for_ones_own_calendar(place, buyer, order):
    book(buyer, order, at(10))
    answer = buyer.get(f"/orders/{order.id}/handover-appointment/calendar")
    assert answer["Content-Type"].startswith("text/calendar")
    told_file = answer.content.decode()
    assert f"DTSTART;TZID={ZONE.key}:{at(10):%Y%m%dT%H%M%S}" in told_file
    assert "LOCATION:Bay 1" in told_file
    assert "STATUS:CONFIRMED" in told_file


def test_the_day_lists_its_hand_overs(place, buyer, order):
    book(buyer, order, at(10))
    [due] = handovers_between(at(0), at(23))
    assert (due.order_id, due.location, due.starts_at) == (order.id, "Bay 1", at(10))
    assert handovers_between(at(0, days=4), at(23, days=4)) == []


def test_the_books_name_what_was_arranged_and_is_not_kept(place, buyer, order):
    found = book(buyer, order, at(10))
    assert list(handover_disagreements()) == []
    resources.services.release_booking(booking_id=found.id, now=timezone.now())
    assert [one.kind for one in handover_disagreements()] == ["handover_without_place"]
    services.cancel_handover(order_id=order.id, actor=STAFF, now=timezone.now())
    assert list(handover_disagreements()) == []


def test_the_database_keeps_one_time_for_an_order(place, buyer, order):
    found = book(buyer, order, at(10))
    with pytest.raises(IntegrityError), transaction("orders"):
        HandoverAppointment.objects.create(
            order=order, state="confirmed", starts_at=found.starts_at, ends_at=found.ends_at, time_zone="UTC",
            asked_by=uuid7(), created_at=timezone.now(), updated_at=timezone.now(),
        )  # fmt: skip
