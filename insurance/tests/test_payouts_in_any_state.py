"""Every answer of payments in every state of a claim's payout: money that left is final, a refusal may be made good."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from insurance import services
from insurance.models import MoneyState
from insurance.public import policy_disagreements
from insurance.tests import make

pytestmark = pytest.mark.django_db(databases=["insurance"])
STATES: dict[str, tuple[bool, ...]] = {
    "asked": (),
    "failed": (False,),
    "done": (True,),
    "done after all": (False, True),
}


@pytest.fixture(autouse=True)
def _one_is_enough(settings):
    settings.CLAIM_FOUR_EYES_ABOVE = 100_000_000


def payout():
    claim = make.claim()
    now = claim.occurred_at + timedelta(hours=2)
    services.assess_claim(claim_id=claim.id, found=services.Assessment(amount=Decimal("100000.00")), now=now)
    services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=now)
    services.pay_claim(claim_id=claim.id, now=now)
    return claim, claim.payouts.get()


def receive(request, is_paid):
    services.settle_payout(
        request_id=request.id, is_paid=is_paid, code="" if is_paid else "refused", detail="", now=timezone.now()
    )
    request.refresh_from_db()
    return request.state


def test_every_state_of_a_payout_is_tried():
    assert {state.partition(" ")[0] for state in STATES} == set(MoneyState.values)


@pytest.mark.parametrize("is_paid", [True, False])
@pytest.mark.parametrize("state", STATES)
def test_every_answer_in_every_state_is_taken_in(state, is_paid):
    claim, request = payout()
    for step in STATES[state]:
        receive(request, step)
    before = request.state
    assert before == state.partition(" ")[0]
    after = "done" if is_paid or before == "done" else "failed"
    assert [receive(request, is_paid) for _ in range(2)] == [after, after]
    claim.refresh_from_db()
    assert (claim.status == "paid") == (after == "done")
    assert list(policy_disagreements()) == []


def test_an_answer_about_a_request_of_nobody_changes_nothing():
    _claim, request = payout()
    services.settle_payout(request_id=uuid7(), is_paid=True, code="", detail="", now=timezone.now())
    request.refresh_from_db()
    assert request.state == "asked"
