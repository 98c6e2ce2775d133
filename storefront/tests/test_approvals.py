"""The managers' page of what waits for a second person."""

from contextlib import suppress

import pytest
from django.utils import timezone

import payments.tests.make as paying
from config.databases import APPS
from core.ids import uuid7
from gateway.approvals import Waits, waits_for
from payments.models import Payment, Status
from payments.services import capture_payment
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=[*APPS])
PAGE = "/board/approvals/"


ENGLISH = {"accept-language": "en"}


def read(visitor, address=PAGE):
    return visitor.client.get(address, headers=ENGLISH).content.decode()


def decide(visitor, request, **fields):
    return visitor.client.post(f"{PAGE}{request.id}/", fields)


def waiting(actor_id=None):
    payment = paying.payment(paying.order(total="3288000.00"), method="cash")
    with suppress(Waits):
        capture_payment(payment_id=payment.id, actor_id=actor_id or uuid7(), now=timezone.now())
    return payment, waits_for("payments", payment.id)[0]


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
