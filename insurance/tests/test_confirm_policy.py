"""A premium that rests on the client's word is provisional until somebody has seen a paper that says the same."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.db import transaction
from core.errors import AccountClosing
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import approve
from gateway.approvals.persons import join_cards, know_card
from gateway.models import Approval
from insurance import services
from insurance.models import ClaimConcern, Endorsement, MoneyRequest, Policy
from insurance.public import policy_disagreements, rate, unconfirmed_premiums, waiting_for_somebody
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.people.departures import open_door, refuse_leavers
from messaging.people.endings import left
from messaging.people.personal import begin_leaving, erase, export, known_ids
from messaging.testing import capture_events

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
    with capture_events("insurance") as heard:
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
    with capture_events("insurance") as heard:
        assert confirm(policy, engine_power="105").status_code == 200
    assert (heard, MoneyRequest.objects.count()) == ([], 0)


DEARER, CHEAPER = {"drivers": [make.DRIVER | {"kbm": "3"}]}, {"engine_power": "40"}


def of_term(policy, found):
    """Return what the whole term costs by what was found."""
    return rate(make.OSAGO | {"vehicle_vin": policy.vehicle_vin} | found, day=policy.quote.rated_on).premium


def test_what_is_dearer_is_asked_of_the_insured_for_the_whole_term_and_confirmed_once_paid(policy):
    before, right, manager = policy.premium, of_term(policy, DEARER), Api("manager")
    answer = manager.post(f"{PATH}/{policy.id}/confirm", SEEN | {"found": DEARER, "payment": {"method": "cash"}})
    assert (answer.status_code, answer.json()["is_provisional"]) == (200, True)
    charge = asked(kind="endorsement")
    assert (charge.amount, charge.policy_id) == (right - before, policy.id)
    again = manager.post(f"{PATH}/{policy.id}/confirm", SEEN | {"found": DEARER, "payment": {"method": "cash"}})
    assert (again.status_code, again.json()["code"], MoneyRequest.objects.count()) == (409, "endorsement_under_way", 1)
    settle(charge)
    policy.refresh_from_db()
    assert (policy.premium, policy.unconfirmed, policy.confirmed_by) == (right, [], manager.user_id)
    assert (policy.evidence, list(policy_disagreements())) == (SEEN["evidence"], [])


def test_what_the_insured_did_not_pay_confirms_nothing(policy):
    before = policy.premium
    Api("manager").post(f"{PATH}/{policy.id}/confirm", SEEN | {"found": DEARER, "payment": CARD})
    settle(asked(kind="endorsement"), is_paid=False)
    policy.refresh_from_db()
    assert (policy.premium, bool(policy.unconfirmed), Endorsement.objects.count()) == (before, True, 0)
    assert confirm(policy, **DEARER).json()["code"] == "costs_more"


def test_what_is_cheaper_goes_back_for_the_whole_term(policy):
    before, right, manager = policy.premium, of_term(policy, CHEAPER), Api("manager")
    with capture_events("insurance") as heard:
        answer = confirm(policy, manager, **CHEAPER)
    assert (answer.status_code, answer.json()["is_provisional"]) == (200, False)
    assert heard == ["insurance.endorsed", "insurance.refund_requested"]
    assert sum(MoneyRequest.objects.filter(kind="refund").values_list("amount", flat=True)) == before - right > 0
    policy.refresh_from_db()
    assert (policy.premium, policy.confirmed_by, policy.evidence) == (right, manager.user_id, SEEN["evidence"])
    assert list(policy_disagreements()) == []


def test_much_goes_back_by_two_people(policy, settings):
    settings.REFUND_FOUR_EYES_ABOVE = 1
    before, first, second = policy.premium, Api("manager"), Api("manager")
    waits = confirm(policy, first, **CHEAPER)
    assert (waits.status_code, Endorsement.objects.count(), MoneyRequest.objects.count()) == (202, 0, 0)
    policy.refresh_from_db()
    assert (policy.premium, bool(policy.unconfirmed)) == (before, True)
    request = Approval.objects.using("insurance").get()
    assert (request.kind, request.evidence) == ("insurance.correct", SEEN["evidence"])
    approve(alias="insurance", approval_id=request.pk, person_id=second.user_id, now=timezone.now())
    policy.refresh_from_db()
    assert (policy.premium, policy.unconfirmed) == (of_term(policy, CHEAPER), [])
    assert (policy.confirmed_by, policy.evidence) == (first.user_id, SEEN["evidence"])


# What waits ---------------------------------------------------------------------------------------------------------
def test_a_claim_says_that_its_premium_is_provisional_until_it_is_not(policy):
    def concerns():
        return Api("manager").get(f"/insurance/claims/{claim.id}").json()["concerns"]

    claim = make.claim(policy)
    assert concerns() == ["provisional"]
    confirm(policy)
    found = services.Assessment(amount=Decimal(1000))
    services.assess_claim(claim_id=claim.id, found=found, now=timezone.now())
    assert concerns() == []


def test_the_second_person_who_decides_a_claim_is_told(policy, settings):
    settings.CLAIM_FOUR_EYES_ABOVE = 1
    claim = make.claim(policy, kind="glass")
    make.papers(claim, "photo")
    found = services.Assessment(amount=Decimal(20_000), kind="glass")
    services.assess_claim(claim_id=claim.id, found=found, now=timezone.now())
    services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=timezone.now())
    assert str(ClaimConcern.PROVISIONAL.label) in Approval.objects.using("insurance").get().evidence


def test_premiums_that_wait_are_counted_and_those_that_wait_too_long_told(policy):
    now = timezone.now()
    make.policy(make.OSAGO | {"drivers": [NOBODY]})
    assert waiting_for_somebody(now=now) == {"premiums_unconfirmed": 1}
    assert waiting_for_somebody(now=timezone.now()) == {"premiums_unconfirmed": 2}
    count, since = unconfirmed_premiums(seconds=7 * 86_400, now=now)
    assert (count, since) == (1, policy.activated_at)
    assert unconfirmed_premiums(seconds=11 * 86_400, now=now) == (0, None)
    confirm(policy)
    assert unconfirmed_premiums(seconds=7 * 86_400, now=now) == (0, None)
    services.cancel_policy(policy_id=Policy.objects.exclude(pk=policy.pk).get().id, now=timezone.now())
    assert waiting_for_somebody(now=timezone.now()) == {"premiums_unconfirmed": 0}


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


def test_the_books_agree_about_those_who_left_and_were_known_by_a_card_alone(policy):
    """What stood under their client card is forgotten and rated again no more; their policy ties them until it ends."""
    card, person, closing = policy.customer_id, uuid7(), uuid7()
    know_card("insurance", card_id=card, user_id=person)
    confirm(policy, **CHEAPER)
    assert [tie.kind for tie in begin_leaving("insurance", person, closing)][:1] == ["policy"]
    with pytest.raises(AccountClosing), transaction("insurance"):
        refuse_leavers("insurance", card)
    open_door("insurance", person, closing)
    with transaction("insurance"):
        refuse_leavers("insurance", card)
    services.cancel_policy(policy_id=policy.id, now=timezone.now())
    assert str(policy.quote_id) in str(export("insurance", person)["quote"])
    erase("insurance", person)
    policy.quote.refresh_from_db()
    assert make.DRIVER["birth_date"] not in str(policy.quote.request)
    assert {"user_id": card} in left("insurance")
    assert [item.kind for item in policy_disagreements()] == []


def test_cards_of_two_accounts_that_are_one_client_stay_each_its_own(policy):
    gone, stays = uuid7(), uuid7()
    card, other, third = uuid7(), policy.customer_id, uuid7()
    know_card("insurance", card_id=card, user_id=gone)
    know_card("insurance", card_id=other, user_id=stays)
    for joined in (other, third):
        join_cards("insurance", card_id=card, other_id=joined)
    assert set(known_ids("insurance", gone)) == {gone, card, third}
    erase("insurance", gone)
    policy.quote.refresh_from_db()
    assert make.DRIVER["birth_date"] in str(policy.quote.request)


def test_the_books_agree_about_those_who_left(policy):
    """Their drivers are forgotten, so nothing of theirs is rated again; others' still is."""
    confirm(policy, **CHEAPER)
    services.cancel_policy(policy_id=policy.id, now=timezone.now())
    other = make.policy(make.OSAGO)
    erase("insurance", policy.customer_id)
    assert [item.kind for item in policy_disagreements()] == []
    type(other.quote).objects.filter(pk=other.quote_id).update(premium=1)
    assert "quote_premium_differs" in [item.kind for item in policy_disagreements()]
