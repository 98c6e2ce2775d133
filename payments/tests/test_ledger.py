from decimal import Decimal

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from core.db import transaction
from core.testing import Api
from payments.models import EntryKind, LedgerAccount, LedgerEntry, LedgerLine, Payment
from payments.public import ledger_disagreements
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])


def commit_entry(payment, *amounts):
    with transaction("payments"):
        entry(payment, *amounts)
        with connections["payments"].cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def entry(payment, *amounts):
    made = LedgerEntry.objects.create(
        kind=EntryKind.CHARGE,
        reference=payment.order_id,
        payment=payment,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        currency="RUB",
        created_at=timezone.now(),
    )
    account = LedgerAccount.objects.get_or_create(code="cash")[0]
    for amount in amounts:
        LedgerLine.objects.create(entry=made, account=account, amount=Decimal(amount))


@pytest.mark.parametrize("amounts", [(), (5,), (5, -4), (5, 5, -5)])
def test_an_entry_that_does_not_balance_cannot_commit(amounts):
    payment = make.payment()
    with pytest.raises(IntegrityError, match="does not balance"):
        commit_entry(payment, *amounts)


def test_a_balanced_entry_commits():
    commit_entry(make.payment(), 5, 3, -8)


def test_nothing_is_changed_or_removed():
    make.paid(method="cash")
    for change in (
        lambda: LedgerLine.objects.update(amount=1),
        lambda: LedgerLine.objects.all().delete(),
        lambda: LedgerEntry.objects.update(currency="USD"),
    ):
        with pytest.raises(IntegrityError, match="only added to"), transaction("payments"):
            change()


def test_an_effect_is_booked_once():
    payment = make.paid(method="cash")
    with pytest.raises(IntegrityError, match="ledger_books_once"), transaction("payments"):
        LedgerEntry.objects.create(
            kind=EntryKind.CHARGE,
            reference=payment.id,
            payment=payment,
            order_id=payment.order_id,
            customer_id=payment.customer_id,
            currency="RUB",
            created_at=timezone.now(),
        )


def test_refunds_above_the_payment_cannot_be_stored():
    payment = make.paid(method="cash")
    with pytest.raises(IntegrityError, match="payment_refunds_within_amount"), transaction("payments"):
        Payment.objects.filter(pk=payment.pk).update(refunded_amount=payment.amount, refund_pending=1)


def test_two_payments_of_one_order_cannot_be_in_flight_at_one_provider():
    first = make.payment()
    with pytest.raises(IntegrityError, match="payment_one_in_flight"), transaction("payments"):
        Payment.objects.create(
            order_id=first.order_id,
            customer_id=first.customer_id,
            method="card",
            provider=first.provider,
            amount=1,
            currency="RUB",
            created_at=timezone.now(),
            updated_at=timezone.now(),
        )


def test_corruption_is_found():
    payment = make.paid(make.order(total="1000.00"), method="cash")
    make.refund(payment, "100.00")
    lonely = make.payment(method="cash")
    assert ledger_disagreements() == []
    Payment.objects.filter(pk=payment.pk).update(refunded_amount=50)
    Payment.objects.filter(pk=lonely.pk).update(status="completed")
    found = {(item.kind, item.ids["payment"]) for item in ledger_disagreements()}
    assert found == {
        ("payment_not_in_ledger", str(payment.id)),
        ("refunds_differ", str(payment.id)),
        ("payment_not_in_ledger", str(lonely.id)),
        ("charge_not_booked_once", str(lonely.id)),
    }


def _place(row):
    return row["kind"], row["account"]


def test_transactions_are_shown_to_their_owner_and_to_managers():
    mine, other = make.paid(method="cash"), make.paid(method="cash")
    make.refund(mine, "100.00")
    me, manager = Api("client", user_id=mine.customer_id), Api("manager")
    rows = me.get(f"/transactions?order_id={mine.order_id}").json()["results"]
    assert [(row["kind"], row["account"], row["amount"]) for row in sorted(rows, key=_place)] == [
        ("charge", "cash", "1000000.00"),
        ("charge", f"order:{mine.order_id}", "-1000000.00"),
        ("refund", "cash", "-100.00"),
        ("refund", "refunds_payable", "100.00"),
        ("refund_due", f"order:{mine.order_id}", "100.00"),
        ("refund_due", "refunds_payable", "-100.00"),
    ]
    assert {row["order_id"] for row in rows} == {str(mine.order_id)}
    assert len({row["entry_id"] for row in rows}) == 3
    assert me.get(f"/transactions?order_id={other.order_id}").json()["results"] == []
    assert len(manager.get("/transactions?account=cash&kind=charge").json()["results"]) == 2
    assert len(manager.get(f"/transactions?payment_id={mine.id}&page_size=3").json()["results"]) == 3
    assert manager.get("/transactions?weather=fine").status_code == 400
    assert Api().get("/transactions").status_code == 401


def test_balances_are_ones_own_part():
    mine, other = make.paid(method="cash"), make.paid(method="cash")
    me = Api("client", user_id=mine.customer_id).get("/ledger/accounts").json()["results"]
    assert {row["code"]: row["balance"] for row in me} == {
        "cash": "1000000.00",
        f"order:{mine.order_id}": "-1000000.00",
    }
    everybody = Api("manager").get("/ledger/accounts/").json()["results"]
    assert {row["code"]: row["balance"] for row in everybody} == {
        "cash": "2000000.00",
        f"order:{mine.order_id}": "-1000000.00",
        f"order:{other.order_id}": "-1000000.00",
    }
    assert Api().get("/ledger/accounts").status_code == 401
