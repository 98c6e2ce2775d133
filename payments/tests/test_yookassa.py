"""Our YooKassa adapter against a local sandbox that answers in the shapes YooKassa answers in."""

import json
import re
from decimal import Decimal

import pytest
from django.test import Client
from werkzeug import Response

from core.outside.provider_http import TransientFault
from messaging.testing import drain_outbox
from payments.models import Refund, RefundSource, RefundStatus, Status, WebhookEvent
from payments.providers import provider
from payments.public import ledger_disagreements
from payments.tests import make
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["payments"])
FIRST, OTHER = f"p{0:035d}", f"r{9:035d}"
PAGE = "https://yoomoney.test/checkout"


class Bank:
    """YooKassa as far as we use it: one object per Idempotence-Key."""

    def __init__(self, server):
        self.server, self.by_key, self.by_id, self.fault = server, {}, {}, None
        for method, path, act in [
            ("POST", "/payments", self.create),
            ("GET", "/payments", self.listed),
            ("GET", r"/payments/p\d+", self.one),
            ("POST", r"/payments/p\d+/capture", self.capture),
            ("POST", r"/payments/p\d+/cancel", self.cancel),
            ("POST", "/refunds", self.refund),
            ("GET", "/refunds", self.refunds),
            ("GET", r"/refunds/r\d+", self.one),
        ]:
            server.expect_request(re.compile(f"^{path}$"), method=method).respond_with_handler(self.faulty(act))

    def faulty(self, act):
        def answer(request):
            assert request.headers["Authorization"].startswith("Basic ")
            given = act(request)
            return Response("<html>", 500) if self.fault == "after" else given

        return answer

    def create(self, request):
        body, key = request.get_json(), request.headers["Idempotence-Key"]
        if key not in self.by_key:
            self.by_key[key] = self.payment(body)
        return shown(self.by_key[key])

    def payment(self, body):
        status = "succeeded" if body["capture"] else "waiting_for_capture"
        made = {
            "id": f"p{len(self.by_id):035d}",
            "status": status,
            "amount": body["amount"],
            "metadata": body["metadata"],
            "paid": True,
            "test": True,
            "refundable": True,
            "recipient": {"account_id": "1", "gateway_id": "2"},
            "created_at": "2026-11-21T08:00:00.000Z",
        }
        if body.get("payment_token") == "declined":
            made |= {
                "status": "canceled",
                "cancellation_details": {"party": "payment_network", "reason": "insufficient_funds"},
            }
        if (body.get("payment_method_data") or {}).get("type") in ("sbp", "bank_card"):
            made |= {"status": "pending", "confirmation": {"type": "redirect", "confirmation_url": PAGE}}
        self.by_id[made["id"]] = made
        return made

    def one(self, request):
        found = self.by_id.get(request.path.rpartition("/")[2])
        return shown(found) if found else shown({"type": "error", "code": "not_found", "description": "?"}, 404)

    def listed(self, request):
        assert request.args["created_at.gte"]
        return shown({"type": "list", "items": [row for row in self.by_id.values() if row["id"].startswith("p")]})

    def capture(self, request):
        row = self.by_id[request.path.split("/")[2]]
        row["status"] = "succeeded"
        return shown(row)

    def cancel(self, request):
        row = self.by_id[request.path.split("/")[2]]
        if row["status"] != "waiting_for_capture":
            return shown({"type": "error", "code": "invalid_request", "description": "wrong status"}, 400)
        row |= {"status": "canceled", "cancellation_details": {"party": "merchant", "reason": "canceled_by_merchant"}}
        return shown(row)

    def refund(self, request):
        body, key = request.get_json(), request.headers["Idempotence-Key"]
        made = {
            "id": f"r{len(self.by_id):035d}",
            "status": "succeeded",
            "created_at": "2026-11-21T08:00:00.000Z",
        } | body
        if key not in self.by_key:
            self.by_key[key] = self.by_id[made["id"]] = made
        return shown(self.by_key[key])

    def refunds(self, request):
        return shown({"type": "list", "items": [row for row in self.by_id.values() if row["id"].startswith("r")]})


def shown(data, status=200):
    return Response(json.dumps(data), status, content_type="application/json")


@pytest.fixture
def bank(httpserver, settings):
    settings.PAYMENT_PROVIDER = "yookassa"
    settings.YOOKASSA_URL = httpserver.url_for("").rstrip("/")
    settings.YOOKASSA_SHOP_ID, settings.YOOKASSA_SECRET_KEY = "123456", "test_key"
    settings.YOOKASSA_NETWORKS = ["127.0.0.1/32"]
    settings.BREAKER_FAILURES = 1000
    return Bank(httpserver)


def notify(event, thing):
    body = {"type": "notification", "event": event, "object": thing}
    return Client(raise_request_exception=False).post(
        "/api/v1/payments/webhooks/yookassa", data=body, content_type="application/json"
    )


def test_a_card_pays_and_part_of_it_goes_back(bank):
    payment = make.paid(make.order(total="1234.56"), token="tok")
    assert (payment.status, payment.provider, payment.provider_ref) == (Status.COMPLETED, "yookassa", FIRST)
    assert bank.by_id[FIRST]["amount"] == {"value": "1234.56", "currency": "RUB"}
    refund = make.refund(payment, "0.56")
    drain_outbox("payments")
    assert make.again(refund).status == RefundStatus.SUCCEEDED
    assert make.again(payment).refunded_amount == Decimal("0.56")
    assert provider("yookassa").find_refund(refund.key, {"ref": FIRST})["status"] == "succeeded"
    assert ledger_disagreements() == []


def test_a_refused_card_says_why(bank):
    payment = make.paid(token="declined")
    assert (payment.status, payment.failure_code) == (Status.FAILED, "insufficient_funds")


@pytest.mark.parametrize("means", [{"method": "sbp"}, {"token": ""}])
def test_what_is_paid_on_yookassas_page_ends_by_a_webhook_that_is_asked_about(bank, means):
    payment = make.paid(**means)
    assert (payment.status, payment.action_url) == (Status.REQUIRES_ACTION, PAGE)
    lie = bank.by_id[FIRST] | {"status": "succeeded"}
    assert notify("payment.succeeded", lie).json() == {"outcome": "received"}
    drain_outbox("payments")
    assert make.again(payment).status == Status.REQUIRES_ACTION  # the bank itself says otherwise
    WebhookEvent.objects.all().delete()
    bank.by_id[FIRST]["status"] = "succeeded"
    notify("payment.succeeded", lie)
    drain_outbox("payments")
    assert make.again(payment).status == Status.COMPLETED


def test_money_is_held_then_captured_or_called_off(bank):
    held = make.paid(token="tok", is_hold=True)
    assert held.status == Status.AUTHORIZED
    about = {"ref": held.provider_ref, "amount": "1000000.00", "currency": "RUB"}
    assert provider("yookassa").capture("k", about)["status"] == "succeeded"
    other = make.paid(token="tok", is_hold=True)
    assert provider("yookassa").cancel("k2", {"ref": other.provider_ref})["status"] == "cancelled"
    assert provider("yookassa").cancel("k3", about)["status"] == "succeeded"


def test_an_answer_that_got_lost_is_found_among_the_payments(bank):
    bank.fault = "after"
    payment = make.paid(token="tok")
    assert payment.status == Status.UNKNOWN
    bank.fault = None
    make.drain()
    assert make.again(payment).status == Status.COMPLETED
    assert len(bank.by_id) == 1


def test_an_absent_yookassa_took_nothing(bank, settings):
    settings.YOOKASSA_URL = nowhere()
    with pytest.raises(TransientFault):
        provider("yookassa").find_charge("k", {"ref": FIRST})


def test_a_webhook_from_elsewhere_is_forged(bank, settings):
    settings.YOOKASSA_NETWORKS = []
    assert notify("payment.succeeded", {"id": FIRST}).status_code == 401
    assert not WebhookEvent.objects.exists()


def test_strange_messages_are_kept_or_refused(bank):
    assert notify("deal.closed", {"id": "d1"}).json() == {"outcome": "ignored"}
    assert notify("payment.succeeded", {}).status_code == 400


def test_a_refund_made_in_the_shops_own_account_is_matched_once(bank):
    payment = make.paid(make.order(total="1000.00"), token="tok")
    bank.by_id[OTHER] = {
        "id": OTHER,
        "status": "succeeded",
        "payment_id": FIRST,
        "amount": {"value": "300.00", "currency": "RUB"},
        "created_at": "2026-11-21T08:00:00.000Z",
    }
    for _ in range(2):
        notify("refund.succeeded", bank.by_id[OTHER])
        drain_outbox("payments")
    assert Refund.objects.get().source == RefundSource.PROVIDER
    assert make.again(payment).refunded_amount == Decimal(300)
    assert ledger_disagreements() == []


@pytest.mark.parametrize("address", ["2a02:5180::1", "2a02:5180:0:1509::7", "185.71.76.1"])
def test_its_webhooks_come_by_ipv6_too(bank, settings, address):
    settings.YOOKASSA_NETWORKS = []
    body = json.dumps({"type": "notification", "event": "deal.closed", "object": {"id": "d1"}})
    sent = {"data": body, "content_type": "application/json"}
    path = "/api/v1/payments/webhooks/yookassa"
    assert Client().post(path, **sent, REMOTE_ADDR=address).json() == {"outcome": "ignored"}
    for stranger in ("2a02:5181::1", "unknown", "2a02:5180::/64"):
        assert Client().post(path, **sent, REMOTE_ADDR=stranger).status_code == 401


def test_a_message_nested_without_end_is_refused(bank):
    buried = '{"object":' * 2_000 + "1" + "}" * 2_000
    answer = Client(raise_request_exception=False).post(
        "/api/v1/payments/webhooks/yookassa", data=buried, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
