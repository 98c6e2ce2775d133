"""A fiscal operator that is down, silent or answers twice: nothing is lost, nothing is registered twice."""

import pytest
from django.utils import timezone

from payments import services
from payments.models import Receipt
from payments.public import receipt_disagreements
from payments.services import ReceiptReport
from payments.tests import make
from payments.tests.conftest import serving
from payments.tests.receipts import begin, said, sold
from sandbox.bank.faults import FaultScript
from sandbox.fiscal.store import Store
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["payments", "accounts"])


@pytest.fixture
def paid(sandbox):
    """Three payments whose receipts nobody has drawn up yet."""
    return [make.paid(sold()) for _ in range(3)]


def registered(folder):
    return [(row["key"], row["amount"]) for row in Store(folder / "receipts.sqlite3").receipts()]


@pytest.mark.parametrize(
    "fault", ["unavailable:0.5", "lose_answer:0.5", "time_out:0.3", "unavailable:0.3,lose_answer:0.4"]
)
def test_faults_lose_and_double_nothing(paid, fault, tmp_path, settings):
    with serving(tmp_path, faults=FaultScript.read(f"{fault}/7"), late_s=0.6) as bad:
        settings.SANDBOX_URL, settings.PROVIDER_TIMEOUT_S, settings.BREAKER_FAILURES = bad.url, 0.3, 1000
        begin_earlier(paid)
        services.attend_receipts(now=timezone.now())
        for _ in range(12):
            make.drain(rounds=2)
            if all(row[2] == "registered" for row in said()):
                break
        keys = registered(tmp_path)
    assert [row[2] for row in said()] == ["registered"] * 3
    assert sorted(key for key, _ in keys) == sorted(receipt.key for receipt in Receipt.objects.all())
    assert receipt_disagreements() == []


def begin_earlier(paid):
    """Begin as if it had been before these payments."""
    services.attend_receipts(now=min(payment.created_at for payment in paid))


def test_an_operator_that_is_away_is_waited_for(paid, settings):
    there = settings.SANDBOX_URL
    settings.SANDBOX_URL, settings.BREAKER_FAILURES = nowhere(), 1000
    begin_earlier(paid)
    services.attend_receipts(now=timezone.now())
    make.drain(rounds=6)
    assert {row[2] for row in said()} == {"waiting"}
    settings.SANDBOX_URL = there
    make.drain()
    assert {row[2] for row in said()} == {"registered"}
    assert len({receipt.fiscal_number for receipt in Receipt.objects.all()}) == 3


def test_an_answer_given_twice_or_too_late_changes_nothing(sandbox):
    begin()
    make.paid(sold())
    receipt = Receipt.objects.get()
    steps = receipt.steps.count()
    for report in (ReceiptReport("registered", fiscal_number="7"), ReceiptReport("refused"), ReceiptReport("sent")):
        for attempt in (1, 0):
            moved = services.apply_receipt_report(
                receipt_id=receipt.id, attempt=attempt, report=report, now=timezone.now()
            )
            assert not moved
    assert make.again(receipt).fiscal_number == receipt.fiscal_number
    assert receipt.steps.count() == steps
