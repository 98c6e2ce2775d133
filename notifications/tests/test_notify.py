from datetime import UTC, datetime
from decimal import Decimal
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core import mail

from accounts.events import UserDeleted, UserRegistered, UserUpdated
from core.ids import uuid7
from messaging.models import ExternalCall
from messaging.testing import drain_outbox, make_due, published
from notifications import services, texts
from notifications.models import Kind, Notification, Recipient
from notifications.tests import make
from orders.events import OrderStatusChanged
from payments.events import PaymentCompleted, PaymentFailed, PaymentRefunded
from showroom.events import HappeningCancelled, RegistrationCancelled, RegistrationCreated, RegistrationPromoted

pytestmark = pytest.mark.django_db(databases=["notifications", "accounts", "orders", "payments", "showroom"])
USER = uuid7()


def moved(status="paid"):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return OrderStatusChanged(
        order_id=uuid7(), number="A-17", customer_id=USER, status=status, previous="created", at=now
    )


def payment(kind, **extra):
    money = {"amount": Decimal("100.50"), "currency": "RUB"}
    return kind(payment_id=uuid7(), order_id=uuid7(), customer_id=USER, **money, **extra)


def seat(kind, **extra):
    return kind(event_id=uuid7(), registration_id=uuid7(), user_id=USER, title="Open day", **extra)


NEWS = [
    moved(),
    payment(PaymentCompleted, method="card"),
    payment(PaymentFailed, code="declined", detail="no"),
    payment(PaymentRefunded, refund_id=uuid7(), refunded_total=Decimal("100.50"), reason="cancelled"),
    seat(RegistrationCreated, status="confirmed"),
    seat(RegistrationPromoted),
    seat(RegistrationCancelled),
    HappeningCancelled(event_id=uuid7(), title="Open day", reason="Snow", user_ids=[USER]),
]


@pytest.mark.parametrize("event", NEWS, ids=lambda event: event.type)
def test_each_kind_of_news_comes_once_in_the_app_and_by_mail(tell, event):
    make.recipient(USER)
    tell(event)
    rows = Notification.objects.filter(user_id=USER)
    assert sorted(rows.values_list("channel", "delivery")) == [("email", "sent"), ("in_app", "sent")]
    assert set(rows.values_list("kind", flat=True)) == {event.type}
    (message,) = mail.outbox
    assert message.to == ["anna@example.com"]
    assert message.subject == rows.get(channel="email").title
    assert published("notifications") == []


def test_a_step_nobody_needs_to_hear_of_is_not_told(tell):
    tell(moved("awaiting_payment"))
    assert not Notification.objects.exists()


def test_everybody_is_told_of_a_cancelled_happening(tell):
    people = [make.recipient(email=f"guest{number}@example.com") for number in range(3)]
    tell(HappeningCancelled(event_id=uuid7(), title="Open day", reason="", user_ids=[*people, uuid7()]))
    assert sorted(message.to[0] for message in mail.outbox) == [f"guest{number}@example.com" for number in range(3)]
    assert Notification.objects.filter(channel="in_app").count() == 4


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("event", NEWS, ids=lambda event: event.type)
def test_every_text_renders_in_both_languages(event, language):
    data = {"number": "A", "status": getattr(event, "status", ""), "amount": "1", "currency": "RUB"}
    text = texts.render(event.type, data | {"title": "Day", "reason": "Snow"}, language)
    assert "%" not in text.title + text.body
    assert all([text.title, text.body])


def test_a_wish_not_to_be_mailed_is_kept():
    user = make.recipient()
    services.set_preferences(user_id=user, wishes=[{"kind": Kind.ORDER, "in_app": True, "email": False}])
    assert [message.channel for message in make.news(user)] == ["in_app"]
    assert len(make.news(user, kind=Kind.PAYMENT_COMPLETED, amount="1", currency="RUB")) == 2
    services.set_preferences(user_id=user, wishes=[{"kind": Kind.ORDER, "in_app": False, "email": False}])
    assert make.news(user) == []


def test_news_told_again_is_not_new():
    user = make.recipient()
    first, again = make.news(user, event_key="e"), make.news(user, event_key="e")
    assert first == again
    assert ExternalCall.objects.using("notifications").count() == 1


def test_mail_waits_for_the_address(tell):
    tell(moved())
    assert (mail.outbox, Notification.objects.get(channel="email").delivery) == ([], "waiting")
    tell(UserRegistered(user_id=USER, email="anna@example.com"))
    assert [message.to for message in mail.outbox] == [["anna@example.com"]]
    assert Notification.objects.get(channel="email").delivery == "sent"


def test_the_newest_address_counts(tell):
    tell(
        UserRegistered(user_id=USER, email="anna@example.com"),
        UserUpdated(user_id=USER, email="new@example.com", version_number=3),
        UserUpdated(user_id=USER, email="old@example.com", version_number=2),
        moved(),
    )
    assert [message.to for message in mail.outbox] == [["new@example.com"]]


def test_a_deleted_user_is_forgotten(tell):
    user = make.recipient(USER)
    make.news(user)
    tell(UserDeleted(user_id=USER), UserUpdated(user_id=USER, email="anna@example.com", version_number=9))
    assert (mail.outbox, Notification.objects.count(), Recipient.objects.get().email) == ([], 0, "")


@pytest.fixture
def failing_mail(monkeypatch):
    """A mail server that fails as told, then works."""
    failures = []

    def send(self, fail_silently=False):
        if failures:
            raise failures.pop(0)
        mail.outbox.append(self)

    monkeypatch.setattr("notifications.providers.mail.EmailMessage.send", send)
    return failures


def test_a_mail_server_that_is_away_is_tried_again(failing_mail):
    failing_mail += [SMTPServerDisconnected("gone"), ConnectionRefusedError()]
    user = make.recipient()
    make.news(user)
    for _ in range(3):
        drain_outbox("notifications")
        make_due("notifications")
    drain_outbox("notifications")
    assert len(mail.outbox) == 1
    message = Notification.objects.get(channel="email")
    assert (message.delivery, message.error) == ("sent", "")
    assert mail.outbox[0].extra_headers["Message-ID"].startswith(f"<{message.id}@")


def test_an_address_that_is_refused_is_not_tried_again(failing_mail):
    failing_mail += [SMTPRecipientsRefused({"anna@example.com": (550, b"no such user")})]
    make.news(make.recipient())
    for _ in range(2):
        drain_outbox("notifications")
        make_due("notifications")
    message = Notification.objects.get(channel="email")
    assert (mail.outbox, message.delivery, "550" in message.error) == ([], "failed", True)


def test_a_mail_server_that_stays_away_is_given_up_and_shown(failing_mail):
    failing_mail += [ConnectionRefusedError()] * 20
    make.news(make.recipient())
    for _ in range(15):
        drain_outbox("notifications")
        make_due("notifications")
    assert (Notification.objects.get(channel="email").delivery, len(failing_mail)) == ("failed", 6)
    assert ExternalCall.objects.using("notifications").get().state == "dead"
