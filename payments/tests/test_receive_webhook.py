import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from django.conf import settings as configured
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from core.ids import uuid7
from messaging.testing import capture_events, drain_outbox, published
from payments import handlers
from payments.events import WebhookReceived
from payments.models import LedgerEntry, Status, WebhookEvent, WebhookOutcome
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])
PATH = "/api/v1/payments/webhooks/sandbox"


def message(payment, kind="payment.completed", **changes):
    data = {"payment_id": str(payment.id), "amount": str(payment.amount), "currency": payment.currency} | changes
    return {"id": f"evt_{uuid7()}", "type": kind, "created_at": datetime.now(UTC).isoformat(), "data": data}


def send(body, *, secret=None, at=None, event_id=None, path=PATH, raw=None, **headers):
    text = json.dumps(body) if raw is None else raw
    moment = at or datetime.now(UTC)
    event_id = event_id or body["id"]
    signature = Webhook(secret or configured.SANDBOX_WEBHOOK_SECRET).sign(event_id, moment, text)
    signed = {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }
    client = Client(raise_request_exception=False)
    return client.post(path, data=text, content_type="application/json", headers=signed | headers)


def outcome(body, **options):
    """Send, let the worker apply it, and tell what it came to."""
    response = send(body, **options)
    assert response.status_code == 200, response.content
    event = WebhookEvent.objects.get(event_id=options.get("event_id") or body["id"])
    handlers.apply_webhook(WebhookReceived(webhook_id=event.id, subject=""))
    return make.again(event).outcome


def test_a_payment_is_completed_by_a_webhook_once():
    payment = make.payment(token="tok_3ds")
    drain_outbox("payments")
    body = message(payment)
    first = send(body)
    assert (first.status_code, first.json()["outcome"]) == (200, "received")
    assert make.again(payment).status == Status.REQUIRES_ACTION
    drain_outbox("payments")
    assert make.again(payment).status == Status.COMPLETED
    with capture_events("payments") as more:
        assert outcome(body) == "applied"
    assert more == []
    assert outcome(message(payment)) == "old_news"
    assert outcome(message(payment, "payment.failed")) == "old_news"
    assert make.again(payment).status == Status.COMPLETED
    assert LedgerEntry.objects.count() == 1


def test_the_webhook_and_the_answer_of_the_call_make_one_payment(sandbox):
    payment = make.payment()
    outcome(message(payment))
    drain_outbox("payments")
    assert published("payments") == ["payment.created", "payment.webhook_received", "payment.completed"]


def test_a_declined_payment_says_why():
    payment = make.payment(token="tok_3ds")
    outcome(message(payment, "payment.failed", failure_code="authentication_failed"))
    payment = make.again(payment)
    assert (payment.status, payment.failure_code) == (Status.FAILED, "authentication_failed")


@pytest.mark.parametrize(
    "tamper",
    [
        {"secret": "whsec_b3RoZXI="},
        {"at": datetime.now(UTC) - timedelta(days=1)},
        {"at": datetime.now(UTC) + timedelta(days=1)},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-id": "evt_other"},
    ],
)
def test_a_forged_webhook_changes_nothing(tamper):
    payment = make.payment(token="tok_3ds")
    response = send(message(payment), **tamper)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_signature")
    assert make.again(payment).status == Status.PENDING
    assert not WebhookEvent.objects.exists()


def test_an_unsigned_webhook_is_forged():
    response = Client().post(PATH, data="{}", content_type="application/json")
    assert response.status_code == 401


def test_an_unknown_provider_does_not_exist():
    payment = make.payment()
    assert send(message(payment), path="/api/v1/payments/webhooks/nobody").status_code == 404
    assert send(message(payment), path=f"{PATH}/").status_code == 200


@pytest.mark.parametrize("changes", [{"amount": "1.00"}, {"currency": "USD"}, {"amount": None}, {"amount": "NaN"}])
def test_another_amount_is_kept_for_a_person_and_changes_nothing(changes):
    payment = make.payment(token="tok_3ds")
    assert outcome(message(payment, **changes)) == WebhookOutcome.MISMATCH
    assert make.again(payment).status == Status.PENDING


def test_strange_messages_are_kept_and_change_nothing():
    payment = make.payment(method="cash")
    assert outcome(message(payment)) == "unknown_payment"
    assert outcome(message(payment, payment_id="seven")) == "unknown_payment"
    assert outcome(message(payment, "charge.sneezed")) == "ignored"
    assert outcome(message(payment) | {"data": []}) == "unknown_payment"
    assert make.again(payment).status == Status.PENDING
    assert send({}, raw="not json", event_id="e1").status_code == 400
    assert send({}, raw="[]", event_id="e2").status_code == 400


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(
        st.sampled_from(["payment.processing", "payment.failed", "payment.completed"]), min_size=2, max_size=4
    ),
    seed=st.randoms(use_true_random=False),
)
def test_any_order_and_repetition_ends_in_the_same_state(kinds, seed):
    ends = set()
    for order in (kinds, seed.sample(kinds, len(kinds)), [*kinds[::-1], kinds[0]]):
        payment = make.payment(token="tok_3ds", amount=Decimal(100))
        for kind in order:
            outcome(message(payment, kind))
        payment = make.again(payment)
        booked = LedgerEntry.objects.filter(payment=payment).count()
        ends.add((payment.status, payment.failure_code, booked))
    assert len(ends) == 1


def test_every_permutation_of_four_messages_with_the_answer_in_between():
    ends = set()
    for order in permutations(["payment.processing", "payment.failed", "payment.completed", "answer"]):
        payment = make.payment(token="tok_success", amount=Decimal(100))
        for kind in order:
            if kind == "answer":
                drain_outbox("payments")
            else:
                outcome(message(payment, kind))
        ends.add((make.again(payment).status, LedgerEntry.objects.filter(payment=payment).count()))
    assert ends == {(Status.COMPLETED, 1)}
