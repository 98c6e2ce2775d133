import csv
import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from messaging.models import ExternalCall
from messaging.testing import drain_outbox
from payments import queries, services
from payments.models import LedgerLine, Payment, Reconciliation, Status
from payments.providers.sandbox import SandboxProvider
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])


def list_rows(sandbox, *payments):
    return [row for payment in payments for row in sandbox.rows(payment)]


def test_a_day_is_compared_with_the_providers_book(sandbox, monkeypatch, capsys):
    paid = make.paid(make.order(total="1000.00"))
    make.refund(paid, "100.00")
    make.payment(token="tok_declined")
    drain_outbox("payments")
    rows = list_rows(sandbox, paid)
    monkeypatch.setattr(SandboxProvider, "read_statement", lambda self: iter(rows))
    today = timezone.now().date()
    call_command("reconcile_payments", "--json", day=today)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["charged_there"], shown["charged_here"], shown["returned_here"]) == ("1000.00", "1000.00", "100.00")
    assert shown["differences"] == []
    rows[0] = rows[0] | {"amount": "999.00"}
    with pytest.raises(SystemExit):
        call_command("reconcile_payments", day=today)
    kept = Reconciliation.objects.get()
    assert [(item["id"], item["there"], item["here"]) for item in kept.differences] == [
        (str(paid.id), "999.00", "1000.00")
    ]
    assert not kept.agrees


def test_what_the_provider_does_not_know_is_a_difference(monkeypatch):
    paid = make.paid(make.order(total="1000.00"))
    monkeypatch.setattr(SandboxProvider, "read_statement", lambda self: iter([]))
    done = services.reconcile_day(provider="sandbox", day=timezone.now().date(), now=timezone.now())
    assert done.differences == [{"kind": "charge", "id": str(paid.id), "there": "nothing", "here": "1000.00"}]


def test_a_payment_nobody_asks_about_is_asked_about_once_an_hour():
    payment = make.payment(token="tok_success")
    ExternalCall.objects.using("payments").update(finished_at=timezone.now(), state="ok")
    Payment.objects.update(status=Status.PROCESSING)
    later = timezone.now() + timedelta(minutes=6)
    assert services.ask_about_open_payments(now=timezone.now()) == 0
    assert services.ask_about_open_payments(now=later) == 1
    assert services.ask_about_open_payments(now=later) == 0
    assert ExternalCall.objects.using("payments").filter(operation="payments.query").count() == 1
    assert make.again(payment).status == Status.PROCESSING


def test_an_account_is_exported_with_its_running_balance(capsys):
    paid = make.paid(make.order(total="1000.00"), method="cash")
    make.refund(paid, "100.00")
    call_command("export_ledger", account="cash")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["kind"], row["amount"], row["balance"]) for row in rows] == [
        ("charge", "1000.00", "1000.00"),
        ("refund", "-100.00", "900.00"),
    ]
    call_command("export_ledger")
    assert len(capsys.readouterr().out.splitlines()) == LedgerLine.objects.count() + 1
    tomorrow = timezone.now() + timedelta(days=1)
    assert list(queries.statement(account="cash", since=tomorrow, until=tomorrow)) == []
