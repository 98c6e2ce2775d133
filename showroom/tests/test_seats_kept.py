from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from messaging.models import Timer
from messaging.testing import capture_events, drain_outbox, make_due, published
from payments.commands import GiveBackTicketPrice, TakeTicketPrice
from payments.events import ChargeSettled, PayoutSettled
from showroom import services
from showroom.models import Registration
from showroom.public import seat_disagreements
from showroom.services.refunds import get_refund_id
from showroom.tests import make

pytestmark = pytest.mark.django_db(databases=["showroom"])


def of(happening, user_id):
    return Registration.objects.filter(happening=happening, user_id=user_id).latest("created_at")


def get_path(registration, tail=""):
    return f"/events/{registration.happening_id}/registrations/{registration.id}{tail}"


def full_with_queue(waiting=2, **fields):
    """A happening of one seat, the seat's registration, and those who wait."""
    happening = make.happening(capacity=1, offer_hours=24, **fields)
    return happening, make.registration(happening), [make.registration(happening) for _ in range(waiting)]


def test_a_free_seat_is_kept_for_the_next_in_line_who_accepts_it():
    _, seated, (next_, last) = full_with_queue()
    with capture_events("showroom") as told:
        Api("manager").delete(get_path(seated))
        next_.refresh_from_db()
        assert (next_.status, next_.position) == ("offered", None)
        assert timedelta(hours=23) < next_.offer_expires_at - timezone.now() <= timedelta(hours=24)
        answer = Api("client", user_id=next_.user_id).post(get_path(next_, "/accept"))
    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    assert len(answer.json()["check_in_code"]) == 8
    assert told == ["event.registration.cancelled", "event.registration.offered", "event.registration.promoted"]
    last.refresh_from_db()
    assert (last.status, last.position) == ("waitlisted", 1)
    assert seat_disagreements() == []


@pytest.mark.django_db(databases=["showroom"], transaction=True)
def test_an_offer_nobody_takes_goes_to_the_next():
    happening, seated, (next_, last) = full_with_queue()
    services.cancel_registration(happening_id=happening.id, registration_id=seated.id, now=timezone.now())
    past = timezone.now() - timedelta(seconds=1)
    Registration.objects.filter(pk=next_.id).update(offer_expires_at=past)
    make_due("showroom")
    drain_outbox("showroom")
    next_.refresh_from_db()
    last.refresh_from_db()
    assert (next_.status, last.status) == ("cancelled", "offered")
    assert seat_disagreements() == []


def test_an_offer_is_over_by_the_clock_even_if_no_job_ran():
    happening, seated, (next_, _) = full_with_queue()
    services.cancel_registration(happening_id=happening.id, registration_id=seated.id, now=timezone.now())
    Registration.objects.filter(pk=next_.id).update(offer_expires_at=timezone.now())
    answer = Api("client", user_id=next_.user_id).post(get_path(next_, "/accept"))
    assert (answer.status_code, answer.json()["code"]) == (409, "offer_expired")
    assert of(happening, next_.user_id).status == "offered"


def test_nothing_is_accepted_that_was_not_offered():
    happening = make.happening()
    registration = make.registration(happening)
    answer = Api("client", user_id=registration.user_id).post(get_path(registration, "/accept"))
    assert (answer.status_code, answer.json()["code"]) == (409, "not_offered")


def test_another_persons_offer_does_not_exist():
    happening, seated, (next_, _) = full_with_queue()
    services.cancel_registration(happening_id=happening.id, registration_id=seated.id, now=timezone.now())
    for tail in ("/accept", "/pay"):
        body = {"method": "card", "token": "tok_success"} if tail == "/pay" else None
        assert Api("client").post(get_path(next_, tail), body).status_code == 404
        assert Api().post(get_path(next_, tail), body).status_code == 401
    assert of(happening, next_.user_id).status == "offered"


def test_a_seat_is_not_kept_beyond_the_start():
    start = timezone.now() + timedelta(hours=1)
    happening, seated, (next_, _) = full_with_queue(starts_at=start, ends_at=start + timedelta(hours=2))
    services.cancel_registration(happening_id=happening.id, registration_id=seated.id, now=timezone.now())
    next_.refresh_from_db()
    assert next_.offer_expires_at == start


def paid_happening(**fields):
    return make.happening(price=Decimal("1500.00"), offer_hours=2, **fields)


def pay(registration, **body):
    caller = Api("client", user_id=registration.user_id)
    return caller.post(get_path(registration, "/pay"), {"method": "card", "token": "tok_success", **body})


def settled(registration, **changes):
    fields = {
        "request_id": registration.payment_request_id,
        "payment_id": uuid7(),
        "purpose": "ticket",
        "subject_id": registration.id,
        "customer_id": registration.user_id,
        "is_paid": True,
        "amount": registration.price,
        "currency": "RUB",
    }
    return ChargeSettled(**{**fields, **changes})


def refunded(registration, request_id=None):
    return PayoutSettled(
        request_id=request_id or get_refund_id(registration.payment_request_id),
        purpose="ticket",
        subject_id=registration.id,
        customer_id=registration.user_id,
        is_paid=True,
        amount=registration.price,
        currency="RUB",
    )


def test_a_seat_with_a_price_is_kept_while_it_is_paid():
    happening = paid_happening()
    client = Api("client")
    made = client.post(f"/events/{happening.id}/register").json()
    assert (made["status"], made["price"], made["payment_state"]) == ("offered", "1500.00", "none")
    path = f"/events/{happening.id}/registrations/{made['id']}"
    assert client.post(f"{path}/accept").json()["code"] == "payment_required"
    answer = client.post(f"{path}/pay", {"method": "card", "token": "tok_success"}, Idempotency_Key="one")
    assert (answer.status_code, answer.json()["payment_state"]) == (202, "pending")
    again = client.post(f"{path}/pay", {"method": "card", "token": "tok_success"}, Idempotency_Key="one")
    assert again.json() == answer.json()
    second = client.post(f"{path}/pay", {"method": "card", "token": "tok_success"})
    assert (second.status_code, second.json()["code"]) == (409, "payment_in_progress")
    assert published("showroom").count("event.ticket_requested") == 1


@pytest.mark.parametrize("body", [{"method": "gold"}, {"method": None}])
def test_a_payment_must_say_how(body):
    registration = make.registration(paid_happening())
    assert pay(registration, **body).status_code == 400
    assert of(registration.happening, registration.user_id).payment_state == "none"


def test_a_free_seat_is_not_paid():
    happening, seated, (next_, _) = full_with_queue()
    services.cancel_registration(happening_id=happening.id, registration_id=seated.id, now=timezone.now())
    assert pay(next_).json()["code"] == "nothing_to_pay"


@pytest.mark.django_db(databases=["showroom", "payments", "resources"], transaction=True)
def test_money_that_arrives_confirms_the_seat_once(deliver):
    registration = make.registration(paid_happening())
    pay(registration)
    registration.refresh_from_db()
    deliver(settled(registration))
    registration.refresh_from_db()
    assert (registration.status, registration.payment_state) == ("confirmed", "paid")
    assert published("showroom").count("event.registration.promoted") == 1


@pytest.mark.django_db(databases=["showroom", "payments", "resources"], transaction=True)
def test_a_refused_payment_may_be_tried_again(deliver):
    registration = make.registration(paid_happening())
    pay(registration)
    registration.refresh_from_db()
    deliver(settled(registration, is_paid=False, code="card_declined"))
    registration.refresh_from_db()
    assert (registration.status, registration.payment_state) == ("offered", "failed")
    assert registration.payment_failure == "card_declined"
    assert pay(registration).status_code == 202


@pytest.mark.django_db(databases=["showroom", "payments", "resources"], transaction=True)
def test_a_deadline_waits_for_a_payment_under_way(deliver):
    registration = make.registration(paid_happening())
    pay(registration)
    Registration.objects.update(offer_expires_at=timezone.now() - timedelta(seconds=1))
    make_due("showroom")
    drain_outbox("showroom")
    registration.refresh_from_db()
    assert registration.status == "offered"
    deliver(settled(registration, is_paid=False, code="card_declined"))
    registration.refresh_from_db()
    assert registration.status == "cancelled"


@pytest.mark.django_db(databases=["showroom", "payments", "resources"], transaction=True)
def test_money_for_a_seat_given_up_meanwhile_goes_back(deliver):
    registration = make.registration(paid_happening())
    pay(registration)
    registration.refresh_from_db()
    Api("client", user_id=registration.user_id).delete(get_path(registration))
    deliver(settled(registration))
    registration.refresh_from_db()
    assert (registration.status, registration.payment_state) == ("cancelled", "refunding")
    deliver(refunded(registration, uuid7()))
    registration.refresh_from_db()
    assert registration.payment_state == "refunding"
    deliver(refunded(registration))
    registration.refresh_from_db()
    assert registration.payment_state == "refunded"
    assert published("showroom").count("event.ticket_refund_requested") == 1


@pytest.mark.django_db(databases=["showroom", "payments", "resources"], transaction=True)
def test_calling_off_gives_everybody_their_money_back(deliver):
    happening = paid_happening(capacity=3)
    registrations = [make.registration(happening) for _ in range(3)]
    for registration in registrations[:2]:
        pay(registration)
        registration.refresh_from_db()
        deliver(settled(registration))
    services.cancel_happening(happening_id=happening.id, reason="rain", now=timezone.now())
    assert published("showroom").count("event.ticket_refund_requested") == 2
    assert set(Registration.objects.values_list("status", flat=True)) == {"cancelled"}
    assert seat_disagreements() == []


def test_a_price_without_time_to_pay_is_refused():
    body = {
        "title": "Class",
        "start_date": "2031-05-01T12:00:00Z",
        "end_date": "2031-05-01T14:00:00Z",
        "capacity": 5,
        "price": "100.00",
        "offer_hours": 0,
    }
    answer = Api("manager").post("/events", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "offer_hours")


def test_a_changed_price_is_for_those_who_come_later():
    happening = paid_happening()
    first = make.registration(happening)
    services.update_happening(happening_id=happening.id, changes={"price": Decimal("2000.00")}, now=timezone.now())
    second = make.registration(happening)
    assert (first.price, second.price) == (Decimal("1500.00"), Decimal("2000.00"))


def test_events_carry_what_payments_needs():
    assert {"amount", "currency", "method", "customer_id", "request_id"} <= set(TakeTicketPrice.__struct_fields__)
    assert {"amount", "currency", "customer_id", "request_id"} <= set(GiveBackTicketPrice.__struct_fields__)


def check_in(happening, code, caller=None):
    return (caller or Api("manager")).post(f"/events/{happening.id}/check-in", {"code": code})


def test_a_guest_comes_in_by_code_once():
    happening = make.happening()
    registration = make.registration(happening)
    answer = check_in(happening, f" {registration.check_in_code.lower()} ")
    assert (answer.status_code, answer.json()["id"]) == (200, str(registration.id))
    assert answer.json()["checked_in_at"]
    again = check_in(happening, registration.check_in_code)
    assert (again.status_code, again.json()["code"]) == (409, "already_checked_in")


def test_wrong_codes_and_roles_stay_outside():
    happening, other = make.happening(), make.happening(title="Other")
    registration = make.registration(other)
    assert check_in(happening, registration.check_in_code).json()["code"] == "unknown_code"
    assert check_in(happening, "").status_code == 400
    assert check_in(other, registration.check_in_code, Api("client")).status_code == 403
    assert check_in(other, registration.check_in_code, Api()).status_code == 401
    services.cancel_registration(happening_id=other.id, registration_id=registration.id, now=timezone.now())
    assert check_in(other, registration.check_in_code).status_code == 404


def test_a_code_is_shown_to_its_owner_only():
    happening = make.happening()
    registration = make.registration(happening)
    mine = Api("client", user_id=registration.user_id).get(f"/events/{happening.id}/registrations").json()
    assert mine["results"][0]["check_in_code"] == registration.check_in_code
    assert Api("client").get(f"/events/{happening.id}/registrations").json()["results"] == []


def test_timers_are_set_with_the_offer():
    make.registration(paid_happening())
    assert Timer.objects.using("showroom").filter(type="event.offer_expired").count() == 1
