"""Queues behind held cars on the managers' board: who waits, whose offer runs, and skipping with a reason."""

import pytest
from django.conf import settings
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.events import StockReleased, StockReserved
from core.ids import uuid7
from messaging.models import OutboxEvent
from messaging.testing import drain_outbox
from orders import services
from orders.models import Order, ProductCopy, QueuePlace
from orders.public import held_cars
from orders.tests import make as make_orders
from storefront.tests.make import Visitor

ALL = [alias for alias in settings.DATABASES if alias != "default"]
pytestmark = pytest.mark.django_db(databases=ALL)


def text(response):
    return response.content.decode()


def behind(place, customer_id):
    """One more in the queue of a place."""
    return services.join_queue(product_id=place.product_id, customer_id=customer_id, now=timezone.now())


def offered(place):
    """The car of a queue comes free, and the catalogue keeps it for the first."""
    ProductCopy.objects.filter(pk=place.product_id).update(available=1)
    level = [make_orders.level(place.product_id, 1)]
    receive(StockReleased(order_id=uuid7(), attempt_id=uuid7(), reason="cancelled", levels=level))
    place.refresh_from_db()
    ids = {"order_id": place.offer_id, "attempt_id": place.attempt_id}
    receive(StockReserved(**ids, lines=[], levels=[], expires_at=timezone.now()))
    place.refresh_from_db()
    assert place.state == "offered"
    return place


def receive(event):
    services.follow_stock(news=[event], now=timezone.now())


def skip(visitor, place, reason="did not answer our call"):
    return visitor.client.post(f"/board/queue/{place.id}/skip/", {"reason": reason}, follow=True)


def test_a_held_car_shows_who_waits_in_their_order_and_who_holds_it():
    manager, first, second = Visitor("manager"), Visitor("client"), Visitor("client")
    assert "Queues behind held cars" not in text(manager.get("/board/"))
    place = make_orders.queued(customer_id=first.user.id)
    behind(place, second.user.id)
    shown = text(manager.get("/board/"))
    block = shown[shown.index('id="queues"') : shown.index('class="board-columns"')]
    assert block.index(first.user.email) < block.index(second.user.email)
    assert Order.objects.get().number in block
    assert "offer ends" not in block
    part = text(manager.get("/board/?part=live"))
    assert first.user.email in part, "the live part has it too"


def test_a_running_offer_shows_its_end_and_changes_the_stamp_of_the_live_part():
    manager, first = Visitor("manager"), Visitor("client")
    place = make_orders.queued(customer_id=first.user.id)
    before = stamp(manager)
    offered(place)
    shown = text(manager.get("/board/"))
    assert "the car is offered to them" in shown
    assert place.offer_expires_at.isoformat() in shown
    assert stamp(manager) != before


def stamp(visitor):
    return text(visitor.get("/board/?part=live")).split('data-stamp="')[1].split('"')[0]


def test_a_queue_that_moves_is_news_on_the_managers_feed():
    place = make_orders.queued(customer_id=uuid7())
    offered(place)
    services.leave_queue(place_id=place.id, customer_id=place.customer_id, now=timezone.now())
    drain_outbox("orders")
    noted = OutboxEvent.objects.using("orders").filter(type="shop.noted").order_by("n")
    assert [event.data["kind"] for event in noted] == ["queue.joined", "queue.offered", "queue.left"]


def test_a_manager_skips_somebody_with_a_reason_that_is_kept():
    manager = Visitor("manager")
    place = make_orders.queued(customer_id=uuid7())
    told = text(skip(manager, place))
    assert "skipped, and the next is asked" in told
    place.refresh_from_db()
    assert (place.state, place.reason, place.ended_by) == ("skipped", "did not answer our call", manager.user.id)
    assert 'id="queues"' not in told
    again = text(skip(manager, place))
    assert "cannot do this in its present state" in again


@pytest.mark.parametrize("reason", ["", "   "])
def test_nobody_is_skipped_without_a_reason(reason):
    place = make_orders.queued(customer_id=uuid7())
    skip(Visitor("manager"), place, reason)
    place.refresh_from_db()
    assert place.state == "waiting"


def test_nobody_skips_others_in_a_queue_they_stand_in_themselves():
    manager = Visitor("manager")
    first = make_orders.queued(customer_id=uuid7())
    own = behind(first, manager.user.id)
    shown = text(manager.get("/board/"))
    assert "You stand in this queue yourself" in shown
    assert f"/board/queue/{first.id}/skip/" not in shown
    for place in (first, own):
        assert "Somebody else has to do this" in text(skip(manager, place))
    assert set(QueuePlace.objects.values_list("state", flat=True)) == {"waiting"}


def test_skipping_is_for_managers():
    place = make_orders.queued(customer_id=uuid7())
    path = f"/board/queue/{place.id}/skip/"
    assert Visitor().client.post(path, {"reason": "x"})["Location"].startswith("/sign-in/")
    assert Visitor("client").client.post(path, {"reason": "x"}).status_code == 403
    assert Visitor("manager").client.post(f"/board/queue/{uuid7()}/skip/", {"reason": "x"}).status_code == 404
    assert QueuePlace.objects.get().state == "waiting"


def test_many_queues_cost_as_many_statements_as_few():
    def statements():
        with CaptureQueriesContext(connections["orders"]) as captured:
            held_cars(limit=40)
        return len(captured)

    place = make_orders.queued(customer_id=uuid7())
    few = statements()
    behind(place, uuid7())
    for _ in range(3):
        make_orders.queued(customer_id=uuid7())
    assert (statements(), few) == (2, 2)


def test_offers_come_first_and_no_more_than_asked_for_is_shown():
    made = [make_orders.queued(customer_id=uuid7()) for _ in range(3)]
    offered(made[2])
    assert [car.product_id for car in held_cars(limit=2)] == [made[2].product_id, made[0].product_id]
