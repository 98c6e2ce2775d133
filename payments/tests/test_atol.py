"""Our ATOL Online adapter against a local sandbox that answers in the shapes ATOL answers in."""

import json
import re
from decimal import Decimal

import pytest
from django.utils import timezone
from werkzeug import Response

from core.ids import uuid7
from payments import services
from payments.commands import ReceiptItem
from payments.models import Receipt, ReceiptState
from payments.providers.fiscal import operator
from payments.public import receipt_disagreements
from payments.tests import make
from payments.tests.receipts import begin, sold

pytestmark = pytest.mark.django_db(databases=["payments", "accounts"])
M = Decimal(1_000_000)
DONE = {
    "total": 1000000.00,
    "fns_site": "www.nalog.gov.ru",
    "fn_number": "9999078900001234",
    "shift_number": 23,
    "receipt_datetime": "23.11.2026 20:16:00",
    "fiscal_receipt_number": 6,
    "fiscal_document_number": 133,
    "ecr_registration_number": "0000000400054952",
    "fiscal_document_attribute": 3449555941,
}


class Atol:
    """ATOL as far as we use it: a token, receipts by external id, reports that come at the second asking."""

    def __init__(self, server):
        self.tokens, self.taken, self.asked, self.refuses, self.fault = 0, {}, [], None, None
        for method, path, act in [
            ("POST", "/getToken", self.token),
            ("POST", r"/group/\w+", self.take),
            ("GET", r"/group/report/.+", self.report),
        ]:
            server.expect_request(re.compile(f"^{path}$"), method=method).respond_with_handler(act)

    def token(self, request):
        assert request.get_json() == {"login": "us", "pass": "secret"}
        self.tokens += 1
        return shown({"error": None, "token": f"t{self.tokens}", "timestamp": "23.11.2026 20:15:06"})

    def take(self, request):
        if request.headers["Token"] != f"t{self.tokens}" or self.fault == "token":
            self.fault = None
            return refusal(11, "expired token", 401)
        if self.fault == "down":
            return Response("<html>", 502)
        body = request.get_json()
        known = next((uuid for uuid, (_, old) in self.taken.items() if old["external_id"] == body["external_id"]), None)
        if known:
            return shown(
                {"uuid": known, "status": "fail", "error": {"code": 33, "text": "exists", "type": "system"}}, 400
            )
        uuid = str(uuid7())
        self.taken[uuid] = (request.path.rpartition("/")[2], body)
        if self.fault == "lost":
            self.fault = None
            return Response("<html>", 502)
        return shown({"uuid": uuid, "status": "wait", "error": None, "timestamp": "23.11.2026 20:15:08"})

    def report(self, request):
        uuid = request.path.rpartition("/")[2]
        self.asked.append(uuid)
        if self.refuses:
            error = {"code": self.refuses, "text": "wrong marking code", "type": "agent"}
            return shown({"uuid": uuid, "status": "fail", "error": error, "payload": None})
        if self.asked.count(uuid) == 1:
            return shown({"uuid": uuid, "status": "wait", "error": None, "payload": None})
        return shown({"uuid": uuid, "status": "done", "error": None, "payload": DONE})


def shown(data, status=200):
    return Response(json.dumps(data), status, content_type="application/json")


def refusal(code, text, status):
    return shown({"error": {"code": code, "text": text, "type": "system"}, "timestamp": "now"}, status)


@pytest.fixture
def atol(httpserver, settings):
    settings.FISCAL_OPERATOR, settings.ATOL_URL = "atol", httpserver.url_for("").rstrip("/")
    settings.ATOL_GROUP, settings.ATOL_LOGIN, settings.ATOL_PASSWORD = "group", "us", "secret"
    settings.FISCAL_INN, settings.FISCAL_EMAIL = "5544332219", "shop@dealer.example"
    settings.FISCAL_PAYMENT_ADDRESS, settings.BREAKER_FAILURES = "https://dealer.example", 1000
    operator.cache_clear()
    begin()
    return Atol(httpserver)


def test_a_receipt_is_handed_over_and_asked_about_until_it_is_registered(atol, sandbox):
    make.paid(sold())
    receipt = Receipt.objects.get()
    assert receipt.state == ReceiptState.SENT
    make.drain()
    receipt = make.again(receipt)
    assert (receipt.state, receipt.fiscal_number, receipt.fiscal_sign) == ("registered", "133", "3449555941")
    [(path, body)] = atol.taken.values()
    assert (path, body["external_id"], atol.tokens) == ("sell", receipt.key, 1)
    said = body["receipt"]
    assert said["client"] == {"email": "shop@dealer.example"}
    assert said["company"]["inn"] == "5544332219"
    assert said["payments"] == [{"type": 1, "sum": 1000000.0}]
    assert said["items"][1] == {
        "name": "Floor mats", "price": 25000.0, "quantity": 4, "measure": 0, "sum": 100000.0,
        "payment_method": "full_prepayment", "payment_object": 1, "vat": {"type": "vat122"},
    }  # fmt: skip
    assert receipt_disagreements() == []


@pytest.mark.parametrize("fault", ["token", "down", "lost"])
def test_faults_lose_and_double_nothing(atol, sandbox, fault):
    atol.fault = fault
    make.paid(sold())
    atol.fault = None
    make.drain()
    assert [receipt.state for receipt in Receipt.objects.all()] == ["registered"]
    assert len(atol.taken) == 1


def test_offsets_refunds_and_corrections_go_their_own_ways(atol, sandbox):
    order = sold()
    payment = make.paid(order)
    make.drain()
    services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now())
    make.drain()
    wrong = Receipt.objects.get(kind="payment")
    item = ReceiptItem(name="LADA Niva", amount=M, unit_price=M)
    services.correct_receipt(receipt_id=wrong.id, items=[item], reason="?", actor_id=uuid7(), now=timezone.now())
    make.drain()
    services.close_order(order_id=order.id, attempt_id=None, reason="returned", now=timezone.now())
    make.drain()
    told = dict(atol.taken.values())
    assert {*told} == {"sell", "sell_correction", "sell_refund_correction", "sell_refund"}
    assert payment
    offset = next(body["receipt"] for path, body in atol.taken.values() if path == "sell" and _is_offset(body))
    assert {item["payment_method"] for item in offset["items"]} == {"full_payment"}
    assert told["sell_correction"]["correction"]["correction_info"]["type"] == "self"
    assert told["sell_correction"]["correction"]["additional_check_props"] == "3449555941"
    assert {receipt.state for receipt in Receipt.objects.all()} == {"registered"}


def _is_offset(body):
    return body.get("receipt", {}).get("payments", [{}])[0].get("type") == 2


def test_what_the_register_refuses_is_a_persons(atol, sandbox):
    atol.refuses = 421
    make.paid(sold())
    make.drain()
    receipt = Receipt.objects.get()
    assert (receipt.state, receipt.failure_code) == ("refused", "atol_421")
    atol.refuses = None
    services.retry_receipt(receipt_id=receipt.id, actor_id=uuid7(), now=timezone.now())
    make.drain()
    assert make.again(receipt).state == "registered"
    assert [body["external_id"][-1] for _, body in atol.taken.values()] == ["1", "2"]
