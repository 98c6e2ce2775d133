"""Mail that nobody waits for comes in one letter, what is waited for comes at once, and nothing is lost in between."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail
from django.utils import timezone

import orders.tests.make
from core.ids import uuid7
from messaging.models import ExternalCall
from messaging.testing import drain_outbox
from notifications import services
from notifications.models import Kind, Notification
from notifications.tests import make

pytestmark = pytest.mark.django_db(databases=["notifications", "orders"])
NOON = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(seconds=60)
SUM = {"amount": "1316328.18", "currency": "RUB"}


@pytest.fixture(autouse=True)
def mail_waits(mail_at_once, settings):
    settings.MAIL_GATHER_SECONDS = 60


def add_news(user, *, kind=Kind.ORDER, now=NOON, **data):
    key = str(uuid7())
    services.notify(event_key=key, kind=kind, user_ids=[user], data=data, now=now)
    drain_outbox("notifications")
    return Notification.objects.get(event_key=key, channel="email")


def let_out(now):
    count = services.send_deferred(now=now)
    drain_outbox("notifications")
    return count


def purchase(user, now=NOON, order=None, step=timedelta(seconds=1)):
    """Tell the five things that a purchase brings within five seconds."""
    about = {"number": "A-17", "order_id": str(order or uuid7())}
    add_news(user, now=now, status="created", **about)
    add_news(
        user, now=now + step, kind=Kind.PAYMENT_COMPLETED, payment_id=str(uuid7()), order_id=about["order_id"], **SUM
    )
    add_news(user, now=now + 2 * step, status="paid", **about)
    policy = {"insurance_type": "osago", "start_date": "2026-12-01", "end_date": "2027-11-30"}
    add_news(user, now=now + 3 * step, kind=Kind.POLICY_PURCHASED, policy_id=str(uuid7()), **policy)
    add_news(user, now=now + 4 * step, status="in_progress", **about)


def test_a_purchase_brings_one_letter_that_tells_each_fact_once():
    user = make.recipient()
    services.set_preferences(user_id=user, wishes=[], manner={"language": "en"}, now=NOON)
    purchase(user)
    assert mail.outbox == []
    assert let_out(NOON + MINUTE - timedelta(seconds=1)) == 0
    assert [let_out(NOON + MINUTE), let_out(NOON + 2 * MINUTE)] == [5, 0]
    (letter,) = mail.outbox
    assert letter.subject == "Order A-17 is being prepared and 2 more"
    for told in ("Payment received: 1 316 328.18 ₽", "Your policy is issued", "Order A-17 is being prepared"):
        assert letter.body.count(told) == 1
    for superseded in ("Order A-17 is placed", "Order A-17 is paid"):
        assert superseded not in letter.body
    assert "/notifications/" in letter.body
    parts = Notification.objects.filter(channel="email").exclude(kind=Kind.DIGEST)
    assert {(part.delivery, part.digest_id is not None) for part in parts} == {("sent", True)}
    assert Notification.objects.filter(user_id=user, channel="in_app").count() == 5


def test_one_alone_goes_out_as_it_is():
    message = add_news(make.recipient(), number="A-1", status="paid", order_id=str(uuid7()))
    assert (message.delivery, message.due_at) == ("deferred", NOON + MINUTE)
    let_out(NOON + MINUTE)
    assert [letter.subject for letter in mail.outbox] == [message.title]
    assert not Notification.objects.filter(kind=Kind.DIGEST).exists()


def test_steps_of_one_order_alone_are_told_by_the_last_of_them():
    user, order = make.recipient(), str(uuid7())
    for status in ("created", "paid"):
        add_news(user, number="A-1", status=status, order_id=order)
    let_out(NOON + MINUTE)
    (letter,) = mail.outbox
    assert letter.subject == Notification.objects.get(channel="email", data__status="paid").title
    assert f"/orders/{order}/" in letter.body


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.PAYMENT_FAILED, SUM),
        (Kind.AGREEMENT_NEEDED, SUM | {"number": "A-1"}),
        (Kind.LOAN_OVERDUE, SUM | {"overdue_amount": "1", "due_date": "2026-06-30"}),
        (Kind.CAR_OFFERED, {"name": "Vesta", "expires_at": "2026-07-02T12:00:00Z"}),
    ],
)
def test_what_is_waited_for_goes_at_once(kind, data):
    is_urgent = kind != Kind.LOAN_OVERDUE
    message = add_news(make.recipient(), kind=kind, **data)
    assert (message.delivery, len(mail.outbox)) == (("sent", 1) if is_urgent else ("deferred", 0))


def test_a_code_to_sign_with_is_kept_for_nobody():
    services.send_code(code_id=uuid7(), body="sealed")
    assert ExternalCall.objects.using("notifications").filter(operation=services.SEND_CODE).count() == 1


def test_what_comes_a_moment_before_the_letter_goes_with_it():
    user = make.recipient()
    add_news(user, number="A-1", status="paid", order_id=str(uuid7()))
    add_news(user, now=NOON + MINUTE - timedelta(seconds=1), number="A-2", status="paid", order_id=str(uuid7()))
    assert let_out(NOON + MINUTE) == 2
    assert len(mail.outbox) == 1


def test_letters_of_different_people_stay_apart():
    people = [make.recipient(email=f"{name}@example.com") for name in ("anna", "boris")]
    for user in people:
        purchase(user)
    let_out(NOON + 2 * MINUTE)
    assert sorted(letter.to[0] for letter in mail.outbox) == ["anna@example.com", "boris@example.com"]


def test_the_night_is_quiet_and_its_morning_brings_one_letter():
    user, night = make.recipient(), datetime(2026, 7, 1, 20, 0, tzinfo=UTC)
    quiet = {"quiet_from": time(22, 0), "quiet_until": time(7, 30)}
    services.set_preferences(user_id=user, wishes=[], manner=quiet, now=NOON)
    purchase(user, now=night, step=timedelta(minutes=30))
    morning = datetime(2026, 7, 2, 4, 30, tzinfo=UTC)
    assert [let_out(night + timedelta(hours=3)), let_out(morning)] == [0, 5]
    assert len(mail.outbox) == 1


def test_a_worker_that_dies_while_it_gathers_loses_nothing(monkeypatch):
    user = make.recipient()
    purchase(user)

    def die(message):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr("notifications.services.sending_out.set_off", die)
        with pytest.raises(SystemExit):
            services.send_deferred(now=NOON + MINUTE)
    waiting = Notification.objects.filter(delivery="deferred", is_for_digest=True)
    assert (waiting.count(), Notification.objects.filter(kind=Kind.DIGEST).count()) == (5, 0)
    let_out(NOON + 2 * MINUTE)
    assert len(mail.outbox) == 1


def test_mail_that_waited_for_an_address_comes_in_one_letter():
    user = uuid7()
    purchase(user)
    assert Notification.objects.filter(delivery="waiting").count() == 5
    make.recipient(user)
    assert mail.outbox == []
    let_out(timezone.now() + MINUTE)
    assert len(mail.outbox) == 1


def test_a_letter_names_what_was_ordered_and_its_total():
    user, order = make.recipient(), orders.tests.make.order()
    add_news(user, kind=Kind.PAYMENT_FAILED, order_id=str(order.id), **SUM)
    line = order.lines.order_by("position").first()
    assert line.name in mail.outbox[0].body
    assert order.number in mail.outbox[0].body


def test_a_letter_leaves_without_what_its_order_would_tell_while_orders_is_away(monkeypatch):
    from core.outside.asking import PeerAway

    def away(order_id):
        raise PeerAway

    monkeypatch.setattr("notifications.queries.letters.get_headline", away)
    add_news(make.recipient(), kind=Kind.PAYMENT_FAILED, order_id=str(uuid7()), **SUM)
    assert "1 316 328,18 ₽" in mail.outbox[0].body
