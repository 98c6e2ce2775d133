from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from core.clock import dealer_day
from core.ids import uuid7
from core.testing import Api
from payments import services
from payments.commands import ReceiptItem
from payments.errors import WrongReceiptState
from payments.models import Receipt, ReceiptState, ReceiptStep
from payments.public import receipt_disagreements, waiting_for_somebody
from payments.rules.corrections import Basis, read_lines
from payments.tests import make
from payments.tests.receipts import CAR, MATS, begin, lines, said, sold
from payments.tests.test_admin import admin

__all__ = ["admin"]
pytestmark = pytest.mark.django_db(databases=["payments", "accounts"])
M = Decimal(1_000_000)
RIGHT = {"name": "LADA Niva", "unit_price": "1000000.00", "amount": "1000000.00"}


@pytest.fixture(autouse=True)
def span():
    begin()


def path(receipt, step=""):
    return f"/receipts/{receipt.id}{step}"


def refused():
    make.paid(sold(MATS, total=M))
    return Receipt.objects.get()


def test_a_registered_receipt_is_undone_and_said_anew(sandbox):
    make.paid(sold())
    wrong = Receipt.objects.get()
    given = Api("manager").post(path(wrong, "/correct"), {"lines": [RIGHT], "reason": "another car"})
    assert (given.status_code, given.json()["kind"], given.json()["corrects_id"]) == (201, "correction", str(wrong.id))
    make.drain()
    assert said(kind="correction") == [
        ("correction", "sale_return", "registered", M),
        ("correction", "sale", "registered", M),
    ]
    assert lines(Receipt.objects.get(kind="correction", operation="sale")) == [("LADA Niva", 1, M, 12, 1)]
    assert receipt_disagreements() == []
    with pytest.raises(WrongReceiptState):
        services.correct_receipt(receipt_id=wrong.id, items=[], reason="", actor_id=uuid7(), now=timezone.now())


def test_money_goes_back_by_the_lines_of_the_correction(sandbox):
    payment = make.paid(sold())
    item = ReceiptItem(name="LADA Niva", amount=M, unit_price=M)
    wrong = Receipt.objects.get()
    services.correct_receipt(receipt_id=wrong.id, items=[item], reason="?", actor_id=uuid7(), now=timezone.now())
    make.refund(payment, "400000.00")
    make.drain()
    assert [line[:3] for line in lines(Receipt.objects.get(kind="refund"))] == [("LADA Niva", 1, Decimal(400_000))]
    assert receipt_disagreements() == []


def test_a_refused_receipt_is_replaced_by_a_correction(sandbox):
    receipt = refused()
    assert waiting_for_somebody(now=timezone.now())["receipts_refused"] == 1
    assert Api("manager").post(path(receipt, "/correct"), {"lines": [RIGHT], "reason": "lines"}).status_code == 201
    make.drain()
    assert [row[:3] for row in said()] == [("payment", "sale", "replaced"), ("correction", "sale", "registered")]
    assert waiting_for_somebody(now=timezone.now())["receipts_refused"] == 0
    assert receipt_disagreements() == []


def test_a_refused_receipt_is_tried_again_under_a_new_key_with_its_history(sandbox):
    order = sold(ReceiptItem(name="Tyre", amount=M, unit_price=M, subject="marked", marking_code="withdrawn"))
    make.paid(order)
    receipt = Receipt.objects.get()
    assert (receipt.state, receipt.failure_code) == (ReceiptState.REFUSED, "marking_code_withdrawn")
    manager = Api("manager")
    again = manager.post(path(receipt, "/retry"), {"contact": "+79990001122"})
    assert (again.status_code, again.json()["state"], again.json()["attempt"]) == (200, "waiting", 2)
    assert manager.post(path(receipt, "/retry"), {}).json()["code"] == "wrong_receipt_state"
    make.drain()
    receipt = make.again(receipt)
    steps = [(step.state, step.attempt) for step in receipt.steps.order_by("at")]
    assert steps == [("waiting", 1), ("refused", 1), ("waiting", 2), ("refused", 2)]
    assert receipt.contact == "+79990001122"


def test_one_that_could_not_be_drawn_up_is_drawn_up_anew(sandbox, settings):
    settings.FISCAL_REGIME = "unheard of"
    make.paid(sold())
    receipt = Receipt.objects.get()
    assert Api("manager").post(path(receipt, "/retry"), {}).json()["code"] == "vat_rate_unknown"
    settings.FISCAL_REGIME = "general"
    assert Api("manager").post(path(receipt, "/retry"), {}).status_code == 200
    make.drain()
    assert make.again(receipt).state == ReceiptState.REGISTERED
    assert receipt_disagreements() == []


def hand_over(payment):
    """Hand the goods over, and have the offsets of what was paid registered."""
    services.post_sale(order_id=payment.order_id, customer_id=payment.customer_id, now=timezone.now())
    make.drain()


def test_a_premium_corrected_into_goods_is_offset_with_them_and_nobody_is_asked(sandbox):
    premium = ReceiptItem(name="KASKO", amount=MATS.amount, unit_price=MATS.amount, subject="insurance_premium")
    payment = make.paid(sold(premium, CAR))
    wrong = Receipt.objects.get()
    assert Api("manager").post(path(wrong, "/correct"), {"lines": [RIGHT], "reason": "no policy"}).status_code == 201
    make.drain()
    assert lines(Receipt.objects.get(kind="correction", operation="sale")) == [("LADA Niva", 1, M, 12, 1)]
    hand_over(payment)
    assert said(kind="offset") == [("offset", "sale", "registered", M)]
    assert lines(Receipt.objects.get(kind="offset")) == [("LADA Niva", 1, M, 11, 4)]
    assert receipt_disagreements() == []


def test_what_replaced_lines_worth_too_little_is_a_prepayment_and_is_offset(sandbox):
    receipt = refused()
    assert Api("manager").post(path(receipt, "/correct"), {"lines": [RIGHT], "reason": "lines"}).status_code == 201
    make.drain()
    assert lines(Receipt.objects.get(kind="correction")) == [("LADA Niva", 1, M, 12, 1)]
    hand_over(receipt.payment)
    assert lines(Receipt.objects.get(kind="offset")) == [("LADA Niva", 1, M, 11, 4)]
    assert receipt_disagreements() == []


def test_a_correction_leaves_the_seller_as_it_was(sandbox):
    make.legal_entity(is_default=True)
    small = make.legal_entity(code="УСН", regimes=[{"since": "2025-01-01", "regime": "simplified"}])
    payment = make.paid(sold(ReceiptItem(name="Car", amount=M, unit_price=M, seller_id=small.id)))
    wrong = Receipt.objects.get()
    assert Api("manager").post(path(wrong, "/correct"), {"lines": [RIGHT], "reason": "name"}).status_code == 201
    make.drain()
    hand_over(payment)
    assert lines(Receipt.objects.get(kind="offset")) == [("LADA Niva", 1, M, 6, 4)]


def test_lines_that_do_not_sum_to_the_money_change_nothing(sandbox):
    make.paid(sold())
    receipt = Receipt.objects.get()
    given = Api("manager").post(path(receipt, "/correct"), {"lines": [RIGHT | {"amount": "1.00"}], "reason": "?"})
    assert (given.status_code, given.json()["errors"][0]["field"]) == (400, "lines")
    assert Receipt.objects.count() == 1


def test_a_buyer_reads_their_own_and_changes_none(sandbox):
    mine = make.paid(sold())
    make.paid(sold())
    client = Api("client", user_id=mine.customer_id)
    listed = client.get(f"/receipts?order_id={mine.order_id}").json()["results"]
    assert [row["payment_id"] for row in listed] == [str(mine.id)]
    assert len(client.get("/receipts").json()["results"]) == 1
    [shown] = listed
    assert {"kind", "state", "fiscal_number", "fiscal_sign", "lines"} <= shown.keys()
    assert [line["name"] for line in shown["lines"]] == ["LADA Vesta", "Floor mats"]
    assert client.get(f"/receipts/{shown['id']}").json() == shown
    other = Receipt.objects.exclude(payment=mine).get()
    assert client.get(path(other)).status_code == 404
    for step, body in (("/retry", {}), ("/correct", {"lines": [RIGHT], "reason": "?"})):
        assert client.post(path(other, step), body).status_code == 403
    assert Api().get("/receipts").status_code == 401
    assert Receipt.objects.count() == 2


ORDERED = {"basis_number": "12-08/777", "basis_date": "2026-11-20", "is_ordered": True}


def test_an_order_of_the_tax_office_is_kept_with_the_correction(sandbox):
    make.paid(sold())
    wrong = Receipt.objects.get()
    body = {"lines": [RIGHT], "reason": "audit"} | ORDERED
    given = Api("manager").post(path(wrong, "/correct"), body).json()
    assert {name: given[name] for name in ORDERED} == ORDERED
    assert set(Receipt.objects.filter(kind="correction").values_list("basis_number", "basis_date", "is_ordered")) == {
        ("12-08/777", date(2026, 11, 20), True)
    }


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"basis_number": ""}, "basis_number"),
        ({"basis_date": None}, "basis_number"),
        ({"basis_date": str(dealer_day(timezone.now()) + timedelta(days=2))}, "basis_date"),
    ],
)
def test_an_order_without_number_or_of_a_day_to_come_is_refused(sandbox, changed, field):
    make.paid(sold())
    given = Api("manager").post(
        path(Receipt.objects.get(), "/correct"), {"lines": [RIGHT], "reason": "?"} | ORDERED | changed
    )
    assert (given.status_code, given.json()["errors"][0]["field"]) == (400, field)
    assert Receipt.objects.count() == 1


FORM = {
    "lines": "LADA Niva; 1; 900000.00; commodity; standard\nMats; 4; 25000.00; commodity; standard",
    "reason": "another car",
    "basis_number": "7",
    "basis_date": "2026-11-23",
}


def correct_on_screen(admin, receipt, **changed):
    said = FORM | {"_form_submitted": "on"} | changed
    return admin.post(f"/admin/payments/receipt/{receipt.pk}/correct/", said, follow=True).content.decode()


def test_a_manager_corrects_on_the_screen_by_a_document(admin: Client, sandbox):
    make.paid(sold())
    wrong = Receipt.objects.get()
    correct_on_screen(admin, wrong)
    make.drain()
    anew = Receipt.objects.get(kind="correction", operation="sale")
    assert lines(anew) == [("LADA Niva", 1, Decimal(900_000), 12, 1), ("Mats", 4, Decimal(100_000), 12, 1)]
    assert (anew.reason, anew.basis_number, anew.is_ordered) == ("another car", "7", False)
    assert ReceiptStep.objects.filter(receipt=anew, actor_id__isnull=False).count() == 1
    assert receipt_disagreements() == []


@pytest.mark.parametrize(
    "text",
    [
        "Niva; 1; 1000000; commodity",
        "Niva; one; 1000000; commodity; standard",
        "Niva; 1; 1000000.001; commodity; standard",
        "Niva; 0; 1000000; commodity; standard",
        "Niva; 1; NaN; commodity; standard",
        "Niva; 1; 1000000; nothing; standard",
        "Niva; 1; 1000000; commodity; nothing",
        "Niva; 1; 999999; commodity; standard",
    ],
)
def test_lines_that_cannot_be_read_change_nothing(admin, sandbox, text):
    make.paid(sold())
    correct_on_screen(admin, Receipt.objects.get(), lines=text)
    assert Receipt.objects.count() == 1


def test_a_basis_is_nobodys_by_default():
    assert Basis() == Basis(number="", day=None, is_ordered=False)
    assert [item.amount for item in read_lines("A; 2; 10,50; service; zero\n\n")] == [Decimal("21.00")]
