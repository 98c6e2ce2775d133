"""Money that comes after its seat was given away, or after another payment; crowds told and refunded once each."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from core.errors import DomainError
from core.ids import uuid7
from messaging.models import OutboxEvent
from messaging.testing import published
from showroom import services
from showroom.handlers import settle_seat
from showroom.models import PaymentState, Registration, RegistrationStatus
from showroom.public import seat_disagreements
from showroom.services.refunds import get_refund_id
from showroom.tests import make
from showroom.tests.test_seats_kept import full_with_queue, paid_happening, pay, refunded, settled

pytestmark = pytest.mark.django_db(databases=["showroom"])
CROWD = 200


def told(type_):
    return [row.data for row in OutboxEvent.objects.using("showroom").filter(type=type_).order_by("n")]


def reload_states(registration):
    registration.refresh_from_db()
    return registration.status, registration.payment_state


def begun(happening):
    """A registration whose payment is under way, and what is told once it arrives."""
    registration = make.registration(happening)
    assert pay(registration).status_code == 202
    registration.refresh_from_db()
    return registration, settled(registration)


def test_money_for_a_seat_that_went_to_another_goes_back_once():
    happening = paid_happening(capacity=1)
    first, arrived = begun(happening)
    heir = make.registration(happening)
    settle_seat(settled(first, is_paid=False, code="timeout"))
    Registration.objects.filter(pk=first.pk).update(offer_expires_at=timezone.now())
    services.expire_offer(happening_id=happening.id, registration_id=first.id, now=timezone.now())
    assert (reload_states(first)[0], reload_states(heir)[0]) == ("cancelled", "offered")
    for _ in range(2):
        settle_seat(arrived)
    assert reload_states(first) == ("cancelled", "refunding")
    assert reload_states(heir) == ("offered", "none")
    (asked,) = told("event.ticket_refund_requested")
    assert asked["request_id"] == str(get_refund_id(arrived.request_id))
    assert seat_disagreements() == []


def test_a_payment_thought_dead_pays_the_seat_and_the_second_goes_back():
    first, arrived_late = begun(paid_happening())
    settle_seat(settled(first, is_paid=False, code="timeout"))
    assert pay(first).status_code == 202
    first.refresh_from_db()
    second = settled(first)
    settle_seat(arrived_late)
    assert reload_states(first) == ("confirmed", "paid")
    for _ in range(2):
        settle_seat(second)
        settle_seat(arrived_late)
    assert reload_states(first) == ("confirmed", "paid")
    assert {asked["request_id"] for asked in told("event.ticket_refund_requested")} == {
        str(get_refund_id(second.request_id))
    }
    settle_seat(refunded(first, get_refund_id(second.request_id)))
    assert reload_states(first) == ("confirmed", "paid")
    assert published("showroom").count("event.registration.promoted") == 1


def test_a_refusal_of_an_older_payment_changes_nothing():
    first, _ = begun(paid_happening())
    refusal = settled(first, is_paid=False, code="card_declined")
    settle_seat(refusal)
    pay(first)
    settle_seat(refusal)
    assert reload_states(first) == ("offered", "pending")


def test_two_hundred_are_told_of_a_cancelled_event_once_and_each_refunded_once(monkeypatch):
    happening = paid_happening(capacity=CROWD)
    people = [make.registration(happening) for _ in range(CROWD)]
    late = make.registration(happening)
    for number, person in enumerate(people):
        state = PaymentState.PENDING if number % 4 == 0 else PaymentState.PAID
        code = "" if state == PaymentState.PENDING else f"C{number:07d}"
        Registration.objects.filter(pk=person.pk).update(
            payment_state=state,
            payment_request_id=uuid7(),
            check_in_code=code,
            status=RegistrationStatus.OFFERED if state == PaymentState.PENDING else RegistrationStatus.CONFIRMED,
            offer_expires_at=person.offer_expires_at if state == PaymentState.PENDING else None,
        )
    services.cancel_happening(happening_id=happening.id, reason="snow", now=timezone.now())
    for person in people[::4]:
        person.refresh_from_db()
        for _ in range(2):
            settle_seat(settled(person))
    heard = Counter(user for event in told("event.cancelled") for user in event["user_ids"])
    assert heard == dict.fromkeys([str(person.user_id) for person in [*people, late]], 1)
    refunds = Counter(event["registration_id"] for event in told("event.ticket_refund_requested"))
    assert refunds == dict.fromkeys([str(person.id) for person in people], 1)
    assert set(Registration.objects.values_list("status", flat=True)) == {"cancelled"}
    with pytest.raises(DomainError):
        services.cancel_happening(happening_id=happening.id, reason="again", now=timezone.now())
    assert published("showroom").count("event.cancelled") == 1


@pytest.mark.django_db(databases=["showroom"], transaction=True)
@pytest.mark.parametrize("round_", range(6))
def test_an_offer_that_runs_out_while_an_operator_gives_it_up_goes_to_the_next_once(round_):
    happening, seated, (next_, last) = full_with_queue()
    services.cancel_registration(happening_id=happening.id, registration_id=seated.id, now=timezone.now())
    Registration.objects.filter(pk=next_.id).update(offer_expires_at=timezone.now() - timedelta(seconds=1))
    steps = [services.expire_offer, services.cancel_registration, services.accept_offer, services.expire_offer]
    barrier, unexpected = threading.Barrier(len(steps)), []

    def act(step):
        try:
            barrier.wait()
            step(happening_id=happening.id, registration_id=next_.id, now=timezone.now())
        except DomainError:
            pass  # whoever came second is refused
        except Exception as error:
            unexpected.append(error)
        finally:
            connections["showroom"].close()

    threads = [threading.Thread(target=act, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert unexpected == []
    assert (reload_states(next_)[0], reload_states(last)[0]) == ("cancelled", "offered")
    given_up = Counter(event["registration_id"] for event in told("event.registration.cancelled"))
    assert given_up == {str(seated.id): 1, str(next_.id): 1}
    offered = Counter(event["registration_id"] for event in told("event.registration.offered"))
    assert offered == {str(next_.id): 1, str(last.id): 1}
    assert seat_disagreements() == []
