"""Policies: reading, cancelling, and the checks of insurance's own books."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.db import transaction
from core.errors import WrongTransition
from core.ids import uuid7
from core.testing import Api
from insurance import services
from insurance.models import Claim, IssueAttempt, Policy, Quote
from insurance.public import policy_disagreements
from insurance.tests import make
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["insurance"])
PATH = "/insurance/policies"
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def get_owner(policy):
    return Api("client", user_id=policy.customer_id)


def unchanged(row):
    status, version = row.status, row.version
    row.refresh_from_db()
    return (row.status, row.version) == (status, version)


def test_reading_is_for_the_owner_and_managers():
    policy, other = make.policy(), make.policy(make.OSAGO)
    owner = get_owner(policy)
    shown = owner.get(f"{PATH}/{policy.id}")
    assert (shown.status_code, shown["ETag"]) == (200, '"2"')
    assert shown.json()["number"] == policy.number
    assert Api("manager").get(f"{PATH}/{policy.id}/").status_code == 200
    assert owner.get(f"{PATH}/{other.id}").status_code == 404
    assert Api().get(f"{PATH}/{policy.id}").status_code == 401
    assert [row["id"] for row in owner.get(PATH).json()["results"]] == [str(policy.id)]
    found = Api("manager").get(f"{PATH}?insurance_type=osago&status=active&order_id={other.order_id}").json()["results"]
    assert [row["id"] for row in found] == [str(other.id)]
    assert Api().get(PATH).status_code == 401
    for bad in ("status=nice", "ordering=number", "color=red"):
        assert owner.get(f"{PATH}?{bad}").status_code == 400


@pytest.mark.parametrize("size", [5, 50])
def test_a_page_costs_the_same_whatever_its_size(size):
    client = Api("client")
    for _ in range(size):
        make.policy(customer_id=client.user_id)
    with CaptureQueriesContext(connections["insurance"]) as queries:
        assert len(client.get(f"{PATH}?page_size={size}").json()["results"]) == size
    assert len(queries) == 2, "policies, and the instalments of all of them"


@pytest.mark.parametrize("is_manager", [False, True])
def test_it_is_cancelled_with_the_unused_part_back(is_manager):
    policy = make.policy()
    caller = Api("manager") if is_manager else get_owner(policy)
    with capture_events("insurance") as told:
        response = caller.post(f"{PATH}/{policy.id}/cancel", {"reason": "sold"})
    assert response.status_code == 200, response.content
    days = (policy.end_date - policy.start_date).days + 1
    expected = (policy.premium * (days - 1) / days).quantize(Decimal("0.01"))
    shown = response.json()
    assert (shown["status"], shown["refund_amount"], shown["cancel_reason"]) == ("cancelled", str(expected), "sold")
    assert told == ["insurance.cancelled", "insurance.refund_requested"]
    assert caller.post(f"{PATH}/{policy.id}/cancel").status_code == 409


@pytest.mark.parametrize(("caller", "status"), [(Api(), 401), (Api("client"), 404)])
def test_others_do_not_cancel_it(caller, status):
    policy = make.policy()
    with capture_events("insurance") as told:
        assert caller.post(f"{PATH}/{policy.id}/cancel").status_code == status
        assert get_owner(policy).post(f"{PATH}/{uuid7()}/cancel").status_code == 404
    assert unchanged(policy)
    assert told == []


@pytest.mark.parametrize(
    ("kind", "days", "retained"),
    [
        ("osago", 100, "0.77"),
        ("osago", 10, "0.77"),
        ("osago", 14, "0.77"),
        ("kasko", 10, "1"),
        ("kasko", 100, "1"),
        ("kasko", 364, "1"),
        ("kasko", 365, "0"),
    ],
)
def test_the_refund_is_pro_rata_less_what_the_insurer_keeps(kind, days, retained):
    policy = make.policy({"osago": make.OSAGO, "kasko": make.KASKO}[kind], now=START)
    cancelled = services.cancel_policy(policy_id=policy.id, now=START + timedelta(days=days - 1))
    expected = policy.premium * Decimal(retained) * (365 - days) / 365
    assert abs(cancelled.refund_amount - expected) <= Decimal("0.005")


def test_what_was_paid_for_claims_is_not_refunded():
    policy = make.policy(now=START)
    claim = make.claim(policy, amount="50000")
    services.assess_claim(claim_id=claim.id, found=services.Assessment(amount=Decimal(50_000)), now=START)
    services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=START)
    cancelled = services.cancel_policy(policy_id=policy.id, now=START + timedelta(days=1))
    assert cancelled.refund_amount == policy.premium - 40_000


def test_an_ended_policy_is_not_cancelled():
    policy = make.policy()
    services.expire_policy(policy_id=policy.id, now=timezone.now() + timedelta(days=366))
    with pytest.raises(WrongTransition):
        services.cancel_policy(policy_id=policy.id, now=timezone.now())


def test_cancelling_with_a_key_is_replayed():
    policy = make.policy()
    client = get_owner(policy)
    first = client.post(f"{PATH}/{policy.id}/cancel", {}, Idempotency_Key="c")
    again = client.post(f"{PATH}/{policy.id}/cancel", {}, Idempotency_Key="c")
    assert (again.status_code, again.json()) == (200, first.json())


# The books -------------------------------------------------------------------------------------------------------
def kinds():
    return {item.kind for item in policy_disagreements()}


def test_the_books_agree():
    make.policies(make.OSAGO, make.KASKO)
    make.quote()
    make.claim()
    assert kinds() == set()


def test_a_changed_quote_is_found():
    Quote.objects.filter(pk=make.quote().pk).update(premium=Decimal(1))
    assert kinds() == {"quote_premium_differs"}


def test_a_policy_unlike_its_quote_is_found():
    Policy.objects.filter(pk=make.policy().pk).update(premium=Decimal(1))
    assert kinds() == {"policy_unlike_quote", "policy_held_otherwise"}


def test_a_policy_of_an_undone_purchase_is_found():
    policy = make.policy()
    IssueAttempt.objects.filter(pk=policy.attempt_id).update(closed_at=timezone.now())
    assert kinds() == {"policy_of_closed_attempt"}


def test_a_policy_nobody_asked_for_is_found():
    policy = make.policy()
    IssueAttempt.objects.filter(pk=policy.attempt_id).delete()
    assert kinds() == {"policy_without_attempt"}


def test_a_policy_past_its_end_is_found():
    make.policy(now=timezone.now() - timedelta(days=400))
    assert kinds() == {"policy_past_its_end"}


def test_a_claim_above_the_cover_is_found():
    claim = make.claim()
    services.assess_claim(claim_id=claim.id, found=services.Assessment(amount=Decimal(50_000)), now=timezone.now())
    services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=timezone.now())
    Claim.objects.update(payable_amount=Decimal(3_000_000), assessed_amount=Decimal(3_000_000))
    Claim.objects.update(approved_amount=Decimal(2_500_000))
    assert kinds() == {"claim_above_cover"}


# The database guards what services promise --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (Policy, {"refund_amount": Decimal(1)}),
        (Policy, {"status": "cancelled"}),
        (Policy, {"activated_at": None}),
        (Policy, {"premium": Decimal(0)}),
        (Quote, {"deductible": Decimal(-1)}),
        (Quote, {"insured_value": Decimal(1)}),
        (Claim, {"status": "approved"}),
        (Claim, {"assessed_amount": Decimal(1)}),
        (Claim, {"amount": Decimal(0)}),
    ],
)
def test_impossible_rows_are_refused(model, changes):
    make.claim()
    with pytest.raises(IntegrityError), transaction("insurance"):
        model.objects.update(**changes)
