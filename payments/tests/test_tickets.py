from decimal import Decimal

import pytest
from django.utils import timezone

from core.testing import Api
from messaging.testing import drain_outbox
from payments.models import LedgerLine, Payment, Purpose, Refund, Status
from payments.public import ledger_disagreements
from payments.tests import make
from showroom import services
from showroom.tests import make as showroom

pytestmark = pytest.mark.django_db(databases=["payments", "showroom"])


def drain():
    for _ in range(4):
        drain_outbox("payments", "showroom")
        make.drain(2)


@pytest.fixture
def seat():
    happening = showroom.happening(price=Decimal("1500.00"), offer_hours=2)
    return showroom.registration(happening)


def pay(seat, token="tok_success"):
    path = f"/events/{seat.happening_id}/registrations/{seat.id}/pay"
    assert Api("client", user_id=seat.user_id).post(path, {"method": "card", "token": token}).status_code == 202
    drain()
    seat.refresh_from_db()


def balance(account):
    return sum(line.amount for line in LedgerLine.objects.filter(account_id=account))


def test_a_seat_is_paid_and_given_back_to_the_kopeck(seat, sandbox):
    pay(seat)
    payment = Payment.objects.get()
    assert (payment.purpose, payment.status, payment.amount) == (Purpose.TICKET, Status.COMPLETED, seat.price)
    assert (seat.status, seat.payment_state) == ("confirmed", "paid")
    assert balance(f"ticket:{seat.id}") == -seat.price
    services.cancel_registration(happening_id=seat.happening_id, registration_id=seat.id, now=timezone.now())
    drain()
    seat.refresh_from_db()
    assert (seat.payment_state, Refund.objects.get().amount) == ("refunded", seat.price)
    assert balance(f"ticket:{seat.id}") == 0
    assert ledger_disagreements() == []
    assert len(sandbox.rows(payment)) == 2


def test_a_declined_card_leaves_the_seat_kept_for_another_try(seat):
    pay(seat, "tok_declined")
    assert (seat.status, seat.payment_state) == ("offered", "failed")
    pay(seat)
    assert (seat.status, seat.payment_state) == ("confirmed", "paid")
    assert ledger_disagreements() == []


def test_calling_off_a_happening_refunds_its_guests(seat):
    pay(seat)
    services.cancel_happening(happening_id=seat.happening_id, reason="rain", now=timezone.now())
    drain()
    seat.refresh_from_db()
    assert (seat.status, seat.payment_state) == ("cancelled", "refunded")
    assert ledger_disagreements() == []
