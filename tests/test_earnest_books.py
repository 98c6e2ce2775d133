"""The books of orders and payments tell the same of earnest money, or the check names what does not."""

from decimal import Decimal

import pytest
from django.utils import timezone

from config.books import earnest_disagreements
from core.db import transaction
from core.ids import uuid7
from gateway.approvals import let
from orders.models import DepositAgreement
from orders.tests import make
from payments.approvals import ASKED_FOR
from payments.models import EntryKind
from payments.services.ledger import About, post

pytestmark = pytest.mark.django_db(databases=["orders", "payments"])
SUM = Decimal("50000.00")


def judged(state, fault):
    """An agreement that says it ended so."""
    make.with_earnest_money()
    found = DepositAgreement.objects.get()
    found.state, found.fault, found.stated_by, found.confirmed_by = state, fault, uuid7(), uuid7()
    found.save()
    return found


def booked(kind, request_id, amount=SUM):
    """An entry of the ledger about earnest money."""
    let(ASKED_FOR)
    sides = {"earnest_money": -amount, f"order:{uuid7()}": amount}
    post(About(kind, request_id, "RUB"), sides, timezone.now())


def kinds():
    return [found.kind for found in earnest_disagreements()]


@pytest.mark.parametrize(("state", "fault", "kind"), [
    ("forfeited", "buyer", EntryKind.FORFEIT),
    ("doubled", "seller", EntryKind.DOUBLED),
])  # fmt: skip
def test_an_outcome_has_its_entry(state, fault, kind):
    found = judged(state, fault)
    assert kinds() == ["earnest_not_booked"]
    with transaction("payments"):
        booked(kind, found.id)
    assert kinds() == []


def test_an_outcome_of_another_amount_is_named():
    found = judged("forfeited", "buyer")
    with transaction("payments"):
        booked(EntryKind.FORFEIT, found.id, SUM - 1)
    assert kinds() == ["earnest_not_booked"]


def test_an_entry_without_a_fault_is_named():
    make.with_earnest_money()
    with transaction("payments"):
        booked(EntryKind.FORFEIT, uuid7())
    assert kinds() == ["earnest_without_fault"]


def test_money_that_was_returned_and_booked_as_ours_is_named():
    found = judged("returned", "nobody")
    with transaction("payments"):
        booked(EntryKind.FORFEIT, found.id)
    assert kinds() == ["earnest_booked"]
