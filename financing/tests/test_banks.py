"""Banks that decide by themselves: the sandboxes offer, counter, refuse, think, repeat and lose answers."""

import os
from datetime import timedelta
from decimal import Decimal

import httpx2
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from financing import services
from financing.models import Application, BankOffer
from financing.public import loan_disagreements
from financing.tests import make, sandboxes
from messaging.models import ExternalCall, OutboxEvent
from messaging.testing import capture_events, published
from sandbox.lenders.store import FAULTS, FaultScript, Store
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["financing"])
PATH = "/financing/applications"
STORM = int(os.environ.get("FINANCING_STORM", "50"))
INCOME = {fault: f"200000.{kopecks}" for kopecks, fault in FAULTS.items()} | {"none": "200000.00"}


@pytest.fixture(scope="module")
def sandbox():
    with sandboxes.running() as found:
        yield found


@pytest.fixture(autouse=True)
def banks(sandbox, settings):
    settings.BANKS_URL, settings.PROVIDER_TIMEOUT_S = sandbox[0], 0.3
    settings.BREAKER_FAILURES = 1_000_000
    return sandbox[1]


def connected(connection="vega", **changes):
    return make.programme(bank=f"Bank {connection}", connection=connection, **changes)


def asked(fault="none", **changes):
    return make.application(monthly_income=INCOME[fault], **changes)


def get_owner(application):
    return Api("client", user_id=application.customer_id)


def shown(application, caller=None):
    return (caller or get_owner(application)).get(f"{PATH}/{application.id}/offers").json()["results"]


def of(application, connection):
    return application.offers.get(connection=connection)


# The decision is the bank's ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("fault", ["none", "slow", "silent", "flaky", "repeat", "garbage"])
def test_the_banks_offer_becomes_the_applications(fault):
    connected()
    application = asked(fault)
    assert application.status == "scoring"
    with capture_events("financing") as told:
        sandboxes.answered(application)
    assert (application.status, application.approved_amount) == ("approved", Decimal("1500000.00"))
    assert told == ["financing.approved"]
    offer = of(application, "vega")
    assert (offer.status, offer.is_as_asked, offer.reference[:4]) == ("offered", True, "VEG-")
    assert list(loan_disagreements()) == []


def test_a_banks_refusal_is_the_answer():
    connected()
    application = asked("refuse")
    with capture_events("financing") as told:
        sandboxes.answered(application)
    assert (application.status, application.reasons) == ("rejected", ["bank_refused"])
    assert (of(application, "vega").code, told) == ("credit_policy", ["financing.rejected"])


def test_a_bank_out_of_reach_is_a_refusal_in_the_end(settings):
    settings.BANKS_URL = nowhere()
    connected()
    application = sandboxes.answered(asked())
    assert (application.status, of(application, "vega").status) == ("rejected", "unreached")


def test_a_bank_that_never_decides_is_done_without():
    connected()
    application = asked("never")
    for _ in range(3):
        sandboxes.asked_once_more()
    assert of(application, "vega").status == "asked"
    sandboxes.time_is_up()
    application.refresh_from_db()
    assert (application.status, of(application, "vega").status) == ("rejected", "unreached")
    assert ExternalCall.objects.using("financing").get().finished_at is not None


def test_what_our_rules_refuse_no_bank_is_asked():
    connected()
    application = make.application(term_months=120)
    assert (application.status, application.reasons) == ("rejected", ["term"])
    assert not BankOffer.objects.exists()
    assert not ExternalCall.objects.using("financing").exists()


def test_what_our_rules_would_review_the_banks_people_review():
    connected()
    application = make.application(**make.DTI_REVIEW)
    assert application.status == "scoring"
    assert sandboxes.answered(application).status == "approved"


# A checkout -----------------------------------------------------------------------------------------------------
def test_our_own_decision_goes_first_and_asks_nobody_when_accepted():
    make.programme(), connected(base_rate=Decimal(1))
    with capture_events("financing") as told:
        application = make.requested(make.order())
    assert (application.status, application.annual_rate) == ("accepted", Decimal(15))
    assert told == ["financing.submitted", "financing.approved"]
    assert not ExternalCall.objects.using("financing").exists()


def test_a_checkout_accepts_a_banks_offer_only_if_it_equals_the_request():
    named = connected(), connected("polus")
    equal, other = (
        make.requested(make.order(), programme_id=str(programme.id)) for programme in named
    )  # fmt: skip
    assert sandboxes.answered(equal).status == "accepted"
    assert sandboxes.answered(other).status == "approved"
    assert other.approved_amount == Decimal("1350000.00")
    assert other.annual_rate == Decimal("16.5")


def test_a_purchase_undone_meanwhile_lets_the_bank_go():
    named = connected()
    order = make.order()
    application = make.requested(order, programme_id=str(named.id), monthly_income=INCOME["slow"])
    services.cancel_attempt(
        order_id=order.order_id, attempt_id=application.attempt_id, reason="late", now=timezone.now()
    )
    sandboxes.answered(application)
    assert (application.status, of(application, "vega").status) == ("withdrawn", "let_go")


# Side by side ---------------------------------------------------------------------------------------------------
@pytest.fixture
def several():
    make.programme()
    connected("vega", base_rate=Decimal(14)), connected("polus"), connected("third", base_rate=Decimal(19))
    return sandboxes.answered(asked())


def test_offers_stand_side_by_side_the_cheapest_first(several):
    offers = shown(several)
    assert [(item["bank"], item["status"], item["annual_rate"], item["amount"]) for item in offers] == [
        ("Bank vega", "offered", "14.0000", "1500000.00"),
        ("Bank", "offered", "15.0000", "1500000.00"),
        ("Bank polus", "offered", "16.5000", "1350000.00"),
        ("Bank third", "offered", "19.0000", "1500000.00"),
    ]
    assert {item["is_expired"] for item in offers} == {False}
    assert several.annual_rate == Decimal(15)


@pytest.mark.parametrize(("caller", "status"), [(Api(), 401), (Api("client"), 404), (Api("manager"), 200)])
def test_who_sees_the_offers(several, caller, status):
    assert caller.get(f"{PATH}/{several.id}/offers").status_code == status
    assert caller.get(f"{PATH}/{uuid7()}/offers").status_code == (status if status == 401 else 404)


def test_the_client_takes_one_and_the_others_are_let_go(several):
    best = shown(several)[0]
    with capture_events("financing") as told:
        response = get_owner(several).post(f"{PATH}/{several.id}/accept", {"offer_id": best["id"]})
    body = response.json()
    assert (response.status_code, body["status"], body["annual_rate"]) == (200, "accepted", "14.0000")
    assert (body["monthly_payment"], body["psk"]) == (best["monthly_payment"], best["psk"])
    assert told == ["financing.accepted"]
    assert [item["status"] for item in shown(several)] == ["taken", "let_go", "let_go", "let_go"]
    again = get_owner(several).post(f"{PATH}/{several.id}/accept", {"offer_id": shown(several)[1]["id"]})
    assert again.json()["code"] == "offer_not_standing"


def test_without_a_name_the_applications_own_is_taken(several):
    body = get_owner(several).post(f"{PATH}/{several.id}/accept").json()
    assert (body["status"], body["annual_rate"]) == ("accepted", "15.0000")
    assert of(several, "").status == "taken"


def test_an_offer_under_review_is_overtaken_by_a_banks():
    make.programme(), connected("polus", base_rate=Decimal(14))
    application = make.application(**make.DTI_REVIEW)
    assert application.status == "under_review"
    sandboxes.answered(application)
    assert application.status == "under_review"
    offer = of(application, "polus")
    with capture_events("financing") as told:
        wanted = {"offer_id": str(offer.id), "own_part": "650000.00"}
        body = get_owner(application).post(f"{PATH}/{application.id}/accept", wanted).json()
    assert (body["status"], body["approved_amount"]) == ("accepted", "1350000.00")
    assert told == ["financing.approved", "financing.accepted"]
    approved = OutboxEvent.objects.using("financing").get(type="financing.approved")
    assert approved.data["is_accepted"] is False


def test_a_banks_offer_taken_while_others_still_decide_is_told_as_two_facts():
    connected(), connected("third")
    application = asked()
    offer = of(application, "vega")
    services.receive_bank_answer(offer_id=offer.id, answer=OFFER, now=timezone.now())
    with capture_events("financing") as told:
        answer = get_owner(application).post(f"{PATH}/{application.id}/accept", {"offer_id": str(offer.id)})
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert told == ["financing.approved", "financing.accepted"]
    approved = OutboxEvent.objects.using("financing").get(type="financing.approved")
    assert approved.data["is_accepted"] is False
    assert [of(application, name).status for name in ("vega", "third")] == ["taken", "let_go"]


def test_an_offer_past_its_time_is_not_taken(several):
    offer = of(several, "vega")
    with connections["financing"].cursor() as cursor:
        cursor.execute("UPDATE financing_bankoffer SET expires_at = statement_timestamp() WHERE id = %s", [offer.id])
    response = get_owner(several).post(f"{PATH}/{several.id}/accept", {"offer_id": str(offer.id)})
    assert (response.status_code, response.json()["code"]) == (409, "offer_expired")
    several.refresh_from_db()
    assert several.status == "approved"
    assert shown(several)[0]["is_expired"] is True


def test_offers_that_are_none_are_refused(several):
    client = get_owner(several)
    assert client.post(f"{PATH}/{several.id}/accept", {"offer_id": str(uuid7())}).status_code == 404
    assert client.post(f"{PATH}/{several.id}/accept", {"offer_id": "x"}).status_code == 400
    foreign = of(asked(), "")
    assert client.post(f"{PATH}/{several.id}/accept", {"offer_id": str(foreign.id)}).status_code == 404
    several.refresh_from_db()
    assert several.status == "approved"


# Answers ---------------------------------------------------------------------------------------------------------
OFFER = {"status": "offered", "amount": "1500000", "annual_rate": "15", "term_months": 36, "valid_days": 7}


@pytest.mark.parametrize(
    "answer",
    [
        OFFER | {"amount": "1500000.01"},
        OFFER | {"amount": "0"},
        OFFER | {"annual_rate": "-1"},
        OFFER | {"annual_rate": "NaN"},
        OFFER | {"term_months": 361},
        OFFER | {"term_months": "soon"},
        {"status": "offered"},
    ],
)
def test_an_impossible_offer_is_a_refusal(answer):
    connected()
    application = asked()
    services.receive_bank_answer(offer_id=of(application, "vega").id, answer=answer, now=timezone.now())
    application.refresh_from_db()
    assert (application.status, of(application, "vega").code) == ("rejected", "invalid_offer")


def test_an_offer_above_our_ceiling_is_a_refusal():
    connected(max_psk_percent=Decimal(15))
    application = asked()
    answer = OFFER | {"annual_rate": "15.1"}
    services.receive_bank_answer(offer_id=of(application, "vega").id, answer=answer, now=timezone.now())
    assert of(application, "vega").code == "psk_cap"


def test_the_first_answer_counts_however_often_and_in_whatever_order_others_come():
    connected(), connected("third")
    application, now = asked(), timezone.now()
    first, second = of(application, "vega").id, of(application, "third").id
    services.receive_bank_answer(offer_id=first, answer=OFFER, now=now)
    with capture_events("financing") as told:
        services.receive_bank_answer(offer_id=first, answer={"status": "refused"}, now=now)
        services.receive_bank_answer(offer_id=first, answer=OFFER, now=now + timedelta(days=1))
        assert told == []
        services.receive_bank_answer(offer_id=second, answer={"status": "refused", "code": "x"}, now=now)
        services.receive_bank_answer(offer_id=second, answer=OFFER | {"annual_rate": "1"}, now=now)
        services.stop_asking(application_id=application.id, now=now)
        services.receive_bank_answer(offer_id=uuid7(), answer=OFFER, now=now)
    assert told == ["financing.approved"]
    application.refresh_from_db()
    assert (application.annual_rate, of(application, "third").status) == (Decimal(15), "refused")


# The sandboxes -------------------------------------------------------------------------------------------------------
def test_one_key_is_one_decision_and_nonsense_is_refused(sandbox):
    url, store = sandbox
    body = {"application_id": "K-1", "amount": "1", "annual_rate": "1", "term_months": 3}
    for _ in range(2):
        answer = httpx2.post(f"{url}/banks/vega/applications", json=body, headers={"Idempotency-Key": "one-key"})
        assert answer.json()["status"] == "offered"
    assert len([row for row in store.rows() if row["application_id"] == "K-1"]) == 1
    assert httpx2.post(f"{url}/banks/vega/applications", json=body).status_code == 400
    assert httpx2.get(f"{url}/banks/vega/applications/by-key/none").status_code == 404
    assert httpx2.get(f"{url}/elsewhere").status_code == 404


def test_a_script_of_faults_is_the_same_each_time_and_has_its_share():
    drawn = [FaultScript(7, 0.5)(str(number)) for number in range(400)]
    assert drawn == [FaultScript(7, 0.5)(str(number)) for number in range(400)]
    assert 150 < sum(map(bool, drawn)) < 250
    assert set(drawn) == {"", *FAULTS.values()}
    assert not any(FaultScript()(str(number)) for number in range(50))


def test_decisions_outlive_the_sandbox(tmp_path):
    body = {"application_id": "K-1", "amount": "10", "annual_rate": "1", "term_months": 3}
    first = Store(tmp_path / "book.sqlite3")
    decided = first.decide("vega", "k", body)
    first.close()
    again = Store(tmp_path / "book.sqlite3").find("k")
    assert (again["status"], again["reference"]) == (decided["status"], decided["reference"])


def test_the_sandboxes_run_in_debug_only(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError):
        call_command("run_banks")


# A storm ---------------------------------------------------------------------------------------------------------
def test_a_storm_of_faults_leaves_every_application_decided_once(banks, settings, monkeypatch):
    """Two banks, where two in three questions go wrong in every way a sandbox knows; `FINANCING_STORM=200` for many."""
    settings.PROVIDER_TIMEOUT_S = 0.1
    monkeypatch.setattr(banks, "script", FaultScript(seed=11, share=0.66))
    connected(), connected("polus")
    before = len(banks.rows())
    applications = [asked() for _ in range(STORM)]
    for _ in range(5):
        sandboxes.asked_once_more()
    waiting = BankOffer.objects.filter(status="asked").count()
    assert 0 < waiting < STORM
    sandboxes.time_is_up()
    states = list(Application.objects.values_list("status", flat=True))
    assert set(states) <= {"approved", "rejected"}
    assert states.count("approved") > STORM / 2
    assert not BankOffer.objects.filter(status="asked").exists()
    assert not ExternalCall.objects.using("financing").filter(finished_at=None).exists()
    told = [name for name in published("financing") if name in ("financing.approved", "financing.rejected")]
    assert len(told) == len(applications) == STORM
    rows = banks.rows()[before:] if before else banks.rows()
    assert len({row["key"] for row in rows}) == len(rows)
    assert list(loan_disagreements()) == []
