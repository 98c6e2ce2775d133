"""A held car, its queue and the catalogue: the car goes from one to the next without a moment for anybody else."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.services import erase_user
from catalog.models import Reservation
from config import books
from config.databases import APPS
from core.ids import uuid7
from core.testing import Api
from messaging.testing import drain_outbox
from notifications.models import Notification
from orders import services
from orders.errors import CarHasQueue, InsufficientStock
from orders.models import Order, QueuePlace
from orders.services import Actor, ProductLine
from storefront.tests import make
from storefront.tests.make import Visitor
from tests.test_credit_purchase import card_processor

__all__ = ["card_processor"]
pytestmark = pytest.mark.django_db(databases=APPS)


def settle():
    drain_outbox(*APPS)


def buy(customer_id, car):
    return services.place_order(
        customer_id=customer_id,
        actor=Actor(customer_id, frozenset({"client"})),
        lines=[ProductLine(car.id, 1)],
        now=timezone.now(),
    )


def give_up(order):
    actor = Actor(order.customer_id, frozenset({"client"}))
    services.move_order(order_id=order.id, status="cancelled", actor=actor, now=timezone.now())


def held(car):
    return list(Reservation.objects.filter(lines__product_id=car.id, status="held").values_list("order_id", flat=True))


def disagreements():
    return [
        item.kind for check in ("offers of queued cars", "orders, stock and money") for item in books.CHECKS[check]()
    ]


def test_a_freed_car_goes_through_its_queue_and_is_bought():
    car, stranger = make.car(), uuid7()
    first = buy(uuid7(), car)
    settle()
    waiting = [Visitor("client") for _ in range(2)]
    settle()
    one, two = [services.join_queue(product_id=car.id, customer_id=who.user.id, now=timezone.now()) for who in waiting]
    give_up(first)
    settle()
    one.refresh_from_db()
    assert (one.state, held(car)) == ("offered", [one.offer_id])
    assert disagreements() == []
    assert Notification.objects.filter(user_id=waiting[0].user.id, kind="queue.offered", channel="in_app").count() == 1
    with pytest.raises((InsufficientStock, CarHasQueue)):
        buy(stranger, car)
    services.leave_queue(place_id=one.id, customer_id=one.customer_id, now=timezone.now())
    settle()
    two.refresh_from_db()
    assert (two.state, held(car)) == ("offered", [two.offer_id])
    bought = buy(two.customer_id, car)
    settle()
    assert Order.objects.get(pk=bought.id).status == "awaiting_payment"
    assert held(car) == [bought.id]
    assert not QueuePlace.objects.live().exists()
    assert disagreements() == []


def test_an_account_that_is_deleted_gives_the_car_to_the_next():
    car = make.car()
    first = buy(uuid7(), car)
    settle()
    gone, stays = Visitor("client"), Visitor("client")
    settle()
    one, two = [
        services.join_queue(product_id=car.id, customer_id=who.user.id, now=timezone.now()) for who in (gone, stays)
    ]
    give_up(first)
    settle()
    erase_user(user_id=gone.user.id, now=timezone.now())
    settle()
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.state, two.state) == ("closed", "offered")
    assert held(car) == [two.offer_id]


@pytest.mark.usefixtures("card_processor")
def test_a_sold_car_tells_everybody_who_waits():
    car = make.car()
    first = buy(uuid7(), car)
    settle()
    waiting = Visitor("client")
    settle()
    place = services.join_queue(product_id=car.id, customer_id=waiting.user.id, now=timezone.now())
    body = {"order_id": str(first.id), "amount": str(car.price), "method": "card", "token": "tok_success"}
    assert Api("client", user_id=first.customer_id).post("/payments", body).status_code == 201
    settle()
    place.refresh_from_db()
    assert (Order.objects.get(pk=first.id).status, place.state) == ("paid", "sold")
    assert Notification.objects.filter(user_id=waiting.user.id, kind="queue.left", channel="in_app").count() == 1
    assert disagreements() == []


def test_the_books_name_an_offer_nobody_keeps_and_one_that_is_overdue():
    car = make.car()
    first = buy(uuid7(), car)
    settle()
    place = services.join_queue(product_id=car.id, customer_id=uuid7(), now=timezone.now())
    give_up(first)
    settle()
    Reservation.objects.filter(order_id=QueuePlace.objects.get(pk=place.pk).offer_id).update(status="released")
    QueuePlace.objects.filter(pk=place.pk).update(offer_expires_at=timezone.now() - timedelta(hours=1))
    assert disagreements() == ["offer_without_stock", "offer_overdue"]


def test_a_visitor_queues_and_buys_without_scripts():
    car = make.car()
    first = buy(uuid7(), car)
    settle()
    visitor, page = Visitor("client"), f"/cars/{car.id}/"
    settle()
    assert f"{page}queue/" in visitor.get(page).content.decode()
    assert visitor.post(f"{page}queue/")["Location"] == page
    assert "You are in the queue for this car: 0 people are before you." in visitor.get(page).content.decode()
    assert "/buy/" not in visitor.get(page).content.decode()
    assert car.name in visitor.get("/account/").content.decode()
    give_up(first)
    settle()
    shown = visitor.get(page).content.decode()
    assert "The car is kept for you until" in shown
    assert f"{page}buy/" in shown
    assert "kept for you until" in visitor.get("/account/").content.decode()
    other = Visitor("client").get(page).content.decode()
    assert f"{page}buy/" not in other
    assert "1 person waits for this car." in other
    place = QueuePlace.objects.get()
    assert Visitor("client").post(f"/queue/{place.id}/leave/").status_code == 404
    assert visitor.post(f"/queue/{place.id}/leave/")["Location"] == "/account/"
    place.refresh_from_db()
    assert place.state == "declined"
