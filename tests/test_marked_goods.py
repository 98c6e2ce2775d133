"""Marked goods from the category's word to the receipt of the handover, and back into the shop."""

from decimal import Decimal

import pytest
from django.utils import timezone

import catalog.tests.make
import payments.services
from catalog.models import Product
from config.databases import APPS
from core.ids import uuid7
from core.testing import Api
from messaging.testing import drain_outbox
from orders.tests.make import mark_code
from payments.models import Receipt
from payments.public import receipt_disagreements
from tests.test_credit_purchase import CARD, card_processor

__all__ = ["card_processor"]
pytestmark = [pytest.mark.django_db(databases=[*APPS]), pytest.mark.usefixtures("card_processor")]


@pytest.fixture(autouse=True)
def one_is_enough(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


def codes_said(kind):
    rows = [row for one in Receipt.objects.filter(kind=kind) for row in one.lines.order_by("position")]
    return [(row.subject, row.quantity, row.marking_code) for row in rows]


def test_a_category_marks_its_goods_until_the_receipt_and_a_return_frees_them():
    manager, buyer = Api("manager"), Api("client", user_id=uuid7())
    wheels = catalog.tests.make.category("Wheels")
    tyres = catalog.tests.make.category("Tyres", wheels)
    product = catalog.tests.make.product(
        kind="accessory", stock=5, price=Decimal("8000.00"), category_id=tyres.pk, name="Tyre"
    )
    manager.patch(f"/categories/{wheels.pk}", {"marking": "tyres"})
    payments.services.attend_receipts(now=timezone.now())
    drain_outbox()
    placed = buyer.post("/orders", {"items": [{"product_id": str(product.pk), "quantity": 2}], "payment": CARD})
    assert placed.status_code == 201, placed.json()
    path = f"/orders/{placed.json()['id']}"
    drain_outbox()
    for status in ("in_progress", "ready"):
        assert manager.put(f"{path}/status", {"status": status}).status_code == 200
    refused = manager.put(f"{path}/status", {"status": "completed"})
    assert (refused.status_code, refused.json()["code"], refused.json()["missing"]) == (409, "mark_codes_missing", 2)
    [line] = manager.get(f"{path}/marks").json()["lines"]
    codes = [mark_code("firsttyre"), mark_code("secondtyre")]
    assert manager.post(f"{path}/marks", {"line_id": line["line_id"], "codes": codes}).json()["missing"] == 0
    assert manager.put(f"{path}/status", {"status": "completed"}).status_code == 200
    drain_outbox()
    assert [code for _subject, _quantity, code in codes_said("payment")] == [""]
    assert codes_said("offset") == [("marked", 1, code) for code in codes]
    asked = buyer.post(f"{path}/return", {"reason": "wrong size"}).json()
    manager.post(f"/returns/{asked['id']}/inspect", {"result": "as new"})
    assert manager.post(f"/returns/{asked['id']}/accept").status_code == 200
    drain_outbox()
    assert buyer.get(path).json()["status"] == "returned"
    assert codes_said("refund") == [("marked", 1, code) for code in codes]
    assert (receipt_disagreements(), Product.objects.get(pk=product.pk).on_hand) == ([], 5)
    assert manager.get(f"{path}/marks").json()["lines"][0]["marks"] == []
