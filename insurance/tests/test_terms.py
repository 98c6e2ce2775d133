"""Cover as it was: a loss is settled by the terms of its moment, in whatever order it was told and cover changed."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from core.db import transaction
from core.errors import DomainError
from core.ids import uuid7
from core.testing import Api, tampering
from insurance import services
from insurance.models import Claim, PolicyTerms
from insurance.public import policy_disagreements
from insurance.services import Assessment
from insurance.tests import make

pytestmark = pytest.mark.django_db(databases=["insurance"])
CARD = {"method": "card", "token": "tok_success"}
NAMES = ("number", "starts_at", "ends_at", "coverage_amount", "insured_value", "deductible", "drivers", "settlement")


def a_policy(days=100, **changes):
    """KASKO in force for so many days, with 500,000 of a car insured in full."""
    begun = timezone.now() - timedelta(days=days)
    return make.policy(make.KASKO | {"coverage_amount": "500000", "deductible": "30000"} | changes, now=begun)


def change(policy, now, **changes):
    """Change a policy at a moment, and pay for it if it is dearer."""
    made = services.endorse_policy(
        policy_id=policy.id, changes=changes, actor_id=uuid7(), payment=CARD, customer_id=policy.customer_id, now=now
    )
    if made.money_id:
        services.settle_charge(request_id=made.money_id, is_paid=True, code="", detail="", now=now)
    return made


def report(policy, occurred_at, amount="100000", now=None, **told):
    return services.open_claim(
        policy_id=policy.id, occurred_at=occurred_at, description="Gone.", amount=Decimal(amount),
        report=services.LossReport(**told), now=now or timezone.now(),
    )  # fmt: skip


def payable(claim, amount, **found):
    """Return what an adjuster is told that the policy pays."""
    found = Assessment(amount=Decimal(amount), **found)
    return services.assess_claim(claim_id=claim.id, found=found, now=timezone.now()).payable_amount


def test_a_sum_raised_after_the_theft_pays_nothing_of_it():
    policy = a_policy()
    change(policy, timezone.now() - timedelta(days=1), coverage_amount="3000000", vehicle_value="3000000")
    stolen = report(policy, timezone.now() - timedelta(days=2), "3000000", kind="theft")
    assert payable(stolen, "3000000", is_total_loss=True) == Decimal("470000.00")
    assert stolen.reserve_amount == 500_000


def test_a_deductible_dropped_after_the_loss_stays_for_it():
    policy = a_policy()
    change(policy, timezone.now() - timedelta(days=1), deductible="0")
    assert payable(report(policy, timezone.now() - timedelta(days=2)), "100000") == Decimal("70000.00")
    assert payable(report(policy, timezone.now() - timedelta(hours=2)), "100000") == Decimal("100000.00")


def test_a_sum_lowered_after_the_loss_takes_nothing_from_it():
    policy = a_policy(coverage_amount="2000000")
    change(policy, timezone.now() - timedelta(days=1), coverage_amount="500000", vehicle_value="500000")
    claim = report(policy, timezone.now() - timedelta(days=2), "900000", kind="glass")
    assert payable(claim, "900000") == Decimal("870000.00")
    assert list(policy_disagreements()) == []


def test_the_bank_named_at_the_moment_of_the_loss_is_paid_whoever_is_named_later():
    policy = a_policy()
    pledge = {"order_id": policy.order_id, "customer_id": policy.customer_id, "loan_id": uuid7(), "bank": "Own Bank"}
    services.pledge_car(**pledge, debt=Decimal(200_000), now=timezone.now() - timedelta(days=3))
    claim = report(policy, timezone.now() - timedelta(days=2), kind="theft")
    services.change_debt(loan_id=pledge["loan_id"], balance=Decimal(0), now=timezone.now() - timedelta(days=1))
    policy.refresh_from_db()
    assert [(row.number, row.beneficiary) for row in policy.terms.all()] == [(1, ""), (2, "Own Bank"), (3, "")]
    assert (policy.beneficiary, claim.terms.beneficiary) == ("", "Own Bank")


def test_a_claim_shows_the_terms_of_its_moment():
    policy = a_policy()
    claim = report(policy, timezone.now() - timedelta(days=2))
    shown = Api("client", user_id=policy.customer_id).get(f"/insurance/claims/{claim.id}").json()["terms"]
    assert (shown["number"], shown["coverage_amount"], shown["deductible"]) == (1, "500000.00", "30000.00")
    assert shown["settlement"]["is_aggregate"] is False


# The history itself -------------------------------------------------------------------------------------------------
def test_every_change_begins_when_it_is_in_force_and_ends_what_stood_before():
    policy = a_policy()
    moment = timezone.now() - timedelta(days=10)
    made = change(policy, moment, deductible="0")
    first, second = policy.terms.all()
    assert (first.starts_at, first.ends_at) == (policy.activated_at, made.applied_at or moment)
    assert (second.starts_at, second.ends_at, second.recorded_at) == (moment, None, moment)
    assert (first.deductible, second.deductible) == (30_000, 0)


@pytest.mark.parametrize(
    "broken",
    [
        {"number": 2, "starts_at": timedelta(days=-1), "recorded_at": timedelta()},
        {"number": 2, "starts_at": timedelta(days=1), "recorded_at": timedelta()},
        {"number": 1, "starts_at": timedelta(days=-9), "ends_at": timedelta(days=-8), "recorded_at": timedelta(-9)},
    ],
)
def test_the_database_refuses_terms_that_reach_back_overlap_or_repeat(broken):
    known = a_policy().terms.get()
    moments = {name: known.starts_at + value for name, value in broken.items() if name != "number"}
    values = {name: getattr(known, name) for name in ("coverage_amount", "insured_value", "deductible", "settlement")}
    with pytest.raises(IntegrityError), transaction("insurance"):
        PolicyTerms.objects.create(policy=known.policy, number=broken["number"], **values, **moments)


def test_what_the_release_before_left_unwritten_is_written_when_it_is_needed():
    policy = a_policy()
    change(policy, timezone.now() - timedelta(days=1), deductible="0")
    written = list(policy.terms.values(*NAMES))
    with tampering("insurance"):
        policy.terms.all().delete()
    claim = report(policy, timezone.now() - timedelta(days=2))
    assert (claim.terms.number, list(policy.terms.values(*NAMES))) == (1, written)


def test_a_claim_that_the_release_before_reported_is_pinned_before_it_is_decided():
    policy = a_policy()
    claim = report(policy, timezone.now() - timedelta(days=2))
    Claim.objects.update(terms=None)
    change_at = timezone.now() - timedelta(days=1)
    PolicyTerms.objects.update(ends_at=change_at)
    PolicyTerms.objects.create(
        policy=policy, number=2, starts_at=change_at, recorded_at=change_at,
        coverage_amount=3_000_000, insured_value=3_000_000, deductible=0,
    )  # fmt: skip
    assert payable(claim, "100000") == Decimal("70000.00")
    claim.refresh_from_db()
    assert claim.terms.number == 1


def test_the_migration_writes_what_the_services_write():
    policy, osago = a_policy(drivers=None), make.policy(make.OSAGO, now=timezone.now() - timedelta(days=50))
    change(policy, timezone.now() - timedelta(days=3), deductible="0")
    change(policy, timezone.now() - timedelta(days=1), drivers=[make.DRIVER])
    claims = [report(policy, timezone.now() - timedelta(days=days)) for days in (4, 2)]
    report(osago, timezone.now() - timedelta(days=1))
    written = list(PolicyTerms.objects.order_by("policy_id", "number").values(*NAMES))
    Claim.objects.update(terms=None)
    with tampering("insurance"):
        PolicyTerms.objects.all().delete()
    migration = import_module("insurance.migrations.0008_fill_policy_terms")
    with connections["insurance"].cursor() as cursor:
        cursor.execute(migration.FILL)
        cursor.execute(migration.PIN)
    assert list(PolicyTerms.objects.order_by("policy_id", "number").values(*NAMES)) == written
    assert [Claim.objects.get(pk=claim.pk).terms.number for claim in claims] == [1, 2]
    assert not Claim.objects.filter(terms=None).exists()


def test_a_claim_settled_by_other_terms_is_found():
    policy = a_policy()
    change(policy, timezone.now() - timedelta(days=1), deductible="0")
    report(policy, timezone.now() - timedelta(days=2))
    Claim.objects.update(terms=policy.terms.get(number=2))
    assert {item.kind for item in policy_disagreements()} == {"claim_under_other_terms"}


def test_terms_unlike_their_policy_are_found():
    policy = a_policy()
    with tampering("insurance"):
        policy.terms.update(deductible=0)
    assert {item.kind for item in policy_disagreements()} == {"terms_differ"}


# In whatever order ----------------------------------------------------------------------------------------------------
CHANGES = {
    "raise": {"coverage_amount": "3000000", "vehicle_value": "3000000"},
    "lower": {"coverage_amount": "400000", "vehicle_value": "400000"},
    "no deductible": {"deductible": "0"},
    "deductible": {"deductible": "30000"},
    "anybody": {"drivers": None},
}
STEPS = st.lists(st.sampled_from([*CHANGES, "loss", "report", "assess", "grant"]), min_size=4, max_size=9)


@settings(max_examples=40)
@given(steps=STEPS, loss=st.decimals("1000", "4000000", places=2))
def test_no_order_of_loss_change_report_and_decision_pays_more_than_stood_at_the_loss(steps, loss):
    policy, claim, occurred_at, most = a_policy(), None, None, Decimal(0)
    for day, step in enumerate([*steps, "report", "assess", "grant"]):
        now = policy.activated_at + timedelta(days=day + 1)
        policy.refresh_from_db()
        if step == "loss" and occurred_at is None:
            occurred_at, most = now, policy.coverage_amount - policy.deductible
        elif occurred_at is None and step == "report":
            occurred_at, most = now - timedelta(hours=1), policy.coverage_amount - policy.deductible
        try:
            if step in CHANGES:
                change(policy, now, **CHANGES[step])
            elif step == "report" and claim is None:
                claim = report(policy, occurred_at, str(loss), now=now, kind="glass")
            elif step == "assess" and claim:
                services.assess_claim(claim_id=claim.id, found=Assessment(amount=loss), now=now)
            elif step == "grant" and claim:
                services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=now)
        except DomainError:
            continue
    claim.refresh_from_db()
    assert claim.payable_amount <= most
    assert claim.approved_amount is None or claim.approved_amount <= claim.payable_amount
