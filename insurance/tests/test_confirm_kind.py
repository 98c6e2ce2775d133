"""Let an adjuster say what a loss was: nothing large is paid as something else, or without its papers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from insurance import services
from insurance.errors import KindUnconfirmed, PapersMissing
from insurance.models import Claim, ClaimKind
from insurance.models.claims import PROOF, REQUIRED
from insurance.services import Assessment
from insurance.tests import make

pytestmark = pytest.mark.django_db(databases=["insurance"])
PATH = "/insurance/claims"
WHOLE = Decimal(1_900_000)


@pytest.fixture
def policy():
    return make.policy(now=timezone.now() - timedelta(days=30))


def assess(claim, amount, **found):
    found = Assessment(amount=Decimal(amount), **found)
    return services.assess_claim(claim_id=claim.id, found=found, maker_id=uuid7(), now=timezone.now())


def approve(claim):
    return services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=timezone.now())


@pytest.mark.parametrize("reported", ClaimKind.values)
def test_a_total_loss_of_any_kind_is_confirmed_and_proved_before_it_is_granted(policy, reported):
    claim = make.claim(policy, kind=reported)
    assert assess(claim, WHOLE).is_total_loss
    with pytest.raises(KindUnconfirmed):
        approve(claim)
    assess(claim, WHOLE, kind=reported)
    given = set()
    for group in dict.fromkeys(REQUIRED[reported] + PROOF):
        if given & set(group):
            continue
        with pytest.raises(PapersMissing):
            approve(claim)
        make.papers(claim, group[0])
        given.add(group[0])
    assert len(given) >= 2
    assert approve(claim).proposed_amount == Decimal("1990000.00")


@pytest.mark.parametrize("confirmed", ClaimKind.values)
def test_a_large_loss_reported_as_something_else_needs_the_papers_of_what_it_was(policy, confirmed):
    claim = make.claim(policy)
    assess(claim, "400000", is_total_loss=False)
    with pytest.raises(KindUnconfirmed):
        approve(claim)
    assess(claim, "400000", is_total_loss=False, kind=confirmed)
    with pytest.raises(PapersMissing):
        approve(claim)
    assert Claim.objects.get().approved_amount is None


def test_up_to_the_threshold_a_loss_is_decided_as_it_was_reported(policy, settings):
    claim = make.claim(policy)
    assess(claim, settings.CLAIM_KIND_CONFIRMED_ABOVE)
    assert approve(claim).status == "approved"
    other = make.claim(make.policy(now=timezone.now() - timedelta(days=30)))
    assess(other, settings.CLAIM_KIND_CONFIRMED_ABOVE + Decimal("0.01"))
    with pytest.raises(KindUnconfirmed):
        approve(other)


def test_an_adjuster_says_what_happened_by_the_api(policy):
    claim, manager = make.claim(policy), Api("manager")
    body = {"amount": "1900000", "kind": "theft", "reason": "The car is gone."}
    assert manager.post(f"{PATH}/{claim.id}/assess", body | {"kind": "magic"}).status_code == 400
    shown = manager.post(f"{PATH}/{claim.id}/assess", body).json()
    assert (shown["kind"], shown["needs_proof"], bool(shown["kind_confirmed_at"])) == ("theft", True, True)
    (made,) = shown["corrections"]
    assert (made["field"], made["was"], made["is"], made["reason"], made["by"]) == (
        "kind", "other", "theft", "The car is gone.", str(manager.user_id),
    )  # fmt: skip
    refused = manager.post(f"{PATH}/{claim.id}/approve").json()
    assert (refused["code"], refused["missing"][0]) == ("documents_missing", ["police_report"])
    assert Api("client", user_id=policy.customer_id).get(f"{PATH}/{claim.id}").json()["corrections"] == []


# The moment of the loss -----------------------------------------------------------------------------------------------
def test_another_moment_needs_a_reason_and_has_its_own_terms(policy):
    changed_at = timezone.now() - timedelta(days=10)
    made = services.endorse_policy(
        policy_id=policy.id, changes={"deductible": "0"}, actor_id=uuid7(), now=changed_at,
        payment={"method": "card", "token": "tok_success"},
    )  # fmt: skip
    services.settle_charge(request_id=made.money_id, is_paid=True, code="", detail="", now=changed_at)
    claim, manager = make.claim(policy), Api("manager")
    path, body = f"{PATH}/{claim.id}/assess", {"amount": "50000"}
    assert manager.post(path, body).json()["payable_amount"] == "40000.00"
    moved = body | {"occurred_at": (changed_at + timedelta(days=1)).isoformat()}
    refused = manager.post(path, moved)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "reason")
    claim.refresh_from_db()
    assert (claim.terms.number, claim.corrections) == (1, [])
    shown = manager.post(path, moved | {"reason": "The police say so."}).json()
    assert (shown["payable_amount"], shown["terms"]["number"]) == ("50000.00", 2)
    assert shown["concerns"] == ["widened", "moved", "provisional"]
    assert [made["field"] for made in shown["corrections"]] == ["occurred_at", "terms"]
    back = {"occurred_at": (policy.activated_at + timedelta(days=2)).isoformat(), "reason": "They were wrong."}
    again = manager.post(path, body | back).json()
    assert (again["payable_amount"], again["terms"]["number"]) == ("40000.00", 1)


@pytest.mark.parametrize(("days", "code"), [(-1, "not_covered"), (31, "max_value"), (3, "duplicate_claim")])
def test_a_loss_is_not_moved_out_of_the_cover_nor_onto_another(policy, days, code):
    first = make.claim(policy)
    services.open_claim(
        policy_id=policy.id, occurred_at=policy.activated_at + timedelta(days=3), description="Another.",
        amount=Decimal(1_000), now=timezone.now(),
    )  # fmt: skip
    body = {"amount": "50000", "reason": "x", "occurred_at": (policy.activated_at + timedelta(days=days)).isoformat()}
    refused = Api("manager").post(f"{PATH}/{first.id}/assess", body).json()
    assert code in (refused["code"], *(error["code"] for error in refused["errors"]))
    first.refresh_from_db()
    assert (first.status, first.corrections) == ("opened", [])


def test_a_loss_is_not_moved_to_days_when_its_driver_was_not_named(policy):
    services.endorse_policy(
        policy_id=policy.id, actor_id=uuid7(), customer_id=policy.customer_id, now=timezone.now() - timedelta(days=10),
        changes={"drivers": [{"birth_date": "1980-01-01", "licence_since": "2000-01-01", "kbm": "13"}]},
    )  # fmt: skip
    claim = make.claim(policy, report=services.LossReport(driver_birth_date=make.BORN))
    body = {"amount": "50000", "reason": "x", "occurred_at": (timezone.now() - timedelta(days=1)).isoformat()}
    assert Api("manager").post(f"{PATH}/{claim.id}/assess", body).json()["code"] == "not_covered"
