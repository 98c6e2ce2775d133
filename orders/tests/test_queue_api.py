"""The queue over HTTP: one's own place and the number ahead, never who; staff see the queue and may skip."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent
from orders import services
from orders.models import Order, ProductCopy, QueuePlace
from orders.services import ProductLine
from orders.tests import make
from orders.tests.test_queue import free, kept, receive

pytestmark = pytest.mark.django_db(databases=["orders"])


@pytest.fixture
def car(db):
    car = make.product()
    make.order(lines=[ProductLine(car, 1)])
    ProductCopy.objects.filter(pk=car).update(available=0)
    return car


def test_a_client_joins_and_sees_only_its_own_place(car):
    make_ahead = services.join_queue(product_id=car, customer_id=uuid7(), now=timezone.now())
    me = Api("client")
    joined = me.post("/queue", {"product_id": str(car)})
    assert (joined.status_code, joined.json()["state"], joined.json()["ahead"]) == (201, "waiting", 1)
    assert joined.json()["customer_id"] is None
    listed = me.get("/queue").json()["results"]
    assert [row["id"] for row in listed] == [joined.json()["id"]]
    assert me.get(f"/queue/{make_ahead.id}").status_code == 404
    assert str(make_ahead.customer_id) not in me.get("/queue").content.decode()
    seen = Api("manager").get(f"/queue?product_id={car}").json()["results"]
    assert {row["customer_id"] for row in seen} == {str(make_ahead.customer_id), str(me.user_id)}
    assert sorted(row["ahead"] for row in seen) == [0, 1]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [({}, 400, "validation_error"), ({"product_id": "x"}, 400, "validation_error")],
)
def test_bad_input_is_refused(car, body, status, code):
    answer = Api("client").post("/queue", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not QueuePlace.objects.exists()


def test_a_second_place_a_free_car_and_a_full_queue_are_refused(car, settings):
    me = Api("client")
    free_car = me.post("/queue", {"product_id": str(make.product())})
    assert (free_car.status_code, free_car.json()["code"]) == (409, "car_not_held")
    me.post("/queue", {"product_id": str(car)})
    again = me.post("/queue", {"product_id": str(car)})
    assert (again.status_code, again.json()["code"]) == (409, "already_queued")
    settings.QUEUE_LENGTH = 1
    full = Api("client").post("/queue", {"product_id": str(car)})
    assert (full.status_code, full.json()["code"]) == (409, "queue_full")
    assert QueuePlace.objects.count() == 1


def test_an_unproved_address_does_not_queue_where_it_may_not_order(car, settings):
    settings.EMAIL_VERIFICATION_REQUIRED = True
    answer = Api("client").post("/queue", {"product_id": str(car)})
    assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified")
    assert not QueuePlace.objects.exists()


def test_an_offer_is_accepted_by_its_owner_alone(car):
    me = Api("client")
    place = QueuePlace.objects.get(pk=me.post("/queue", {"product_id": str(car)}).json()["id"])
    early = me.post(f"/queue/{place.id}/accept")
    assert (early.status_code, early.json()["code"]) == (409, "wrong_place_state")
    receive(free(car))
    receive(kept(place))
    for stranger in (Api("client"), Api("manager")):
        assert stranger.post(f"/queue/{place.id}/accept").status_code == 404
    made = me.post(f"/queue/{place.id}/accept")
    place.refresh_from_db()
    assert (made.status_code, made.json()["id"]) == (201, str(place.offer_id))
    assert me.get(f"/queue/{place.id}").json()["order_id"] == made.json()["id"]
    twice = me.post(f"/queue/{place.id}/accept")
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_place_state")
    assert Order.objects.filter(customer_id=me.user_id).count() == 1


def test_a_late_acceptance_is_refused(car):
    me = Api("client")
    place = QueuePlace.objects.get(pk=me.post("/queue", {"product_id": str(car)}).json()["id"])
    receive(free(car))
    receive(kept(place))
    QueuePlace.objects.filter(pk=place.pk).update(offer_expires_at=timezone.now() - timedelta(seconds=1))
    late = me.post(f"/queue/{place.id}/accept")
    assert (late.status_code, late.json()["code"]) == (409, "offer_over")
    assert not Order.objects.filter(customer_id=me.user_id).exists()


def test_leaving_is_ones_own(car):
    me = Api("client")
    place_id = me.post("/queue", {"product_id": str(car)}).json()["id"]
    for stranger in (Api("client"), Api("manager")):
        assert stranger.post(f"/queue/{place_id}/leave").status_code == 404
    assert me.post(f"/queue/{place_id}/leave").json()["state"] == "left"


def test_managers_skip_others_with_a_reason(car):
    me, manager = Api("client"), Api("manager")
    place_id = me.post("/queue", {"product_id": str(car)}).json()["id"]
    assert me.post(f"/queue/{place_id}/skip", {"reason": "x"}).status_code == 403
    assert manager.post(f"/queue/{place_id}/skip", {}).status_code == 400
    own = manager.post("/queue", {"product_id": str(car)}).json()["id"]
    mine = manager.post(f"/queue/{place_id}/skip", {"reason": "I want it"})
    assert (mine.status_code, mine.json()["code"]) == (403, "four_eyes")
    assert manager.post(f"/queue/{own}/leave").json()["state"] == "left"
    skipped = manager.post(f"/queue/{place_id}/skip", {"reason": "cannot be reached"})
    assert (skipped.json()["state"], skipped.json()["reason"]) == ("skipped", "cannot be reached")
    assert me.get(f"/queue/{place_id}").json()["reason"] == "cannot be reached"
    left = OutboxEvent.objects.using("orders").filter(type="queue.left")
    assert sorted(left.values_list("data__outcome", flat=True)) == ["left", "skipped"]
