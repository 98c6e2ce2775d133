"""A premium that rests on the client's word is provisional until somebody has seen a paper that says the same."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from insurance import services
from insurance.models import Endorsement, MoneyRequest
from insurance.public import policy_disagreements
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.testing import events_of

pytestmark = pytest.mark.django_db(databases=["insurance"])
PATH = "/insurance/policies"
CARD = {"method": "card", "token": "tok_success"}
SEEN = {"evidence": "Certificate of registration 99 12 345678, extract of 20 November."}
NOBODY = {name: value for name, value in make.DRIVER.items() if name != "kbm"}


@pytest.fixture
def policy():
    return make.policy(make.OSAGO, now=timezone.now() - timedelta(days=10))


def confirm(policy, caller=None, **found):
    return (caller or Api("manager")).post(f"{PATH}/{policy.id}/confirm", SEEN | ({"found": found} if found else {}))


def told(raw):
    return services.make_quote(customer_id=uuid7(), request=make.read_request(raw), now=timezone.now()).unconfirmed


@pytest.mark.parametrize(
    ("changes", "unconfirmed"),
    [
        ({}, ["engine_power", "drivers.0.kbm"]),
        ({"drivers": [NOBODY]}, ["engine_power"]),
        ({"drivers": [make.DRIVER | {"kbm": "3"}, make.DRIVER | {"kbm": "M"}]}, ["engine_power"]),
        ({"drivers": [make.DRIVER | {"kbm": "3"}, make.DRIVER | {"kbm": "0.91"}]}, ["engine_power", "drivers.1.kbm"]),
        ({"drivers": None, "owner_kbm": "13"}, ["engine_power", "owner_kbm"]),
        ({"drivers": None}, ["engine_power"]),
        ({"insurance_type": "kasko", "coverage_amount": "1000000"}, ["vehicle_year"]),
    ],
)
def test_what_the_client_alone_says_is_named(changes, unconfirmed):
    assert told(make.OSAGO | changes) == unconfirmed


def test_a_quote_and_its_policy_say_that_they_are_provisional(policy):
    client = Api("client")
    quote = client.post("/insurance/quotes", make.OSAGO | {"drivers": [make.DRIVER]}).json()
    assert (quote["is_provisional"], quote["unconfirmed"]) == (True, ["engine_power", "drivers.0.kbm"])
    bought = client.post(f"/insurance/quotes/{quote['id']}/purchase", {"payment": CARD}).json()
    assert (bought["is_provisional"], bought["unconfirmed"]) == (True, ["engine_power", "drivers.0.kbm"])
    assert policy.unconfirmed == ["engine_power", "drivers.0.kbm"]


def test_a_manager_confirms_by_evidence_once(policy):
    manager = Api("manager")
    shown = confirm(policy, manager).json()
    assert (shown["is_provisional"], shown["unconfirmed"], bool(shown["confirmed_at"])) == (False, [], True)
    policy.refresh_from_db()
    assert (policy.confirmed_by, policy.evidence) == (manager.user_id, SEEN["evidence"])
    assert confirm(policy).json()["code"] == "wrong_transition"


@pytest.mark.parametrize("found", [{"engine_power": "151"}, {"drivers": [make.DRIVER | {"kbm": "3"}]}])
def test_by_dearer_data_the_difference_is_paid_before_it_is_confirmed(policy, found):
    owner, before = Api("client", user_id=policy.customer_id), policy.premium
    with events_of("insurance") as heard:
        refused = confirm(policy, **found)
    assert (refused.status_code, refused.json()["code"], heard) == (409, "costs_more", [])
    assert Decimal(refused.json()["premium_difference"]) > 0
    policy.refresh_from_db()
    assert (bool(policy.unconfirmed), policy.premium) == (True, before)
    assert owner.post(f"{PATH}/{policy.id}/endorse", {"changes": found, "payment": CARD}).status_code == 201
    settle(asked(kind="endorsement"))
    assert confirm(policy, **found).status_code == 200
    policy.refresh_from_db()
    assert policy.premium > before
    assert list(policy_disagreements()) == []


def test_data_that_cost_no_more_are_confirmed(policy):
    assert confirm(policy, engine_power="105").status_code == 200


def test_only_managers_confirm_what_is_not_theirs(policy):
    path = f"{PATH}/{policy.id}/confirm"
    assert Api().post(path, SEEN).status_code == 401
    assert Api("client", user_id=policy.customer_id).post(path, SEEN).status_code == 403
    assert Api("manager", user_id=policy.customer_id).post(path, SEEN).json()["code"] == "four_eyes"
    assert Api("manager").post(f"{PATH}/{uuid7()}/confirm", SEEN).status_code == 404
    assert Api("manager").post(path, {"evidence": " "}).status_code == 400
    assert Api("manager").post(path, SEEN | {"found": {"region": "Казань"}}).status_code == 400
    policy.refresh_from_db()
    assert (policy.unconfirmed, policy.confirmed_at) == (["engine_power", "drivers.0.kbm"], None)


# Changes, and the next term -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "field"),
    [({"engine_power": "40"}, "engine_power"), ({"drivers": [make.DRIVER | {"kbm": "13"}]}, "drivers.0.kbm")],
)
def test_nobody_makes_their_policy_cheaper_by_their_word(changes, field):
    policy = make.policy(make.OSAGO | {"drivers": [make.DRIVER | {"kbm": "5"}]}, now=timezone.now() - timedelta(days=9))
    owner = Api("client", user_id=policy.customer_id)
    refused = owner.post(f"{PATH}/{policy.id}/endorse", {"changes": changes})
    problem = refused.json()["errors"][0]
    assert (refused.status_code, problem["field"], problem["code"]) == (400, f"changes.{field}", "unconfirmed")
    assert (Endorsement.objects.count(), MoneyRequest.objects.count()) == (0, 0)
    assert Api("manager").post(f"{PATH}/{policy.id}/endorse", {"changes": changes}).status_code == 201


def test_a_driver_who_leaves_takes_no_paper(policy):
    second = make.DRIVER | {"birth_date": "2004-05-20", "licence_since": "2023-06-01", "kbm": "4"}
    both = make.policy(make.OSAGO | {"drivers": [make.DRIVER, second]}, now=timezone.now() - timedelta(days=9))
    owner = Api("client", user_id=both.customer_id)
    assert owner.post(f"{PATH}/{both.id}/endorse", {"changes": {"drivers": [make.DRIVER]}}).status_code == 201


def test_what_is_told_after_the_confirmation_is_provisional_again(policy):
    confirm(policy)
    changes = {"drivers": [make.DRIVER, make.DRIVER | {"birth_date": "1986-01-01", "kbm": "12"}]}
    owner = Api("client", user_id=policy.customer_id)
    assert owner.post(f"{PATH}/{policy.id}/endorse", {"changes": changes, "payment": CARD}).status_code == 201
    if charge := asked(kind="endorsement"):
        settle(charge)
    policy.refresh_from_db()
    assert (policy.unconfirmed, policy.confirmed_at) == (["drivers.1.kbm"], None)


def test_a_change_that_tells_nothing_keeps_the_confirmation(policy):
    confirm(policy)
    changes = {"changes": {"vehicle_plate": "A123BC777"}}
    Api("client", user_id=policy.customer_id).post(f"{PATH}/{policy.id}/endorse", changes)
    policy.refresh_from_db()
    assert (policy.unconfirmed, bool(policy.confirmed_at)) == ([], True)


def test_what_was_confirmed_of_a_car_needs_no_second_confirmation(policy):
    raw = make.OSAGO | {"vehicle_vin": policy.vehicle_vin}
    assert told(raw) == ["engine_power", "drivers.0.kbm"]
    confirm(policy)
    assert told(raw) == []
    assert told(raw | {"engine_power": 40}) == ["engine_power"]
    assert told(raw | {"drivers": [make.DRIVER | {"birth_date": "1984-01-01"}]}) == ["drivers.0.kbm"]
