from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.outside.provider_http import NoAnswer
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events, drain_outbox
from payments import services
from payments.errors import RefundExceedsPayment, WrongPaymentState, WrongRefundState
from payments.models import LedgerLine, Payment, Purpose, Refund, RefundStatus, Status
from payments.providers.sandbox import SandboxProvider
from payments.public import OrderMoney, ledger_disagreements, money_by_order, provider_disagreements
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])


def refunded(payment):
    payment = make.again(payment)
    return payment.status, payment.refunded_amount, payment.refund_pending


def path(payment):
    return f"/payments/{payment.id}/refund"


def test_a_part_goes_back_and_then_the_rest(sandbox):
    payment = make.paid(make.order(total="900000.00"))
    manager = Api("manager")
    first = manager.post(path(payment), {"amount": "100000.00", "reason": "a scratch"})
    assert (first.status_code, first.json()["status"]) == (201, "submitted")
    assert refunded(payment) == (Status.COMPLETED, 0, Decimal(100_000))
    with capture_events("payments") as more:
        drain_outbox("payments")
    assert more == ["payment.refunded"]
    assert refunded(payment) == (Status.PARTIALLY_REFUNDED, Decimal(100_000), 0)
    rest = manager.post(path(payment), {"reason": "the whole car"}).json()
    assert (rest["amount"], rest["status"]) == ("800000.00", "requested")
    Api("manager").post(f"/refunds/{rest['id']}/approve")
    drain_outbox("payments")
    assert refunded(payment) == (Status.REFUNDED, Decimal(900_000), 0)
    over = manager.post(path(payment), {"reason": "greed"})
    assert (over.status_code, over.json()["code"]) == (409, "refund_exceeds_payment")
    assert sorted(str(row["amount"]) for row in sandbox.rows(payment)) == ["100000.00", "800000.00", "900000.00"]
    assert sum(LedgerLine.objects.filter(account_id="provider:sandbox").values_list("amount", flat=True)) == 0
    assert list(money_by_order()) == [OrderMoney(payment.order_id, Decimal(900_000), Decimal(900_000))]
    assert ledger_disagreements() == []
    assert [item for item in provider_disagreements() if item.kind != "charge_unknown"] == []


def test_more_than_is_left_is_refused_and_nothing_happens():
    payment = make.paid(make.order(total="1000.00"))
    make.refund(payment, "600.00")
    with capture_events("payments") as more:
        response = Api("manager").post(path(payment), {"amount": "400.01", "reason": "x"})
    assert (response.status_code, response.json()["refundable"]) == (409, "400.00")
    assert Refund.objects.count() == 1
    assert more == []


@pytest.mark.parametrize(
    "body",
    [{}, {"reason": ""}, {"reason": "x", "amount": "0"}, {"reason": "x", "amount": "1.001"}, {"reason": "x" * 300}],
)
def test_bad_input_is_refused(body):
    payment = make.paid(method="cash")
    assert Api("manager").post(path(payment), body).status_code == 400
    assert not Refund.objects.exists()


def test_a_card_number_in_the_reason_is_refused():
    payment = make.paid(method="cash")
    response = Api("manager").post(path(payment), {"reason": "to 5555 5555 5555 4444 please"})
    assert (response.status_code, response.json()["code"]) == (400, "card_number_refused")
    assert not Refund.objects.exists()


def test_only_managers_refund_and_see_refunds():
    payment = make.paid(method="cash")
    refund = make.refund(payment)
    client = Api("client", user_id=payment.customer_id)
    for method, where in [
        ("post", path(payment)),
        ("get", "/refunds"),
        ("get", f"/refunds/{refund.id}"),
        ("post", f"/refunds/{refund.id}/approve"),
        ("post", f"/refunds/{refund.id}/reject"),
        ("post", f"/refunds/{refund.id}/retry"),
    ]:
        body = None if method == "get" else {"reason": "x"}
        assert client.request(method, where, body).status_code == 403
        assert Api().request(method, where, body).status_code == 401
    assert make.again(refund).status == RefundStatus.REQUESTED
    assert Api("manager").post(f"/payments/{uuid7()}/refund", {"reason": "x"}).status_code == 404
    assert Api("manager").post(f"/refunds/{uuid7()}/approve").status_code == 404


def test_what_was_not_taken_cannot_go_back():
    payment = make.payment()
    with pytest.raises(WrongPaymentState):
        make.refund(payment)
    assert not Refund.objects.exists()


@pytest.mark.parametrize("purpose", [each for each in Purpose if each != Purpose.ORDER])
def test_what_paid_for_no_order_goes_back_where_it_is_undone(sandbox, purpose):
    """Else the policy, the seat or the smaller loan would stay, and the money be gone."""
    payment = make.paid()
    Payment.objects.filter(pk=payment.pk).update(purpose=purpose, order_id=None, subject_id=payment.order_id)
    answer = Api("manager").post(path(payment), {"reason": "asked for it"})
    assert (answer.status_code, answer.json()["code"], answer.json()["purpose"]) == (409, "refund_elsewhere", purpose)
    assert not Refund.objects.exists()
    assert refunded(payment) == (Status.COMPLETED, 0, 0)


def test_a_large_refund_needs_a_second_person(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 1000
    payment = make.paid(make.order(total="2000.00"))
    asking = Api("manager")
    refund = asking.post(path(payment), {"amount": "1500.00", "reason": "x"}).json()
    assert refund["status"] == "requested"
    with capture_events("payments") as more:
        response = asking.post(f"/refunds/{refund['id']}/approve")
        drain_outbox("payments")
    assert (response.status_code, response.json()["code"]) == (403, "four_eyes")
    assert more == []
    other = Api("manager")
    assert other.post(f"/refunds/{refund['id']}/approve").json()["status"] == "submitted"
    assert other.post(f"/refunds/{refund['id']}/approve").status_code == 409
    drain_outbox("payments")
    assert refunded(payment)[1] == Decimal(1500)


def test_a_large_refund_cannot_be_cut_into_small_ones(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 1000
    payment = make.paid(make.order(total="2000.00"))
    assert make.refund(payment, "900.00").status == RefundStatus.SUBMITTED
    assert make.refund(payment, "900.00").status == RefundStatus.REQUESTED


def test_a_rejected_refund_frees_its_amount(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 0
    payment = make.paid(make.order(total="2000.00"))
    refund = make.refund(payment)
    shown = Api("manager").post(f"/refunds/{refund.id}/reject").json()
    assert shown["status"] == "rejected"
    assert refunded(payment) == (Status.COMPLETED, 0, 0)
    with pytest.raises(WrongRefundState):
        services.approve_refund(refund_id=refund.id, actor_id=uuid7(), now=timezone.now())


def test_a_failed_refund_frees_its_amount_and_is_tried_again_once(sandbox):
    payment = make.paid(make.order(total="2000.00"), token="tok_refund_fails")
    refund = make.refund(payment)
    with capture_events("payments") as more:
        drain_outbox("payments")
    refund = make.again(refund)
    assert (refund.status, refund.failure_code) == (RefundStatus.FAILED, "refund_refused")
    assert refunded(payment) == (Status.COMPLETED, 0, 0)
    assert more == ["payment.refund_pending"]
    shown = Api("manager").post(f"/refunds/{refund.id}/retry").json()
    assert (shown["status"], shown["attempt"], shown["failure_code"]) == ("submitted", 2, "")
    assert Api("manager").post(f"/refunds/{refund.id}/retry").status_code == 409
    drain_outbox("payments")
    assert make.again(refund).status == RefundStatus.SUCCEEDED
    assert refunded(payment) == (Status.REFUNDED, Decimal(2000), 0)
    assert ledger_disagreements() == []


def test_a_failed_refund_is_not_retried_beyond_what_is_left():
    payment = make.paid(make.order(total="2000.00"), token="tok_refund_fails")
    failed = make.refund(payment, "1500.00")
    drain_outbox("payments")
    make.refund(payment, "1000.00")
    with pytest.raises(RefundExceedsPayment):
        services.retry_refund(refund_id=failed.id, now=timezone.now())


def test_an_unanswered_refund_is_asked_about(monkeypatch):
    payment = make.paid(make.order(total="2000.00"))
    refund = make.refund(payment)
    really = SandboxProvider.refund

    def lose_the_answer(self, key, request):
        really(self, key, request)
        raise NoAnswer("lost")

    monkeypatch.setattr(SandboxProvider, "refund", lose_the_answer)
    drain_outbox("payments")
    assert make.again(refund).status == RefundStatus.SUBMITTED
    make.drain()
    assert make.again(refund).status == RefundStatus.SUCCEEDED
    assert refunded(payment)[1] == Decimal(2000)


def test_cash_counts_as_handed_back_when_approved():
    payment = make.paid(make.order(total="2000.00"), method="cash")
    assert make.refund(payment, "500.00").status == RefundStatus.SUCCEEDED
    assert refunded(payment) == (Status.PARTIALLY_REFUNDED, Decimal(500), 0)
    assert sum(LedgerLine.objects.filter(account_id="cash").values_list("amount", flat=True)) == Decimal(1500)


def test_the_same_key_is_one_refund():
    payment = make.paid(make.order(total="2000.00"))
    api = Api("manager")
    body = {"amount": "500.00", "reason": "x"}
    first = api.post(path(payment), body, Idempotency_Key="r1")
    second = api.post(path(payment), body, Idempotency_Key="r1")
    assert first.json() == second.json()
    assert Refund.objects.count() == 1


def test_filters_of_refunds():
    payment = make.paid(make.order(total="2000.00"), method="cash")
    refund = make.refund(payment, "5.00")
    api = Api("manager")
    assert [row["id"] for row in api.get(f"/refunds?payment_id={payment.id}").json()["results"]] == [str(refund.id)]
    assert api.get("/refunds?status=failed").json()["results"] == []
    assert api.get("/refunds?status=odd").status_code == 400
    assert api.get(f"/refunds/{refund.id}").headers["ETag"]


@pytest.mark.parametrize("status", ["completed", "returning", "returned"])
def test_after_the_handover_the_sale_is_undone_by_a_return(status):
    ordered = make.order()
    payment = make.paid(ordered, method="cash")
    services.copy_orders(commands=[make.moved(ordered, status)])
    with capture_events("payments") as published:
        answer = Api("manager").post(path(payment), {"reason": "changed my mind"})
    assert (answer.status_code, answer.json()["code"], published) == (409, "use_return", [])
    assert not Refund.objects.exists()


def test_orders_hear_what_waits_to_go_back_and_that_it_waits_no_more(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 0
    payment = make.paid(make.order(), method="cash")
    Api("manager").post(path(payment), {"reason": "scratches", "amount": "1000.00"})
    services.reject_refund(refund_id=Refund.objects.get().id, actor_id=uuid7(), now=timezone.now())
    rows = OutboxEvent.objects.using("payments").filter(type="payment.refund_pending").order_by("n")
    assert [row.data["refund_pending"] for row in rows] == ["1000.00", "0.00"]
