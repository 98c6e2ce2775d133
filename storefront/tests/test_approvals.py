"""The managers' page of what waits for a second person."""

import re
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

import payments.tests.make as paying
from config.databases import APPS
from core.clock import dealer_day
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import Waits, know_card, waits_for
from gateway.approvals.reading import Reader, count_decidable
from payments.models import Payment, Status
from payments.services import capture_payment
from storefront.desk import morning
from storefront.tests.make import Visitor
from storefront.visitor import get_reader

pytestmark = pytest.mark.django_db(databases=[*APPS])
PAGE = "/board/approvals/"


ENGLISH = {"accept-language": "en"}


def read(visitor, address=PAGE):
    return visitor.client.get(address, headers=ENGLISH).content.decode()


def decide(visitor, request, **fields):
    return visitor.client.post(f"{PAGE}{request.id}/", fields)


def waiting(actor_id=None, **who):
    payment = paying.payment(paying.order(total="3288000.00", **who), method="cash")
    with suppress(Waits):
        capture_payment(payment_id=payment.id, actor_id=actor_id or uuid7(), now=timezone.now())
    return payment, waits_for("payments", payment.id)[0]


def counted(visitor):
    """How many requests the board and the desk say wait for this visitor."""
    cache.clear()
    board = re.search(r"Wait for a second person: (\d+)", read(visitor, "/board/"))
    request = type("Request", (), {"user": visitor.user})()
    figures = {
        one.name: one.value for one in morning.read_waiting(morning.Look(timezone.now(), get_reader(request))).figures
    }
    desk = figures.get("Wait for a second person", "0")
    assert desk == (board[1] if board else "0")
    return int(desk)


def test_a_manager_reads_the_queue_and_agrees():
    payment, request = waiting()
    manager = Visitor("manager")
    shown = read(manager)
    assert "Cash or a transfer has arrived" in shown
    assert "3,288,000.00" in shown.replace("\u00a0", ",")
    decide(manager, request, do="approve")
    assert Payment.objects.get(pk=payment.pk).status == Status.COMPLETED
    read(manager)  # says what was done
    assert "Cash or a transfer" not in read(manager)
    assert "Cash or a transfer" in read(manager, f"{PAGE}?state=approved")


def test_whoever_asked_sees_it_without_buttons_and_is_refused():
    manager = Visitor("manager")
    payment, request = waiting(manager.user.id)
    shown = read(manager)
    assert "Somebody else decides" in shown
    assert "Turn down" not in shown
    decide(manager, request, do="approve")
    assert Payment.objects.get(pk=payment.pk).status == Status.PENDING


def test_turning_down_needs_a_reason():
    _payment, request = waiting()
    manager = Visitor("manager")
    decide(manager, request, do="reject")
    request.refresh_from_db()
    assert request.state == "waiting"
    decide(manager, request, do="reject", reason="No receipt.")
    request.refresh_from_db()
    assert (request.state, request.decision_reason) == ("rejected", "No receipt.")


def test_others_see_nothing():
    _payment, request = waiting()
    assert Visitor().get(PAGE).status_code == 302
    buyer = Visitor("client")
    assert buyer.get(PAGE).status_code == 403
    assert decide(buyer, request, do="approve").status_code == 403
    manager = Visitor("manager")
    assert manager.get(f"{PAGE}?state=lost").status_code == 404
    assert manager.get(f"{PAGE}?before=x").status_code == 404
    assert manager.client.post(f"{PAGE}{uuid7()}/", {"do": "approve"}).status_code == 404


def test_the_board_says_how_many_wait():
    waiting()
    shown = read(Visitor("manager"), "/board/")
    assert "Wait for a second person: 1" in shown
    assert PAGE in shown


def test_only_those_who_may_decide_are_counted_a_request():
    maker, other, admin = Visitor("manager"), Visitor("manager"), Visitor("admin")
    waiting(maker.user.id)
    assert [counted(one) for one in (maker, other, admin)] == [0, 1, 1]
    know_card("payments", card_id=(card := uuid7()), user_id=other.user.id)
    waiting(uuid7(), customer_id=card)
    assert [counted(one) for one in (maker, other, admin)] == [1, 1, 2]


def test_what_administrators_alone_decide_is_counted_to_another_of_them_alone():
    maker, manager, admin = Visitor("admin"), Visitor("manager"), Visitor("admin")
    rule = {"goods": "vehicle", "basis": "fixed", "value": "5000", "reason": "new"}
    rule["valid_from"] = str(dealer_day(timezone.now()) + timedelta(days=1))
    given = Api("admin", user_id=maker.user.id).post("/commission-rules", rule)
    assert given.status_code == 202, given.content
    assert [counted(one) for one in (maker, manager, admin)] == [0, 0, 1]


def test_what_is_past_its_time_is_not_counted():
    _payment, request = waiting()
    reader = Reader(uuid7(), is_admin=True)
    assert count_decidable("payments", reader, 100, now=request.expires_at - timedelta(seconds=1)) == 1
    assert count_decidable("payments", reader, 100, now=request.expires_at) == 0
