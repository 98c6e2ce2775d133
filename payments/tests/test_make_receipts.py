from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from messaging.testing import drain_outbox
from payments import services
from payments.commands import GiveBackTicketPrice, ReceiptItem, TakeTicketPrice
from payments.handlers import serve_ticket
from payments.models import Receipt, ReceiptState, Refund
from payments.public import receipt_disagreements
from payments.tests import make
from payments.tests.receipts import CAR, MATS, begin, lines, said, sold, told

pytestmark = pytest.mark.django_db(databases=["payments", "accounts"])
M = Decimal(1_000_000)
SALE, BACK = "sale", "sale_return"


@pytest.fixture(autouse=True)
def span():
    begin()


def test_a_full_payment_before_the_handover_is_a_full_prepayment(sandbox):
    payment = make.paid(sold())
    receipt = Receipt.objects.get()
    assert said() == [("payment", SALE, ReceiptState.REGISTERED, M)]
    assert lines(receipt) == [("LADA Vesta", 1, CAR.amount, 12, 1), ("Floor mats", 4, MATS.amount, 12, 1)]
    assert (receipt.payment_id, receipt.customer_id) == (payment.id, payment.customer_id)
    assert receipt.fiscal_number
    assert receipt.fiscal_sign
    assert receipt.registered_at
    assert [step.state for step in receipt.steps.order_by("at")] == ["waiting", "registered"]
    assert receipt_disagreements() == []


def test_parts_of_a_price_are_advances_that_add_up_to_the_kopeck(sandbox):
    odd = ReceiptItem(name="Oil", amount=Decimal("0.05"), unit_price=Decimal("0.05"))
    order = sold(CAR, odd)
    for amount in ("300000.01", "600000.04"):
        make.paid(order, amount=Decimal(amount))
    assert said() == [
        ("advance", SALE, "registered", Decimal("300000.01")),
        ("advance", SALE, "registered", Decimal("600000.04")),
    ]
    methods = {line[-1] for receipt in Receipt.objects.all() for line in lines(receipt)}
    assert (methods, receipt_disagreements()) == ({2}, [])


def test_an_order_of_an_older_release_has_one_line_named_by_the_purpose(sandbox):
    make.paid(make.order())
    [receipt] = Receipt.objects.all()
    assert receipt.kind == "advance"
    [(name, quantity, amount, vat, method)] = lines(receipt)
    assert (quantity, amount, vat, method) == (1, M, 6, 3)
    assert name


def test_the_handover_offsets_what_was_paid_beforehand_once(sandbox):
    order = sold()
    make.paid(order)
    for _ in range(2):
        services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now())
        drain_outbox("payments")
    assert [row[0] for row in said()] == ["payment", "offset"]
    offset = Receipt.objects.get(kind="offset")
    assert [line[-2:] for line in lines(offset)] == [(11, 4), (11, 4)]
    services.attend_receipts(now=timezone.now())
    assert Receipt.objects.count() == 2
    assert receipt_disagreements() == []


def test_a_refund_after_the_offset_returns_full_payments(sandbox):
    order = sold()
    make.paid(order)
    services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now())
    services.close_order(order_id=order.id, attempt_id=None, reason="returned", now=timezone.now())
    make.drain()
    assert said(kind="refund") == [("refund", BACK, "registered", M)]
    assert {line[-1] for line in lines(Receipt.objects.get(kind="refund"))} == {4}
    assert receipt_disagreements() == []


def test_refunds_go_back_by_the_lines_they_came_by(sandbox):
    payment = make.paid(sold())
    for amount in ("333333.33", "666666.67"):
        make.refund(payment, amount)
        make.drain()
        make.drain()
        Refund.objects.get(amount=amount)
    for refund in Refund.objects.filter(status="requested"):
        services.approve_refund(refund_id=refund.id, actor_id=uuid7(), now=timezone.now())
    make.drain()
    back = {}
    for receipt in Receipt.objects.filter(kind="refund"):
        for name, _, amount, _, method in lines(receipt):
            back[name] = back.get(name, 0) + amount
            assert method == 1
    assert back == {"LADA Vesta": CAR.amount, "Floor mats": MATS.amount}
    assert receipt_disagreements() == []


def test_cash_has_its_receipt_from_the_cash_desk_and_none_from_us():
    make.paid(sold(), method="cash")
    drain_outbox("payments")
    services.attend_receipts(now=timezone.now())
    assert said() == []
    assert receipt_disagreements() == []


def test_a_premium_within_an_order_is_settled_at_once_and_untaxed(sandbox):
    premium = ReceiptItem(name="KASKO", amount=Decimal(100), unit_price=Decimal(100), subject="insurance_premium")
    order = sold(CAR, premium)
    make.paid(order)
    assert [line[-2:] for line in lines(Receipt.objects.get())] == [(12, 1), (6, 4)]
    services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now())
    assert said(kind="offset") == [("offset", SALE, "waiting", CAR.amount)]
    drain_outbox("payments")
    assert receipt_disagreements() == []


def test_a_seat_and_its_price_given_back(sandbox):
    about = {"registration_id": uuid7(), "event_id": uuid7(), "customer_id": uuid7(), "currency": "RUB"}
    price = {"amount": Decimal("500.00")}
    serve_ticket(TakeTicketPrice(request_id=uuid7(), method="card", token="tok_success", **about, **price))
    drain_outbox("payments")
    serve_ticket(GiveBackTicketPrice(request_id=uuid7(), reason="ill", **about, **price))
    make.drain()
    assert said() == [
        ("payment", SALE, "registered", price["amount"]),
        ("refund", BACK, "registered", price["amount"]),
    ]
    assert receipt_disagreements() == []


def test_lines_worth_less_than_the_money_are_a_persons_to_look_at(sandbox):
    payment = make.paid(sold(MATS, total=M))
    [receipt] = Receipt.objects.all()
    assert (receipt.state, receipt.failure_code, receipt.payment_id) == ("refused", "lines_differ", payment.id)
    assert [found.kind for found in receipt_disagreements()] == ["receipt_refused"]


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"vat_rate": Decimal(20)}, "vat_rate_unknown"),
        ({"vat_rate": Decimal(18)}, "vat_rate_unknown"),
        ({"subject": "gold"}, "subject_unknown"),
    ],
)
def test_what_no_row_allows_is_refused(sandbox, item, code):
    make.paid(sold(ReceiptItem(name="Car", amount=M, unit_price=M, **item)))
    assert list(Receipt.objects.values_list("state", "failure_code")) == [("refused", code)]


def test_goods_are_taxed_by_their_own_sellers_regime(sandbox):
    make.legal_entity(is_default=True)
    small = make.legal_entity(code="УСН", regimes=[{"since": "2025-01-01", "regime": "simplified"}])
    for seller, kind, code in ((None, "", 12), (None, "exempt", 6), (small.id, "", 6), (small.id, "margin", 6)):
        item = ReceiptItem(name="Car", amount=M, unit_price=M, vat_kind=kind, seller_id=seller)
        payment = make.paid(sold(item))
        assert [line[3] for line in lines(Receipt.objects.get(payment=payment))] == [code]


def test_a_used_car_taxed_by_the_difference_has_the_calculated_rate_when_it_is_handed_over_too(sandbox):
    order = sold(ReceiptItem(name="Car", amount=M, unit_price=M, vat_kind="margin"))
    make.paid(order)
    services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now())
    assert [line[3] for receipt in Receipt.objects.all() for line in lines(receipt)] == [12, 12]


def test_marked_goods_are_handed_over_by_their_code_alone(sandbox):
    order = sold(ReceiptItem(name="Tyre", amount=M, unit_price=M, subject="marked"))
    make.paid(order)
    assert said() == [("payment", SALE, "registered", M)]
    services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now())
    offset = Receipt.objects.get(kind="offset")
    assert (offset.state, offset.failure_code) == ("refused", "marking_code_missing")


def piece(code, price="8000.00"):
    amount = Decimal(price)
    return ReceiptItem(name="Tyre", amount=amount, unit_price=amount, subject="marked", marking_code=code)


def test_codes_come_with_the_sale_and_are_given_back_with_the_refund(sandbox):
    """The order is told anew as of before the sale, and late: the codes stay."""
    tyres = ReceiptItem(name="Tyre", quantity=2, amount=Decimal("16000.00"), unit_price=Decimal("8000.00"))
    order = sold(MATS, tyres)
    make.paid(order)
    pieces = [piece("010460123456789321a\x1d92x"), piece("010460123456789321b\x1d92y")]
    for _ in range(2):
        services.post_sale(
            order_id=order.id, customer_id=order.customer_id, now=timezone.now(), receipt=[MATS, *pieces],
            version_number=7,
        )  # fmt: skip
        services.copy_orders(commands=[told(order, MATS, tyres)])
    drain_outbox("payments")
    offset = Receipt.objects.get(kind="offset")
    assert offset.state == "registered", offset.failure_reason
    named = [(row.quantity, row.amount, row.subject, row.marking_code) for row in offset.lines.order_by("position")]
    assert named == [(4, Decimal("100000.00"), "commodity", "")] + [
        (1, Decimal("8000.00"), "marked", one.marking_code) for one in pieces
    ]
    assert {row.marking_code for row in Receipt.objects.get(kind="payment").lines.all()} == {""}
    services.close_order(order_id=order.id, attempt_id=None, reason="returned", now=timezone.now())
    make.drain()
    back = Receipt.objects.get(kind="refund")
    assert [row.marking_code for row in back.lines.order_by("position")] == ["", *(one.marking_code for one in pieces)]
    assert receipt_disagreements() == []


def test_a_sale_that_tells_no_codes_leaves_the_order_as_it_was_told(sandbox):
    order = sold(MATS)
    make.paid(order)
    services.post_sale(order_id=order.id, customer_id=order.customer_id, now=timezone.now(), version_number=7)
    drain_outbox("payments")
    assert [line[0] for line in lines(Receipt.objects.get(kind="offset"))] == ["Floor mats"]


def test_nothing_is_made_where_the_law_knows_no_receipts(sandbox, settings):
    settings.FISCAL_OPERATOR = "none"
    services.attend_receipts(now=timezone.now())
    make.paid(sold())
    drain_outbox("payments")
    services.attend_receipts(now=timezone.now())
    assert said() == []
    assert receipt_disagreements() == []


def test_money_that_moved_before_receipts_began_is_exempt(sandbox, settings):
    settings.FISCAL_OPERATOR = "none"
    services.attend_receipts(now=timezone.now())
    before = make.paid(sold())
    settings.FISCAL_OPERATOR = "sandbox"
    begin()
    services.attend_receipts(now=timezone.now())
    assert said() == []
    assert receipt_disagreements() == []
    make.refund(before, "400000.00")
    make.drain()
    assert said() == [("refund", BACK, "registered", Decimal("400000.00"))]
    assert receipt_disagreements() == []


def test_what_no_event_told_of_is_found_by_the_clock(sandbox, monkeypatch):
    payment = make.payment(sold())
    services.apply_report(
        payment_id=payment.id, report=services.ChargeReport("completed", provider_ref="sbx_1"), now=timezone.now()
    )
    assert [found.kind for found in receipt_disagreements()] == ["receipt_missing"]
    assert services.attend_receipts(now=timezone.now()) == 1
    assert [row[:2] for row in said()] == [("payment", SALE)]
