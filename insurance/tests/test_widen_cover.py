"""Cover is not widened while a loss is open, and what was widened shortly before one is pointed out."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from gateway.approvals import waits_for
from insurance import services
from insurance.models import ClaimConcern, Endorsement, MoneyRequest
from insurance.public import policy_disagreements
from insurance.services import Assessment
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["insurance"])
CARD = {"method": "card", "token": "tok_success"}
OTHER = {"birth_date": "1980-01-01", "licence_since": "2000-01-01", "kbm": "13"}
WIDER = {
    "coverage_amount": {"coverage_amount": "1500000"},
    "vehicle_value": {"vehicle_value": "1200000"},
    "deductible": {"deductible": "0"},
    "drivers": {"drivers": [make.DRIVER, OTHER]},
    "anybody": {"drivers": None},
}
NARROWER = {
    "coverage_amount": {"coverage_amount": "900000"},
    "deductible": {"deductible": "30000"},
    "plate": {"vehicle_plate": "A123BC777"},
}


@pytest.fixture
def policy():
    raw = make.KASKO | {"coverage_amount": "1000000", "vehicle_value": "1500000", "deductible": "10000"}
    return make.policy(raw, now=timezone.now() - timedelta(days=60))


@pytest.fixture
def owner(policy):
    return Api("client", user_id=policy.customer_id)


def report(policy, occurred_at):
    return services.open_claim(
        policy_id=policy.id, occurred_at=occurred_at, description="A dent.", amount=Decimal(50_000), now=timezone.now()
    )


def endorse(caller, policy, changes):
    return caller.post(f"/insurance/policies/{policy.id}/endorse", {"changes": changes, "payment": CARD})


@pytest.mark.parametrize("changes", WIDER.values(), ids=WIDER)
def test_what_covers_more_waits_until_the_loss_is_settled(policy, owner, changes):
    claim = make.claim(policy)
    for path in ("endorse", "price-endorsement"):
        with capture_events("insurance") as told:
            refused = owner.post(f"/insurance/policies/{policy.id}/{path}", {"changes": changes})
        assert (refused.status_code, refused.json()["code"], told) == (409, "loss_open", [])
    assert endorse(Api("manager"), policy, changes).json()["code"] == "loss_open"
    assert not Endorsement.objects.exists()
    services.reject_claim(claim_id=claim.id, manager_id=uuid7(), reason="No.", now=timezone.now())
    assert endorse(owner, policy, changes).status_code == 201


@pytest.mark.parametrize("changes", NARROWER.values(), ids=NARROWER)
def test_what_covers_no_more_is_changed_beside_an_open_loss(policy, owner, changes):
    make.claim(policy)
    assert endorse(owner, policy, changes).status_code == 201


def test_a_dearer_programme_and_additions_cover_more(policy, owner):
    make.claim(policy)
    book = make.get_tariff(policy)
    dear = max(book.programmes, key=book.programmes.get)
    cheap = min(book.programmes, key=book.programmes.get)
    assert book.programmes[dear] > book.programmes["standard"] > book.programmes[cheap]
    assert endorse(owner, policy, {"programme": dear}).json()["code"] == "loss_open"
    assert endorse(owner, policy, {"additions": [next(iter(book.additions))]}).json()["code"] == "loss_open"
    assert endorse(owner, policy, {"programme": cheap}).status_code == 201


def test_a_loss_reported_while_the_change_is_paid_for_stops_it(policy, owner):
    assert endorse(owner, policy, WIDER["deductible"]).status_code == 201
    make.claim(policy)
    settle(asked(kind="endorsement"))
    assert asked(kind="refund").amount == asked(kind="endorsement").amount
    policy.refresh_from_db()
    assert (policy.deductible, policy.terms.count(), Endorsement.objects.count()) == (10_000, 1, 0)
    assert list(policy_disagreements()) == []


def test_a_change_paid_for_a_policy_that_ended_leaves_nothing_waiting(policy, owner):
    endorse(owner, policy, WIDER["deductible"])
    services.cancel_policy(policy_id=policy.id, now=timezone.now())
    settle(asked(kind="endorsement"))
    assert not Endorsement.objects.exists()
    assert MoneyRequest.objects.filter(kind="refund", amount=asked(kind="endorsement").amount).count() == 1


# What the adjuster is told --------------------------------------------------------------------------------------------
def concerns(claim):
    """Besides that the year of these cars is the client's word."""
    shown = Api("manager").get(f"/insurance/claims/{claim.id}").json()["concerns"]
    assert shown.pop() == "provisional"
    assert Api("client", user_id=claim.customer_id).get(f"/insurance/claims/{claim.id}").json()["concerns"] == []
    return shown


@pytest.mark.parametrize(("days", "told"), [(13, ["widened"]), (15, [])])
def test_a_loss_soon_after_wider_cover_is_pointed_out(policy, days, told):
    changed_at = timezone.now() - timedelta(days=days)
    made = services.endorse_policy(
        policy_id=policy.id, changes={"deductible": "0"}, actor_id=uuid7(), payment=CARD, now=changed_at
    )
    services.settle_charge(request_id=made.money_id, is_paid=True, code="", detail="", now=changed_at)
    assert policy.terms.get(number=2).widened == ["deductible"]
    claim = report(policy, timezone.now())
    assert (claim.terms.number, concerns(claim)) == (2, told)
    assert concerns(report(policy, changed_at - timedelta(hours=1))) == []


def test_cheaper_cover_is_pointed_out_to_nobody(policy):
    services.endorse_policy(
        policy_id=policy.id, changes={"deductible": "30000"}, actor_id=uuid7(), customer_id=policy.customer_id,
        now=timezone.now() - timedelta(days=1),
    )  # fmt: skip
    assert concerns(report(policy, timezone.now())) == []


def test_what_was_taken_back_and_what_another_policy_pays_is_pointed_out(policy, settings):
    services.withdraw_claim(claim_id=make.claim(policy).id, now=timezone.now())
    osago = make.policy(make.OSAGO | {"vehicle_vin": policy.vehicle_vin}, now=timezone.now() - timedelta(days=60))
    report(osago, timezone.now() - timedelta(days=5))
    claim = report(policy, timezone.now() - timedelta(days=4))
    assert concerns(claim) == ["reported_before", "other_policy"]
    settings.CLAIM_FOUR_EYES_ABOVE = 1_000
    services.assess_claim(claim_id=claim.id, found=Assessment(amount=Decimal(60_000)), now=timezone.now())
    services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=timezone.now())
    (waits,) = waits_for("insurance", claim.id, "insurance.claim")
    assert str(ClaimConcern.OTHER_POLICY.label) in waits.evidence
