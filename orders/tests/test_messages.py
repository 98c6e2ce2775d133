"""Messages about an order: who may write and read them, what is new to whom, and who waits for an answer."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from core.db import transaction
from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import know_card
from gateway.guards import guard
from messaging.models import OutboxEvent
from messaging.people.departures import shut_door
from messaging.people.personal import erase, export
from messaging.testing import drain_outbox
from notifications.models import Kind, Notification
from notifications.tests import make as make_notifications
from orders import services
from orders.events import MessageSent, ShopNews
from orders.models import Order, OrderMessage, OrderThread, Side
from orders.queries.messages import count_unread, messages_for_people, waiting_buyers
from orders.services import Actor
from orders.services.messages import UNANSWERED_AT_MOST
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders"])


def told(kind: str = MessageSent.type) -> list[dict]:
    return list(OutboxEvent.objects.using("orders").filter(type=kind).order_by("n").values_list("data", flat=True))


def write(who: Api, order: Order, text: str = "When may I come?"):
    return who.post(f"/orders/{order.id}/messages", {"text": text})


@pytest.fixture
def buyer(db):
    return Api("client")


@pytest.fixture
def order(buyer):
    return make.order(customer_id=buyer.user_id)


def test_buyer_and_staff_write_to_each_other_and_each_knows_what_is_new(buyer, order):
    manager = Api("manager")
    asked = write(buyer, order)
    assert (asked.status_code, asked.json()["number"], asked.json()["side"]) == (201, 1, "buyer")
    assert asked.json()["is_read"] is False
    assert count_unread({order.id: Side.STAFF}) == {order.id: 1}
    assert count_unread({order.id: Side.BUYER}) == {}
    answered = write(manager, order, "From ten on.")
    assert (answered.json()["number"], answered.json()["side"]) == (2, "staff")
    assert count_unread({order.id: Side.STAFF}) == {}, "who answers has read what was asked"
    assert count_unread({order.id: Side.BUYER}) == {order.id: 1}
    listed = buyer.get(f"/orders/{order.id}/messages").json()["results"]
    assert [(row["number"], row["text"], row["is_read"]) for row in listed] == [
        (2, "From ten on.", False),
        (1, "When may I come?", True),
    ]
    read = buyer.post(f"/orders/{order.id}/messages/read", {"until": 2})
    assert (read.status_code, read.json()["buyer_read"]) == (200, 2)
    assert count_unread({order.id: Side.BUYER}) == {}


def test_staff_see_who_wrote_and_the_buyer_does_not(buyer, order):
    manager = Api("manager")
    sent = write(manager, order, "Good day").json()
    assert sent["author_id"] == str(manager.user_id)
    [seen] = buyer.get(f"/orders/{order.id}/messages").json()["results"]
    assert (seen["side"], seen["author_id"], seen["author_name"]) == ("staff", None, None)
    assert str(manager.user_id) not in buyer.get(f"/orders/{order.id}/messages").content.decode()


def test_pages_go_on_by_their_cursor_whatever_was_written_meanwhile(buyer, order):
    for number in range(5):
        write(buyer, order, f"message {number + 1}")
    first = buyer.get(f"/orders/{order.id}/messages?page_size=2").json()
    assert [row["number"] for row in first["results"]] == [5, 4]
    write(buyer, order, "and one more")
    path = first["next"].partition("/api/v1")[2]
    assert [row["number"] for row in buyer.get(path).json()["results"]] == [3, 2]
    assert buyer.get(f"/orders/{order.id}/messages?page_size=1000").status_code == 400
    assert buyer.get(f"/orders/{order.id}/messages?ordering=text").status_code == 400
    assert buyer.get(f"/orders/{order.id}/messages?author=me").status_code == 400


@pytest.mark.parametrize("text", ["", "   \n", "x" * 2001, None, "card 4242 4242 4242 4242"])
def test_bad_text_is_refused_and_nothing_is_kept(buyer, order, text):
    refused = buyer.post(f"/orders/{order.id}/messages", {"text": text})
    assert refused.status_code == 400
    assert not OrderMessage.objects.exists()
    assert told() == []


def test_a_message_is_plain_text_and_as_long_as_is_said(buyer, order):
    markup = "<b>now</b> " + "x" * 1989
    assert write(buyer, order, markup).json()["text"] == markup
    with pytest.raises(InvalidInput):
        services.send_message(
            order_id=order.id, text="x" * 2001, actor=Actor(buyer.user_id, frozenset({"client"})), now=timezone.now()
        )


@pytest.mark.parametrize("path", ["messages", "messages/read", "messages/settle"])
def test_another_persons_order_and_one_that_is_not_there_are_404(order, path):
    bodies = {"messages": {"text": "hello"}, "messages/read": {"until": 1}, "messages/settle": {}}
    stranger = Api("client")
    expected = 403 if path == "messages/settle" else 404
    assert stranger.post(f"/orders/{order.id}/{path}", bodies[path]).status_code == expected
    assert Api("manager").post(f"/orders/{uuid7()}/{path}", bodies[path]).status_code == 404
    assert Api().post(f"/orders/{order.id}/{path}", bodies[path]).status_code == 401
    assert stranger.get(f"/orders/{order.id}/messages").status_code == 404
    assert not OrderMessage.objects.exists()
    assert told() == []


def test_a_hidden_order_is_not_talked_about(buyer, order):
    Order.objects.filter(pk=order.pk).update(deleted_at=timezone.now())
    assert write(buyer, order).status_code == 404
    assert Api("manager").get(f"/orders/{order.id}/messages").status_code == 404


def test_a_repeat_with_its_key_writes_once(buyer, order):
    answers = [buyer.post(f"/orders/{order.id}/messages", {"text": "once"}, Idempotency_Key="one") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert OrderMessage.objects.count() == 1


def test_who_waits_longest_comes_first_until_somebody_answers(buyer, order):
    now = timezone.now()
    me = Actor(buyer.user_id, frozenset({"client"}))
    later = make.order(customer_id=uuid7())
    services.send_message(order_id=later.id, text="?", actor=Actor(later.customer_id, me.roles), now=now)
    for minutes in (90, 30):
        services.send_message(order_id=order.id, text="?", actor=me, now=now - timedelta(minutes=minutes))
    first, second = waiting_buyers(limit=10)
    assert (first.order_id, first.unanswered, first.since) == (order.id, 2, now - timedelta(minutes=90))
    assert second.order_id == later.id
    assert messages_for_people() == {"messages_waiting": 2}
    write(Api("manager"), order, "Here we are.")
    assert [one.order_id for one in waiting_buyers(limit=10)] == [later.id]


def test_what_needs_no_answer_is_settled_by_staff_alone(buyer, order):
    write(buyer, order, "Thank you!")
    assert buyer.post(f"/orders/{order.id}/messages/settle").status_code == 403
    assert messages_for_people() == {"messages_waiting": 1}
    settled = Api("manager").post(f"/orders/{order.id}/messages/settle").json()
    assert (settled["waiting_since"], settled["staff_read"]) == (None, 1)
    assert messages_for_people() == {"messages_waiting": 0}


def test_in_their_own_order_staff_are_buyers_by_their_card_too(order):
    manager = Api("manager")
    mine, card = make.order(customer_id=manager.user_id), uuid7()
    assert write(manager, mine).json()["side"] == "buyer"
    know_card("orders", card_id=card, user_id=manager.user_id)
    by_card = make.order(customer_id=card)
    assert write(manager, by_card).json()["side"] == "buyer"
    assert manager.post(f"/orders/{mine.id}/messages/settle").status_code == 403


def test_a_buyer_writes_so_many_before_an_answer(buyer, order):
    me = Actor(buyer.user_id, frozenset({"client"}))
    for _ in range(UNANSWERED_AT_MOST):
        services.send_message(order_id=order.id, text="?", actor=me, now=timezone.now())
    refused = write(buyer, order)
    assert (refused.status_code, refused.json()["code"], refused.json()["limit"]) == (409, "too_many_messages", 20)
    assert OrderMessage.objects.count() == UNANSWERED_AT_MOST
    write(Api("manager"), order, "Answered.")
    assert write(buyer, order).status_code == 201


def test_writing_is_limited_by_a_budget_of_its_own(buyer, order, monkeypatch):
    monkeypatch.setattr(settings, "RATE_LIMITS", settings.RATE_LIMITS | {"messages": "2/60"})
    monkeypatch.setattr(guard, "get_limit", guard.get_limit.__wrapped__)
    assert [write(buyer, order).status_code for _ in range(3)] == [201, 201, 429]
    assert buyer.get(f"/orders/{order.id}").status_code == 200


def test_reading_never_goes_back_nor_beyond_what_there_is(buyer, order):
    write(Api("manager"), order, "one")
    for until, reached in ((100, 1), (0, 1)):
        read = buyer.post(f"/orders/{order.id}/messages/read", {"until": until})
        assert read.json()["buyer_read"] == reached
    assert buyer.post(f"/orders/{order.id}/messages/read", {"until": -1}).status_code == 400


def test_the_fact_tells_no_word_of_what_was_written(buyer, order):
    write(buyer, order, "My passport is lost")
    [fact] = told()
    assert (fact["side"], fact["is_first"], fact["customer_id"]) == ("buyer", True, str(buyer.user_id))
    assert "passport" not in str(fact)


def test_nobody_changes_what_was_said(buyer, order):
    write(buyer, order)
    for change in ({"text": "other"}, {"side": "staff"}, {"author_id": uuid7()}):
        with pytest.raises(IntegrityError), transaction("orders"):
            OrderMessage.objects.update(**change)
    assert OrderMessage.objects.get().text == "When may I come?"


def test_a_person_takes_their_messages_along_and_is_forgotten(buyer, order):
    write(buyer, order, "I live in Tula")
    write(Api("manager"), order, "Then come on Monday")
    assert [row["text"] for row in export("orders", buyer.user_id)["ordermessage"]] == [
        "I live in Tula",
        "Then come on Monday",
    ]
    erase("orders", buyer.user_id)
    assert set(OrderMessage.objects.values_list("text", flat=True)) == {""}


def test_nothing_is_written_in_an_account_that_is_being_closed(buyer, order):
    shut_door("orders", buyer.user_id, uuid7())
    refused = write(buyer, order)
    assert (refused.status_code, refused.json()["code"]) == (409, "account_closing")
    assert not OrderThread.objects.exists()


@pytest.mark.django_db(databases=["orders", "notifications", "accounts"])
def test_the_other_side_is_told_staff_once_until_they_answer(buyer, order):
    seller, colleague = (make_notifications.recipient(roles=["manager"], phone="", is_active=True) for _ in range(2))
    make_notifications.recipient(buyer.user_id)
    for _ in range(2):
        write(buyer, order)
        drain_outbox("orders", "notifications")
    wanted = Notification.objects.filter(kind=Kind.ANSWER_WANTED, channel="in_app")
    assert set(wanted.values_list("user_id", flat=True)) == {seller, colleague}
    assert wanted.count() == 2, "the second question before an answer is no news"
    Order.objects.filter(pk=order.pk).update(manager_id=seller)
    write(Api("manager", user_id=seller), order, "At ten.")
    write(buyer, order, "Thanks, and where?")
    drain_outbox("orders", "notifications")
    assert wanted.filter(user_id=seller).count() == 2
    assert wanted.filter(user_id=colleague).count() == 1, "of their own sale its seller alone hears"
    [answer] = Notification.objects.filter(kind=Kind.MESSAGE_SENT, channel="in_app")
    assert (answer.user_id, "At ten" in answer.body) == (buyer.user_id, False)


@pytest.mark.django_db(databases=["orders"])
def test_managers_hear_of_it_on_their_feed(buyer, order):
    write(buyer, order)
    drain_outbox("orders")
    [news] = [fact for fact in told(ShopNews.type) if fact["kind"] == MessageSent.type]
    assert (news["order_id"], news["customer_id"]) == (str(order.id), str(buyer.user_id))
