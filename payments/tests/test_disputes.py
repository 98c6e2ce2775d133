from decimal import Decimal

import pytest
from django.utils import timezone

from core.testing import Api
from messaging.testing import capture_events, drain_outbox
from payments import services
from payments.errors import WrongPaymentState
from payments.models import Dispute, LedgerEntry, Refund, RefundSource, RefundStatus, Status, WebhookEvent
from payments.public import ledger_disagreements
from payments.tests import make
from payments.tests.test_receive_webhook import message, send

pytestmark = pytest.mark.django_db(databases=["payments"])


def report(payment, kind, **more):
    assert send(message(payment, kind, **more)).status_code == 200
    drain_outbox("payments")
    return make.again(payment)


def test_a_dispute_freezes_refunds_until_it_is_won():
    payment = make.paid(make.order(total="1000.00"))
    assert report(payment, "dispute.opened", dispute_id="dp_1").status == Status.DISPUTED
    response = Api("manager").post(f"/payments/{payment.id}/refund", {"amount": "10.00", "reason": "x"})
    assert (response.status_code, response.json()["code"]) == (409, "wrong_payment_state")
    assert not Refund.objects.exists()
    assert report(payment, "dispute.won", dispute_id="dp_1").status == Status.COMPLETED
    assert report(payment, "dispute.opened", dispute_id="dp_1").status == Status.COMPLETED
    assert Api("manager").post(f"/payments/{payment.id}/refund", {"amount": "10.00", "reason": "x"}).status_code == 201


def test_a_lost_dispute_is_money_gone():
    payment = make.paid(make.order(total="1000.00"))
    with capture_events("payments") as more:
        report(payment, "dispute.opened", dispute_id="dp_1")
        assert report(payment, "dispute.lost", dispute_id="dp_1").status == Status.REFUNDED
    assert more.count("payment.refunded") == 1
    refund = Refund.objects.get()
    assert (refund.source, refund.status, refund.amount) == (RefundSource.DISPUTE, RefundStatus.SUCCEEDED, 1000)
    assert ledger_disagreements() == []


def test_a_dispute_for_more_than_is_left_waits_for_a_person():
    payment = make.paid(make.order(total="1000.00"))
    make.refund(payment, "300.00")
    drain_outbox("payments")
    report(payment, "dispute.opened", dispute_id="dp_1")
    assert report(payment, "dispute.lost", dispute_id="dp_1").refunded_amount == 300
    assert WebhookEvent.objects.filter(outcome="unmatched").count() == 1
    assert Dispute.objects.get().status == "lost"
    assert ledger_disagreements() == []


def test_a_refund_that_comes_back_is_ours_again_and_can_be_retried(sandbox):
    payment = make.paid(make.order(total="1000.00"))
    refund = make.refund(payment, "400.00")
    drain_outbox("payments")
    refund = make.again(refund)
    assert refund.status == RefundStatus.SUCCEEDED
    with capture_events("payments") as more:
        back = report(
            payment,
            "refund.failed",
            amount="400.00",
            refund_id=str(refund.id),
            provider_refund_id=refund.provider_ref,
            failure_code="account_closed",
        )
    assert (back.refunded_amount, back.status) == (0, Status.COMPLETED)
    assert more[-1] == "payment.refund_failed"
    assert ledger_disagreements() == []
    services.retry_refund(refund_id=refund.id, now=timezone.now())
    drain_outbox("payments")
    assert make.again(payment).refunded_amount == 400
    old = report(
        payment,
        "refund.failed",
        amount="400.00",
        refund_id=str(refund.id),
        provider_refund_id=refund.provider_ref,
    )
    assert old.refunded_amount == 400  # news of the first attempt
    assert ledger_disagreements() == []


@pytest.mark.parametrize("told", [{"amount": Decimal(999), "currency": "RUB"}, {"amount": None, "currency": "USD"}])
def test_another_amount_or_currency_leaves_the_payment_to_a_person(told):
    payment = make.payment(make.order(total="1000.00"), token="tok_3ds")
    drain_outbox("payments")
    report = services.ChargeReport(Status.COMPLETED, **told)
    with capture_events("payments") as more:
        assert services.apply_report(payment_id=payment.id, report=report, now=timezone.now()) is False
    stands = make.again(payment)
    assert (stands.status, stands.failure_code) == (Status.UNKNOWN, "conflicting_answer")
    assert stands.failure_detail == f"The provider says completed {told['amount']} {told['currency']}."
    assert more == []
    later = services.ChargeReport(Status.REQUIRES_ACTION, action_url="https://bank.example/3ds")
    assert services.apply_report(payment_id=payment.id, report=later, now=timezone.now()) is False
    assert (make.again(payment).status, make.again(payment).action_url) == (Status.UNKNOWN, "")
    assert not LedgerEntry.objects.exists()
    assert ledger_disagreements() == []


def test_what_nobody_can_be_asked_about_is_decided_by_evidence():
    payment = make.payment(token="tok_timeout")
    drain_outbox("payments")
    assert make.again(payment).status == Status.UNKNOWN
    done = services.resolve_payment(
        payment_id=payment.id, is_taken=True, evidence="statement of 21 Nov", actor_id=payment.id, now=timezone.now()
    )
    assert (done.status, done.failure_detail) == (Status.COMPLETED, "statement of 21 Nov")
    with pytest.raises(WrongPaymentState):
        services.resolve_payment(
            payment_id=payment.id, is_taken=False, evidence="", actor_id=payment.id, now=timezone.now()
        )
    assert ledger_disagreements() == []


def test_a_hold_is_captured_or_called_off(sandbox):
    order = make.order(total="1000.00")
    api = Api("client", user_id=order.customer_id)
    body = {"order_id": str(order.id), "method": "card", "token": "tok_success", "capture": "manual"}
    held = api.post("/payments", body).json()
    drain_outbox("payments")
    assert api.get(f"/payments/{held['id']}").json()["status"] == "authorized"
    assert Api("manager").post(f"/payments/{held['id']}/capture").status_code == 200
    drain_outbox("payments")
    assert api.get(f"/payments/{held['id']}").json()["status"] == "completed"
    assert Api("manager").post(f"/payments/{held['id']}/capture").status_code == 409
    other = make.order(total="500.00")
    held = make.paid(other, is_hold=True)
    services.cancel_payment(payment_id=held.id, now=timezone.now())
    drain_outbox("payments")
    assert make.again(held).status == Status.CANCELLED
    assert sandbox.rows(held)[0]["status"] == "cancelled"
    bad = Api("client", user_id=other.customer_id).post(
        "/payments", {"order_id": str(other.id), "method": "cash", "capture": "manual"}
    )
    assert bad.status_code == 400
    assert ledger_disagreements() == []
