"""A category's VAT, from the manager's word to the order, its receipt and back: told, copied, replayed, compared."""

from decimal import Decimal

import pytest
from django.core.management import call_command

from catalog.tests import make as catalog
from config.databases import APPS
from core.testing import Api
from messaging.testing import drain_outbox
from messaging.upkeep.copies import copy_checks, diff
from orders.models import CategoryTaxCopy
from orders.services import ProductLine
from orders.tests import make as orders
from payments.models import OrderCopy

pytestmark = pytest.mark.django_db(databases=[*APPS])
INSPECTION = "подп. 17.2 п. 2 ст. 149 НК РФ"


@pytest.fixture
def sold():
    """Goods of three kinds, two of them by their category."""
    orders.legal_entity()
    works, books = catalog.category("Works"), catalog.category("Books")
    yearly = catalog.category("Yearly", works)
    goods = {"kind": "accessory", "stock": 3, "price": Decimal("1100.00")}
    products = [catalog.product(category_id=one.pk, **goods) for one in (yearly, books, works)]
    drain_outbox()
    manager = Api("manager")
    manager.patch(f"/products/{products[2].pk}", {"vat_kind": "standard"})
    manager.patch(f"/categories/{works.pk}", {"vat_kind": "exempt", "vat_ground": "inspection"})
    manager.patch(f"/categories/{books.pk}", {"vat_kind": "reduced"})
    drain_outbox()
    return orders.order(lines=[ProductLine(product.pk, 1) for product in products])


def test_what_a_category_says_reaches_order_and_receipt(sold):
    lines = [(line.vat_kind, str(line.vat_amount), line.untaxed_by) for line in sold.lines.all()]
    assert lines == [("exempt", "0.00", INSPECTION), ("reduced", "100.00", ""), ("standard", "198.36", "")]
    assert sold.vat_total == Decimal("298.36")
    drain_outbox()
    told = OrderCopy.objects.get(pk=sold.id).receipt
    assert [item.get("vat_kind", "") for item in told] == ["exempt", "reduced", ""]


def test_the_copy_is_compared_and_rebuilt(sold):
    check = copy_checks()["orders.CategoryTaxCopy"]
    assert diff(check, patience=0.01) == []
    assert CategoryTaxCopy.objects.count() >= 3
    CategoryTaxCopy.objects.filter(taxed_as="reduced").update(taxed_as="zero")
    assert len(diff(check, patience=0.01)) == 1
    call_command("replay_events", "--handler", "orders.copy_category_taxes", verbosity=0)
    drain_outbox()
    assert diff(check, patience=0.01) == []
