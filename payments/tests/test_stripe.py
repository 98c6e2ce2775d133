"""Our Stripe adapter against a local sandbox that answers in the shapes Stripe answers in."""

import json
import re
import time
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
import stripe
from django.test import Client
from werkzeug import Response

from core.ids import uuid7
from core.outside.provider_http import NoAnswer, Refused, TransientFault
from messaging.testing import drain_outbox
from payments.models import Dispute, Refund, RefundSource, RefundStatus, Status, WebhookEvent
from payments.providers import provider
from payments.public import ledger_disagreements
from payments.tests import make
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["payments"])
SECRET = "whsec_stripe"
_DECLINED = {
    "type": "card_error",
    "code": "card_declined",
    "decline_code": "insufficient_funds",
    "message": "No money.",
}


class Bank:
    """Stripe as far as we use it: forms in, objects out, one object per Idempotency-Key."""

    def __init__(self, server):
        self.server, self.by_key, self.by_id, self.fault = server, {}, {}, None
        for method, path, act in [
            ("POST", r"/v1/payment_intents", self.create),
            ("GET", r"/v1/payment_intents/search", self.search),
            ("GET", r"/v1/payment_intents/pi_\d+", self.retrieve),
            ("POST", r"/v1/payment_intents/pi_\d+/capture", self.capture),
            ("POST", r"/v1/payment_intents/pi_\d+/cancel", self.cancel),
            ("POST", r"/v1/checkout/sessions", self.open_page),
            ("GET", r"/v1/checkout/sessions/cs_\d+", self.show_page),
            ("POST", r"/v1/checkout/sessions/cs_\d+/expire", self.close_page),
            ("POST", r"/v1/refunds", self.refund),
            ("GET", r"/v1/refunds", self.refunds),
        ]:
            server.expect_request(re.compile(f"^{path}$"), method=method).respond_with_handler(self.faulty(act))

    def faulty(self, act):
        def answer(request):
            assert request.headers["Authorization"] == "Bearer sk_test_1"
            if self.fault == "before":
                return shown({"error": {"type": "api_error", "message": "Slow down."}}, 429)
            given = act(request)
            if self.fault == "after":
                return Response("<html>Bad gateway</html>", 502)
            return given

        return answer

    def create(self, request):
        form = {name: values[0] for name, values in parse_qs(request.get_data(as_text=True)).items()}
        key = request.headers["Idempotency-Key"]
        if key not in self.by_key:
            self.by_key[key] = self.intent(form)
        intent = self.by_key[key]
        if intent["status"] == "requires_payment_method":
            return shown({"error": _DECLINED | {"payment_intent": intent}}, 402)
        return shown(intent)

    def intent(self, form):
        token = form["payment_method"]
        status = "succeeded" if form["capture_method"] == "automatic" else "requires_capture"
        status = {"pm_declined": "requires_payment_method", "pm_3ds": "requires_action"}.get(token, status)
        made = {
            "id": f"pi_{len(self.by_id)}",
            "object": "payment_intent",
            "amount": int(form["amount"]),
            "currency": form["currency"],
            "status": status,
            "metadata": {"payment_id": form["metadata[payment_id]"]},
            "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.test/3ds"}},
            "last_payment_error": _DECLINED if status == "requires_payment_method" else None,
        }
        self.by_id[made["id"]] = made
        return made

    def open_page(self, request):
        form = {name: values[0] for name, values in parse_qs(request.get_data(as_text=True)).items()}
        made = {
            "id": f"cs_{len(self.by_id)}",
            "object": "checkout.session",
            "status": "open",
            "url": "https://checkout.stripe.test/page",
            "payment_intent": None,
            "amount_total": int(form["line_items[0][price_data][unit_amount]"]),
            "currency": form["line_items[0][price_data][currency]"],
            "metadata": {"payment_id": form["metadata[payment_id]"]},
            "intent": {
                "amount": form["line_items[0][price_data][unit_amount]"],
                "currency": form["line_items[0][price_data][currency]"],
                "capture_method": form["payment_intent_data[capture_method]"],
                "metadata[payment_id]": form["payment_intent_data[metadata][payment_id]"],
            },
        }
        made = self.by_key.setdefault(request.headers["Idempotency-Key"], made)
        self.by_id[made["id"]] = made
        return shown({name: value for name, value in made.items() if name != "intent"})

    def pay_on(self, page, token="pm_card_visa"):
        """The payer enters a card on the page."""
        intent = self.intent(page["intent"] | {"payment_method": token})
        intent["metadata"]["page"] = "1"
        if intent["status"] == "succeeded":
            page |= {"status": "complete", "payment_intent": intent}
        return intent

    def show_page(self, request):
        return shown(self.by_id[request.path.split("/")[4]])

    def close_page(self, request):
        page = self.by_id[request.path.split("/")[4]]
        if page["status"] != "open":
            return shown({"error": {"type": "invalid_request_error", "message": "not open"}}, 400)
        page["status"] = "expired"
        return shown(page)

    def retrieve(self, request):
        return shown(self.by_id[request.path.split("/")[3]])

    def search(self, request):
        found = [row for row in self.by_id.values() if row["metadata"]["payment_id"] in request.args["query"]]
        return shown({"object": "search_result", "data": found, "has_more": False, "url": "/v1/payment_intents/search"})

    def capture(self, request):
        intent = self.by_id[request.path.split("/")[3]]
        intent["status"] = "succeeded"
        return shown(intent)

    def cancel(self, request):
        intent = self.by_id[request.path.split("/")[3]]
        if intent["status"] == "succeeded":
            return shown({"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}}, 400)
        intent["status"] = "canceled"
        return shown(intent)

    def refund(self, request):
        form = {name: values[0] for name, values in parse_qs(request.get_data(as_text=True)).items()}
        key = request.headers["Idempotency-Key"]
        made = self.by_key.setdefault(
            key,
            {
                "id": f"re_{len(self.by_key)}",
                "object": "refund",
                "amount": int(form["amount"]),
                "currency": "rub",
                "status": "succeeded",
                "payment_intent": form["payment_intent"],
                "metadata": {"refund_id": form["metadata[refund_id]"], "key": form["metadata[key]"]},
            },
        )
        return shown(made)

    def refunds(self, request):
        rows = [row for row in self.by_key.values() if row["object"] == "refund"]
        return shown({"object": "list", "data": rows, "has_more": False, "url": "/v1/refunds"})


def shown(data, status=200):
    return Response(json.dumps(data), status, content_type="application/json")


@pytest.fixture
def bank(httpserver, settings):
    settings.PAYMENT_PROVIDER = "stripe"
    settings.STRIPE_URL = httpserver.url_for("").rstrip("/")
    settings.STRIPE_API_KEY, settings.STRIPE_WEBHOOK_SECRET = "sk_test_1", SECRET
    settings.BREAKER_FAILURES = 1000
    return Bank(httpserver)


def notify(kind, thing, *, secret=SECRET, at=None, event_id=None):
    body = json.dumps({"id": event_id or f"evt_{uuid7()}", "object": "event", "type": kind, "data": {"object": thing}})
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return Client(raise_request_exception=False).post(
        "/api/v1/payments/webhooks/stripe",
        data=body,
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )


def test_a_card_pays_and_part_of_it_goes_back(bank):
    payment = make.paid(make.order(total="1234.56"), token="pm_card_visa")
    assert (payment.status, payment.provider, payment.provider_ref) == (Status.COMPLETED, "stripe", "pi_0")
    assert bank.by_id["pi_0"]["amount"] == 123456
    refund = make.refund(payment, "0.56")
    drain_outbox("payments")
    assert make.again(refund).status == RefundStatus.SUCCEEDED
    assert make.again(payment).refunded_amount == Decimal("0.56")
    assert ledger_disagreements() == []


def test_a_refused_card_says_why(bank):
    payment = make.paid(token="pm_declined")
    assert (payment.status, payment.failure_code) == (Status.FAILED, "insufficient_funds")


def test_three_d_secure_ends_by_a_webhook(bank):
    payment = make.paid(token="pm_3ds")
    assert (payment.status, payment.action_url) == (Status.REQUIRES_ACTION, "https://hooks.stripe.test/3ds")
    assert notify("payment_intent.succeeded", bank.by_id["pi_0"] | {"status": "succeeded"}).status_code == 200
    drain_outbox("payments")
    assert make.again(payment).status == Status.COMPLETED


def test_a_card_that_nobody_named_is_asked_for_on_stripes_page(bank):
    payment = make.paid(make.order(total="1234.56"), token="")
    assert (payment.status, payment.action_url) == (Status.REQUIRES_ACTION, "https://checkout.stripe.test/page")
    page = bank.by_id["cs_0"]
    assert (page["amount_total"], page["currency"]) == (123456, "rub")
    refused = bank.pay_on(page, "pm_declined")
    notify("payment_intent.payment_failed", refused)
    drain_outbox("payments")
    assert make.again(payment).status == Status.REQUIRES_ACTION  # the page is still open for another card
    notify("payment_intent.succeeded", bank.pay_on(page))
    drain_outbox("payments")
    payment = make.again(payment)
    assert (payment.status, payment.provider_ref, payment.action_url) == (Status.COMPLETED, "pi_2", "")
    refund = make.refund(payment, "0.56")
    drain_outbox("payments")
    assert make.again(refund).status == RefundStatus.SUCCEEDED
    assert ledger_disagreements() == []


def test_a_page_is_closed_or_answers_as_what_was_paid_on_it(bank):
    stripe_ = provider("stripe")
    closed, paid = (make.paid(token="") for _ in range(2))
    assert stripe_.cancel("k", {"ref": closed.provider_ref})["status"] == "failed"
    bank.pay_on(bank.by_id[paid.provider_ref])
    assert stripe_.cancel("k2", {"ref": paid.provider_ref})["status"] == "succeeded"
    found = stripe_.find_charge("k3", {"ref": paid.provider_ref})
    assert (found["status"], found["id"].startswith("pi_")) == ("succeeded", True)


def test_a_page_that_ran_out_fails_the_payment(bank):
    payment = make.paid(token="")
    notify("checkout.session.expired", bank.by_id[payment.provider_ref] | {"status": "expired", "intent": None})
    drain_outbox("payments")
    assert (make.again(payment).status, make.again(payment).failure_code) == (Status.FAILED, "page_expired")


def test_money_is_held_then_captured_or_called_off(bank):
    held = make.paid(token="pm_card_visa", is_hold=True)
    assert held.status == Status.AUTHORIZED
    assert provider("stripe").capture("k", {"ref": held.provider_ref, "amount": "1"})["status"] == "succeeded"
    other = make.paid(token="pm_card_visa", is_hold=True)
    assert provider("stripe").cancel("k2", {"ref": other.provider_ref})["status"] == "cancelled"
    assert provider("stripe").cancel("k3", {"ref": held.provider_ref})["status"] == "succeeded"


def test_an_answer_that_got_lost_is_found_by_the_same_key(bank):
    bank.fault = "after"
    payment = make.paid(token="pm_card_visa")
    assert payment.status == Status.UNKNOWN
    bank.fault = None
    make.drain()
    assert make.again(payment).status == Status.COMPLETED
    assert len(bank.by_id) == 1


def test_what_stripe_did_not_take_is_tried_again_for_ever_with_its_key(bank):
    bank.fault = "before"
    payment = make.payment(token="pm_card_visa")
    make.drain()
    assert make.again(payment).status in (Status.PROCESSING, Status.UNKNOWN)
    bank.fault = None
    make.drain()
    assert make.again(payment).status == Status.COMPLETED
    assert len(bank.by_id) == 1


def test_an_absent_stripe_took_nothing(bank, settings):
    settings.STRIPE_URL = nowhere()
    with pytest.raises(TransientFault):
        provider("stripe").find_charge("k", {"ref": "pi_0"})
    settings.STRIPE_URL = bank.server.url_for("").rstrip("/")
    with pytest.raises((Refused, NoAnswer)):
        provider("stripe").find_charge("k", {"ref": "nobody"})


@pytest.mark.parametrize("tamper", [{"secret": "whsec_other"}, {"at": int(time.time()) - 3600}])
def test_a_forged_webhook_changes_nothing(bank, tamper):
    make.paid(token="pm_3ds")
    assert notify("payment_intent.succeeded", bank.by_id["pi_0"], **tamper).status_code == 401
    assert not WebhookEvent.objects.exists()


def test_a_refund_made_in_stripes_dashboard_is_matched_once(bank):
    payment = make.paid(make.order(total="1000.00"), token="pm_card_visa")
    refund = {"id": "re_9", "object": "refund", "amount": 30000, "currency": "rub", "status": "succeeded"}
    for kind in ("refund.created", "refund.updated"):
        notify(kind, refund | {"payment_intent": "pi_0", "metadata": {}})
    drain_outbox("payments")
    known = Refund.objects.get()
    assert (known.source, known.status, known.amount) == (RefundSource.PROVIDER, RefundStatus.SUCCEEDED, Decimal(300))
    assert make.again(payment).refunded_amount == Decimal(300)
    assert ledger_disagreements() == []


def test_a_lost_dispute_takes_the_money(bank):
    payment = make.paid(make.order(total="1000.00"), token="pm_card_visa")
    dispute = {"id": "dp_1", "object": "dispute", "amount": 100000, "currency": "rub", "payment_intent": "pi_0"}
    notify("charge.dispute.created", dispute | {"status": "needs_response"})
    drain_outbox("payments")
    assert make.again(payment).status == Status.DISPUTED
    notify("charge.dispute.closed", dispute | {"status": "lost"})
    drain_outbox("payments")
    assert Dispute.objects.get().status == "lost"
    assert (make.again(payment).status, Refund.objects.get().source) == (Status.REFUNDED, RefundSource.DISPUTE)
    assert ledger_disagreements() == []


def test_strange_messages_are_kept_or_refused(bank):
    assert notify("customer.created", {"object": "customer", "id": "cus_1"}).json() == {"outcome": "ignored"}
    assert notify("payment_intent.succeeded", {"object": "payment_intent"}).status_code == 400
