"""Receipts that go along with YooKassa's payments and refunds, and those that are made for a payment afterwards."""

import re

import pytest
from django.utils import timezone

from core.ids import uuid7
from payments import services
from payments.commands import ReceiptItem
from payments.models import Receipt
from payments.public import receipt_disagreements
from payments.tests import make, test_yookassa
from payments.tests.receipts import begin, said, sold
from payments.tests.test_yookassa import shown

pytestmark = pytest.mark.django_db(databases=["payments", "accounts"])
M = make.TOTAL


class Bank(test_yookassa.Bank):
    """YooKassa with a cash register: what goes along with a payment is registered with it."""

    def __init__(self, server):
        super().__init__(server)
        self.receipts, self.along = {}, []
        for method, path, act in [
            ("POST", "/receipts", self.make_receipt),
            ("GET", "/receipts", self.list_receipts),
            ("GET", r"/receipts/rt-\d+", self.one_receipt),
        ]:
            server.expect_request(re.compile(f"^{path}$"), method=method).respond_with_handler(self.faulty(act))

    def payment(self, body):
        made = super().payment({name: body[name] for name in body if name != "receipt"})
        if "receipt" in body and made["status"] == "succeeded":
            self.along.append(body["receipt"])
            self.register("payment", {"payment_id": made["id"]}, body["receipt"])
        return made

    def refund(self, request):
        body, known = request.get_json(), request.headers["Idempotence-Key"] in self.by_key
        given = super().refund(request)
        if "receipt" in body and not known:
            self.along.append(body["receipt"])
            made = self.by_key[request.headers["Idempotence-Key"]]
            self.register("refund", {"refund_id": made["id"], "payment_id": made["payment_id"]}, body["receipt"])
        return given

    def register(self, kind, about, said):
        number = len(self.receipts) + 1
        self.receipts[f"rt-{number:033d}"] = about | {
            "id": f"rt-{number:033d}", "type": kind, "status": "succeeded", "items": said["items"],
            "fiscal_document_number": str(100 + number), "fiscal_storage_number": "9288000100115785",
            "fiscal_attribute": "2617603921", "registered_at": "2026-11-21T08:00:01.000Z",
        }  # fmt: skip

    def make_receipt(self, request):
        body, key = request.get_json(), request.headers["Idempotence-Key"]
        if key not in self.by_key:
            ref = {name: body[name] for name in ("payment_id", "refund_id") if name in body}
            self.register(body["type"], ref, body)
            self.by_key[key] = {**list(self.receipts.values())[-1], "asked": body}
        return shown({name: value for name, value in self.by_key[key].items() if name != "asked"})

    def list_receipts(self, request):
        wanted = [row for row in self.receipts.values() if all(row.get(k) == v for k, v in request.args.items())]
        return shown({"type": "list", "items": wanted})

    def one_receipt(self, request):
        return shown(self.receipts[request.path.rpartition("/")[2]])


@pytest.fixture
def bank(httpserver, settings):
    settings.PAYMENT_PROVIDER = settings.FISCAL_OPERATOR = "yookassa"
    settings.YOOKASSA_URL = httpserver.url_for("").rstrip("/")
    settings.YOOKASSA_SHOP_ID, settings.YOOKASSA_SECRET_KEY = "123456", "test_key"
    settings.BREAKER_FAILURES, settings.FISCAL_EMAIL = 1000, "shop@dealer.example"
    begin()
    return Bank(httpserver)


def test_a_receipt_goes_along_with_the_payment_and_its_number_is_kept(bank):
    make.paid(sold(), token="tok")
    make.drain()
    [along] = bank.along
    assert along["customer"] == {"email": "shop@dealer.example"}
    [car, mats] = along["items"]
    assert (car["vat_code"], car["payment_mode"], car["payment_subject"]) == (12, "full_prepayment", "commodity")
    assert (float(mats["quantity"]), mats["amount"]["value"]) == (4.0, "25000.00")
    assert said() == [("payment", "sale", "registered", M)]
    assert Receipt.objects.get().fiscal_number == "101"
    assert len(bank.receipts) == 1
    assert receipt_disagreements() == []


def test_refunds_carry_theirs_and_an_offset_is_made_for_the_payment(bank):
    order = sold()
    make.paid(order, token="tok")
    make.drain()
    services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now())
    make.drain()
    offset = next(row["asked"] for row in bank.by_key.values() if "asked" in row)
    assert [way["type"] for way in offset["settlements"]] == ["prepayment"]
    services.close_order(order_id=order.id, attempt_id=None, reason="returned", now=timezone.now())
    make.drain()
    assert [row[::2] for row in said()] == [
        ("payment", "registered"),
        ("offset", "registered"),
        ("refund", "registered"),
    ]
    assert {item["payment_mode"] for item in bank.along[-1]["items"]} == {"full_payment"}
    assert len(bank.receipts) == 3
    assert receipt_disagreements() == []


def test_a_lost_answer_makes_no_second_receipt(bank):
    bank.fault = "after"
    make.paid(sold(), token="tok")
    bank.fault = None
    make.drain()
    make.drain()
    assert said() == [("payment", "sale", "registered", M)]
    assert len(bank.receipts) == 1


def test_a_correction_is_a_persons_to_make_at_the_register(bank):
    make.paid(sold(), token="tok")
    make.drain()
    item = ReceiptItem(name="LADA Niva", amount=M, unit_price=M)
    wrong = Receipt.objects.get()
    services.correct_receipt(receipt_id=wrong.id, items=[item], reason="?", actor_id=uuid7(), now=timezone.now())
    make.drain()
    corrections = Receipt.objects.filter(kind="correction")
    assert {(row.state, row.failure_code) for row in corrections} == {("refused", "unsupported")}
