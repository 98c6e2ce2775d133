"""Messages about an order on the shop's pages and at the desk: writing, what is new, who waits for an answer."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.ids import uuid7
from orders import services
from orders.models import OrderMessage, OrderThread
from orders.services import Actor
from storefront.tests.make import Visitor
from storefront.tests.test_papers import ordered

pytestmark = pytest.mark.django_db(databases=list(settings.APPS))


@pytest.fixture
def order(buyer):
    return ordered(buyer)


def send(visitor, order, said, key=None):
    path = f"/orders/{order.id}/messages/send/"
    return visitor.client.post(path, {"text": said, "key": str(key or uuid7())})


def test_a_buyer_writes_on_the_orders_page_and_reads_the_answer(buyer, manager, order):
    page = buyer.client.get(f"/orders/{order.id}/").content.decode()
    assert f'action="/orders/{order.id}/messages/send/"' in page
    assert send(buyer, order, "When may <b>I</b> come?")["Location"] == f"/orders/{order.id}/messages/"
    seen = manager.client.get(f"/orders/{order.id}/messages/").content.decode()
    assert "When may &lt;b&gt;I&lt;/b&gt; come?" in seen, "what was typed is shown, and no markup is followed"
    send(manager, order, "From ten on.")
    mine = buyer.client.get(f"/orders/{order.id}/").content.decode()
    assert "From ten on." in mine
    assert str(manager.user.id) not in mine
    assert "1 new message" in buyer.client.get("/orders/", headers={"Accept-Language": "en"}).content.decode()
    buyer.client.post(f"/orders/{order.id}/messages/read/", {"until": "2"})
    assert "new message" not in buyer.client.get("/orders/", headers={"Accept-Language": "en"}).content.decode()


def test_a_part_of_the_page_is_shown_anew_and_changes_its_stamp(buyer, manager, order):
    def part():
        return buyer.client.get(f"/orders/{order.id}/messages/?part=live").content.decode()

    before = part()
    send(manager, order, "Good day")
    assert "<html" not in part()
    assert before.partition("data-stamp=")[2].split()[0] != part().partition("data-stamp=")[2].split()[0]
    assert Client().get(f"/orders/{order.id}/messages/?part=live").status_code == 401


def test_what_cannot_be_sent_stays_in_the_form(buyer, order):
    refused = send(buyer, order, "my card is 4242 4242 4242 4242")
    assert refused.status_code == 400
    empty = send(buyer, order, "   ")
    assert (empty.status_code, OrderMessage.objects.count()) == (400, 0)
    me = Actor(buyer.user.id, frozenset({"client"}))
    for _ in range(20):
        services.send_message(order_id=order.id, text="?", actor=me, now=timezone.now())
    full = send(buyer, order, "one question more")
    assert (full.status_code, "one question more" in full.content.decode()) == (409, True)


def test_a_second_click_sends_once(buyer, order):
    key = uuid7()
    assert {send(buyer, order, "once", key).status_code for _ in range(2)} == {302}
    assert OrderMessage.objects.count() == 1


def test_earlier_messages_are_on_pages_of_their_own(buyer, order):
    me = Actor(buyer.user.id, frozenset({"client"}))
    thread = services.send_message(order_id=order.id, text="the first one", actor=me, now=timezone.now()).order
    staff = Actor(uuid7(), frozenset({"manager"}))
    for number in range(21):
        services.send_message(order_id=thread.id, text=f"answer {number}", actor=staff, now=timezone.now())
    page = buyer.client.get(f"/orders/{order.id}/messages/").content.decode()
    assert "the first one" not in page
    assert "?before=3" in page
    earlier = buyer.client.get(f"/orders/{order.id}/messages/?before=3").content.decode()
    assert "the first one" in earlier
    assert buyer.client.get(f"/orders/{order.id}/messages/?before=x").status_code == 200


def test_others_find_nothing(order):
    stranger = Visitor("client")
    assert stranger.client.get(f"/orders/{order.id}/messages/").status_code == 404
    assert send(stranger, order, "hello").status_code == 404
    assert stranger.client.post(f"/orders/{order.id}/messages/settle/").status_code == 403
    assert not OrderThread.objects.exists()


def test_the_morning_page_names_who_waits_and_since_when(buyer, manager, order):
    me = Actor(buyer.user.id, frozenset({"client"}))
    services.send_message(order_id=order.id, text="?", actor=me, now=timezone.now() - timedelta(hours=3))
    desk = manager.client.get("/admin/", headers={"Accept-Language": "en"}).content.decode()
    assert "Questions to answer" in desk
    assert f"/orders/{order.id}/messages/" in desk
    assert "3\xa0hours" in desk
    assert reverse("admin:orders_orderthread_changelist") + "?waiting=yes" in desk
    manager.client.post(f"/orders/{order.id}/messages/settle/")
    assert f"/orders/{order.id}/messages/" not in manager.client.get("/admin/").content.decode()


def test_managers_answer_and_settle_on_the_orders_page_in_the_admin(buyer, manager, order):
    send(buyer, order, "What is in the price?")
    page = reverse("admin:orders_order_change", args=[order.id])
    assert "What is in the price?" in manager.client.get(page).content.decode()
    listed = manager.client.get(reverse("admin:orders_orderthread_changelist") + "?waiting=yes").content.decode()
    assert order.number in listed
    manager.client.post(f"{page.removesuffix('change/')}write_message/", {"text": "All of it.", "_form_submitted": "1"})
    assert [one.text for one in OrderMessage.objects.order_by("number")] == ["What is in the price?", "All of it."]
    assert OrderThread.objects.get().waiting_since is None
