"""The checkout's side: issuing the policies of one attempt, and taking them back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.db import transaction
from core.ids import uuid7
from insurance import handlers
from insurance.commands import IssuePolicies, RevokePolicies
from insurance.events import PolicyTermEnded
from insurance.models import IssueAttempt, OrderCopy, Policy, Quote
from insurance.public import estimate, policies_by_order, policy_disagreements
from insurance.tests import make
from messaging.models import OutboxEvent
from messaging.outbox import publish, send
from messaging.testing import capture_events, drain_outbox, make_due, published
from orders.events import OrderCreated

pytestmark = pytest.mark.django_db(databases=["insurance"])


def last_event():
    return OutboxEvent.objects.using("insurance").order_by("n").last().data


def asked(attempt_id, *quotes, order_id=None, customer_id=None):
    return IssuePolicies(
        order_id=order_id or uuid7(),
        attempt_id=attempt_id,
        customer_id=customer_id or uuid7(),
        currency="RUB",
        quotes=list(quotes),
    )


def undone(attempt_id, order_id=None):
    return RevokePolicies(order_id=order_id or uuid7(), attempt_id=attempt_id, reason="loan_rejected")


def twice(event):
    handlers.serve_order(event)
    handlers.serve_order(event)


def test_all_policies_are_issued_once():
    attempt, customer = uuid7(), uuid7()
    with capture_events("insurance") as told:
        twice(asked(attempt, make.OSAGO, make.KASKO, customer_id=customer))
    assert told == ["insurance.quoted"] * 2 + ["insurance.purchased"] * 2 + ["insurance.issued"]
    osago, kasko = Policy.objects.order_by("number")[1], Policy.objects.order_by("number")[0]
    assert (osago.insurance_type, kasko.insurance_type) == ("osago", "kasko")
    assert {policy.status for policy in (osago, kasko)} == {"active"}
    assert (osago.premium, kasko.premium) == (estimate(make.OSAGO), estimate(make.KASKO))
    assert {policy.customer_id for policy in (osago, kasko)} == {customer}
    answer = last_event()
    assert answer["attempt_id"] == str(attempt)
    assert {item["policy_id"] for item in answer["policies"]} == {str(osago.id), str(kasko.id)}
    assert osago.number[:2] == "O-"
    assert list(policy_disagreements()) == []


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (make.OSAGO | {"vehicle_vin": "?"}, "invalid_vin"),
        (make.KASKO | {"vehicle_year": 1990}, "not_insurable"),
        ({}, "required"),
    ],
)
def test_one_that_cannot_be_issued_declines_all(bad, code):
    attempt = uuid7()
    with capture_events("insurance") as told:
        twice(asked(attempt, make.KASKO, bad))
    assert told == ["insurance.declined"]
    assert (last_event()["code"], last_event()["attempt_id"]) == (code, str(attempt))
    assert last_event()["detail"]
    assert not Policy.objects.exists()
    assert not Quote.objects.exists()


def test_the_premium_is_that_of_the_day_the_order_was_placed(time_machine):
    time_machine.move_to("2026-12-31 09:00:00Z", tick=True)
    order_id, promised = uuid7(), estimate(make.KASKO)
    time_machine.move_to("2027-01-02 09:00:00Z", tick=True)
    policy = make.policy(make.KASKO, order_id=order_id)
    assert policy.premium == promised != estimate(make.KASKO)
    assert str(policy.start_date) == "2027-01-02"
    assert str(policy.end_date) == "2028-01-01"
    assert list(policy_disagreements()) == []


def test_undoing_cancels_what_the_attempt_issued_with_the_whole_premium_back():
    attempt = uuid7()
    (policy,) = make.policies(make.KASKO, attempt_id=attempt)
    other = make.policy()
    with capture_events("insurance") as told:
        twice(undone(attempt, policy.order_id))
    assert told == ["insurance.cancelled", "insurance.revoked", "insurance.revoked"]
    policy.refresh_from_db()
    assert (policy.status, policy.refund_amount, policy.cancel_reason) == (
        "cancelled", policy.premium, "loan_rejected",
    )  # fmt: skip
    other.refresh_from_db()
    assert other.status == "active"
    assert list(policy_disagreements()) == []


def test_an_attempt_never_heard_of_is_answered_and_declined_later():
    attempt = uuid7()
    with capture_events("insurance") as told:
        handlers.serve_order(undone(attempt))
        twice(asked(attempt, make.KASKO))
    assert told == ["insurance.revoked", "insurance.declined"]
    assert last_event()["code"] == "cancelled"
    assert not Policy.objects.exists()
    assert IssueAttempt.objects.get().closed_at is not None


def test_a_declined_attempt_is_undone_too():
    attempt = uuid7()
    handlers.serve_order(asked(attempt, {}))
    with capture_events("insurance") as told:
        handlers.serve_order(undone(attempt))
    assert told == ["insurance.revoked"]


def test_a_policy_ends_with_its_term_by_its_alarm():
    policy = make.policy(now=timezone.now() - timedelta(days=400))
    make_due("insurance")
    drain_outbox("insurance")
    handlers.expire_policy(PolicyTermEnded(policy_id=policy.id))
    policy.refresh_from_db()
    assert (policy.status, policy.version) == ("expired", 3)


@pytest.mark.django_db(databases=["insurance", "orders"])
def test_a_whole_purchase_and_its_undoing():
    order_id, customer, attempt = uuid7(), uuid7(), uuid7()
    with transaction("orders"):
        publish(
            OrderCreated(
                order_id=order_id,
                number="2026-000001",
                customer_id=customer,
                lines=[],
                total_amount=estimate(make.OSAGO),
                currency="RUB",
                version_number=1,
            )
        )
        send(asked(attempt, make.OSAGO, order_id=order_id, customer_id=customer))
    drain_outbox("orders", "insurance")
    assert OrderCopy.objects.get().customer_id == customer
    (facts,) = policies_by_order()
    assert (facts.order_id, facts.attempt_id, facts.status) == (order_id, attempt, "active")
    with transaction("orders"):
        send(undone(attempt, order_id))
    drain_outbox("orders", "insurance")
    assert published("insurance")[-2:] == ["insurance.cancelled", "insurance.revoked"]
    (facts,) = policies_by_order()
    assert (facts.status, facts.refund_amount) == ("cancelled", facts.premium)
