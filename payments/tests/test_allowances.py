"""Money given back by hand of an order that had not so much of its own: an expense, once the order is over."""

from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from core.ids import uuid7
from messaging.testing import drain_outbox
from payments import handlers, services
from payments.models import LedgerLine
from payments.public import ledger_disagreements
from payments.services import Premium
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])


def balance(code):
    found = LedgerLine.objects.filter(account__code__startswith=code).aggregate(sum=Sum("amount"))["sum"]
    return found or Decimal(0)


def insured(order, amount="900.00"):
    """Pass on what was paid for a policy of the order."""
    premium = Premium(uuid7(), order.customer_id, Decimal(amount), "RUB", order_id=order.id)
    services.post_premium(premium=premium, now=timezone.now())
    return premium


def unearned(premium, amount):
    """Take so much of the premium back from its insurer."""
    parts = {"policy_id": premium.policy_id, "customer_id": premium.customer_id, "order_id": premium.order_id}
    services.return_premium(
        premium=Premium(amount=Decimal(amount), currency="RUB", attempt=2, **parts), now=timezone.now()
    )


@pytest.fixture
def deal(sandbox):
    """An order of 100 for goods and 900 for a policy, of which a manager gave 400 back."""
    order = make.order(total="1000.00")
    payment = make.paid(order)
    policy = insured(order)
    make.refund(payment, "400.00")
    drain_outbox("payments")
    assert (balance("order:"), balance("allowances")) == (300, 0)
    return order, policy


def test_nothing_is_an_expense_while_the_deal_goes_on(deal):
    _order, policy = deal
    unearned(policy, "10.00")
    assert (balance("order:"), balance("allowances")) == (290, 0)


def test_a_deal_that_ends_leaves_no_hole_in_its_account(deal):
    order, _policy = deal
    handlers.serve_checkout(make.refund_requested(order, keep="900.00"))
    drain_outbox("payments")
    assert (balance("order:"), balance("allowances")) == (0, 300)
    assert ledger_disagreements() == []


def test_a_premium_that_comes_back_later_makes_the_expense_less(deal):
    order, policy = deal
    handlers.serve_checkout(make.refund_requested(order, keep="900.00"))
    drain_outbox("payments")
    unearned(policy, "200.00")
    assert (balance("order:"), balance("allowances")) == (0, 100)
    insured(order, "50.00")
    assert (balance("order:"), balance("allowances")) == (0, 150)


def test_goods_handed_over_for_less_than_nothing_are_no_sale(deal):
    order, _policy = deal
    services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now())
    services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now())
    assert (balance("order:"), balance("allowances"), balance("sales")) == (0, 300, 0)


def test_no_more_is_an_expense_than_was_given_back_by_hand(deal):
    """What else is missing is somebody's fault, and stays to be seen."""
    order, _policy = deal
    insured(order, "150.00")
    handlers.serve_checkout(make.refund_requested(order, keep="1050.00"))
    drain_outbox("payments")
    assert (balance("order:"), balance("allowances")) == (50, 400)
