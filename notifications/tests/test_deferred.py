from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from core.ids import uuid7
from messaging.testing import drain_outbox
from notifications import services
from notifications.models import Kind, Notification
from notifications.rules import clock
from notifications.tests import make

pytestmark = pytest.mark.django_db(databases=["notifications", "orders"])
NIGHT = datetime(2026, 7, 1, 20, 0, tzinfo=UTC)  # 23:00 in Moscow
DAY = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
PAID = {"number": "A-1", "status": "paid", "order_id": "x"}
FAILED = {"amount": "1", "currency": "RUB"}


def told(user, now, key="e", kind=Kind.ORDER, data=PAID):
    services.notify(event_key=key, kind=kind, user_ids=[user], data=data, now=now)
    drain_outbox("notifications")
    return Notification.objects.get(event_key=key, channel="email")


def sleeper(**manner):
    user = make.recipient()
    services.set_preferences(
        now=timezone.now(),
        user_id=user,
        wishes=[],
        manner=manner or {"quiet_from": time(22, 0), "quiet_until": time(7, 30)},
    )
    return user


def let_out(now):
    count = services.send_deferred(now=now)
    drain_outbox("notifications")
    return count


def test_at_night_mail_waits_for_the_morning_and_the_app_does_not():
    message = told(sleeper(), NIGHT)
    morning = datetime(2026, 7, 2, 4, 30, tzinfo=UTC)
    assert (message.delivery, message.due_at, mail.outbox) == ("deferred", morning, [])
    assert Notification.objects.get(channel="in_app").delivery == "sent"
    assert let_out(morning - timedelta(seconds=1)) == 0
    assert [let_out(morning), let_out(morning)] == [1, 0]
    message.refresh_from_db()
    assert (message.delivery, message.due_at, len(mail.outbox)) == ("sent", None, 1)


def test_by_day_nothing_waits():
    assert told(sleeper(), DAY).delivery == "sent"


def test_the_readers_own_clock_counts():
    user = sleeper(quiet_from=time(22, 0), quiet_until=time(7, 30), time_zone="Asia/Vladivostok")
    assert told(user, NIGHT).due_at == datetime(2026, 7, 1, 21, 30, tzinfo=UTC)


def test_a_digest_gathers_the_day_but_not_what_is_urgent():
    user = sleeper(is_digest_wanted=True)
    morning = datetime(2026, 7, 2, 6, 0, tzinfo=UTC)
    for number in range(3):
        assert told(user, DAY, key=str(number), data=PAID | {"order_id": str(uuid7())}).due_at == morning
    assert told(user, DAY, key="urgent", kind=Kind.PAYMENT_FAILED, data=FAILED).delivery == "sent"
    assert len(mail.outbox) == 1
    assert [let_out(morning), let_out(morning)] == [3, 0]
    digest = Notification.objects.get(kind=Kind.DIGEST)
    parts = Notification.objects.filter(digest_id=digest.id)
    assert (len(mail.outbox), mail.outbox[1].body.count("A-1")) == (2, 9)
    assert set(parts.values_list("delivery", flat=True)) == {"sent"}
    assert len(parts) == 3


def test_a_digest_of_one_is_the_message_itself():
    user = sleeper(is_digest_wanted=True)
    message = told(user, DAY)
    let_out(DAY + timedelta(days=1))
    assert [sent.subject for sent in mail.outbox] == [message.title]
    assert not Notification.objects.filter(kind=Kind.DIGEST).exists()


def test_a_digest_that_fails_fails_with_all_it_gathered_and_is_sent_again_whole(monkeypatch):
    user = sleeper(is_digest_wanted=True)
    for number in range(2):
        told(user, DAY, key=str(number))
    services.send_deferred(now=DAY + timedelta(days=1))
    digest = Notification.objects.get(kind=Kind.DIGEST)
    services.record_message(notification_id=digest.id, is_sent=False, error="no", now=DAY)
    assert set(Notification.objects.filter(channel="email").values_list("delivery", flat=True)) == {"failed"}
    services.send_again(notification_id=digest.id)
    services.record_message(notification_id=digest.id, is_sent=True, error="", now=DAY)
    assert set(Notification.objects.filter(channel="email").values_list("delivery", flat=True)) == {"sent"}


MORNING = datetime(2026, 7, 2, 4, 30, tzinfo=UTC)


def wish(kind=Kind.ORDER, **channels):
    return services.Wish(kind=kind, **{"in_app": True, "email": True, "sms": False} | channels)


def change(user, *wishes, now=NIGHT, **manner):
    services.set_preferences(user_id=user, wishes=list(wishes), manner=manner, now=now)
    drain_outbox("notifications")


def test_what_is_wanted_no_more_is_not_sent_in_the_morning():
    user = sleeper()
    message, other = told(user, NIGHT), told(user, NIGHT, key="r", kind=Kind.PAYMENT_REFUNDED, data=FAILED)
    change(user, wish(email=False))
    message.refresh_from_db()
    assert (message.delivery, message.due_at) == ("dropped", None)
    assert [let_out(MORNING), let_out(MORNING)] == [1, 0]
    other.refresh_from_db()
    assert (other.delivery, [sent.subject for sent in mail.outbox]) == ("sent", [other.title])
    change(user, wish(email=True))
    message.refresh_from_db()
    assert message.delivery == "dropped"


def test_a_night_that_is_quiet_no_more_lets_its_mail_out_at_once():
    user = sleeper()
    message = told(user, NIGHT)
    change(user, quiet_from=None, quiet_until=None)
    assert len(mail.outbox) == 1
    assert let_out(MORNING) == 0
    message.refresh_from_db()
    assert (message.delivery, message.due_at) == ("sent", None)


def test_a_night_that_lasts_longer_keeps_its_mail_longer():
    user = sleeper()
    message = told(user, NIGHT)
    change(user, quiet_until=time(9, 0))
    message.refresh_from_db()
    assert message.due_at == MORNING + timedelta(minutes=90)
    assert let_out(MORNING) == 0


def test_who_reads_another_language_by_the_morning_reads_it():
    user = sleeper()
    told(user, NIGHT)
    change(user, language="en")
    let_out(MORNING)
    assert [sent.subject for sent in mail.outbox] == ["Order A-1 is paid"]


def test_a_digest_given_up_sends_what_it_had_gathered():
    user = sleeper(is_digest_wanted=True)
    for number in range(2):
        told(user, DAY, key=str(number))
    change(user, is_digest_wanted=False, now=DAY)
    assert len(mail.outbox) == 2
    assert let_out(DAY + timedelta(days=1)) == 0
    assert not Notification.objects.filter(is_for_digest=True).exists()


def test_saying_the_same_again_sends_nothing():
    user = sleeper()
    message = told(user, NIGHT)
    change(user, quiet_from=time(22, 0), quiet_until=time(7, 30))
    message.refresh_from_db()
    assert (message.delivery, message.due_at, mail.outbox) == ("deferred", MORNING, [])


def test_mail_without_an_address_is_given_up_too():
    user = uuid7()
    message = told(user, DAY)
    assert message.delivery == "waiting"
    change(user, wish(email=False))
    make.recipient(user)
    drain_outbox("notifications")
    message.refresh_from_db()
    assert (message.delivery, mail.outbox) == ("dropped", [])


@pytest.mark.parametrize(
    ("zone", "night", "told_at", "due_at"),
    [
        # clocks go forward at 2:00 of the 29th of March, back at 3:00 of the 25th of October
        ("Europe/Berlin", (23, 6), "2026-03-28T22:30", "2026-03-29T04:00"),
        ("Europe/Berlin", (23, 6), "2026-10-24T21:30", "2026-10-25T05:00"),
        ("America/New_York", (22, 7), "2026-03-08T04:00", "2026-03-08T11:00"),
        ("America/New_York", (22, 7), "2026-11-01T03:00", "2026-11-01T12:00"),
        ("Australia/Lord_Howe", (21, 8), "2026-10-03T12:00", "2026-10-03T21:00"),
        ("Asia/Kolkata", (22, 6), "2026-07-01T18:00", "2026-07-02T00:30"),
    ],
)
def test_a_night_ends_on_the_readers_clock_also_when_the_clocks_change(zone, night, told_at, due_at):
    user = sleeper(quiet_from=time(night[0]), quiet_until=time(night[1]), time_zone=zone)
    moment, due = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (told_at, due_at))
    assert told(user, moment).due_at == due
    assert told(user, due, key="morning").delivery == "sent"


@pytest.mark.parametrize(
    ("zone", "after", "found"),
    [
        ("Europe/Berlin", "2026-03-28T22:00", "2026-03-29T01:30"),  # 02:30 is skipped: 03:30
        ("Europe/Berlin", "2026-10-24T22:00", "2026-10-25T00:30"),  # 02:30 comes twice: the first
        ("Europe/Berlin", "2026-10-25T00:45", "2026-10-25T01:30"),  # between the two: the second
        ("Europe/Moscow", "2026-07-01T23:30", "2026-07-02T23:30"),  # never the same moment
        ("America/St_Johns", "2026-07-01T00:00", "2026-07-01T05:00"),
        ("Pacific/Apia", "2026-07-01T00:00", "2026-07-01T13:30"),
    ],
)
def test_the_next_half_past_two(zone, after, found):
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert clock.next_at(time(2, 30), zone, moment) == datetime.fromisoformat(found).replace(tzinfo=UTC)
