"""Lending against the rules: one person up to a limit, two above it; and the nearest terms the rules approve."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.clock import dealer_day
from core.ids import uuid7
from core.testing import Api
from financing import services
from financing.errors import DecidedByBank, NoCounterOffer, SecondPersonNeeded
from financing.models import Application, BankOffer, OrderState, Override
from financing.public import loan_disagreements
from financing.tests import make
from messaging.models import OutboxEvent
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["financing"])
PATH = "/financing/applications"
OVERRIDES = "/financing/overrides"
WHY = {"reason": "A customer of ten years."}


@pytest.fixture(autouse=True)
def _on_offer(settings):
    settings.LOAN_FOUR_EYES_ABOVE = 1_000_000
    make.programme()


@pytest.fixture
def refused():
    application = make.application(**make.REFUSED)
    assert application.status == "rejected"
    return application


def state(application):
    application.refresh_from_db()
    return application.status, application.version


def stands(application, before, told):
    return (state(application), told) == (before, [])


# One person ------------------------------------------------------------------------------------------------------
def test_up_to_the_limit_one_manager_is_enough(refused):
    manager = Api("manager")
    with capture_events("financing") as told:
        answer = manager.post(f"{PATH}/{refused.id}/override", WHY | {"amount": "1000000", "rate": "18"})
    shown = answer.json()
    assert answer.status_code == 201, shown
    assert (shown["status"], shown["needs_second_person"], shown["application_status"]) == (
        "confirmed",
        False,
        "approved",
    )
    assert (shown["proposed_by"], shown["answered_by"]) == (str(manager.user_id), None)
    assert shown["reasons"] == ["income", "dti"]
    assert told == ["financing.approved"]
    refused.refresh_from_db()
    assert (refused.status, refused.approved_amount, refused.annual_rate) == ("approved", 1_000_000, 18)
    assert refused.decided_by == manager.user_id
    assert refused.decision["outcome"] == "reject"
    assert BankOffer.objects.get().is_as_asked is False
    assert list(loan_disagreements()) == []
    owner = Api("client", user_id=refused.customer_id)
    accepted = owner.post(f"{PATH}/{refused.id}/accept", {"own_part": "1000000.00"})
    assert accepted.json()["status"] == "accepted"


# Two -------------------------------------------------------------------------------------------------------------
def test_above_the_limit_it_is_proposed_and_another_manager_confirms(refused):
    first, second = Api("manager"), Api("admin")
    before = state(refused)
    with capture_events("financing") as told:
        proposed = first.post(f"{PATH}/{refused.id}/override", WHY).json()
    assert (proposed["status"], proposed["needs_second_person"]) == ("proposed", True)
    assert (proposed["reason"], proposed["proposed_by"]) == (WHY["reason"], str(first.user_id))
    assert told == ["financing.override_wanted"]
    assert state(refused) == before
    with capture_events("financing") as told:
        answer = second.post(f"{OVERRIDES}/{proposed['id']}/confirm", {"note": "Seen the papers."})
    shown = answer.json()
    assert answer.status_code == 200, shown
    assert (shown["status"], shown["application_status"]) == ("confirmed", "approved")
    assert (shown["answered_by"], shown["note"]) == (str(second.user_id), "Seen the papers.")
    assert told == ["financing.approved"]
    refused.refresh_from_db()
    assert (refused.status, refused.approved_amount) == ("approved", 1_500_000)
    assert list(loan_disagreements()) == []


@pytest.mark.parametrize("what", ["confirm", "reject"])
def test_the_same_person_answers_nothing(refused, what):
    first = Api("manager")
    override = make.override(refused, manager_id=first.user_id)
    before = state(refused)
    with capture_events("financing") as told:
        answer = first.post(f"{OVERRIDES}/{override.id}/{what}", {"note" if what == "confirm" else "reason": "Mine."})
    assert (answer.status_code, answer.json()["code"]) == (409, "second_person_needed")
    assert stands(refused, before, told)
    override.refresh_from_db()
    assert (override.status, override.answered_by) == ("proposed", None)


def test_the_database_refuses_one_person_who_is_both(refused):
    override = make.override(refused)
    with pytest.raises(IntegrityError, match="override_answered_by_another"):
        Override.objects.filter(pk=override.pk).update(status="confirmed", answered_by=override.proposed_by)


def test_another_manager_turns_it_down(refused):
    override = make.override(refused)
    before = state(refused)
    with capture_events("financing") as told:
        answer = Api("manager").post(f"{OVERRIDES}/{override.id}/reject", {"reason": "Too much."})
    assert (answer.json()["status"], answer.json()["note"]) == ("rejected", "Too much.")
    assert told == ["financing.override_refused"]
    assert state(refused) == before
    again = Api("manager").post(f"{OVERRIDES}/{override.id}/confirm")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_transition")
    assert make.override(refused).status == "proposed"


def test_one_proposal_waits_at_a_time(refused):
    override = make.override(refused)
    answer = Api("manager").post(f"{PATH}/{refused.id}/override", WHY)
    assert (answer.status_code, answer.json()["code"]) == (409, "override_proposed")
    assert answer.json()["override_id"] == str(override.id)
    assert Override.objects.count() == 1


def test_two_confirmations_are_one_approval(refused):
    override = make.override(refused)
    second = Api("manager")
    first = second.post(f"{OVERRIDES}/{override.id}/confirm", Idempotency_Key="k")
    again = second.post(f"{OVERRIDES}/{override.id}/confirm", Idempotency_Key="k")
    assert again.json() == first.json()
    assert OutboxEvent.objects.using("financing").filter(type="financing.approved").count() == 1
    assert Api("manager").post(f"{OVERRIDES}/{override.id}/confirm").status_code == 409


@pytest.mark.parametrize("order_state", [OrderState.PAID, OrderState.CANCELLED])
def test_a_proposal_lapses_with_its_order(refused, order_state):
    override = make.override(refused)
    services.close_order(order_id=refused.order_id, state=order_state, now=timezone.now())
    override.refresh_from_db()
    assert (override.status, override.answered_by) == ("lapsed", None)
    before = state(refused)
    answer = Api("manager").post(f"{PATH}/{refused.id}/override", WHY)
    assert (answer.status_code, answer.json()["code"]) == (409, "order_closed")
    assert state(refused) == before


# What no manager may do ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "  "}, "reason"),
        (WHY | {"amount": "1500000.01"}, "amount"),
        (WHY | {"amount": "0"}, "amount"),
        (WHY | {"rate": "-1"}, "rate"),
        (WHY | {"term_months": 361}, "term_months"),
    ],
)
def test_impossible_terms_are_refused(refused, body, field):
    before = state(refused)
    with capture_events("financing") as told:
        answer = Api("manager").post(f"{PATH}/{refused.id}/override", body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert stands(refused, before, told)
    assert not Override.objects.exists()


def test_the_law_is_not_overridden():
    capped = make.programme(max_psk_percent=Decimal(16))
    dear = make.application(**make.REFUSED, programme_id=str(capped.id))
    child = make.application(birth_date=str(dealer_day(timezone.now()) - timedelta(days=17 * 365)))
    for application, body, reason in ((dear, {"rate": "17"}, "psk_cap"), (child, {}, "age")):
        answer = Api("manager").post(f"{PATH}/{application.id}/override", WHY | body)
        assert (answer.status_code, answer.json()["code"], answer.json()["reasons"]) == (
            409,
            "not_overridable",
            [reason],
        )
    forgotten = make.application(**make.REFUSED)
    Application.objects.filter(pk=forgotten.pk).update(decision={}, employment_status="")
    assert Api("manager").post(f"{PATH}/{forgotten.id}/override", WHY).json()["reasons"] == ["incomplete"]
    assert not Override.objects.exists()


def test_only_what_was_refused_and_only_in_our_own_name(refused):
    approved = make.application()
    assert Api("manager").post(f"{PATH}/{approved.id}/override", WHY).json()["code"] == "wrong_transition"
    checkout = make.requested(make.order(), **make.REFUSED)
    assert Api("manager").post(f"{PATH}/{checkout.id}/override", WHY).json()["code"] == "order_closed"
    bank = make.programme(connection="vega")
    foreign = make.application(**make.REFUSED, programme_id=str(bank.id))
    assert Api("manager").post(f"{PATH}/{foreign.id}/override", WHY).json()["code"] == "decided_by_bank"
    with pytest.raises(DecidedByBank):
        services.offer_counter(application_id=foreign.id, manager_id=uuid7(), now=timezone.now())
    assert not Override.objects.exists()


def test_only_managers_override(refused):
    override = make.override(refused)
    owner = Api("client", user_id=refused.customer_id)
    for path in (
        f"{PATH}/{refused.id}/override",
        f"{OVERRIDES}/{override.id}/confirm",
        f"{OVERRIDES}/{override.id}/reject",
    ):
        assert Api().post(path, WHY).status_code == 401
        assert owner.post(path, WHY).status_code == 403
    assert Api("manager").post(f"{PATH}/{uuid7()}/override", WHY).status_code == 404
    assert Api("manager").post(f"{OVERRIDES}/{uuid7()}/confirm").status_code == 404
    assert Api("manager").post(f"{OVERRIDES}/{uuid7()}/reject", WHY).status_code == 404
    assert Api("manager").post(f"{OVERRIDES}/{override.id}/reject").status_code == 400
    override.refresh_from_db()
    assert override.status == "proposed"


def test_a_refusal_by_all_is_ours_to_override():
    cheapest = make.programme(connection="vega", base_rate=Decimal(10))
    refused = make.application(**make.REFUSED)
    assert refused.programme_id != cheapest.id
    assert make.override(refused, amount=Decimal(900_000)).status == "confirmed"


# Seen ------------------------------------------------------------------------------------------------------------
def test_managers_see_what_waits(refused):
    waiting = make.override(refused)
    make.override(make.application(**make.REFUSED), amount=Decimal(900_000))
    manager = Api("manager")
    shown = manager.get(f"{OVERRIDES}?status=proposed").json()["results"]
    assert [row["id"] for row in shown] == [str(waiting.id)]
    assert len(manager.get(OVERRIDES).json()["results"]) == 2
    found = manager.get(f"{OVERRIDES}?application_id={refused.id}").json()["results"]
    assert [row["id"] for row in found] == [str(waiting.id)]
    assert manager.get(f"{OVERRIDES}/{waiting.id}").json()["application_id"] == str(refused.id)
    assert manager.get(f"{OVERRIDES}?color=red").status_code == 400
    assert manager.get(f"{OVERRIDES}?ordering=color").status_code == 400
    assert manager.get(f"{OVERRIDES}/{uuid7()}").status_code == 404
    for path in (OVERRIDES, f"{OVERRIDES}/{waiting.id}"):
        assert Api().get(path).status_code == 401
        assert Api("client", user_id=refused.customer_id).get(path).status_code == 403


@pytest.mark.parametrize("size", [5, 50])
def test_a_page_costs_the_same_whatever_its_size(size):
    for _ in range(size):
        make.override(make.application(**make.REFUSED))
    manager = Api("manager")
    with CaptureQueriesContext(connections["financing"]) as queries:
        assert len(manager.get(f"{OVERRIDES}?page_size={size}").json()["results"]) == size
    assert len(queries) == 1


# The nearest terms that the rules approve ------------------------------------------------------------------------
@pytest.mark.parametrize("asked", [make.REFUSED, make.DTI_REVIEW])
def test_the_nearest_terms_are_offered_in_place_of_a_refusal_or_a_review(asked):
    application = make.application(**asked)
    nearest = application.decision["counter_offer"]
    assert nearest is not None
    with capture_events("financing") as told:
        answer = Api("manager").post(f"{PATH}/{application.id}/counter-offer")
    shown = answer.json()
    assert answer.status_code == 200, shown
    assert told == ["financing.approved"]
    assert (shown["status"], shown["term_months"], shown["approved_amount"], shown["monthly_payment"]) == (
        "approved", nearest["term_months"], nearest["amount"], nearest["monthly_payment"],
    )  # fmt: skip


def test_other_terms_than_asked_for_are_never_accepted_beforehand():
    application = make.requested(make.order(), **make.DTI_REVIEW)
    services.offer_counter(application_id=application.id, manager_id=uuid7(), now=timezone.now())
    application.refresh_from_db()
    assert (application.status, application.term_months > 36) == ("approved", True)


def test_where_no_terms_would_do_none_are_offered():
    hopeless = make.application(employment_status="unemployed")
    with pytest.raises(NoCounterOffer):
        services.offer_counter(application_id=hopeless.id, manager_id=uuid7(), now=timezone.now())
    Application.objects.filter(pk=hopeless.pk).update(employment_status="")
    answer = Api("manager").post(f"{PATH}/{hopeless.id}/counter-offer")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_counter_offer")


def test_a_programme_that_has_become_kinder_approves_what_was_asked():
    application = make.application(**make.DTI_REVIEW)
    services.change_programme(
        programme_id=application.programme_id, changes={"approve_dti_percent": Decimal(70)}, now=timezone.now()
    )
    shown = Api("manager").post(f"{PATH}/{application.id}/counter-offer").json()
    assert (shown["status"], shown["approved_amount"], shown["term_months"]) == ("approved", "1500000.00", 36)


def test_only_managers_make_counter_offers(refused):
    path = f"{PATH}/{refused.id}/counter-offer"
    assert Api().post(path).status_code == 401
    assert Api("client", user_id=refused.customer_id).post(path).status_code == 403
    assert Api("manager").post(f"{PATH}/{uuid7()}/counter-offer").status_code == 404
    approved = make.application()
    assert Api("manager").post(f"{PATH}/{approved.id}/counter-offer").json()["code"] == "wrong_transition"
    make.override(refused)
    assert Api("manager").post(path).json()["code"] == "override_proposed"
    assert state(refused)[0] == "rejected"


def test_the_second_person_is_named_by_the_service(refused):
    override = make.override(refused)
    with pytest.raises(SecondPersonNeeded):
        services.confirm_override(override_id=override.id, manager_id=override.proposed_by, now=timezone.now())
