"""Nothing new begins for a person between the question what ties them and their erasure, nor ever after."""

import threading
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial

import pytest
from django.conf import settings as project
from django.db import connections
from django.test import override_settings
from django.utils import timezone

import financing.tests.make
import insurance.tests.make
import orders.tests.make
import payments.tests.make
import showroom.tests.make
from accounts import services
from accounts.errors import OpenObligations
from accounts.models import User
from accounts.services import people
from accounts.tests import make
from core.clock import dealer_day
from core.db import transaction
from core.errors import AccountClosing
from core.ids import uuid7
from core.outside.asking import PeerAway
from insurance import services as insuring
from insurance.models import Claim, Policy
from messaging.models import Departure, OutboxEvent
from messaging.peering import reads
from messaging.people import departures, personal
from messaging.testing import capture_events, drain_outbox
from orders.models import Order
from orders.services import Actor, returns
from orders.services.buyer_papers import check_buyer_papers, enter_buyer_papers
from orders.services.handovers import ask_handover
from orders.services.signing import begin_signing
from orders.tests.test_handovers import add_place, at, paid
from payments.models import Payment
from showroom import services as driving
from showroom.services import confirm_drive
from tests.product import wait_for

pytestmark = pytest.mark.django_db(databases=project.APPS)
MANAGER = Actor(uuid7(), frozenset({"manager"}))
CASH = {"method": "cash"}


def an_order(person):
    product = orders.tests.make.product()
    return lambda: orders.tests.make.order(customer_id=person, lines=[orders.services.ProductLine(product, 1)])


def a_return(person):
    sold = orders.tests.make.completed(customer_id=person)
    return lambda: returns.ask_return(order_id=sold.id, reason="a knock", actor=MANAGER, now=timezone.now())


def a_place(person):
    car = orders.tests.make.product()
    orders.tests.make.order(lines=[orders.services.ProductLine(car, 1)])
    orders.services.copy_stock_levels(levels=[orders.tests.make.level(car, 0)])
    return lambda: orders.services.join_queue(product_id=car, customer_id=person, now=timezone.now())


def a_passport(person):
    order = orders.tests.make.order(customer_id=person)
    data = orders.tests.make.PASSPORT
    return lambda: enter_buyer_papers(order_id=order.id, data=data, actor=MANAGER, now=timezone.now())


def a_signature(person):
    paper = orders.tests.make.issued(customer_id=person)
    check_buyer_papers(order_id=paper.order_id, actor=MANAGER, now=timezone.now())
    buyer = Actor(person, frozenset({"client"}))

    def begin():
        with override_settings(SMS_URL="http://sms.example.com"):
            begin_signing(document_id=paper.id, actor=buyer, now=timezone.now())

    return begin


def a_message(person):
    about = orders.tests.make.order(customer_id=person)
    buyer = Actor(person, frozenset({"client"}))
    return lambda: orders.services.send_message(order_id=about.id, text="When?", actor=buyer, now=timezone.now())


def a_handover(person):
    add_place()
    paid_for = paid(person)
    return lambda: ask_handover(order_id=paid_for.id, start=at(10), actor=MANAGER, now=timezone.now())


def an_offer(person):
    car = orders.tests.make.product()
    return lambda: orders.tests.make.offer(
        customer_id=person, lines=[orders.services.ProductLine(car, 1)], is_sent=False
    )


def an_offer_sent(person):
    draft = orders.tests.make.offer(customer_id=person, is_sent=False)
    return lambda: orders.services.send_offer(offer_id=draft.id, actor=MANAGER, now=timezone.now())


def an_application(person):
    financing.tests.make.programme()
    bought = financing.tests.make.order(customer_id=person)
    return lambda: financing.tests.make.application(of=bought)


def a_policy(person):
    quote = insurance.tests.make.quote(customer_id=person)
    return lambda: insuring.purchase_quote(quote_id=quote.id, payment=CASH, now=timezone.now())


def a_policy_back(person):
    policy = insurance.tests.make.policy(customer_id=person)
    Policy.objects.update(status="cancelled", cancelled_at=timezone.now(), refund_amount=0)
    return lambda: insuring.reinstate_policy(policy_id=policy.id, now=timezone.now())


def a_claim(person):
    policy = insurance.tests.make.policy(customer_id=person)
    return lambda: insurance.tests.make.claim(policy)


def a_claim_again(person):
    claim = insurance.tests.make.claim(insurance.tests.make.policy(customer_id=person))
    Claim.objects.update(status="closed")
    return lambda: insuring.reopen_claim(claim_id=claim.id, reason="more is broken", now=timezone.now())


def a_refund(person):
    paid = payments.tests.make.paid(payments.tests.make.order(customer_id=person), method="cash")
    Payment.objects.update(customer_id=person)
    return lambda: payments.tests.make.refund(paid, "1000.00")


def a_drive(person):
    car = showroom.tests.make.car()
    return lambda: showroom.tests.make.drive(car, person)


def a_car_handed_over(person):
    drive = showroom.tests.make.drive(showroom.tests.make.car(), person, hours=0.01)
    confirm_drive(drive_id=drive.id, now=timezone.now())
    papers = driving.HandOver("1234", dealer_day(timezone.now()) + timedelta(days=999), 100, True)
    return lambda: driving.hand_over(drive_id=drive.id, checked=papers, by=MANAGER.id, now=timezone.now())


def a_seat(person):
    happening = showroom.tests.make.happening()
    return lambda: showroom.tests.make.registration(happening, person)


DOORS = {
    "orders": [an_order, a_return, a_place, a_passport, a_signature, a_message, a_handover, an_offer, an_offer_sent],
    "financing": [an_application],
    "insurance": [a_policy, a_policy_back, a_claim, a_claim_again],
    "payments": [a_refund],
    "showroom": [a_drive, a_car_handed_over, a_seat],
}
CASES = [(app, door) for app, doors in DOORS.items() for door in doors]


@pytest.mark.parametrize(("app", "door"), CASES)
def test_no_door_lets_a_leaver_in_until_they_stay(app, door):
    person, closing = uuid7(), uuid7()
    begin = door(person)
    departures.shut_door(app, person, closing)
    before = OutboxEvent.objects.using(app).count()
    with pytest.raises(AccountClosing):
        begin()
    assert OutboxEvent.objects.using(app).count() == before
    departures.open_door(app, person, uuid7())
    with pytest.raises(AccountClosing):
        begin()  # an older attempt does not open what a later one shut
    departures.open_door(app, person, closing)
    begin()


def test_every_app_that_obliges_has_its_doors_here():
    assert sorted(DOORS) == personal.obliging_apps()
    sources = [path.read_text() for path in project.BASE_DIR.glob("*/services/**/*.py")]
    assert sum(text.count('refuse_leavers("') for text in sources) == len(CASES), "every guarded door is tried here"


def test_a_door_stays_shut_once_the_person_has_left():
    person = uuid7()
    departures.shut_door("orders", person, uuid7())
    personal.erase("orders", person)
    gone = Departure.objects.using("orders").get(user_id=person)
    departures.open_door("orders", person, uuid7())
    with pytest.raises(AccountClosing):
        an_order(person)()
    assert (gone.closing_id, gone.lapses_at) == (None, None)
    personal.erase("orders", person)
    assert Departure.objects.using("orders").get(user_id=person).left_at == gone.left_at


def test_a_door_that_nobody_opens_lapses():
    person = uuid7()
    departures.shut_door("orders", person, uuid7())
    Departure.objects.using("orders").update(lapses_at=timezone.now() - timedelta(seconds=1))
    an_order(person)()


def test_nobody_is_held_back_outside_a_transaction():
    with pytest.raises(departures.OutsideTransaction):
        departures.refuse_leavers("orders", uuid7())


def test_whom_an_order_ties_may_order_again_once_everybody_has_heard():
    person = make.user()
    an_order(person.id)()
    with pytest.raises(OpenObligations):
        services.erase_user(user_id=person.id, now=timezone.now())
    with pytest.raises(AccountClosing):
        an_order(person.id)()
    drain_outbox()
    an_order(person.id)()
    person.refresh_from_db()
    assert (person.closing_id, person.closing_at, person.is_active) == (None, None, True)


def test_who_cannot_be_asked_about_stays(monkeypatch):
    person = make.user()

    def away(*_):
        raise PeerAway

    monkeypatch.setattr(reads, "leaving", away)
    with capture_events("accounts") as events, pytest.raises(PeerAway):
        services.erase_user(user_id=person.id, now=timezone.now())
    assert events == ["user.stayed"]
    assert User.objects.get(pk=person.pk).closing_id is None


def test_an_attempt_that_was_broken_off_is_ended(monkeypatch):
    person = make.user()

    class Crash(BaseException):
        """Nothing that code could answer."""

    def crash(*_):
        raise Crash

    begin = an_order(person.id)
    departures.shut_door("orders", person.id, uuid7())
    monkeypatch.setattr(people.reads, "leaving", crash)
    with pytest.raises(Crash):
        services.erase_user(user_id=person.id, now=timezone.now())
    closing = User.objects.get(pk=person.pk).closing_id
    departures.shut_door("orders", person.id, closing)
    assert services.end_closings(now=timezone.now()) == 0
    drain_outbox()
    with pytest.raises(AccountClosing):
        begin()
    assert services.end_closings(now=timezone.now() + timedelta(minutes=11)) == 1
    drain_outbox()
    begin()


def test_of_two_attempts_the_last_one_counts(monkeypatch):
    person, asked = make.user(), reads.leaving

    def while_asking(user_id, closing_id):
        monkeypatch.setattr(reads, "leaving", asked)
        found = asked(user_id, closing_id)
        services.erase_user(user_id=user_id, now=timezone.now())
        return found

    monkeypatch.setattr(reads, "leaving", while_asking)
    with pytest.raises(AccountClosing):
        services.erase_user(user_id=person.id, now=timezone.now())
    drain_outbox()
    assert User.objects.get(pk=person.pk).erased_at
    assert Departure.objects.using("orders").get(user_id=person.id).left_at


# Threads ------------------------------------------------------------------------------------------------------------
@contextmanager
def in_a_thread(act):
    """Run `act` beside the block; what it raised or returned is in the yielded list afterwards."""
    said = []

    def run():
        try:
            said.append(act())
        except Exception as error:
            said.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    yield said
    thread.join(30)
    assert not thread.is_alive()


def waits_for_a_lock(alias):
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(databases=project.APPS, transaction=True)
def test_an_order_that_is_being_placed_is_waited_for_and_seen():
    person = make.user()
    begin = an_order(person.id)
    with ExitStack() as stack, transaction("orders"):
        begin()
        erase = partial(services.erase_user, user_id=person.id, now=timezone.now())
        said = stack.enter_context(in_a_thread(erase))
        wait_for(lambda: waits_for_a_lock("payments"), 20, "the erasure does not wait for the order")
    assert [type(one) for one in said] == [OpenObligations]
    assert User.objects.get(pk=person.pk).erased_at is None
    assert Order.objects.filter(customer_id=person.id).count() == 1


@pytest.mark.django_db(databases=project.APPS, transaction=True)
def test_an_order_placed_after_the_question_is_refused_and_the_person_erased(monkeypatch):
    person, asked = make.user(), reads.leaving
    begin, placed = an_order(person.id), []

    def then_order(user_id, closing_id):
        found = asked(user_id, closing_id)
        with in_a_thread(begin) as said:
            pass
        placed.extend(said)
        return found

    monkeypatch.setattr(reads, "leaving", then_order)
    services.erase_user(user_id=person.id, now=timezone.now())
    assert [type(one) for one in placed] == [AccountClosing]
    assert not Order.objects.filter(customer_id=person.id).exists()
    assert User.objects.get(pk=person.pk).erased_at
