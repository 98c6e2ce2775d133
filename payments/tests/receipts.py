"""Receipts for tests: a span in which they are made, what is sold, and what has been said of money by now."""

from decimal import Decimal

from django.utils import timezone

from payments import services
from payments.commands import ReceiptItem
from payments.models import Receipt
from payments.tests import make

CAR = ReceiptItem(name="LADA Vesta", amount=Decimal("900000.00"), unit_price=Decimal("900000.00"))
MATS = ReceiptItem(name="Floor mats", quantity=4, amount=Decimal("100000.00"), unit_price=Decimal("25000.00"))


def begin():
    """Begin making receipts."""
    services.attend_receipts(now=timezone.now())


def drawn_up(owner):
    """A receipt of money that a buyer paid, which nobody has registered yet."""
    begin()
    payment = make.payment(sold(customer_id=owner))
    report = services.ChargeReport("completed", provider_ref="sbx_1")
    services.apply_report(payment_id=payment.id, report=report, now=timezone.now())
    services.attend_receipts(now=timezone.now())
    return Receipt.objects.get(payment=payment)


def sold(*items, total=None, customer_id=None):
    """An order that sells these things."""
    items = items or (CAR, MATS)
    order = make.order(total=total or sum(item.amount for item in items), customer_id=customer_id)
    services.copy_orders(commands=[told(order, *items)])
    return order


def told(order, *items):
    """Tell payments of an order with what it sells, as orders does."""
    command = make.created(order)
    return type(command)(**{name: getattr(command, name) for name in command.__struct_fields__} | {"receipt": [*items]})


def said(**wanted):
    """Receipts so far as (kind, operation, state, amount)."""
    rows = Receipt.objects.filter(**wanted).order_by("settled_at", "number", "pk")
    return [(row.kind, row.operation, row.state, row.amount) for row in rows]


def lines(receipt):
    """Lines of a receipt as (name, quantity, amount, code of the tax, method)."""
    rows = receipt.lines.order_by("position")
    return [(row.name, row.quantity, row.amount, row.vat_code, row.method) for row in rows]
