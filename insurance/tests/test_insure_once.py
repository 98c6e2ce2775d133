"""A car has one policy of a kind at a time, by whatever door the second one comes."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from core.clock import dealer_day
from core.db import transaction
from core.testing import Api
from insurance import services
from insurance.models import MoneyRequest, Policy
from insurance.public import policy_disagreements
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["insurance"])
CARD = {"method": "card", "token": "tok_success"}
VIN = "XTA210990Y2999999"
KASKO, OSAGO = make.KASKO | {"vehicle_vin": VIN}, make.OSAGO | {"vehicle_vin": VIN}


def purchase(quote, caller=None):
    caller = caller or Api("client", user_id=quote.customer_id)
    return caller.post(f"/insurance/quotes/{quote.id}/purchase", {"payment": CARD})


def quoted(**changes):
    return make.quote(**{"vehicle_vin": VIN} | changes)


def test_the_second_policy_of_a_kind_is_refused_in_words():
    make.policy(KASKO)
    quote = quoted(insurer="compass")
    with capture_events("insurance") as told:
        refused = purchase(quote)
    assert (refused.status_code, refused.json()["code"], told) == (409, "insured_twice", [])
    assert (Policy.objects.count(), MoneyRequest.objects.count()) == (1, 0)
    assert purchase(quoted(**OSAGO, deductible="0")).status_code == 201


def test_another_car_and_days_after_the_last_are_free():
    first = make.policy(KASKO, now=timezone.now() - timedelta(days=330))
    assert purchase(make.quote()).status_code == 201
    assert purchase(quoted(start_date=str(first.end_date))).json()["code"] == "insured_twice"
    assert purchase(quoted(start_date=str(first.end_date + timedelta(days=1)))).status_code == 201


def test_an_ended_policy_leaves_its_car_free():
    services.cancel_policy(policy_id=make.policy(KASKO).id, now=timezone.now())
    assert purchase(quoted()).status_code == 201


def test_of_two_that_are_paid_at_once_one_is_in_force_and_the_other_paid_back():
    first, second = quoted(), quoted()
    assert (purchase(first).status_code, purchase(second).status_code) == (201, 201)
    for quote in (second, first):
        settle(asked(kind="premium", policy=quote.policy))
    assert [Policy.objects.get(quote=quote).status for quote in (first, second)] == ["not_taken_up", "active"]
    assert Policy.objects.get(quote=first).decline_code == "insured_twice"
    assert asked(kind="refund", policy=first.policy).amount == first.premium
    assert list(policy_disagreements()) == []


@pytest.mark.parametrize(("if_declined", "told"), [("cancel", "insurance.declined"), ("continue", "insurance.issued")])
def test_an_order_gets_no_second_policy_either(if_declined, told):
    make.policy(OSAGO)
    with capture_events("insurance") as heard:
        kasko, osago = make.policies(KASKO, OSAGO | {"if_declined": if_declined})
    assert told in heard
    bought = {"cancel": "not_taken_up", "continue": "active"}[if_declined]
    assert (kasko.status, osago.status, osago.decline_code) == (bought, "not_taken_up", "insured_twice")


def test_one_order_does_not_insure_a_car_twice():
    first, second = make.policies(KASKO, KASKO | {"if_declined": "continue"})
    assert (first.status, second.status) == ("active", "not_taken_up")


def test_a_cancelled_policy_is_not_put_back_beside_the_next_one():
    first = make.policy(KASKO)
    services.cancel_policy(policy_id=first.id, now=timezone.now())
    make.policy(KASKO)
    refused = Api("manager").post(f"/insurance/policies/{first.id}/reinstate", {"payment": CARD})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_reinstated")
    assert not MoneyRequest.objects.filter(kind="reinstatement").exists()


def test_a_reinstatement_that_is_paid_too_late_goes_back():
    first = make.policy(KASKO)
    services.cancel_policy(policy_id=first.id, now=timezone.now())
    services.reinstate_policy(policy_id=first.id, payment=CARD, now=timezone.now())
    make.policy(KASKO)
    settle(asked(kind="reinstatement"))
    first.refresh_from_db()
    assert (first.status, asked(kind="refund").amount) == ("cancelled", asked(kind="reinstatement").amount)


def test_a_cancellation_that_is_set_frees_the_days_after_it_and_is_not_forgotten_then():
    first = make.policy(KASKO)
    last = dealer_day(timezone.now()) + timedelta(days=10)
    services.cancel_policy(policy_id=first.id, last_date=last, now=timezone.now())
    assert purchase(quoted(start_date=str(last))).json()["code"] == "insured_twice"
    next_one = quoted(start_date=str(last + timedelta(days=1)))
    assert purchase(next_one).status_code == 201
    settle(asked(kind="premium"))
    kept = Api("client", user_id=first.customer_id).post(f"/insurance/policies/{first.id}/keep")
    assert (kept.status_code, kept.json()["code"]) == (409, "insured_twice")
    first.refresh_from_db()
    assert (first.status, first.cancel_date) == ("cancel_scheduled", last)


# The database -------------------------------------------------------------------------------------------------------
def test_the_database_refuses_whoever_comes_past_the_service():
    make.policy(KASKO)
    other = make.policy()
    with pytest.raises(IntegrityError, match="one_policy_of_a_kind_per_car"), transaction("insurance"):
        Policy.objects.filter(pk=other.pk).update(vehicle_vin=VIN)


def test_what_the_release_before_insured_twice_is_found_and_told_apart():
    first, second, third = make.policy(KASKO), make.policy(), make.policy(OSAGO)
    Policy.objects.update(is_sole=False)
    Policy.objects.filter(pk=second.pk).update(vehicle_vin=VIN)
    assert [item.kind for item in policy_disagreements()] == ["car_insured_twice"]
    with connections["insurance"].cursor() as cursor:
        cursor.execute(import_module("insurance.migrations.0012_fill_sole_policies").FILL)
    assert list(Policy.objects.filter(is_sole=True)) == [third]
    services.cancel_policy(policy_id=first.id, now=timezone.now())
    assert list(policy_disagreements()) == []


# What was given back whole covers nothing -----------------------------------------------------------------------------
def test_a_purchase_that_was_undone_pays_for_no_loss():
    policy = make.policy(now=timezone.now() - timedelta(days=30))
    early = make.claim(policy)
    services.revoke_policies(
        order_id=policy.order_id, attempt_id=policy.attempt_id, reason="cancelled", now=timezone.now()
    )
    occurred_at = (policy.activated_at + timedelta(days=2)).isoformat()
    body = {"policy_id": str(policy.id), "occurred_at": occurred_at, "description": "x", "amount": "1000.00"}
    refused = Api("manager").post("/insurance/claims", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_covered")
    manager = Api("manager")
    manager.post(f"/insurance/claims/{early.id}/assess", {"amount": "50000"})
    assert manager.post(f"/insurance/claims/{early.id}/approve").json()["code"] == "not_covered"
    early.refresh_from_db()
    assert (early.status, early.approved_amount) == ("assessing", None)
