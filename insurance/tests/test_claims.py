"""Claims: reported by the insured, assessed and decided by managers, never above the cover."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.db import IntegrityError, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from core.db import transaction
from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api, tampering
from insurance import services
from insurance.errors import NotCovered
from insurance.models import Claim, ClaimHistory
from insurance.rules.rating import Loss
from insurance.services.claims.deciding import payable_for
from insurance.tests import make
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["insurance"])
PATH = "/insurance/claims"


@pytest.fixture
def policy():
    return make.policy(now=datetime.now(UTC) - timedelta(days=30))


@pytest.fixture
def owner(policy):
    return Api("client", user_id=policy.customer_id)


def body(policy, **changes):
    occurred_at = (policy.activated_at + timedelta(days=1)).isoformat()
    loss = {"occurred_at": occurred_at, "description": "A tree fell.", "amount": "100000.00"}
    return {"policy_id": str(policy.id)} | loss | changes


def unchanged(claim):
    status, version = claim.status, claim.version
    claim.refresh_from_db()
    return (claim.status, claim.version) == (status, version)


# Reporting -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", [PATH, PATH + "/"])
def test_a_loss_is_reported(policy, owner, path):
    with capture_events("insurance") as told:
        response = owner.post(path, body(policy))
    assert response.status_code == 201, response.content
    shown = response.json()
    assert (shown["status"], shown["amount"], shown["policy_id"]) == ("opened", "100000.00", str(policy.id))
    assert (shown["payable_amount"], response["ETag"]) == (None, '"1"')
    assert told == ["claim.opened"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amount": "0"}, 400, "min_value"),
        ({"amount": "1.001"}, 400, "max_decimal_places"),
        ({"description": ""}, 400, "blank"),
        ({"occurred_at": "yesterday"}, 400, "invalid"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, 400, "max_value"),
        ({"occurred_at": "2000-01-01T00:00:00Z"}, 409, "not_covered"),
        ({"policy_id": "x"}, 400, "invalid"),
        ({"policy_id": str(uuid7())}, 404, "not_found"),
    ],
)
def test_what_cannot_be_reported_changes_nothing(policy, owner, changes, status, code):
    with capture_events("insurance") as told:
        response = owner.post(PATH, body(policy, **changes))
    problem = response.json()
    assert (response.status_code, problem["errors"][0]["code"] if problem["errors"] else problem["code"]) == (
        status, code,
    )  # fmt: skip
    assert not Claim.objects.exists()
    assert told == []


def test_only_ones_own_policy_is_claimed_on(policy):
    assert Api().post(PATH, body(policy)).status_code == 401
    assert Api("client").post(PATH, body(policy)).status_code == 404
    assert not Claim.objects.exists()
    assert Api("manager").post(PATH, body(policy)).json()["customer_id"] == str(policy.customer_id)


def test_one_loss_is_reported_once(policy, owner):
    owner.post(PATH, body(policy))
    assert owner.post(PATH, body(policy)).json()["code"] == "duplicate_claim"
    services.reject_claim(
        claim_id=Claim.objects.get().id, manager_id=uuid7(), reason="No photo.", now=datetime.now(UTC)
    )
    assert owner.post(PATH, body(policy)).status_code == 201


def test_the_same_key_reports_once(policy, owner):
    first = owner.post(PATH, body(policy), Idempotency_Key="k")
    assert owner.post(PATH, body(policy), Idempotency_Key="k").json() == first.json()


def test_after_its_end_a_policy_covers_nothing():
    old = make.policy(now=datetime(2024, 3, 1, 9, tzinfo=UTC))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    last_moment = datetime(2025, 2, 28, 20, 59, tzinfo=UTC)
    report = {"policy_id": old.id, "description": "x", "amount": Decimal(1), "now": now}
    with pytest.raises(NotCovered):
        services.open_claim(occurred_at=last_moment + timedelta(minutes=1), **report)
    with pytest.raises(InvalidInput):
        services.open_claim(occurred_at=last_moment, **report | {"amount": Decimal("0.001")})
    assert services.open_claim(occurred_at=last_moment, **report).status == "opened"


def test_after_a_cancellation_a_policy_covers_nothing(policy):
    cancelled = services.cancel_policy(policy_id=policy.id, now=datetime.now(UTC) - timedelta(days=1))
    report = {"policy_id": policy.id, "description": "x", "amount": Decimal(1), "now": datetime.now(UTC)}
    with pytest.raises(NotCovered):
        services.open_claim(occurred_at=cancelled.cancelled_at, **report)
    services.open_claim(occurred_at=cancelled.cancelled_at - timedelta(hours=1), **report)


# Deciding --------------------------------------------------------------------------------------------------------
def test_a_claim_is_assessed_and_approved(policy, owner):
    claim = make.claim(policy)
    manager = Api("manager")
    with capture_events("insurance") as told:
        assessed = manager.post(f"{PATH}/{claim.id}/assess", {"amount": "80000"}).json()
        approved = manager.post(f"{PATH}/{claim.id}/approve").json()
    assert (assessed["status"], assessed["assessed_amount"], assessed["payable_amount"]) == (
        "assessing", "80000.00", "70000.00",
    )  # fmt: skip
    assert (approved["status"], approved["approved_amount"]) == ("approved", "70000.00")
    assert told == ["claim.decided"]
    assert owner.get(f"{PATH}/{claim.id}").json()["status"] == "approved"


def test_less_may_be_granted_but_never_more(policy):
    claim = make.claim(policy)
    manager = Api("manager")
    manager.post(f"{PATH}/{claim.id}/assess", {"amount": "80000"})
    refused = manager.post(f"{PATH}/{claim.id}/approve", {"amount": "70000.01"})
    assert (refused.status_code, refused.json()["code"], refused.json()["payable"]) == (
        409, "above_limit", "70000.00",
    )  # fmt: skip
    claim.refresh_from_db()
    assert claim.status == "assessing"
    assert manager.post(f"{PATH}/{claim.id}/approve", {"amount": "60000"}).json()["approved_amount"] == "60000.00"


def test_a_loss_below_the_deductible_pays_nothing(policy):
    claim = make.claim(policy)
    manager = Api("manager")
    assert manager.post(f"{PATH}/{claim.id}/assess", {"amount": "10000"}).json()["payable_amount"] == "0.00"
    assert manager.post(f"{PATH}/{claim.id}/approve").json()["code"] == "above_limit"
    assert manager.post(f"{PATH}/{claim.id}/reject", {"reason": "Below the deductible."}).status_code == 200


def test_a_total_loss_pays_the_sum_insured_less_the_deductible(policy):
    claim = make.claim(policy)
    shown = Api("manager").post(f"{PATH}/{claim.id}/assess", {"amount": "1500000.01"}).json()
    assert (shown["is_total_loss"], shown["payable_amount"]) == (True, "1990000.00")


def test_an_under_insured_car_is_paid_for_in_proportion():
    half = make.policy(make.KASKO | {"vehicle_value": "4000000"}, now=datetime.now(UTC) - timedelta(days=30))
    shown = Api("manager").post(f"{PATH}/{make.claim(half).id}/assess", {"amount": "100000"}).json()
    assert shown["payable_amount"] == "40000.00"


def test_osago_pays_within_its_limit():
    osago = make.policy(make.OSAGO, now=datetime.now(UTC) - timedelta(days=30))
    shown = Api("manager").post(f"{PATH}/{make.claim(osago).id}/assess", {"amount": "900000"}).json()
    assert (shown["is_total_loss"], shown["payable_amount"]) == (False, "400000.00")


def test_a_claim_is_rejected_with_a_sentence(policy):
    claim = make.claim(policy)
    with capture_events("insurance") as told:
        shown = Api("manager").post(f"{PATH}/{claim.id}/reject", {"reason": "Not an accident."}).json()
    assert (shown["status"], shown["reason"], told) == ("rejected", "Not an accident.", ["claim.decided"])


def test_every_decision_of_a_claim_stays_in_its_history(policy):
    claim, manager = make.claim(policy), Api("manager")
    manager.post(f"{PATH}/{claim.id}/reject", {"reason": "Not an accident."})
    manager.post(f"{PATH}/{claim.id}/reopen", {"reason": "A witness came."})
    claim.refresh_from_db()
    assert (claim.reason, claim.decided_by) == ("A witness came.", None)
    reported, rejected, reopened = claim.history.all()
    assert (reported.changes["status"], reported.changes["amount"]) == ([None, "opened"], [None, 100_000])
    assert (rejected.reason, rejected.decided_by) == ("Not an accident.", manager.user_id)
    assert rejected.changes == {"status": ["opened", "rejected"], "decided_by": [None, str(manager.user_id)]}
    assert (reopened.status, reopened.reason, reopened.version) == ("reopened", "A witness came.", claim.version)


def test_the_history_of_a_claim_is_not_rewritten(policy):
    make.claim(policy)
    for change in (lambda: ClaimHistory.objects.update(status="paid"), lambda: ClaimHistory.objects.all().delete()):
        with pytest.raises(IntegrityError, match="only added to"), transaction("insurance"):
            change()


def test_claims_older_than_their_history_begin_it_as_they_stood(policy):
    claim = make.claim(policy)
    with tampering("insurance"):
        ClaimHistory.objects.all().delete()
    with connections["insurance"].cursor() as cursor:
        cursor.execute(import_module("insurance.migrations.0019_begin_claim_history").BEGIN)
    begun = claim.history.get()
    assert (begun.status, begun.version, begun.at) == (claim.status, claim.version, claim.updated_at)
    assert begun.changes["amount"] == [None, 100_000]
    assert "approved_amount" not in begun.changes


@pytest.mark.parametrize(
    ("what", "sent", "bad"),
    [("assess", {"amount": 1}, {"amount": 0}), ("approve", {}, {"amount": "x"}), ("reject", {"reason": "No."}, {})],
)
def test_only_managers_decide_and_only_in_turn(policy, owner, what, sent, bad):
    claim = make.claim(policy)
    path = f"{PATH}/{claim.id}/{what}"
    assert Api().post(path, sent).status_code == 401
    assert owner.post(path, sent).status_code == 403
    assert Api("manager").post(path, bad).status_code == 400
    assert Api("manager").post(f"{PATH}/{uuid7()}/{what}", sent).status_code == 404
    assert unchanged(claim)
    services.reject_claim(claim_id=claim.id, manager_id=uuid7(), reason="No.", now=datetime.now(UTC))
    assert Api("manager").post(path, sent).json()["code"] == "wrong_transition"


def test_nothing_is_approved_unassessed(policy):
    claim = make.claim(policy)
    assert Api("manager").post(f"{PATH}/{claim.id}/approve").json()["current"] == "opened"
    assert unchanged(claim)


# Reading ---------------------------------------------------------------------------------------------------------
def test_reading_is_for_the_owner_and_managers(policy, owner):
    claim, other = make.claim(policy), make.claim()
    assert owner.get(f"{PATH}/{claim.id}").status_code == 200
    assert owner.get(f"{PATH}/{other.id}").status_code == 404
    assert Api().get(f"{PATH}/{claim.id}").status_code == 401
    assert [row["id"] for row in owner.get(PATH).json()["results"]] == [str(claim.id)]
    found = Api("manager").get(f"{PATH}?status=opened&policy_id={other.policy_id}").json()["results"]
    assert [row["id"] for row in found] == [str(other.id)]
    for bad in ("status=nice", "ordering=amount", "color=red"):
        assert owner.get(f"{PATH}?{bad}").status_code == 400


@pytest.mark.parametrize("size", [5, 30])
def test_a_page_costs_the_same_whatever_its_size(size):
    client = Api("client")
    for _ in range(size):
        make.claim(make.policy(customer_id=client.user_id))
    with CaptureQueriesContext(connections["insurance"]) as queries:
        assert len(client.get(f"{PATH}?page_size={size}").json()["results"]) == size
    assert len(queries) == 3  # claims, their papers, their payouts


money = st.decimals("0.01", 10_000_000, places=2)


@given(
    loss=money,
    coverage=money,
    extra=money,
    deductible=money,
    paid=money,
    total=st.booleans(),
    conditional=st.booleans(),
    aggregate=st.booleans(),
)
def test_a_payout_never_exceeds_the_cover(loss, coverage, extra, deductible, paid, total, conditional, aggregate):
    deductible = min(deductible, coverage)
    found = Loss(
        loss=loss,
        sum_insured=coverage,
        value=coverage + extra,
        deductible=deductible,
        conditional_deductible=conditional,
        total_loss=total,
        aggregate=aggregate,
        paid_before=paid,
    )
    left = max(coverage - paid, 0) if aggregate else coverage
    assert 0 <= payable_for(found) <= (left if conditional else max(left - deductible, 0))
