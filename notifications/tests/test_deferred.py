from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail

from messaging.testing import drain_outbox
from notifications import clock, services
from notifications.models import Kind, Notification
from notifications.tests import make

pytestmark = pytest.mark.django_db(databases=["notifications"])
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
        user_id=user, wishes=[], manner=manner or {"quiet_from": time(22, 0), "quiet_until": time(7, 30)}
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
        assert told(user, DAY, key=str(number)).due_at == morning
    assert told(user, DAY, key="urgent", kind=Kind.PAYMENT_FAILED, data=FAILED).delivery == "sent"
    assert len(mail.outbox) == 1
    assert [let_out(morning), let_out(morning)] == [3, 0]
    digest = Notification.objects.get(kind=Kind.DIGEST)
    parts = Notification.objects.filter(digest_id=digest.id)
    assert (len(mail.outbox), mail.outbox[1].body.count("A-1")) == (2, 6)
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
