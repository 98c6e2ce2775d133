"""Insurers that decide by themselves: the sandboxes issue, think, decline and fail; purchases follow."""

import time

import httpx2
import pytest
from django.db import connections
from django.utils import timezone

from core.ids import uuid7
from insurance import services
from insurance.models import IssueAttempt, MoneyRequest, Policy
from insurance.public import policy_disagreements
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.models import OutboxEvent
from messaging.testing import capture_events, drain_outbox, published
from sandbox.insurers.app import Insurers
from sandbox.insurers.store import Store
from sandbox.testing import serving
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["insurance"])
CARD = {"method": "card", "token": "tok_success"}
VINS = {"fine": "XTA210990Y2766389", "declined": "XTA210990Y2760001", "slow": "XTA210990Y2760002",
        "silent": "XTA210990Y2760003", "flaky": "XTA210990Y2760004"}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox():
    store = Store(":memory:", thinks_s=0.2)
    with serving(lambda _: Insurers(store, silent_s=2)) as url:
        yield url, store


@pytest.fixture(autouse=True)
def insurers(sandbox, settings):
    settings.INSURERS_URL, settings.PROVIDER_TIMEOUT_S = sandbox[0], 1
    return sandbox[1]


def request(kind, **changes):
    return make.KASKO | {"vehicle_vin": VINS[kind], "insurer": "compass"} | changes


def bought(kind):
    quote = make.quote(**request(kind))
    return services.purchase_quote(quote_id=quote.id, payment=CARD, now=timezone.now())


def ordered(*quotes):
    attempt = uuid7()
    services.issue_policies(
        order_id=uuid7(), attempt_id=attempt, customer_id=uuid7(), quotes=quotes, now=timezone.now()
    )
    return attempt


def calls_come_due():
    """Repeats and questions about the undecided, without the alarms."""
    with connections["insurance"].cursor() as cursor:
        cursor.execute("UPDATE messaging_external_call SET next_at = statement_timestamp() WHERE finished_at IS NULL")


def settled(policy):
    """Let calls be made until the insurer has decided."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        calls_come_due()
        drain_outbox("insurance")
        policy.refresh_from_db()
        if policy.insurer_ref or policy.status != "pending":
            return policy
    raise AssertionError("the insurer does not decide")


@pytest.mark.parametrize("kind", ["fine", "slow", "silent", "flaky"])
def test_the_premium_is_asked_for_once_the_insurer_agrees(kind):
    policy = bought(kind)
    assert not MoneyRequest.objects.exists()
    settled(policy)
    assert policy.insurer_ref.startswith("COM-")
    assert MoneyRequest.objects.get().amount == policy.premium
    settle(MoneyRequest.objects.get())
    policy.refresh_from_db()
    assert policy.status == "active"
    assert list(policy_disagreements()) == []


def test_a_refusal_takes_nothing_and_says_why():
    policy = settled(bought("declined"))
    assert (policy.status, policy.decline_code) == ("not_taken_up", "risk_declined")
    assert not MoneyRequest.objects.exists()


def test_an_insurer_out_of_reach_is_a_refusal_in_the_end(settings):
    settings.INSURERS_URL = nowhere()
    policy = settled(bought("fine"))
    assert (policy.status, policy.decline_code) == ("not_taken_up", "insurer_unavailable")


def test_a_refused_card_lets_the_insurer_go_too(insurers):
    policy = settled(bought("fine"))
    settle(asked(kind="premium"), is_paid=False, code="declined")
    drain_outbox("insurance")
    (row,) = [row for row in insurers.rows() if row["policy_id"] == str(policy.id)]
    assert (row["status"], row["code"]) == ("declined", "called_off")
    settle(asked(kind="premium"))
    policy.refresh_from_db()
    assert policy.status == "not_taken_up"
    assert asked(kind="refund").amount == policy.premium


def test_an_order_waits_for_every_insurer():
    attempt = ordered(make.OSAGO, request("slow"))
    assert IssueAttempt.objects.get(pk=attempt).answered_at is None
    assert {policy.status for policy in Policy.objects.all()} == {"pending"}
    settled(Policy.objects.get(insurer="compass"))
    assert {policy.status for policy in Policy.objects.all()} == {"active"}
    assert published("insurance")[-1] == "insurance.issued"


def test_a_refusal_undoes_the_purchase_unless_the_buyer_chose_otherwise():
    attempt = ordered(make.OSAGO, request("declined"))
    settled(Policy.objects.get(insurer="compass"))
    assert {policy.status for policy in Policy.objects.all()} == {"not_taken_up"}
    answer = OutboxEvent.objects.using("insurance").order_by("n").last()
    assert (answer.type, answer.data["code"], answer.data["attempt_id"]) == (
        "insurance.declined", "risk_declined", str(attempt),
    )  # fmt: skip
    assert not MoneyRequest.objects.exists()


def test_a_dispensable_policy_is_left_out_and_its_premium_goes_back():
    ordered(make.OSAGO, request("declined", if_declined="continue"))
    declined = settled(Policy.objects.get(insurer="compass"))
    answer = OutboxEvent.objects.using("insurance").get(type="insurance.issued")
    assert [item["insurance_type"] for item in answer.data["policies"]] == ["osago"]
    assert asked(kind="refund").amount == declined.premium
    assert {policy.insurance_type: policy.status for policy in Policy.objects.all()} == {
        "osago": "active", "kasko": "not_taken_up",
    }  # fmt: skip


def test_a_purchase_undone_meanwhile_lets_the_insurer_go(insurers):
    attempt = ordered(request("slow"))
    policy = Policy.objects.get()
    with capture_events("insurance") as told:
        services.revoke_policies(order_id=policy.order_id, attempt_id=attempt, reason="late", now=timezone.now())
    assert told == ["insurance.revoked"]
    for _ in range(3):
        calls_come_due()
        drain_outbox("insurance")
    policy.refresh_from_db()
    assert policy.status == "not_taken_up"
    assert {row["status"] for row in insurers.rows() if row["policy_id"] == str(policy.id)} <= {"declined"}
    assert list(policy_disagreements()) == []


def test_one_key_is_one_decision_and_nonsense_is_refused(sandbox):
    url, store = sandbox
    body = {"policy_id": "K-1", "vehicle_vin": VINS["fine"], "premium": "1"}
    for _ in range(2):
        answer = httpx2.post(f"{url}/insurers/shield/policies", json=body, headers={"Idempotency-Key": "one-key"})
        assert answer.json()["status"] == "accepted"
    assert len([row for row in store.rows() if row["policy_id"] == "K-1"]) == 1
    assert httpx2.post(f"{url}/insurers/shield/policies", json=body).status_code == 400
    assert httpx2.get(f"{url}/insurers/shield/policies/by-key/none").status_code == 404
    assert httpx2.get(f"{url}/elsewhere").status_code == 404
