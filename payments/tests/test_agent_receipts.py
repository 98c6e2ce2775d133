"""Premiums are sold in the insurer's name, and used cars taxed by the difference: receipts say so, to the kopeck."""

from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from payments import services
from payments.commands import ReceiptItem, Supplier
from payments.models import Receipt
from payments.providers.yookassa import receipt_items
from payments.public import receipt_disagreements
from payments.queries.receipt_orders import describe_receipt
from payments.tests import make, test_atol
from payments.tests.receipts import begin, sold

atol = test_atol.atol
pytestmark = pytest.mark.django_db(databases=["payments", "accounts"])
INSURER = Supplier(name="АО «Страховщик»", inn="7707083893", telephone="+74951112233")
PREMIUM = ReceiptItem(
    name="OSAGO", amount=Decimal(12_000), unit_price=Decimal(12_000), subject="insurance_premium", supplier=INSURER
)
USED = ReceiptItem(
    name="Lada Vesta", amount=Decimal("800000.00"), unit_price=Decimal("800000.00"), vat_kind="margin",
    vat_amount=Decimal("18032.79"),
)  # fmt: skip


@pytest.fixture
def span(sandbox):
    begin()


def suppliers(receipt):
    return [(row.name, row.supplier_inn) for row in receipt.lines.order_by("position")]


def vat(receipt):
    return [row.vat_amount for row in receipt.lines.order_by("position")]


def described(receipt):
    return describe_receipt(receipt_id=receipt.id, attempt=receipt.attempt).body["lines"]


def test_a_premium_is_told_with_the_agents_sign_and_the_insurer(atol, sandbox):
    make.paid(sold(USED, PREMIUM))
    [(_path, body)] = atol.taken.values()
    car, premium = body["receipt"]["items"]
    assert "agent_info" not in car
    assert premium["agent_info"] == {"type": "another"}
    assert premium["supplier_info"] == {"name": INSURER.name, "inn": INSURER.inn, "phones": [INSURER.telephone]}
    assert premium["payment_method"] == "full_payment"


def test_yookassa_is_told_the_same(span):
    make.paid(sold(USED, PREMIUM))
    car, premium = receipt_items(described_while_sent(Receipt.objects.get()), "RUB")
    assert "agent_type" not in car
    assert premium["agent_type"] == "agent"
    assert premium["supplier"] == {"name": INSURER.name, "inn": INSURER.inn, "phone": "74951112233"}


def described_while_sent(receipt):
    Receipt.objects.filter(pk=receipt.pk).update(state="sent")
    return described(receipt)


def test_a_supplier_without_a_right_number_is_refused_and_waits_for_a_person(span):
    wrong = Supplier(name="АО", inn="7707083894", telephone="")
    make.paid(sold(ReceiptItem(name="OSAGO", amount=Decimal(9), unit_price=Decimal(9), supplier=wrong)))
    receipt = Receipt.objects.get()
    assert (receipt.state, receipt.failure_code) == ("refused", "supplier_unknown")
    assert not receipt.lines.exists()


def test_a_refund_of_a_premium_names_the_insurer_too(span):
    payment = make.paid(sold(PREMIUM))
    make.refund(payment, "5000.00")
    make.drain()
    assert suppliers(Receipt.objects.get(kind="refund")) == [("OSAGO", INSURER.inn)]
    assert receipt_disagreements() == []


def test_the_tax_of_the_difference_is_told_in_parts_and_at_the_handover_whole(atol, sandbox):
    order = sold(USED)
    make.paid(order, amount=Decimal("300000.00"))
    make.paid(order, amount=Decimal("500000.00"))
    make.drain()
    services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now())
    make.drain()
    first, second = Receipt.objects.exclude(kind="offset").order_by("amount")
    assert (vat(first), vat(second)) == ([Decimal("6762.30")], [Decimal("11270.49")])
    offsets = [amount for receipt in Receipt.objects.filter(kind="offset") for amount in vat(receipt)]
    assert sum(offsets) == USED.vat_amount
    told = [body["receipt"]["items"][0]["vat"] for _path, body in atol.taken.values()]
    assert {one["type"] for one in told} == {"vat122"}
    assert sorted(one["sum"] for one in told[:2]) == [6762.30, 11270.49]


def test_a_correction_may_name_supplier_and_tax(span):
    make.paid(sold(ReceiptItem(name="thing", amount=Decimal(812_000), unit_price=Decimal(812_000))))
    wrong = Receipt.objects.get()
    services.correct_receipt(
        receipt_id=wrong.id, items=[USED, PREMIUM], reason="what it was", actor_id=uuid7(), now=timezone.now()
    )
    anew = Receipt.objects.get(kind="correction", operation="sale")
    assert suppliers(anew) == [(USED.name, ""), ("OSAGO", INSURER.inn)]
    assert vat(anew) == [USED.vat_amount, None]
