from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connections

from core.errors import DomainError
from payments import handlers
from payments.models import Payment, Refund
from payments.public import ledger_disagreements
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"], transaction=True)


def at_once(number, work):
    def run(index):
        try:
            return work(index)
        except DomainError as refusal:
            return refusal.code
        finally:
            connections["payments"].close()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def test_twenty_refunds_at_once_never_exceed_the_payment():
    payment = make.paid(make.order(total="1000.00"), method="cash")
    answers = at_once(20, lambda _: make.refund(payment, "150.00").status)
    assert sorted(answers) == ["refund_exceeds_payment"] * 14 + ["succeeded"] * 6
    payment = make.again(payment)
    assert (payment.refunded_amount, payment.refund_pending) == (Decimal(900), 0)
    assert Refund.objects.count() == 6
    assert ledger_disagreements() == []


def test_ten_clicks_are_one_payment():
    order = make.order()
    answers = at_once(10, lambda _: make.payment(order).status)
    assert sorted(answers) == ["overpayment"] * 9 + ["pending"]
    assert Payment.objects.count() == 1


def test_money_and_its_cancellation_at_once_end_in_nothing_held():
    for _ in range(5):
        order = make.order()
        requested, undone = make.payment_requested(order, method="cash"), make.refund_requested(order)
        at_once(2, lambda index, events=(requested, undone): handlers.serve_checkout(events[index]))
    assert set(Payment.objects.values_list("status", flat=True)) == {"cancelled"}
