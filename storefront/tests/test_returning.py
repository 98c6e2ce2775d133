"""The way back from a bank's own page: to what was paid for, whatever that was."""

from decimal import Decimal
from uuid import UUID

import pytest

from core.ids import uuid7
from messaging.models import ExternalCall
from payments.models import Payment, Purpose
from payments.tests import make as payments
from showroom.models import Registration
from showroom.tests import make as showroom
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "orders", "payments", "showroom"])


def text(response):
    return response.content.decode()


def paid_for(visitor, purpose, subject_id):
    """A payment for something that is not an order."""
    payment = payments.payment(payments.order(customer_id=visitor.user.id))
    Payment.objects.filter(pk=payment.id).update(purpose=purpose, order_id=None, subject_id=subject_id)
    return f"/paid/{payment.id}/"


def test_every_payment_names_the_page_that_leads_back(settings):
    settings.PUBLIC_URL = "https://shop.example/"
    payment = payments.payment(payments.order(), token="tok_3ds")
    call = ExternalCall.objects.using("payments").get(operation="payments.charge")
    assert call.request["return_url"] == f"https://shop.example/paid/{payment.id}/"


@pytest.mark.parametrize(
    ("status", "said"),
    [("requires_action", "it takes a moment"), ("failed", "did not go through"), ("completed", "has arrived")],
)
def test_an_order_is_returned_to_with_a_word_about_the_money(status, said):
    buyer = Visitor("client")
    order = payments.order(customer_id=buyer.user.id)
    payment = payments.payment(order)
    Payment.objects.filter(pk=payment.id).update(status=status)
    answer = buyer.get(f"/paid/{payment.id}/")
    assert answer["Location"] == f"/orders/{order.id}/"
    assert said in text(buyer.get("/cars/"))


@pytest.mark.parametrize(("purpose", "page"), [(Purpose.LOAN, "/credit/loans/{}/"), (Purpose.POLICY, "/insurance/{}/")])
def test_a_loan_and_a_policy_are_returned_to(purpose, page):
    buyer, subject = Visitor("client"), uuid7()
    assert buyer.get(paid_for(buyer, purpose, subject))["Location"] == page.format(subject)


def test_a_seat_is_returned_to_by_its_happening():
    happening, guest = showroom.happening(price=Decimal("500.00"), offer_hours=2), Visitor("client")
    guest.post(f"/events/{happening.id}/register/")
    seat = Registration.objects.get()
    assert guest.get(paid_for(guest, Purpose.TICKET, seat.id))["Location"] == f"/events/{happening.id}/"
    assert guest.get(paid_for(guest, Purpose.TICKET, uuid7()))["Location"] == "/events/"


def test_nobody_learns_of_anothers_payment():
    payment = payments.payment(payments.order())
    assert Visitor("client").get(f"/paid/{payment.id}/").status_code == 404
    assert Visitor("client").get(f"/paid/{UUID(int=0)}/").status_code == 404
    assert "/sign-in/" in Visitor().get(f"/paid/{payment.id}/")["Location"]
