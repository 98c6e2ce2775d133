"""Earnest money in an order's account: it stays when the rest goes back, until orders says whose it is."""

from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from messaging.testing import capture_events, drain_outbox
from payments import handlers, services
from payments.commands import ForfeitDeposit, GiveBackPayments, PayOutDeposit
from payments.errors import MoneySecured
from payments.models import LedgerEntry, LedgerLine, OrderAccount, Payment, Payout, Refund, RefundStatus
from payments.public import ledger_disagreements, settled_deposits
from payments.services import PayoutReport
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])
DEPOSIT, REST = Decimal("100000.00"), Decimal("200000.00")
MANAGER = uuid7()


def balances():
    found = {}
    for code, amount in LedgerLine.objects.values_list("account_id", "amount"):
        found[code.split(":")[0]] = found.get(code.split(":")[0], Decimal(0)) + amount
    return {code: amount for code, amount in found.items() if amount}


def undo(order, secured=DEPOSIT, attempt_id=None):
    """Ask what an order that ends asks, and ask again."""
    wish = GiveBackPayments(
        order_id=order.id, attempt_id=attempt_id or uuid7(), reason="cancelled", secured_amount=secured
    )
    handlers.serve_checkout(wish)
    drain_outbox("payments")
    return wish


def paid(*amounts):
    """An order of which so much was paid by card."""
    order = make.order()
    for amount in amounts or (DEPOSIT, REST):
        handlers.serve_checkout(make.payment_requested(order, amount=amount))
        drain_outbox("payments")
    return order


def forfeit(order, amount=DEPOSIT, request_id=None):
    return ForfeitDeposit(
        request_id=request_id or uuid7(), order_id=order.id, customer_id=order.customer_id, amount=amount,
        currency="RUB",
    )  # fmt: skip


def test_it_stays_while_the_rest_goes_back_at_once(sandbox):
    order = paid()
    with capture_events("payments") as told:
        wish = undo(order)
    assert told == ["payment.refunded", "payment.order_settled"]
    assert Refund.objects.get().amount == REST
    assert balances() == {"provider": DEPOSIT, "order": -DEPOSIT}
    with capture_events("payments") as again:
        undo(order, attempt_id=wish.attempt_id)
    assert (again, Refund.objects.count()) == (["payment.order_settled"], 1)
    assert ledger_disagreements() == []


def test_it_stays_when_the_order_is_closed_once_more(sandbox):
    order = paid()
    undo(order)
    handlers.serve_checkout(make.closed(order))
    drain_outbox("payments")
    assert (Refund.objects.count(), OrderAccount.objects.get(pk=order.id).secured_amount) == (1, DEPOSIT)


def test_nobody_gives_it_back_by_hand(sandbox):
    order = paid()
    undo(order)
    payment = Payment.objects.get(amount=DEPOSIT)
    for amount in (None, Decimal(1)):
        with pytest.raises(MoneySecured):
            services.request_refund(
                payment_id=payment.id, amount=amount, reason="so", actor_id=MANAGER, now=timezone.now()
            )
    assert Refund.objects.count() == 1


def test_a_refund_that_waited_before_the_end_does_not_take_it_either(sandbox, settings):
    settings.REFUND_FOUR_EYES_ABOVE = 1
    order = paid(DEPOSIT)
    payment = Payment.objects.get()
    asked = services.request_refund(
        payment_id=payment.id, amount=Decimal(50), reason="so", actor_id=MANAGER, now=timezone.now()
    )
    assert asked.status == RefundStatus.REQUESTED
    undo(order)
    with pytest.raises(MoneySecured):
        services.approve_refund(refund_id=asked.id, actor_id=uuid7(), now=timezone.now())
    asked.refresh_from_db()
    assert asked.status == RefundStatus.REQUESTED
    handlers.settle_deposit(forfeit(order))
    assert balances() == {"provider": DEPOSIT, "earnest_money": -DEPOSIT}
    with pytest.raises(MoneySecured):
        services.approve_refund(refund_id=asked.id, actor_id=uuid7(), now=timezone.now())
    services.reject_refund(refund_id=asked.id, actor_id=uuid7(), now=timezone.now())
    assert ledger_disagreements() == []


def test_what_insurers_earned_is_not_given_back_by_hand_in_its_stead(sandbox):
    order = paid()
    wish = GiveBackPayments(
        order_id=order.id, attempt_id=uuid7(), reason="cancelled", secured_amount=DEPOSIT, keep_amount=Decimal(500)
    )
    handlers.serve_checkout(wish)
    drain_outbox("payments")
    assert balances()["order"] == -DEPOSIT - 500
    with pytest.raises(MoneySecured):
        make.refund(Payment.objects.get(amount=REST), "500.00")


def test_by_nobodys_fault_it_goes_back_too(sandbox):
    order = paid()
    wish = undo(order)
    with capture_events("payments") as told:
        undo(order, secured=Decimal(0), attempt_id=wish.attempt_id)
    assert told == ["payment.refunded", "payment.order_settled"]
    assert balances() == {}
    assert ledger_disagreements() == []


def test_by_the_buyers_fault_it_is_earned_once(sandbox):
    order = paid()
    undo(order)
    command = forfeit(order)
    with capture_events("payments") as told:
        handlers.settle_deposit(command)
        handlers.settle_deposit(command)
    assert told == ["payment.forfeit_settled", "payment.forfeit_settled"]
    assert LedgerEntry.objects.filter(kind="forfeit").count() == 1
    assert balances() == {"provider": DEPOSIT, "earnest_money": -DEPOSIT}
    assert settled_deposits() == {(command.request_id, "forfeit"): DEPOSIT}
    assert ledger_disagreements() == []


def test_no_more_is_earned_than_is_there(sandbox):
    order = paid(Decimal(300))
    undo(order, secured=Decimal(300))
    with capture_events("payments") as told:
        handlers.settle_deposit(forfeit(order, amount=Decimal(5000)))
    assert (told, balances()) == (["payment.forfeit_settled"], {"provider": Decimal(300), "earnest_money": -300})
    empty = make.order()
    handlers.settle_deposit(forfeit(empty))
    assert LedgerEntry.objects.filter(kind="forfeit").count() == 1


def test_by_our_fault_the_second_half_is_paid_once_at_our_expense(sandbox):
    order = paid()
    wish = undo(order)
    undo(order, secured=Decimal(0), attempt_id=wish.attempt_id)
    command = PayOutDeposit(
        request_id=uuid7(), order_id=order.id, customer_id=order.customer_id, amount=DEPOSIT, currency="RUB",
        reason="double",
    )  # fmt: skip
    with capture_events("payments") as told:
        handlers.settle_deposit(command)
        handlers.settle_deposit(command)
        drain_outbox("payments")
    assert told == ["payment.payout_settled"]
    payout = Payout.objects.get()
    assert (payout.purpose, payout.subject_id, payout.amount) == ("deposit", order.id, DEPOSIT)
    assert balances() == {"provider": -DEPOSIT, "earnest_money_doubled": DEPOSIT}
    assert settled_deposits() == {(command.request_id, "doubled"): DEPOSIT}
    assert ledger_disagreements() == []


def test_a_second_half_that_bounced_is_sent_again_and_booked_once():
    order = make.order()
    command = PayOutDeposit(
        request_id=uuid7(), order_id=order.id, customer_id=order.customer_id, amount=DEPOSIT, currency="RUB",
        reason="double",
    )  # fmt: skip
    handlers.settle_deposit(command)
    payout = Payout.objects.get()
    for attempt, status in ((1, "failed"), (2, "succeeded")):
        services.apply_payout_report(
            payout_id=payout.id, attempt=attempt, report=PayoutReport(status), now=timezone.now()
        )
        if status == "failed":
            assert balances() == {"earnest_money_doubled": DEPOSIT, "deposit": -DEPOSIT}
            services.retry_payout(payout_id=payout.id, now=timezone.now())
    assert balances()["earnest_money_doubled"] == DEPOSIT
    assert LedgerEntry.objects.filter(kind="doubled").count() == 1


def test_a_refund_of_the_rest_that_failed_can_be_sent_again(sandbox):
    order = paid()
    undo(order)
    refund = Refund.objects.get()
    services.apply_refund_report(
        refund_id=refund.id, attempt=1, report=services.RefundReport("failed"), now=timezone.now()
    )
    services.retry_refund(refund_id=refund.id, now=timezone.now())
    refund.refresh_from_db()
    assert (refund.status, refund.amount) == (RefundStatus.SUBMITTED, REST)
