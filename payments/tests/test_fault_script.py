"""Payments through a bank in a storm: every fault at random, and not one buyer charged twice.

AUTOSALON_FAULT_PAYMENTS says how many payments (`make faults`: 2,000), AUTOSALON_FAULT_SEED which storm.
"""

import json
import os
import random
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connections
from django.db.models import Sum
from django.utils import timezone

from core.errors import DomainError
from core.ids import uuid7
from messaging.delivery import calls, sweep, wakeups
from messaging.delivery.dispatcher import dispatch
from messaging.testing import make_due
from messaging.transport import relay
from payments import services
from payments.models import IN_FLIGHT, LedgerLine, Payment, Refund, RefundStatus, Status
from payments.public import ledger_disagreements, provider_disagreements
from payments.tests import make
from payments.tests.conftest import serving
from payments.tests.test_receive_webhook import send
from sandbox.bank.faults import FaultScript

COUNT = int(os.environ.get("AUTOSALON_FAULT_PAYMENTS", "40"))
pytestmark = [pytest.mark.django_db(databases=["payments"], transaction=True), pytest.mark.timeout(120 + COUNT)]
SEED = int(os.environ.get("AUTOSALON_FAULT_SEED", "7"))
STRENGTH = 0.15
WORKERS = 4
TOKENS = [
    *["tok_success"] * 6, "tok_3ds", "tok_3ds", "tok_declined", "tok_insufficient_funds", "tok_flaky",
    "tok_late_success", "tok_late_failure", "tok_refund_fails", "tok_refund_late_fails",
]  # fmt: skip


@pytest.fixture
def bank(tmp_path, settings):
    faults = FaultScript.storm(STRENGTH, SEED, late_s=0.3)
    faults.time_out = 0.03
    with serving(tmp_path, faults=faults, late_s=0.6) as sandbox:
        settings.SANDBOX_URL = sandbox.url
        settings.PROVIDER_TIMEOUT_S = 0.3
        settings.BREAKER_COOL_S = 0.05
        yield sandbox


class Storm:
    """Impatient buyers, workers that die, webhooks that overtake each other, and managers who refund."""

    def __init__(self, bank):
        self.bank = bank
        self.dice = random.Random(SEED)
        self.orders = [make.order(total=f"{self.dice.randrange(100, 90_000_000) / 100:.2f}") for _ in range(COUNT)]
        self.tries = Counter()
        self.refunded, self.given_up = set(), set()

    def rage(self):
        with ThreadPoolExecutor(WORKERS) as pool, wakeups.muted():
            for order in self.orders:
                self.pay(pool, order)
            deadline = time.monotonic() + 60 + COUNT
            while self.is_moving() and time.monotonic() < deadline:
                self.turn(pool)
            everyone = threading.Barrier(WORKERS)
            list(pool.map(lambda _: (everyone.wait(), connections["payments"].close()), range(WORKERS)))

    def turn(self, pool):
        self.work(pool)
        self.answer_the_bank()
        self.receive_webhooks()
        self.deliver()
        self.try_again(pool)
        self.give_back()

    def pay(self, pool, order):
        """A double click: two requests at once, of which one at most becomes a payment."""
        self.tries[order.id] += 1
        token = self.dice.choice(TOKENS)

        def click(_):
            try:
                return make.payment(order, token=token)
            except DomainError:
                return None

        assert sum(1 for made in pool.map(click, range(2)) if made) <= 1

    def work(self, pool):
        """Make what calls are due; some executors die once the bank has answered, and nobody heard it."""
        make_due("payments")
        keys = calls.due_calls("payments", limit=10_000)
        self.dice.shuffle(keys)
        doomed = {key for key in keys if self.dice.random() < 0.05}
        list(pool.map(lambda key: self.make_call(key, is_doomed=key in doomed), keys))

    def make_call(self, key, *, is_doomed):
        if not is_doomed:
            return calls.execute_call("payments", key)
        row = calls.ExternalCall.objects.using("payments").get(key=key)
        return calls._operations[row.operation].call(row.key, row.request, is_repeat=True)

    def answer_the_bank(self):
        for payment in Payment.objects.filter(status=Status.REQUIRES_ACTION).exclude(provider_ref=""):
            if self.dice.random() < 0.7:
                self.bank.store.confirm(payment.provider_ref, is_confirmed=self.dice.random() < 0.7)

    def receive_webhooks(self):
        """In any order, some twice, some not this time."""
        self.bank.store.decide_late()
        due = self.bank.store.due_webhooks(100_000)
        due += self.dice.choices(due, k=len(due) // 5) if due else []
        self.dice.shuffle(due)
        for webhook in due:
            if self.dice.random() < 0.2:
                continue
            assert send(json.loads(webhook.body)).status_code == 200
            self.bank.store.mark_sent(webhook, is_delivered=True)

    def deliver(self):
        while relay.sequence("payments"):
            pass
        while relay.copy("payments", "payments")[1]:
            pass
        for _, handler, shard in sweep.pending_shards("payments"):
            dispatch("payments", handler, shard)

    def try_again(self, pool):
        """A buyer whose payment failed tries once more, in one call."""
        alive = Payment.objects.exclude(status__in=[Status.FAILED, Status.CANCELLED])
        paid = set(alive.values_list("order_id", flat=True))
        for order in self.orders:
            if order.id not in paid and self.tries[order.id] < 3:
                self.pay(pool, order)

    def give_back(self):
        for payment in Payment.objects.filter(status__in=[Status.COMPLETED, Status.PARTIALLY_REFUNDED]):
            if payment.id in self.refunded or self.dice.random() > 0.3:
                continue
            self.refunded.add(payment.id)
            for _ in range(self.dice.randrange(3)):
                part = (payment.amount * Decimal(self.dice.randrange(10, 60)) / 100).quantize(Decimal("0.01"))
                try:
                    refund = make.refund(payment, str(part))
                    if refund.status == RefundStatus.REQUESTED:
                        services.approve_refund(refund_id=refund.id, actor_id=uuid7(), now=timezone.now())
                except DomainError:
                    break
        for refund in self.failed_refunds():
            try:
                services.retry_refund(refund_id=refund.id, now=timezone.now())
            except DomainError:  # meanwhile another refund took what was left
                self.given_up.add(refund.id)

    def failed_refunds(self):
        return Refund.objects.filter(status=RefundStatus.FAILED, attempt__lt=3).exclude(pk__in=self.given_up)

    def is_moving(self):
        unread = self.bank.store._db.execute("SELECT count(*) FROM webhook WHERE delivered_at IS NULL").fetchone()[0]
        undecided = self.bank.store._db.execute(
            "SELECT count(*) FROM movement WHERE status IN ('processing', 'requires_action')"
        ).fetchone()[0]
        return (
            bool(unread or undecided)
            or Payment.objects.filter(status__in=IN_FLIGHT).exists()
            or Refund.objects.filter(status__in=[RefundStatus.SUBMITTED, RefundStatus.APPROVED]).exists()
            or self.failed_refunds().exists()
        )


def test_a_storm_charges_nobody_twice_and_leaves_nothing_open(bank):
    storm = Storm(bank)
    started = time.monotonic()
    storm.rage()
    rows = bank.store.page(0, 1_000_000)["rows"]
    taken = [row for row in rows if row["kind"] == "charge" and row["status"] == "succeeded"]
    returned = [row for row in rows if row["kind"] == "refund" and row["status"] == "succeeded"]
    paid_for = Payment.objects.filter(pk__in=[row["reference"] for row in taken])
    charges_of_order = Counter(paid_for.values_list("order_id", flat=True))
    theirs = sum(Decimal(row["amount"]) for row in taken) - sum(Decimal(row["amount"]) for row in returned)
    ledger = LedgerLine.objects.filter(account="provider:sandbox").aggregate(total=Sum("amount"))["total"]
    in_limbo = Payment.objects.filter(status__in=IN_FLIGHT).count()
    print(
        f"\n{COUNT} orders, {Payment.objects.count()} payments, {len(taken)} taken, {len(returned)} refunds done of "
        f"{Refund.objects.count()}; most charges of one order {max(charges_of_order.values())}; in limbo {in_limbo}; "
        f"the bank's sum {theirs}, our ledger {ledger}; seed {SEED}, {time.monotonic() - started:.0f} s"
    )
    assert in_limbo == 0
    assert not Refund.objects.filter(status=RefundStatus.SUBMITTED).exists()
    assert max(charges_of_order.values()) == 1
    assert len({row["reference"] for row in taken}) == len(taken)
    assert theirs == ledger
    assert ledger_disagreements() == []
    assert provider_disagreements() == []
    assert_no_refund_exceeds(taken, returned)


def assert_no_refund_exceeds(taken, returned):
    back = defaultdict(Decimal)
    for row in returned:
        back[row["charge_key"]] += Decimal(row["amount"])
    for row in taken:
        assert back[row["key"]] <= Decimal(row["amount"])
