"""A few of the random deals that `make properties` tries by the thousand; the loans have tests of their own."""

from decimal import Decimal

import pytest

from core.money import vat
from orders.rules import prices, tax_papers
from payments.queries import receipt_drafts
from payments.rules import receipts
from payments.services.receipts import correcting, making
from tests.properties import deals
from tests.properties import receipts as payments_told

FEW = 300


def test_random_deals_agree_to_the_kopeck():
    for seed in range(FEW):
        deals.run(seed)


@pytest.mark.parametrize(
    ("module", "name", "wrong"),
    [
        (vat, "compute_vat", lambda amount, percent: Decimal(round(amount * percent / (100 + percent), 1))),
        (prices, "money", lambda amount: amount.quantize(Decimal("0.01"), "ROUND_DOWN")),
        (tax_papers, "share_out", lambda amount, weights: [amount, *[Decimal(0)] * (len(weights) - 1)]),
        (receipts, "share_out", lambda amount, weights: [amount, *[Decimal(0)] * (len(weights) - 1)]),
    ],
)
def test_wrong_arithmetic_is_found(monkeypatch, module, name, wrong):
    monkeypatch.setattr(module, name, wrong)
    with pytest.raises((AssertionError, ZeroDivisionError)):
        test_random_deals_agree_to_the_kopeck()


def test_random_payments_have_their_receipts():
    for seed in range(FEW):
        payments_told.run(seed)


@pytest.mark.parametrize(
    ("module", "name", "wrong"),
    [
        (receipts, "share_out", lambda amount, weights: [amount, *[Decimal(0)] * (len(weights) - 1)]),
        (receipt_drafts, "choose_method", lambda items, amount: receipts.FULL_PREPAYMENT),
        (receipt_drafts, "BEFOREHAND", frozenset({receipts.FULL_PREPAYMENT})),
        (making, "draft_refund_returned", making.draft_refund),
        (making, "MANUAL", "nobody"),
        (correcting, "_say_anew", lambda wrong, items: None),
        (correcting, "_find_method", lambda wrong, former, items: former[0].method),
    ],
)
def test_a_wrong_rule_of_receipts_is_found(monkeypatch, module, name, wrong):
    monkeypatch.setattr(module, name, wrong)
    with pytest.raises((AssertionError, ValueError)):
        test_random_payments_have_their_receipts()
