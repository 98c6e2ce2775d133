"""The page that gives a part of a payment back: what it shows first, what it then does, and to whom it says no."""

from decimal import Decimal

import pytest
from django.test import Client

from accounts.tests.make import user as person
from core.ids import uuid7
from gateway.models import Approval, GivenAway, KnownPerson
from messaging.testing import capture_events
from payments.models import Refund, RefundStatus
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["accounts", "payments"])


@pytest.fixture
def manager():
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(person("manager"), backend="accounts.backends.EmailBackend")
    return client


def address(payment):
    return f"/admin/payments/payment/{payment.pk}/refund-part/"


def ask(manager, payment, amount="150 000", reason="a scratch", *, follow=False, **more):
    return manager.post(address(payment), {"amount": amount, "reason": reason, **more}, follow=follow)


def text(answer):
    return answer.content.decode().replace("\u00a0", " ")


def known(payment, name="Anna Petrova"):
    KnownPerson.objects.using("payments").create(person_id=payment.customer_id, name=name)


def test_it_names_order_payer_and_sums_and_offers_what_is_left(manager):
    payment = make.paid(amount=Decimal(900_000))
    known(payment)
    shown = text(manager.get(address(payment)))
    assert "2026-000001" in shown
    assert "Anna Petrova" in shown
    assert "900,000" in shown or "900 000" in shown
    assert "/refund-part/" in text(manager.get(f"/admin/payments/payment/{payment.pk}/change/"))


def test_the_preview_says_what_happens_and_does_nothing(manager):
    payment = make.paid()
    with capture_events("payments") as more:
        shown = text(ask(manager, payment))
    assert "150 000.00 ₽ go back to the card it was paid by." in shown
    assert "850 000.00 ₽ of the payment stay with the dealer." in shown
    assert "Give the money back" in shown
    assert more == []
    assert not Refund.objects.exists()
    assert not GivenAway.objects.using("payments").exists()
    assert make.again(payment).refund_pending == 0


def test_then_it_is_done_once_with_the_reason(manager):
    payment = make.paid(method="cash")
    known(payment)
    given = {"amount": "150 000", "seen": str(payment.version)}
    answer = ask(manager, payment, **given, follow=True)
    assert answer.redirect_chain == [(f"/admin/payments/payment/{payment.pk}/change/", 302)]
    refund = Refund.objects.get()
    assert (refund.amount, refund.reason, refund.status) == (Decimal(150_000), "a scratch", RefundStatus.SUCCEEDED)
    said = [str(item) for item in answer.context["messages"]]
    assert said == ["2026-000001, Anna Petrova, 1\u00a0000\u00a0000.00\u00a0₽: 150\u00a0000.00\u00a0₽ go back."]
    again = ask(manager, payment, **given)
    assert again.status_code == 400, "a second click finds the payment changed"
    assert Refund.objects.count() == 1


def test_above_the_limit_the_preview_says_who_has_to_agree_and_leaves_no_request(manager, settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000
    payment = make.paid()
    shown = text(ask(manager, payment))
    assert "waits for a second person" in shown
    assert "Ask a second person" in shown
    assert not Approval.objects.using("payments").exists()
    ask(manager, payment, seen=str(payment.version))
    assert Refund.objects.get().status == RefundStatus.REQUESTED
    assert Approval.objects.using("payments").get().reason == "a scratch"


@pytest.mark.parametrize(
    ("amount", "reason", "said"),
    [
        ("1 000 000,01", "x", "This is more than is left of the payment."),
        ("0", "x", "greater than or equal to 0.01"),
        ("-5", "x", "greater than or equal to 0.01"),
        ("much", "x", "Write an amount"),
        ("1,005.123", "x", "decimal places"),
        ("5", "", "This field is required."),
    ],
)
def test_a_wrong_amount_or_no_reason_is_said_beside_it(manager, amount, reason, said):
    payment = make.paid()
    for more in ({}, {"seen": str(payment.version)}):
        answer = ask(manager, payment, amount, reason, **more)
        assert (answer.status_code, said in text(answer)) == (400, True)
    assert not Refund.objects.exists()


def test_what_was_previewed_may_be_changed(manager):
    payment = make.paid()
    shown = text(ask(manager, payment, seen=str(payment.version), change="1"))
    assert "Show what happens" in shown
    assert 'value="150 000"' in shown
    assert not Refund.objects.exists()


def test_goods_that_were_handed_over_and_money_that_never_came_are_refused_in_words(manager):
    payment = make.payment(method="cash")
    assert "The payment cannot do this in its present state." in text(ask(manager, payment, "5"))


def test_it_is_for_staff_and_for_payments_that_are_there(manager):
    payment = make.paid()
    assert manager.get(f"/admin/payments/payment/{uuid7()}/refund-part/").status_code == 404
    stranger, buyer = Client(), Client()
    buyer.force_login(person("client"), backend="accounts.backends.EmailBackend")
    for outsider in (stranger, buyer):
        answer = ask(outsider, payment, seen=str(payment.version))
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")
    assert not Refund.objects.exists()
