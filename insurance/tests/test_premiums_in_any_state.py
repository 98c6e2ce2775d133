"""Every answer of payments about a premium or its refund, in every state of the request, in force and ended."""

from datetime import UTC, datetime, timedelta

import pytest

from core.ids import uuid7
from insurance import services
from insurance.models import MoneyKind, MoneyState
from insurance.queries.books import policy_disagreements
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["insurance"])
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
CARD = {"method": "card", "token": "tok_success"}
STATES: dict[str, tuple[bool, ...]] = {
    "asked": (),
    "failed": (False,),
    "done": (True,),
    "done after all": (False, True),
}


def bought():
    policy = services.purchase_quote(quote_id=make.quote(now=START).id, payment=CARD, now=START)
    settle(asked(kind="premium"))
    policy.refresh_from_db()
    return policy


def premium():
    return services.purchase_quote(quote_id=make.quote(now=START).id, payment=CARD, now=START)


def instalment():
    policy = make.policy(make.KASKO | {"instalments": 3}, now=START)
    services.pay_instalment(policy_id=policy.id, payment=CARD, now=START)
    return policy


def endorsement():
    policy = bought()
    changes = {"deductible": "0"}
    services.endorse_policy(policy_id=policy.id, changes=changes, actor_id=uuid7(), payment=CARD, now=START)
    return policy


def refund():
    policy = bought()
    end(policy)
    return policy


def reinstatement():
    policy = refund()
    settle(asked(kind="refund"))
    services.reinstate_policy(policy_id=policy.id, payment=CARD, now=START + timedelta(days=1))
    return policy


def end(policy):
    services.cancel_policy(policy_id=policy.id, reason="sold", now=START + timedelta(days=1))


KINDS = {
    MoneyKind.PREMIUM: premium,
    MoneyKind.INSTALMENT: instalment,
    MoneyKind.ENDORSEMENT: endorsement,
    MoneyKind.REFUND: refund,
    MoneyKind.REINSTATEMENT: reinstatement,
}


def test_every_kind_and_every_state_is_tried():
    assert set(KINDS) | {MoneyKind.PAYOUT} == set(MoneyKind)
    assert {state.partition(" ")[0] for state in STATES} == set(MoneyState.values)


@pytest.fixture(autouse=True)
def _first_days(time_machine):
    time_machine.move_to(START, tick=False)


@pytest.mark.parametrize("is_paid", [True, False])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_in_every_state_is_taken_in(kind, state, is_paid, time_machine):
    KINDS[kind]()
    request = asked(kind=kind.value, state="asked")
    time_machine.move_to(START + timedelta(days=2), tick=False)
    for step in STATES[state]:
        settle(request, is_paid=step, code="" if step else "refused")
    before = request.state
    assert before == state.partition(" ")[0]
    after = "done" if is_paid or before == "done" else "failed"
    for _ in range(2):
        settle(request, is_paid=is_paid, code="" if is_paid else "refused")
        assert request.state == after
    with capture_events("insurance") as told:
        settle(request, is_paid=is_paid, code="" if is_paid else "refused")
    assert told == []
    assert list(policy_disagreements()) == []


@pytest.mark.parametrize("is_paid", [True, False])
@pytest.mark.parametrize("kind", [MoneyKind.INSTALMENT, MoneyKind.ENDORSEMENT])
def test_an_answer_about_a_policy_that_ended_meanwhile_is_taken_in(kind, is_paid, time_machine):
    """Money for what is not owed any more goes back, and a refusal ends what was asked for."""
    policy = KINDS[kind]()
    request = asked(kind=kind.value, state="asked")
    end(policy)
    time_machine.move_to(START + timedelta(days=2), tick=False)
    for _ in range(2):
        settle(request, is_paid=is_paid, code="" if is_paid else "refused")
    policy.refresh_from_db()
    back = policy.money_requests.filter(kind="refund", amount=request.amount, created_at__gt=request.created_at)
    assert (policy.status, request.state) == ("cancelled", "done" if is_paid else "failed")
    assert back.filter(created_at=START + timedelta(days=2)).exists() == is_paid
    assert list(policy_disagreements()) == []
