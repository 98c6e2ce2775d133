"""Follow a decided application: accepted, withdrawn, approved or refused by a manager, expired."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.errors import InvalidInput, WrongTransition
from core.ids import uuid7
from core.testing import Api
from financing import handlers, services
from financing.errors import AlreadyFinanced, ApplicationNotFound, HeldByOrder, OfferExpired
from financing.events import OfferLapsed
from financing.models import Application, OrderState
from financing.tests import make
from messaging.models import OutboxEvent, Timer
from messaging.testing import capture_events, drain_outbox, make_due, published

pytestmark = pytest.mark.django_db(databases=["financing"])
PATH = "/financing/applications"


@pytest.fixture(autouse=True)
def _on_offer():
    make.programme()


def last_event():
    return OutboxEvent.objects.using("financing").order_by("n").last().data


def get_owner(application):
    return Api("client", user_id=application.customer_id)


def unchanged(application):
    status, version = application.status, application.version
    application.refresh_from_db()
    return (application.status, application.version) == (status, version)


# Accepting -------------------------------------------------------------------------------------------------------
def test_the_client_accepts_the_offer():
    application = make.application()
    with capture_events("financing") as told:
        response = get_owner(application).post(f"{PATH}/{application.id}/accept")
    assert (response.status_code, response.json()["status"]) == (200, "accepted")
    assert told == ["financing.accepted"]
    assert last_event()["amount"] == "1500000.00"


@pytest.mark.parametrize(("caller", "status"), [(Api(), 401), (Api("client"), 404), (Api("manager"), 404)])
def test_nobody_accepts_for_the_client(caller, status):
    application = make.application()
    with capture_events("financing") as told:
        assert caller.post(f"{PATH}/{application.id}/accept").status_code == status
    assert unchanged(application)
    assert told == []


def smaller():
    """Of 1 500 000 a person lends 1 200 000; 500 000 was to be paid down."""
    application = make.application(**make.DTI_REVIEW)
    services.approve_application(
        application_id=application.id, manager_id=uuid7(), amount=Decimal("1200000.00"), now=timezone.now()
    )
    application.refresh_from_db()
    return application


@pytest.mark.parametrize("body", [{}, {"own_part": "500000.00"}, {"own_part": "800000.01"}, {"own_part": None}])
def test_a_smaller_loan_is_not_accepted_without_the_larger_own_part(body):
    application = smaller()
    with capture_events("financing") as told:
        answer = get_owner(application).post(f"{PATH}/{application.id}/accept", body)
    assert (answer.status_code, answer.json()["code"], told) == (409, "own_part_grows", [])
    assert (answer.json()["own_part"], answer.json()["down_payment"]) == ("800000.00", "500000.00")
    assert unchanged(application)


def test_a_smaller_loan_is_accepted_with_the_own_part_named():
    application = smaller()
    client = get_owner(application)
    assert client.get(f"{PATH}/{application.id}").json()["own_part"] == "800000.00"
    (offer,) = client.get(f"{PATH}/{application.id}/offers").json()["results"]
    answer = client.post(f"{PATH}/{application.id}/accept", {"own_part": offer["own_part"]})
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert last_event()["amount"] == "1200000.00"


@pytest.mark.parametrize(("own_part", "status"), [("500000.00", 200), ("499999.99", 409), ("x", 400), ("-1", 400)])
def test_a_sum_that_is_named_is_the_one(own_part, status):
    application = make.application()
    answer = get_owner(application).post(f"{PATH}/{application.id}/accept", {"own_part": own_part})
    assert answer.status_code == status


def test_only_an_offer_can_be_accepted():
    application = make.application(term_months=120)
    response = get_owner(application).post(f"{PATH}/{application.id}/accept")
    assert (response.status_code, response.json()["code"]) == (409, "wrong_transition")
    assert response.json()["allowed"] == []
    assert get_owner(application).post(f"{PATH}/{uuid7()}/accept").status_code == 404


def test_an_offer_is_not_accepted_after_its_time():
    application = make.application()
    late = timezone.now() + timedelta(days=30, seconds=1)
    with pytest.raises(OfferExpired):
        services.accept_offer(application_id=application.id, customer_id=application.customer_id, now=late)
    assert unchanged(application)


def test_an_accepted_loan_is_an_attempt_of_its_orders_checkout():
    application = make.application()
    get_owner(application).post(f"{PATH}/{application.id}/accept")
    application.refresh_from_db()
    assert (application.attempt_id, application.is_held_by_order) == (application.id, True)
    assert last_event()["attempt_id"] == str(application.id)
    refused = get_owner(application).post(f"{PATH}/{application.id}/withdraw")
    assert (refused.status_code, refused.json()["code"]) == (409, "held_by_order")


def test_an_order_has_one_loan():
    order = make.order()
    first, second = make.application(of=order), make.application(of=order, term_months=24)
    client = get_owner(first)
    client.post(f"{PATH}/{first.id}/accept")
    with capture_events("financing") as told:
        answer = client.post(f"{PATH}/{second.id}/accept")
    assert (answer.status_code, answer.json()["code"], told) == (409, "already_financed", [])
    assert unchanged(second)


def test_the_checkouts_own_loan_is_not_superseded():
    order = make.order()
    mine = make.application(of=order)
    make.requested(order)
    with pytest.raises(AlreadyFinanced):
        services.accept_offer(application_id=mine.id, customer_id=mine.customer_id, now=timezone.now())
    assert unchanged(mine)


def test_accepting_with_a_key_is_replayed():
    application = make.application()
    client = get_owner(application)
    first = client.post(f"{PATH}/{application.id}/accept", Idempotency_Key="a")
    again = client.post(f"{PATH}/{application.id}/accept", Idempotency_Key="a")
    assert again.json() == first.json()
    assert published("financing").count("financing.accepted") == 1


# Withdrawing -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("is_manager", [False, True])
def test_it_can_be_withdrawn(is_manager):
    application = make.application()
    caller = Api("manager") if is_manager else get_owner(application)
    with capture_events("financing") as told:
        response = caller.post(f"{PATH}/{application.id}/withdraw")
    assert (response.status_code, response.json()["status"]) == (200, "withdrawn")
    assert told == ["financing.withdrawn"]
    assert caller.post(f"{PATH}/{application.id}/withdraw").status_code == 409


@pytest.mark.parametrize(("caller", "status"), [(Api(), 401), (Api("client"), 404)])
def test_others_do_not_withdraw_it(caller, status):
    application = make.application()
    assert caller.post(f"{PATH}/{application.id}/withdraw").status_code == status
    assert unchanged(application)


def test_what_a_checkout_counts_on_is_not_withdrawn_behind_its_back():
    application = make.requested(make.order())
    with pytest.raises(HeldByOrder):
        services.withdraw_application(application_id=application.id, now=timezone.now())
    assert unchanged(application)


# A manager decides -----------------------------------------------------------------------------------------------
def test_a_manager_approves_what_is_under_review():
    application = make.application(**make.DTI_REVIEW)
    manager = Api("manager")
    with capture_events("financing") as told:
        response = manager.post(f"{PATH}/{application.id}/approve")
    assert response.status_code == 200, response.content
    assert (response.json()["status"], response.json()["approved_amount"]) == ("approved", "1500000.00")
    assert told == ["financing.approved"]
    application.refresh_from_db()
    assert application.decided_by == manager.user_id


def test_a_manager_offers_less_at_another_rate():
    application = make.application(**make.DTI_REVIEW)
    shown = Api("manager").post(f"{PATH}/{application.id}/approve", {"amount": "1000000", "rate": "12.5"}).json()
    assert (shown["approved_amount"], shown["annual_rate"]) == ("1000000.00", "12.5000")
    assert (shown["monthly_payment"], shown["psk"]) == ("33453.63", "12.500")
    quote = get_owner(application).get(f"{PATH}/{application.id}/schedule").json()
    assert (quote["amount_financed"], quote["monthly_payment"]) == ("1000000.00", "33453.63")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": "1500000.01"}, "amount"),
        ({"amount": 0}, "amount"),
        ({"rate": "-1"}, "rate"),
        ({"rate": "x"}, "rate"),
    ],
)
def test_an_impossible_offer_is_refused(body, field):
    application = make.application(**make.DTI_REVIEW)
    response = Api("manager").post(f"{PATH}/{application.id}/approve", body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == field
    assert unchanged(application)


def test_no_manager_offers_above_the_ceiling_of_psk_or_to_whom_erasure_forgot():
    capped = make.programme(max_psk_percent=Decimal(20))
    application = make.application(**make.DTI_REVIEW, programme_id=str(capped.id))
    answer = Api("manager").post(f"{PATH}/{application.id}/approve", {"rate": "20.1"})
    assert (answer.status_code, answer.json()["code"], answer.json()["reasons"]) == (
        409,
        "not_overridable",
        ["psk_cap"],
    )
    assert unchanged(application)
    Application.objects.filter(pk=application.pk).update(decision={})
    answer = Api("manager").post(f"{PATH}/{application.id}/approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_overridable")
    assert unchanged(application)


def test_the_service_refuses_more_than_was_asked_for():
    application = make.application(**make.DTI_REVIEW)
    with pytest.raises(InvalidInput):
        services.approve_application(
            application_id=application.id, manager_id=uuid7(), amount=Decimal(2_000_000), now=timezone.now()
        )


def test_a_manager_rejects_with_a_sentence():
    application = make.application(**make.DTI_REVIEW)
    with capture_events("financing") as told:
        response = Api("manager").post(f"{PATH}/{application.id}/reject", {"reason": "Unclear papers."})
    shown = response.json()
    assert (shown["status"], shown["reasons"], shown["detail"]) == ("rejected", ["dti"], "Unclear papers.")
    assert told == ["financing.rejected"]
    assert (last_event()["reasons"], last_event()["detail"]) == (["dti"], "Unclear papers.")


@pytest.mark.parametrize("what", ["approve", "reject"])
def test_only_managers_decide_and_only_what_is_under_review(what):
    application = make.application(**make.DTI_REVIEW)
    path, body = f"{PATH}/{application.id}/{what}", {"reason": "No."} if what == "reject" else {}
    assert Api().post(path, body).status_code == 401
    assert get_owner(application).post(path, body).status_code == 403
    assert unchanged(application)
    decided = make.application()
    assert Api("manager").post(f"{PATH}/{decided.id}/{what}", body).json()["code"] == "wrong_transition"
    assert Api("manager").post(f"{PATH}/{uuid7()}/{what}", body).status_code == 404
    assert unchanged(decided)


def test_a_rejection_needs_a_reason():
    application = make.application(**make.DTI_REVIEW)
    assert Api("manager").post(f"{PATH}/{application.id}/reject", {"reason": " "}).status_code == 400
    assert unchanged(application)


def test_a_checkouts_review_ends_accepted_only_if_the_offer_is_what_was_asked_for():
    as_asked, less, shown_first = (
        make.requested(make.order(), auto_accept=auto, **make.DTI_REVIEW) for auto in (True, True, False)
    )
    now = timezone.now()
    services.approve_application(application_id=as_asked.id, manager_id=uuid7(), now=now)
    assert last_event()["is_accepted"] is True
    services.approve_application(application_id=less.id, manager_id=uuid7(), amount=Decimal(1_000_000), now=now)
    assert last_event()["is_accepted"] is False
    services.approve_application(application_id=shown_first.id, manager_id=uuid7(), now=now)
    assert last_event()["is_accepted"] is False
    assert [Application.objects.get(pk=item.pk).status for item in (as_asked, less, shown_first)] == [
        "accepted", "approved", "approved",
    ]  # fmt: skip


# The clock -------------------------------------------------------------------------------------------------------
def test_an_offer_expires_by_its_alarm_once():
    application = make.application()
    make_due("financing")
    with capture_events("financing") as told:
        drain_outbox("financing")
        handlers.expire_offer(OfferLapsed(application_id=application.id))
    application.refresh_from_db()
    assert application.status == "expired"
    assert told == ["financing.withdrawn"]
    assert last_event()["reason"] == "expired"


def test_an_accepted_offer_lives_and_ends_with_its_order():
    application = make.application()
    services.accept_offer(application_id=application.id, customer_id=application.customer_id, now=timezone.now())
    services.expire_offer(application_id=application.id, now=timezone.now())
    application.refresh_from_db()
    assert application.status == "accepted"
    services.close_order(order_id=application.order_id, state=OrderState.CANCELLED, now=timezone.now())
    application.refresh_from_db()
    assert application.status == "withdrawn"


def test_what_a_checkout_counts_on_has_no_alarm_and_does_not_expire():
    application = make.requested(make.order())
    assert not Timer.objects.using("financing").exists()
    services.expire_offer(application_id=application.id, now=timezone.now())
    assert unchanged(application)


def test_unknown_applications_are_named():
    with pytest.raises(ApplicationNotFound):
        services.expire_offer(application_id=uuid7(), now=timezone.now())
    application = make.application()
    services.withdraw_application(application_id=application.id, now=timezone.now())
    with pytest.raises(WrongTransition):
        services.accept_offer(application_id=application.id, customer_id=application.customer_id, now=timezone.now())
