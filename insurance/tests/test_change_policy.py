"""Changing, renewing, reinstating and printing a policy."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.clock import dealer_day
from core.ids import uuid7
from core.testing import Api, tampering
from insurance import services
from insurance.errors import NotCovered
from insurance.models import Endorsement, MoneyRequest, Policy
from insurance.public import policy_disagreements
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["insurance"])
PATH = "/insurance/policies"
CARD = {"method": "card", "token": "tok_success"}
YOUNG = {"birth_date": "2005-01-01", "licence_since": "2025-01-01"}


@pytest.fixture
def policy():
    return make.policy(now=timezone.now() - timedelta(days=100))


@pytest.fixture
def owner(policy):
    return Api("client", user_id=policy.customer_id)


def endorse(caller, policy, changes, **extra):
    return caller.post(f"{PATH}/{policy.id}/endorse", {"changes": changes} | extra)


def test_a_dearer_change_waits_for_its_payment(policy, owner):
    before = policy.premium
    shown = endorse(owner, policy, {"drivers": [make.DRIVER, YOUNG]}, payment=CARD)
    assert shown.status_code == 201, shown.content
    difference = Decimal(shown.json()["premium_difference"])
    term = (policy.end_date - policy.start_date).days + 1
    left = (policy.end_date - dealer_day(timezone.now())).days + 1
    annual = Decimal(shown.json()["annual_premium"])
    assert abs(difference - (annual - before) * left / term) <= Decimal("0.005")
    assert (shown.json()["applied_at"], asked(kind="endorsement").amount) == (None, difference)
    assert endorse(owner, policy, {"deductible": "0"}, payment=CARD).json()["code"] == "endorsement_under_way"
    with capture_events("insurance") as told:
        settle(asked(kind="endorsement"))
    assert told == ["insurance.endorsed"]
    policy.refresh_from_db()
    assert policy.premium == before + difference
    (row,) = owner.get(f"{PATH}/{policy.id}/endorsements").json()
    assert row["applied_at"] is not None
    assert list(policy_disagreements()) == []


def test_a_change_whose_payment_is_refused_is_forgotten(policy, owner):
    endorse(owner, policy, {"drivers": [make.DRIVER, YOUNG]}, payment=CARD)
    settle(asked(kind="endorsement"), is_paid=False, code="declined")
    assert not Endorsement.objects.exists()
    before = policy.premium
    policy.refresh_from_db()
    assert policy.premium == before


def test_a_cheaper_change_counts_at_once_and_gives_back(policy, owner):
    with capture_events("insurance") as told:
        shown = endorse(owner, policy, {"deductible": "30000.00"}).json()
    assert told == ["insurance.endorsed", "insurance.refund_requested"]
    assert asked(kind="refund").amount == -Decimal(shown["premium_difference"]) > 0
    policy.refresh_from_db()
    assert policy.deductible == 30_000
    cancelled = services.cancel_policy(policy_id=policy.id, now=timezone.now())
    term = (policy.end_date - policy.start_date).days + 1
    left = (policy.end_date - dealer_day(timezone.now())).days
    assert abs(cancelled.refund_amount - Decimal(shown["annual_premium"]) * left / term) <= Decimal("0.005")
    assert list(policy_disagreements()) == []


def test_a_tampered_change_is_found(policy, owner):
    endorse(owner, policy, {"deductible": "30000.00"})
    with tampering("insurance"):
        Endorsement.objects.update(annual_premium=Decimal(1))
    assert {item.kind for item in policy_disagreements()} == {"endorsement_premium_differs"}


def test_a_beneficiary_costs_nothing(policy, owner):
    assert endorse(owner, policy, {"beneficiary": "Bank"}).json()["premium_difference"] == "0.00"
    policy.refresh_from_db()
    assert (policy.beneficiary, MoneyRequest.objects.count()) == ("Bank", 0)


@pytest.mark.parametrize(
    ("changes", "payment", "code"),
    [
        ({}, None, "invalid"),
        ({"insurer": "compass"}, None, "invalid"),
        ({"deductible": "7"}, None, "invalid_choice"),
        ({"drivers": [make.DRIVER, YOUNG]}, None, "required"),
    ],
)
def test_what_cannot_change_changes_nothing(policy, owner, changes, payment, code):
    body = {"changes": changes} | ({"payment": payment} if payment else {})
    with capture_events("insurance") as told:
        response = owner.post(f"{PATH}/{policy.id}/endorse", body)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, code)
    assert (told, Endorsement.objects.count()) == ([], 0)


def test_a_renewal_begins_the_day_after_and_moves_the_class(time_machine):
    policy = make.policy(make.OSAGO | {"drivers": [make.DRIVER | {"kbm": "5"}]})
    owner = Api("client", user_id=policy.customer_id)
    assert owner.post(f"{PATH}/{policy.id}/renew").json()["errors"][0]["code"] == "too_early"
    time_machine.move_to(timezone.now() + timedelta(days=340), tick=True)
    owner = Api("client", user_id=policy.customer_id)
    response = owner.post(f"{PATH}/{policy.id}/renew")
    assert response.status_code == 201, response.content
    quote = response.json()
    assert quote["request"]["drivers"][0]["kbm"] == "6"
    assert quote["rated_on"] == str(policy.end_date + timedelta(days=1))
    bought = owner.post(f"/insurance/quotes/{quote['id']}/purchase", {"payment": CARD}).json()
    settle(asked(kind="premium"))
    renewal = Policy.objects.get(pk=bought["id"])
    assert (renewal.renewal_of_id, renewal.start_date) == (policy.id, policy.end_date + timedelta(days=1))
    assert not renewal.covers(timezone.now(), dealer_day(timezone.now()))
    assert owner.post(f"{PATH}/{policy.id}/renew").status_code == 409


def test_a_policy_cancelled_today_is_put_back_once_its_refund_is_paid_back(policy):
    manager = Api("manager")
    refund = services.cancel_policy(policy_id=policy.id, now=timezone.now()).refund_amount
    settle(asked(kind="refund"))
    refused = manager.post(f"{PATH}/{policy.id}/reinstate")
    assert (refused.status_code, refused.json()["code"], refused.json()["refund_amount"]) == (
        409, "not_reinstated", str(refund),
    )  # fmt: skip
    assert manager.post(f"{PATH}/{policy.id}/reinstate", {"payment": CARD}).json()["status"] == "cancelled"
    with capture_events("insurance") as told:
        settle(asked(kind="reinstatement"))
    assert told == ["insurance.reinstated"]
    policy.refresh_from_db()
    assert (policy.status, policy.refund_amount) == ("active", None)
    assert list(policy_disagreements()) == []


def test_the_next_day_is_too_late(policy, time_machine):
    services.cancel_policy(policy_id=policy.id, now=timezone.now())
    time_machine.move_to(timezone.now() + timedelta(days=1), tick=True)
    assert Api("manager").post(f"{PATH}/{policy.id}/reinstate", {"payment": CARD}).status_code == 409
    assert not MoneyRequest.objects.filter(kind="reinstatement").exists()


def test_a_policy_of_an_undone_purchase_is_not_put_back():
    policy = make.policy()
    services.revoke_policies(
        order_id=policy.order_id, attempt_id=policy.attempt_id, reason="cancelled", now=timezone.now()
    )
    refused = Api("manager").post(f"{PATH}/{policy.id}/reinstate", {"payment": CARD})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_reinstated")


def test_a_policy_is_printed_with_its_breakdown(policy, owner):
    answer = owner.get(f"{PATH}/{policy.id}/document")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    assert policy.number in answer["Content-Disposition"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "endorse"),
        ("post", "renew"),
        ("get", "document"),
        ("get", "endorsements"),
    ],
)
def test_others_reach_none_of_it(policy, method, path):
    def call(caller, policy_id=policy.id):
        body = {} if method == "get" else {"body": {"changes": {"deductible": "0"}}}
        return getattr(caller, method)(f"{PATH}/{policy_id}/{path}", **body).status_code

    with capture_events("insurance") as told:
        assert call(Api()) == 401
        assert call(Api("client")) == 404
        assert call(Api("manager"), uuid7()) == 404
    assert told == []


def test_only_managers_reinstate(policy, owner):
    assert Api().post(f"{PATH}/{policy.id}/reinstate").status_code == 401
    assert owner.post(f"{PATH}/{policy.id}/reinstate").status_code == 403
    assert Api("manager").post(f"{PATH}/{policy.id}/reinstate").json()["code"] == "wrong_transition"
    assert Api("manager").post(f"{PATH}/{uuid7()}/reinstate").status_code == 404


# What a change may not do, and what it leaves alone -------------------------------------------------------------------
def test_the_bank_of_a_pledged_car_stays_named_whatever_else_changes():
    policy = make.policy()
    services.pledge_car(
        order_id=policy.order_id, customer_id=policy.customer_id, loan_id=uuid7(), bank="Own Bank",
        debt=Decimal(900_000), now=timezone.now(),
    )  # fmt: skip
    owner, path = Api("client", user_id=policy.customer_id), f"/insurance/policies/{policy.id}"
    assert owner.post(f"{path}/endorse", {"changes": {"deductible": "30000"}}).status_code == 201
    assert owner.get(path).json()["beneficiary"] == "Own Bank"
    refused = owner.post(f"{path}/endorse", {"changes": {"beneficiary": ""}})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "pledged")
    assert owner.get(path).json()["beneficiary"] == "Own Bank"


def test_a_change_is_priced_without_being_made_and_held_to_its_price():
    policy = make.policy()
    owner, path = Api("client", user_id=policy.customer_id), f"/insurance/policies/{policy.id}"
    changes = {"changes": {"deductible": "30000", "vehicle_plate": "A123BC777"}}
    assert Api().post(f"{path}/price-endorsement", changes).status_code == 401
    assert Api("client").post(f"{path}/price-endorsement", changes).status_code == 404
    assert owner.post(f"{path}/price-endorsement", {"changes": {"instalments": 2}}).status_code == 400
    priced = owner.post(f"{path}/price-endorsement", changes).json()
    assert (priced["to_pay"], priced["taken_off"]) == ("0.00", "0.00")
    assert Decimal(priced["to_return"]) == -Decimal(priced["premium_difference"]) > 0
    assert not policy.endorsements.exists()
    other = owner.post(f"{path}/endorse", changes | {"expected_difference": "-1.00"})
    assert (other.status_code, other.json()["code"]) == (409, "price_changed")
    assert not policy.endorsements.exists()
    agreed = owner.post(f"{path}/endorse", changes | {"expected_difference": priced["premium_difference"]})
    assert (agreed.status_code, agreed.json()["premium_difference"]) == (201, priced["premium_difference"])


def test_a_driver_licensed_after_the_policy_began_can_be_named():
    policy = make.policy(now=timezone.now() - timedelta(days=90))
    licensed = (timezone.now() - timedelta(days=20)).date()
    drivers = [make.DRIVER, {"birth_date": "2006-05-20", "licence_since": str(licensed)}]
    change = services.price_endorsement(
        policy_id=policy.id, changes={"drivers": drivers}, actor_id=uuid7(), now=timezone.now()
    )
    assert change.to_pay > 0


def test_a_driver_taken_out_is_not_covered_any_more_but_was_before():
    old, new = make.DRIVER, {"birth_date": "1980-01-01", "licence_since": "2000-01-01", "kbm": "13"}
    begun = timezone.now() - timedelta(days=30)
    policy = make.policy(now=begun)
    change = services.endorse_policy(
        policy_id=policy.id, changes={"drivers": [new]}, actor_id=uuid7(), payment=CARD, now=begun + timedelta(days=10)
    )
    assert change.applied_at is not None
    told = services.LossReport(driver_birth_date=date.fromisoformat(old["birth_date"]))
    about = {"policy_id": policy.id, "description": "A dent.", "amount": Decimal(50_000), "now": timezone.now()}
    services.open_claim(occurred_at=begun + timedelta(days=5), report=told, **about)
    with pytest.raises(NotCovered):
        services.open_claim(occurred_at=begun + timedelta(days=15), report=told, **about)


def test_a_class_that_no_table_knows_does_not_stop_a_renewal():
    odd = make.KASKO | {"drivers": [make.DRIVER | {"kbm": "99"}]}
    policy = make.policy(odd, now=timezone.now() - timedelta(days=330))
    quote = services.renew_policy(policy_id=policy.id, now=timezone.now())
    assert quote.asked.drivers[0].kbm == "4"
