"""Random payments, refunds, handovers and returned refunds: the sums of receipts are those of the ledger."""

from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core.ids import uuid7
from payments import services
from payments.commands import ReceiptItem, Supplier
from payments.models import LedgerLine, Payment, Receipt, ReceiptLine
from payments.public import ledger_disagreements, receipt_disagreements
from payments.tests import make
from payments.tests.receipts import begin, sold

pytestmark = pytest.mark.django_db(databases=["payments", "accounts"])
PRICES = st.integers(1, 10**8).map(lambda kopecks: Decimal(kopecks) / 100)
ITEMS = st.lists(
    st.builds(
        lambda amount, subject, rate, vat, whose: ReceiptItem(
            name="thing",
            amount=amount,
            unit_price=amount,
            subject=subject,
            vat_rate=rate,
            supplier=whose,
            vat_amount=None if vat is None else (amount * vat).quantize(Decimal("0.01")),
        ),
        PRICES,
        st.sampled_from(["commodity", "service", "insurance_premium"]),
        st.sampled_from([None, Decimal(22), Decimal(10), Decimal(0)]),
        st.sampled_from([None, None, Decimal("0.01"), Decimal("0.1803")]),
        st.sampled_from([None, Supplier(name="Insurer", inn="7707083893", telephone="")]),
    ),
    min_size=1,
    max_size=6,
)


def pay(order, part):
    """Take a part of what is due, as the provider's answer does."""
    due = order.total - Payment.objects.filter(order_id=order.id).held()
    amount = (due * part).quantize(Decimal("0.01"))
    if amount > 0:
        payment = make.payment(order, amount=amount)
        services.apply_report(
            payment_id=payment.id, report=services.ChargeReport("completed", provider_ref=str(uuid7())), now=now()
        )


def give_back(order, part, *, comes_back):
    """Give a part of a payment back at the provider, and have the bank send it back to us where that is drawn."""
    for payment in Payment.objects.filter(order_id=order.id):
        amount = (payment.refundable * part).quantize(Decimal("0.01"))
        if amount <= 0:
            continue
        refund = services.record_foreign_refund(
            payment_id=payment.id,
            provider_ref=str(uuid7()),
            amount=amount,
            source="provider",
            has_failed=False,
            now=now(),
        )
        if comes_back and refund is not None:
            report = services.RefundReport("failed", failure_code="account_closed")
            services.apply_refund_report(refund_id=refund.id, attempt=1, report=report, now=now())
        return


def now():
    return timezone.now()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pay"), st.sampled_from([Decimal("0.37"), Decimal("0.5"), Decimal(1)]), st.just(False)),
        st.tuples(st.just("back"), st.sampled_from([Decimal("0.13"), Decimal("0.5"), Decimal(1)]), st.booleans()),
        st.tuples(st.just("hand over"), st.just(Decimal(1)), st.just(False)),
        st.tuples(st.just("attend"), st.just(Decimal(1)), st.just(False)),
    ),
    min_size=1,
    max_size=8,
)


@given(ITEMS, STEPS)
def test_receipts_sum_to_what_the_ledger_says(items, steps):
    begin()
    order = sold(*items)
    for step, part, comes_back in steps:
        if step == "pay":
            pay(order, part)
        elif step == "back":
            give_back(order, part, comes_back=comes_back)
        elif step == "hand over":
            services.post_sale(order_id=order.id, customer_id=order.customer_id, now=now())
        else:
            services.attend_receipts(now=now())
    services.attend_receipts(now=now())
    services.attend_receipts(now=now())
    online = LedgerLine.objects.filter(account="provider:sandbox", entry__order_id=order.id).aggregate(
        sum=Sum("amount")
    )
    of_order = Receipt.objects.filter(order_id=order.id)
    settled = of_order.exclude(kind="offset")
    taken = settled.filter(operation="sale").aggregate(sum=Sum("amount"))["sum"] or 0
    back = settled.filter(operation="sale_return").aggregate(sum=Sum("amount"))["sum"] or 0
    assert taken - back == (online["sum"] or 0)
    assert not of_order.filter(state="refused").exists()
    lines = ReceiptLine.objects.filter(receipt__order_id=order.id).aggregate(sum=Sum("amount"))["sum"] or 0
    assert lines == (of_order.aggregate(sum=Sum("amount"))["sum"] or 0)
    assert receipt_disagreements() == []
    assert ledger_disagreements() == []
