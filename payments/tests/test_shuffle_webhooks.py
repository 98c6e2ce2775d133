"""Whatever order, repetition and delay a provider's messages come with, everything ends alike."""

import os
from decimal import Decimal

import pytest
from django.db import connections
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments import services
from payments.models import Dispute, LedgerLine, Refund, Status, WebhookEvent
from payments.providers.port import Notice
from payments.public import ledger_disagreements
from payments.services import ChargeReport
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])
MESSAGES = [
    ("charge", "processing", ""), ("charge", "requires_action", ""), ("charge", "failed", ""),
    ("charge", "succeeded", ""),
    ("refund", "succeeded", "first"), ("refund", "failed", "first"), ("refund", "succeeded", "second"),
    ("refund", "succeeded", "theirs"), ("refund", "failed", "withdrawn"), ("refund", "succeeded", "withdrawn"),
    ("dispute", "open", "won"), ("dispute", "won", "won"), ("dispute", "open", "open"),
]  # fmt: skip
AMOUNTS = {"first": "30.00", "second": "20.00", "theirs": "25.00", "withdrawn": "10.00"}


class Scene:
    """A payment that the provider took, with two refunds of ours on their way."""

    def __init__(self, *, has_refunds):
        self.payment = make.payment(make.order(total="100.00"))
        self.ref = f"sbx_{self.payment.id.hex}"
        self.ours = {}
        if has_refunds:
            report = ChargeReport(Status.COMPLETED, provider_ref=self.ref)
            services.apply_report(payment_id=self.payment.id, report=report, now=timezone.now())
            self.ours = {name: make.refund(self.payment, AMOUNTS[name]) for name in ("first", "second")}

    def receive(self, message, *, copy):
        """One message; copies of it have one id."""
        kind, status, name = message
        refund = self.ours.get(name)
        notice = Notice(
            event_id=f"{self.ref}:{kind}:{status}:{name}:{copy}",
            type=f"{kind}.{status}",
            kind=kind,
            status=status,
            payment_id=str(self.payment.id),
            refund_id=str(refund.id) if refund else "",
            charge_ref=self.ref,
            ref=f"{self.ref}:{name}" if name else "",
            amount=AMOUNTS.get(name, "100.00"),
            currency="RUB",
            failure_code="declined" if status == "failed" else "",
        )
        return services.receive_webhook(provider="sandbox", notice=notice, is_trusted=True, now=timezone.now())

    def end(self):
        """Everything that must not depend on the order of arrival."""
        payment = make.again(self.payment)
        refunds = {
            (row.provider_ref.rpartition(":")[2], row.status, row.amount, row.source)
            for row in Refund.objects.filter(payment=payment)
        }
        disputes = {
            (row.provider_ref.rpartition(":")[2], row.status) for row in Dispute.objects.filter(payment=payment)
        }
        books = {}
        for line in LedgerLine.objects.filter(entry__payment=payment):
            account = line.account_id.split(":")[0]
            books[account] = books.get(account, Decimal(0)) + line.amount
        money = (payment.refunded_amount, payment.refund_pending, payment.failure_code)
        return payment.status, money, refunds, disputes, {name: amount for name, amount in books.items() if amount}


def run(messages, delays, *, has_refunds):
    scene = Scene(has_refunds=has_refunds)
    waiting = []
    for (message, copy), is_late in zip(messages, delays, strict=True):
        event = scene.receive(message, copy=copy)
        if is_late:
            waiting.append(event)
        else:
            services.apply_webhook(webhook_id=event.id, now=timezone.now())
    for event in reversed(waiting):
        services.apply_webhook(webhook_id=event.id, now=timezone.now())
    return scene.end()


@st.composite
def arrivals(draw, has_refunds):
    """Some messages in the order they were sent, and the same shuffled, repeated and delayed."""
    possible = [item for item in MESSAGES if has_refunds or item[2] not in ("first", "second")]
    sent = [(item, 0) for item in possible if draw(st.booleans())] or [(possible[3], 0)]
    again = draw(st.lists(st.sampled_from(sent), max_size=4))
    others = [(message, 1) for message, _ in draw(st.lists(st.sampled_from(sent), max_size=2))]
    shuffled = draw(st.permutations([*sent, *again, *others]))
    return sent, shuffled, draw(st.lists(st.booleans(), min_size=len(shuffled), max_size=len(shuffled)))


@pytest.mark.parametrize("has_refunds", [False, True])
@settings(
    deadline=None,
    max_examples=int(os.environ.get("AUTOSALON_SHUFFLES", "8")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_order_repetition_and_delay_ends_alike(has_refunds, data):
    sent, shuffled, delays = data.draw(arrivals(has_refunds))
    expected = run(sent, [False] * len(sent), has_refunds=has_refunds)
    assert run(shuffled, delays, has_refunds=has_refunds) == expected
    assert ledger_disagreements() == []


def test_a_message_is_kept_once_per_provider_and_id():
    scene = Scene(has_refunds=False)
    first = scene.receive(("charge", "succeeded", ""), copy=0)
    assert scene.receive(("charge", "succeeded", ""), copy=0).id == first.id
    assert WebhookEvent.objects.count() == 1
    with connections["payments"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM messaging_outbox WHERE type = 'payment.webhook_received'")
        assert cursor.fetchone() == (1,)
